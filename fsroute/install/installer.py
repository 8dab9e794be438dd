"""``fsroute install`` and ``fsroute uninstall``: looked at as a whole first, then done, then verified."""

from __future__ import annotations

import contextlib
import grp
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fsroute.config import Config
from fsroute.errors import ConfigurationError, SwitchError
from fsroute.install.advice import Snippet, advise
from fsroute.install.book import Book
from fsroute.install.checks import PROFILE, look, ours_in, timer_module, untimed
from fsroute.install.disk import Disk
from fsroute.install.layout import Kind, Layout, recognise
from fsroute.install.manifest import Manifest
from fsroute.install.performing import check_roots, perform, recover
from fsroute.install.plan import Do, Plan, There, plan
from fsroute.install.render import LINK_PROFILE
from fsroute.install.switch import Switch
from fsroute.install.tree import Tree, read_tree
from fsroute.install.wanted import CONF, SOUNDS, Known, Wanted, dialplan_settings, wanted


@dataclass(frozen=True, slots=True)
class Place:
    """Where FreeSWITCH keeps what concerns us, and its global variables as far as they are known."""

    conf_dir: Path
    sounds_dir: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def disk(self) -> Disk:
        return Disk({CONF: self.conf_dir, SOUNDS: self.sounds_dir.resolve().parent})


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be done, and what was seen on the way. With `refused` nothing is done."""

    place: Place
    plan: Plan
    manifest: Manifest | None
    wanted: Wanted
    refused: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    snippets: tuple[Snippet, ...] = ()
    layout: Layout | None = None
    entered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By contexts of the administrator's: the extensions there that lead to ours."""


def place_of(switch: Switch) -> Place:
    """Where the running switch keeps its files; raises SwitchError where it does not say so."""
    variables = switch.variables()
    try:
        return Place(Path(variables["conf_dir"]), Path(variables["sounds_dir"]), variables)
    except KeyError as error:
        raise SwitchError(f"FreeSWITCH does not say where its {error.args[0]} is") from None


def propose(
    config: Config, known: Known, place: Place, book: Book, switch: Switch | None, *, force: bool
) -> Proposal:
    """Look at everything; nothing is changed.

    Raises:
        ConfigurationError: the configuration there cannot be read, or FreeSWITCH would refuse it.
    """
    disk = place.disk()
    want = wanted(config, known, PurePosixPath(place.sounds_dir.resolve()))
    manifest = book.manifest()
    if manifest is not None:
        check_roots(disk, manifest.roots)
    planned = _plan(disk, want.files, manifest, force=force)
    over = _over(disk, planned)
    before = read_tree(place.conf_dir, place.variables, dict.fromkeys(over))
    layout = recognise(before, place.variables)
    if layout.kind is Kind.FUSIONPBX:
        untimed_there = _untimed(config, want, before, place, switch)
        refused = ("FusionPBX serves the dialplan",)
        return Proposal(place, Plan(()), manifest, want, refused, untimed_there, layout=layout)
    tree = read_tree(place.conf_dir, place.variables, over)
    install = config.install
    looked = look(tree, want.contexts, install.entry_context, want.numbers, want.link_port)
    entries = tuple(dict.fromkeys(filter(None, (install.entry_context, install.feature_context))))
    return Proposal(
        place,
        planned,
        manifest,
        want,
        (*planned.refused, *looked.faults, *_untimed(config, want, tree, place, switch)),
        (*looked.warnings, *_handled(layout), *_built(layout, place)),
        tuple(_snippets(config, tree, want, entries, place, switch)),
        layout,
        {name: ours_in(tree, name) for name in entries},
    )


def install(proposal: Proposal, book: Book, switch: Switch | None) -> None:
    """Do what was proposed, and see that the switch has it; else everything is as it was.

    Raises:
        ConfigurationError: the proposal is refused, or a file was changed meanwhile.
        SwitchError: FreeSWITCH refuses the configuration, or does not have what it should.
    """
    _refuse(proposal)
    if not proposal.plan.changes and not _is_news(proposal, book):
        return
    disk = proposal.place.disk()

    def accepted() -> None:
        if switch is not None:
            switch.reload()
            _verify(proposal, switch)

    try:
        perform(book, disk, proposal.plan, proposal.manifest, accepted)
    except BaseException:
        _reload_again(switch)
        raise


def propose_removal(place: Place, book: Book, *, force: bool) -> Proposal:
    """What `uninstall` would do."""
    manifest = book.manifest()
    if manifest is not None:
        check_roots(place.disk(), manifest.roots)
    planned = _plan(place.disk(), {}, manifest, force=force)
    refused = (*planned.refused, *(f"{step.target}: {step.why}" for step in planned.left))
    return Proposal(place, planned, manifest, Wanted({}), refused)


def uninstall(proposal: Proposal, book: Book, switch: Switch | None, *, force: bool) -> None:
    """Take away what we put there, and bring back what was there before.

    Raises:
        ConfigurationError, SwitchError: as `install`; and calls are in our contexts, unless forced.
    """
    _refuse(proposal)
    ran = switch is not None and _stop(switch, force=force)

    def accepted() -> None:
        if switch is not None:
            switch.reload()

    try:
        perform(book, proposal.place.disk(), proposal.plan, proposal.manifest, accepted, uninstall=True)
    except BaseException:
        _reload_again(switch)
        if switch is not None and ran:
            with contextlib.suppress(SwitchError):
                switch.start_profile()
        raise


