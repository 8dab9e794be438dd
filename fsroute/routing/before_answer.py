"""What a rule says of calls that nobody has answered yet: ``routing_rule_direct``, and what is wrong with its rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from fsroute.model.direct import Direct, Manner, Otherwise, Policy
from fsroute.routing.faults import Fault
from fsroute.routing.rows import NAME, Row
from fsroute.routing.rules import Rule

TABLE = "routing_rule_direct"
MOST_TRIES = 10
MOST_SITES = 100
CAUSES = (
    "USER_BUSY", "NO_USER_RESPONSE", "NO_ANSWER", "CALL_REJECTED", "NORMAL_TEMPORARY_FAILURE", "SWITCH_CONGESTION",
    "NORMAL_CIRCUIT_CONGESTION", "REQUESTED_CHAN_UNAVAIL", "UNALLOCATED_NUMBER", "SERVICE_UNAVAILABLE",
)  # fmt: skip
_NEEDS = {"number": "otherwise_number", "site": "otherwise_site"}
_USES = {"otherwise_number": "number", "otherwise_site": "site", "otherwise_cause": "busy"}


def direct_of(rows: Sequence[Mapping[str, Any]], name: str, faults: list[Fault]) -> Direct | None:
    """The terms of a rule, of its one row; None where it has none."""
    if not rows:
        return None
    row = Row(TABLE, name, rows[0], faults)
    policy, manner = row.one_of("policy", tuple(Policy)), row.one_of("manner", tuple(Manner))
    return Direct(
        Policy(policy or Policy.LONGEST_IDLE),
        Manner(manner or Manner.BRIDGE),
        row.whole("tries", 1, MOST_TRIES) or 3,
        _shares(row, policy),
        _otherwise(row),
    )


def _shares(row: Row, policy: str | None) -> dict[str, float]:
    value = row.value("shares")
    if (value is not None) != (policy == Policy.SHARE):
        row.fault(f"shares: {'missing' if value is None else 'of no use without the policy share'}")
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not 1 <= len(value) <= MOST_SITES:
        row.fault('shares: write the percent of each site, as {"east": 60, "west": 40}')
        return {}
    for site, share in value.items():
        is_number = isinstance(share, int | float) and not isinstance(share, bool)
        if NAME.fullmatch(site) is None or not is_number or not 0 <= share <= 100:
            row.fault(f"shares: {site!r}: {share!r} is no percent of a site")
            return {}
    if abs(sum(value.values()) - 100) > 0.01:
        row.fault(f"shares: they are {sum(value.values()):g} percent together, not 100")
    return {site: float(share) for site, share in value.items()}


def _otherwise(row: Row) -> Otherwise:
    do = row.one_of("otherwise", ("queue", "number", "site", "busy")) or "queue"
    needed = _NEEDS.get(do)
    if needed is not None and row.value(needed) is None:
        row.fault(f"otherwise {do}: {needed} is missing")
    for column, use in _USES.items():
        if row.value(column) is not None and use != do:
            row.fault(f"otherwise {do}: {column} is of no use")
    return Otherwise(
        do,
        row.number("otherwise_number"),
        row.word("otherwise_site") or "",
        row.one_of("otherwise_cause", CAUSES) or "USER_BUSY",
    )


def direct_faults(rule: Rule, sites: Collection[str]) -> Iterator[Fault]:
    """What is wrong between such a row and the rest."""
    direct, name = rule.result.direct, f"{rule.contact_center_id}/{rule.name}"
    if direct is None:
        return
    if rule.result.way is not None:
        yield Fault(TABLE, name, "of no use: the rule does not queue")
        return
    if rule.condition.queue is not None:
        yield Fault(TABLE, name, "if_queue: a call that nobody has answered asks for no queue yet")
    elif rule.result.queue is None:
        yield Fault(TABLE, name, "the rule names no queue, and nobody has asked for one before the answer")
    for site in sorted({*direct.shares, *filter(None, [direct.otherwise.site])} - set(sites)):
        yield Fault(TABLE, name, f"there is no site {site}")
