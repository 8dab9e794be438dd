"""``fsroute doctor``: what is wrong with this host, and how to mend it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fsroute.cli.options import config_option

if TYPE_CHECKING:
    from fsroute.config import Config
    from fsroute.doctor.database import Rules
    from fsroute.doctor.examining import Sources
    from fsroute.doctor.facts import ApplicationFacts, Facts, RuleFault
    from fsroute.doctor.finding import Finding
    from fsroute.store.database import Database

COLOURS = {"ok": "green", "skipped": "bright_black", "warning": "yellow", "failed": "red"}


@click.command("doctor")
@click.option(
    "--only",
    "only",
    multiple=True,
    metavar="NAME",
    help="Only this check, or the checks of this group; repeatable.",
)
@click.option("--list", "as_list", is_flag=True, help="Only say which checks there are.")
@click.option("--quiet", "-q", is_flag=True, help="Only what is not as it should be.")
@click.option("--strict", is_flag=True, help="Warnings make the exit status 1.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
@click.pass_context
def command(
    context: click.Context,
    only: tuple[str, ...],
    as_list: bool,
    quiet: bool,
    strict: bool,
    as_json: bool,
    config_path: Path | None,
) -> None:
    """Examine this host, its switch, its database and its links; say what is wrong and how to mend it.

    Each check is a line: ok, warning, failed, or skipped with the reason. Nothing is changed, and nobody is called.
    The exit status is 2 if something failed, 1 with --strict if something is not as it should be, else 0.
    """
    from fsroute.doctor.checks import chosen, examine
    from fsroute.doctor.finding import State, worst

    checks = chosen(only)
    if as_list:
        for each in checks:
            click.echo(f"{each.group}\t{each.name}")
        return
    findings = _configured(config_path)
    if not findings:
        findings = list(examine(_collect(config_path), checks))
    shown = [each for each in findings if not quiet or each.state in (State.WARNING, State.FAILED)]
    _tell(shown, worst(findings), as_json)
    context.exit(status(findings, strict=strict))


def status(findings: Sequence[Finding], *, strict: bool) -> int:
    """The exit status."""
    from fsroute.doctor.finding import State, worst

    state = worst(findings)
    if state is State.FAILED:
        return 2
    return 1 if strict and state is State.WARNING else 0


def _configured(config_path: Path | None) -> list[Finding]:
    """Nothing where the configuration can be read, else what is wrong with it."""
    from fsroute import config
    from fsroute.doctor.finding import Finding, Group, State
    from fsroute.errors import ConfigurationError

    try:
        config.load(config_path)
    except ConfigurationError as error:
        cure = "correct it; docs/fsroute.toml shows every key"
        return [Finding("configuration", Group.HOST, State.FAILED, str(error), cure)]
    return []


def _collect(config_path: Path | None) -> Facts:
    from fsroute import config
    from fsroute.doctor.examining import collect

    settings = config.load(config_path)
    return collect(settings, config_path, _sources(settings))


def _sources(config: Config) -> Sources:
    from fsroute.doctor.examining import Sources

    return Sources(_rules(config), lambda: _applications(config), tuple(_sounds(config)))


def _rules(config: Config) -> Rules:
    """Holds the rules in force, or the queues where there are none, against the people and applications here."""

    def look(database: Database) -> tuple[int | None, tuple[RuleFault, ...]]:
        from datetime import UTC, datetime

        from fsroute.cli.rules import loader
        from fsroute.doctor.facts import RuleFault
        from fsroute.routing.check import check
        from fsroute.store.rules import Rules as Versions

        rules = Versions(database)
        version = rules.newest()
        document = rules.queues() if version is None else rules.document(version)
        _, faults = check(document, loader(config, database).house(database), datetime.now(UTC))
        return version, tuple(RuleFault(each.is_error, str(each)) for each in faults)

    return look


def _applications(config: Config) -> ApplicationFacts:
    from fsroute.app import load_applications
    from fsroute.doctor.facts import ApplicationFacts
    from fsroute.errors import FsrouteError

    try:
        return ApplicationFacts(frozenset(load_applications(config)))
    except FsrouteError as error:
        return ApplicationFacts(faults=(str(error),))


def _sounds(config: Config) -> list[str]:
    """One recording of each kind that FreeSWITCH is to play: fsroute's own, and those of each application."""
    import fsroute

    home = Path(fsroute.__file__).parent
    folders = [
        home / "callserver" / "prompts",
        home / "agentdesk" / "prompts",
        *map(Path, config.applications),
    ]
    if not config.applications:
        folders.append(home / "ivr" / "sample")
    found = (next(iter(sorted(folder.rglob("*.wav"))), None) for folder in folders)
    return [str(path) for path in found if path is not None]


def _tell(findings: Sequence[Finding], state: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"state": state, "findings": [_plain(each) for each in findings]}, indent=2))
        return
    group = ""
    for each in findings:
        if each.group != group:
            group = each.group
            click.secho(group, bold=True)
        word = click.style(f"{each.state:<8}", fg=COLOURS[each.state])
        click.echo(f"  {word} {each.check:<23} {_line(each.finding)}")
        if each.cure:
            click.echo(f"  {'':<8} {'':<23} cure: {_line(each.cure)}")
    counts = {name: sum(each.state == name for each in findings) for name in COLOURS}
    click.echo(", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing is wrong")


def _plain(finding: Finding) -> dict[str, str]:
    return {name: str(getattr(finding, name)) for name in ("check", "group", "state", "finding", "cure")}


def _line(text: str) -> str:
    """One line without control characters: some of it was said by a switch, a server or another site."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
