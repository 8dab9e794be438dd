"""What must hold of a configuration with our files in it, before the switch is asked to read it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fsroute.config.install import RTP_TIMERS
from fsroute.install.freexml import Element
from fsroute.install.tree import Tree

PROFILE = "fsroute_link"
ENTRY = "00_fsroute.xml"
"""The drop-in by which somebody else's context leads to ours."""


@dataclass(frozen=True, slots=True)
class Looked:
    """`faults` forbid the installation; `warnings` do not."""

    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def look(
    tree: Tree,
    contexts: Iterable[str],
    entry_context: str,
    numbers: Iterable[str],
    link_port: int | None,
) -> Looked:
    """Hold the tree that would be against what we mean it to be."""
    faults = [
        *_twice(tree),
        *_not_read(tree, contexts),
        *(_profile(tree, link_port) if link_port is not None else ()),
    ]
    return Looked(tuple(faults), tuple(_taken_before(tree, entry_context, numbers)))


def reads_drop_in(tree: Tree, context: str) -> bool:
    """Whether a context is there, and the drop-in for it is read."""
    path = f"{tree.conf_dir}/dialplan/{context}/{ENTRY}"
    return tree.context(context) is not None and path in tree.expanded.files


def ours_in(tree: Tree, context: str) -> tuple[str, ...]:
    """The names of our extensions in a context."""
    found = tree.context(context)
    return tuple(each.get("name") for each in found.all("extension") if _is_ours(each)) if found else ()


def is_listed(tree: Tree, module: str) -> bool:
    """Whether FreeSWITCH loads a module (``mod_sofia``) when it starts."""
    lists = (tree.configuration(f"{when}modules.conf") for when in ("", "pre_load_", "post_load_"))
    return any(each.get("module") == module for found in lists if found for each in found.every("load"))


def untimed(tree: Tree, timer: str, *, is_installed: bool, is_loaded: bool) -> Iterator[str]:
    """Why network legs cannot have a module's timer, now or after the next start: they would not be timed at all.

    `is_loaded` is what the switch says of the module, `is_installed` of the module's file.
    """
    module = timer_module(timer)
    asked = f"[install] rtp_timer {timer} needs {module}"
    line = f'put <load module="{module}"/> first into autoload_configs/modules.conf.xml'
    if is_loaded and not is_listed(tree, module):
        yield f"{asked}, which is loaded, but would not be after FreeSWITCH's next start: {line}"
    elif not is_loaded and is_installed:
        yield f"{asked}, which FreeSWITCH has not loaded: {line}, and restart FreeSWITCH"
    elif not is_loaded:
        package = f"freeswitch-{module.replace('_', '-')}"
        yield (
            f"{asked}, which is not installed: install it (Debian's package: {package}), {line}, and restart FreeSWITCH"
        )


def timer_module(timer: str) -> str:
    """The module that a timer is of, empty for FreeSWITCH's own."""
    return f"mod_{RTP_TIMERS[timer]}" if RTP_TIMERS[timer] else ""


def _twice(tree: Tree) -> Iterator[str]:
    """Names that stand twice where FreeSWITCH finds the first only, as far as they are ours."""
    for what, elements in (
        ("context", list(tree.section("dialplan").all("context"))),
        ("profile", list(_profiles(tree))),
    ):
        names = Counter(each.get("name") for each in elements)
        for name in (name for name, count in names.items() if count > 1 and _is_our_name(name)):
            places = ", ".join(tree.where(each) for each in elements if each.get("name") == name)
            yield f"the {what} {name} stands more than once: {places}"
    for context in tree.section("dialplan").all("context"):
        extensions = [each for each in context.all("extension") if _is_ours(each)]
        for name, count in Counter(each.get("name") for each in extensions).items():
            if count > 1:
                places = ", ".join(tree.where(each) for each in extensions if each.get("name") == name)
                yield f"the extension {name} stands more than once in the context {context.get('name')}: {places}"


def _not_read(tree: Tree, contexts: Iterable[str]) -> Iterator[str]:
    for name in contexts:
        if tree.context(name) is None:
            yield (
                f"dialplan/{name}.xml would not be read: freeswitch.xml includes no dialplan/*.xml in its section"
                " dialplan"
            )


def _profile(tree: Tree, port: int) -> Iterator[str]:
    profiles = list(_profiles(tree))
    ours = next((each for each in profiles if each.get("name") == PROFILE), None)
    if ours is None:
        yield f"sip_profiles/{PROFILE}.xml would not be read: sofia.conf.xml includes no ../sip_profiles/*.xml"
        return
    for other in profiles:
        if other is not ours and _parameter(other, "sip-port") == str(port):
            theirs, address = _parameter(other, "sip-ip"), _parameter(ours, "sip-ip")
            if theirs == address or "0.0.0.0" in (theirs, address):
                yield (
                    f"port {port} of {address} is that of the profile {other.get('name')} ({tree.where(other)}):"
                    " give another in [links] address"
                )


def _taken_before(tree: Tree, context: str, numbers: Iterable[str]) -> Iterator[str]:
    """Extensions before ours that take a number of ours, as far as their conditions are on the number alone."""
    found = tree.context(context) if context else None
    if found is None:
        return
    earlier: list[Element] = []
    for extension in found.all("extension"):
        if _is_ours(extension):
            break
        earlier.append(extension)
    else:
        return
    for number in numbers:
        for extension in earlier:
            if extension.get("continue") != "true" and _takes(extension, number.removeprefix("+")):
                yield (
                    f"calls to {number} never arrive: the extension {extension.get('name')}"
                    f" ({tree.where(extension)}) takes them before"
                )
                break


def _takes(extension: Element, number: str) -> bool:
    conditions = list(extension.all("condition"))
    return bool(conditions) and all(_matches(each, number) for each in conditions)


def _matches(condition: Element, number: str) -> bool:
    if condition.get("field") != "destination_number" or set(condition.attributes) - {"field", "expression"}:
        return False
    try:
        return re.search(condition.get("expression"), number) is not None
    except re.error:
        return False


def _profiles(tree: Tree) -> Iterator[Element]:
    sofia = tree.configuration("sofia.conf")
    for profiles in sofia.all("profiles") if sofia else ():
        yield from profiles.all("profile")


def _parameter(profile: Element, name: str) -> str:
    return next((each.get("value") for each in profile.every("param") if each.get("name") == name), "")


def _is_ours(extension: Element) -> bool:
    return _is_our_name(extension.get("name"))


def _is_our_name(name: str) -> bool:
    return name == "fsroute" or name.startswith("fsroute_")
