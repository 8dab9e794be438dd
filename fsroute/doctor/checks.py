"""All checks, and how they are asked. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from fsroute.doctor import (
    on_applications,
    on_database,
    on_dialplan,
    on_host,
    on_sites,
    on_switch,
)
from fsroute.doctor.facts import Facts, Missing
from fsroute.doctor.finding import Check, Finding, Group, State
from fsroute.errors import ConfigurationError

CHECKS: tuple[Check, ...] = (
    *on_host.CHECKS,
    *on_database.CHECKS,
    *on_switch.CHECKS,
    *on_dialplan.CHECKS,
    *on_sites.CHECKS,
    *on_applications.CHECKS,
)


def chosen(names: Collection[str]) -> tuple[Check, ...]:
    """The checks by these names or of these groups; all without any.

    Raises:
        ConfigurationError: there is no such check, and no such group.
    """
    known = {each.name for each in CHECKS} | {str(each) for each in Group}
    for name in names:
        if name not in known:
            raise ConfigurationError(
                f"there is no check and no group {name!r}: fsroute doctor --list shows them"
            )
    return tuple(each for each in CHECKS if not names or each.name in names or each.group in names)


def examine(facts: Facts, checks: Collection[Check] = CHECKS) -> Iterator[Finding]:
    """The findings of each check, in the order of the checks."""
    for check in checks:
        reason = _missing(facts, check)
        if reason is not None:
            yield Finding(check.name, check.group, State.SKIPPED, reason)
            continue
        for verdict in check.judge(facts):
            yield Finding(check.name, check.group, verdict.state, verdict.finding, verdict.cure)


_NOT_REACHED = {
    "switch": "the switch is not reached",
    "database": "the database is not reached",
    "center": "the rows of the database are not reached",
    "sockets": "the switch is not reached",
}


def _missing(facts: Facts, check: Check) -> str | None:
    """Why a check cannot be asked; the whole reason stands where one says so."""
    for name in check.needs:
        part = getattr(facts, name)
        if isinstance(part, Missing):
            return part.reason if part.kind == "off" else _NOT_REACHED.get(name, part.reason)
    return None