def _stop(switch: Switch, *, force: bool) -> bool:
    """Stop the profile for network legs, unless calls are in our contexts; returns whether it ran."""
    calls = switch.channels_in("fsroute")
    if calls and not force:
        raise SwitchError(f"{calls} calls are in fsroute's dialplan: stop fsroute first, or give --force")
    ran = switch.has_profile()
    switch.stop_profile()
    return ran


def settle(place: Place, book: Book, switch: Switch | None) -> str:
    """End what an interrupted run left; returns what was done, empty where there was nothing."""
    journal = book.journal()
    if journal is None:
        return ""
    if not recover(book, place.disk(), journal):
        return "an installation that was interrupted had been done already"
    if switch is not None:
        switch.reload()
    return "an installation that was interrupted has been taken back"


def _plan(disk: Disk, files: Mapping[str, bytes], manifest: Manifest | None, *, force: bool) -> Plan:
    known = {entry.target for entry in manifest.files} if manifest else set()
    there: dict[str, There] = {}
    for target in {*files, *known}:
        if (lies := disk.look(target)) is not None:
            there[target] = lies
    return plan(files, manifest, there, force=force)


def _over(disk: Disk, planned: Plan) -> dict[str, bytes | None]:
    """What would lie at each path of ours that FreeSWITCH reads, None for nothing."""
    over: dict[str, bytes | None] = {}
    for step in planned.steps:
        if step.target.startswith(f"{CONF}/"):
            left = step.there.content if step.do is Do.LEAVE and step.there else step.content
            over[str(disk.path(step.target))] = left
    return over


def _untimed(
    config: Config, want: Wanted, tree: Tree, place: Place, switch: Switch | None
) -> tuple[str, ...]:
    """Why network legs cannot be timed as [install] asks; nothing where there are none."""
    timer = config.install.rtp_timer
    module = timer_module(timer)
    if want.link_port is None or not module:
        return ()
    if switch is None:
        return (
            f"[install] rtp_timer {timer} needs {module}, and only a FreeSWITCH that runs can say that it has it: start"
            " it, or leave rtp_timer at soft",
        )
    is_installed = switch.sees(f"{place.variables.get('mod_dir', '')}/{module}.so")
    return tuple(untimed(tree, timer, is_installed=is_installed, is_loaded=switch.has_module(module)))


def _snippets(
    config: Config, tree: Tree, want: Wanted, entries: tuple[str, ...], place: Place, switch: Switch | None
) -> list[Snippet]:
    settings = dialplan_settings(config)
    return advise(
        tree,
        has_module=switch.has_module if switch is not None else None,
        entries=entries,
        music=settings.hold_music,
        sounds=str(place.sounds_dir),
        conference_profile=settings.conference_profile,
        link_networks=want.link_networks,
        limits=bool(settings.most_calls or settings.most_calls_per_second),
    )


def _handled(layout: Layout) -> tuple[str, ...]:
    if not layout.handler:
        return ()
    return (
        f"FreeSWITCH asks {layout.handler} for its dialplan before it looks at its files: fsroute does not see what is"
        " answered there",
    )


def _built(layout: Layout, place: Place) -> tuple[str, ...]:
    """What to do where no package has made a group for those who work with FreeSWITCH."""
    if layout.kind is not Kind.SOURCE:
        return ()
    group = place.conf_dir.stat().st_gid
    try:
        name = grp.getgrgid(group).gr_name
    except KeyError:
        name = str(group)
    return (
        f"this FreeSWITCH is built from source, and its folders are of the group {name}: fsroute's user reads its"
        " recordings where it is in that group, or where they are open to all",
    )


def _is_news(proposal: Proposal, book: Book) -> bool:
    """Whether the manifest would change, though no file does: a file of ours is gone, or was adopted."""
    known = {entry.target for entry in proposal.manifest.files} if proposal.manifest else set()
    kept = {step.target for step in proposal.plan.steps if step.do is not Do.FORGET}
    return known != kept


def _refuse(proposal: Proposal) -> None:
    if proposal.refused:
        raise ConfigurationError("nothing was changed: " + "; ".join(proposal.refused))


def _verify(proposal: Proposal, switch: Switch) -> None:
    """See that FreeSWITCH has our contexts, the entries to them, and the profile for network legs."""
    for name in proposal.wanted.contexts:
        if not switch.context(name):
            raise SwitchError(f"FreeSWITCH has read its configuration, but no context {name} is there")
    for name, extensions in proposal.entered.items():
        if extensions and not set(extensions) <= set(switch.context(name)):
            raise SwitchError(
                f"FreeSWITCH's context {name} does not lead to fsroute: something else serves it"
            )
    if switch.has_module("mod_sofia"):
        _see_to_profile(proposal, switch)


def _see_to_profile(proposal: Proposal, switch: Switch) -> None:
    """Start, change or stop the profile for network legs, as its file says by now."""
    step = next((each for each in proposal.plan.changes if each.target == f"{CONF}/{LINK_PROFILE}"), None)
    if proposal.wanted.link_port is None:
        if step is not None:
            switch.stop_profile(PROFILE)
    elif not switch.has_profile(PROFILE):
        switch.start_profile(PROFILE)
    elif step is not None:
        switch.rescan_profile(PROFILE)


def _reload_again(switch: Switch | None) -> None:
    if switch is not None:
        with contextlib.suppress(SwitchError):
            switch.reload()
