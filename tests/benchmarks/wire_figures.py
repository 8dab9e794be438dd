"""What a record of the wire says: how soon a free agent's phone rings again, and who was overtaken. Pure."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

AT_ONCE = 0.1
"""Seconds: two callers, or two offers, that come closer together than this have no order (I3's limit)."""

_DIALLED = re.compile(r"origination_uuid=([^,}]+).*[/:]([a-z0-9]+)@")

Record = Sequence[object]
"""(seconds since the epoch, source port, target port, what…) as the sniffer writes it."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where SIP is seen: the agents' phones, and where the switch takes callers."""

    agents: int
    callers: int


@dataclass(frozen=True, slots=True)
class Turnover:
    """An agent's call ended at `bye` and the next one's INVITE came at `invite`, in seconds since the epoch.

    `hangup` is when the event of it came to the router, `originate` when the router's command left it; 0 where
    none is seen.
    """

    agent: str
    bye: float
    invite: float
    hangup: float = 0.0
    originate: float = 0.0

    @property
    def dead_time(self) -> float:
        return self.invite - self.bye


def turnovers(records: Iterable[Record], ports: Ports, since: float, until: float) -> list[Turnover]:
    """Those whose call ended between `since` and `until`, in order."""
    agent_of: dict[str, str] = {}  # by Call-ID
    agent_of_leg: dict[str, str] = {}  # by the leg's identifier in the switch
    freed: dict[str, float] = {}
    ended: set[str] = set()  # Call-IDs: a BYE that is sent again ends nothing
    hangups: dict[str, float] = {}
    originates: dict[str, float] = {}
    found = []
    for record in records:
        at, source, target, what = float(str(record[0])), record[1], record[2], str(record[3])
        if what == "hangup":
            hangups[agent_of_leg.get(str(record[4]), "")] = at
        elif what == "originate":
            if dialled := _DIALLED.search(str(record[4])):
                agent_of_leg[dialled[1]] = dialled[2]
                originates[dialled[2]] = at
        elif what.startswith("INVITE") and target == ports.agents and record[5] not in agent_of:
            agent = agent_of[str(record[5])] = what.partition("sip:")[2].partition("@")[0]
            bye = freed.pop(agent, None)
            if bye is not None and since <= bye <= until:
                hangup, originate = hangups.get(agent, 0.0), originates.get(agent, 0.0)
                known = bye < hangup < originate
                found.append(
                    Turnover(agent, bye, at, hangup, originate) if known else Turnover(agent, bye, at)
                )
        elif what.startswith("BYE") and source == ports.agents and record[5] in agent_of.keys() - ended:
            ended.add(str(record[5]))
            freed[agent_of[str(record[5])]] = at
    return found


def overtaken(
    records: Iterable[Record], ports: Ports, since: float, until: float, at_once: float = AT_ONCE
) -> tuple[int, int, float]:
    """(callers overtaken by a later one, callers offered between `since` and `until`, the worst in seconds).

    Who was passed over and waits still at the end is one of them, as if offered then.
    """
    arrived: dict[str, float] = {}
    offered: dict[str, float] = {}
    for record in records:
        at, target, what = float(str(record[0])), record[2], str(record[3])
        if what.startswith("INVITE") and at <= until:
            if target == ports.callers:
                arrived.setdefault(str(record[6]), at)
            elif target == ports.agents:
                offered.setdefault(str(record[6]), at)
    queue = sorted((at, offered.get(caller, until)) for caller, at in arrived.items())
    lags = [(_lag(entry, queue, at_once), entry[1] < until) for entry in queue if entry[1] >= since]
    passed = [lag for lag, _ in lags if lag > at_once]
    counted = sum(served or lag > at_once for lag, served in lags)
    return len(passed), counted, max(passed, default=0.0)


def _lag(entry: tuple[float, float], queue: Sequence[tuple[float, float]], at_once: float) -> float:
    """By how many seconds somebody who came later was offered earlier."""
    arrived, offered = entry
    return offered - min((other for at, other in queue if at > arrived + at_once), default=math.inf)


def quantile(values: Sequence[float], part: float) -> float:
    """Of sorted values; NaN of none."""
    return values[min(len(values) - 1, int(part * len(values)))] if values else math.nan


def line(values: Iterable[float]) -> str:
    """Seconds as p50, p90, p99 and max in milliseconds."""
    ordered = sorted(values)
    if not ordered:
        return "none"
    parts = (statistics.median(ordered), quantile(ordered, 0.9), quantile(ordered, 0.99), ordered[-1])
    names = ("p50", "p90", "p99", "max")
    return "  ".join(f"{name} {1000 * value:7.1f}" for name, value in zip(names, parts, strict=True)) + " ms"
