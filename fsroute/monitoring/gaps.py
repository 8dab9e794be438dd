"""The times in which no leader or no database answered, from the leadership's own events: pure.

A leader renews its lease five times in the lease's duration. The database logs who took the leadership and
when the one before was last heard of (``leader``), who gave it up (``leader_gone``), and a renewal that came
much too late (``leader_silent``): the leader, its link or the database was away in between.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fsroute.monitoring.events import Event

COORDINATOR = "coordinator"
TAKING_OVER = 1.0  # seconds in which a new leader, or one whose database is back, reads the tables


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody could decide from `begin` to `end`; `is_open` if that is so still."""

    begin: float
    end: float
    why: str
    is_open: bool = False

    @property
    def length(self) -> float:
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Leadership:
    """The coordinator's lease as its row is now; moments, and seconds of `duration`."""

    holder: str
    renewed_at: float
    duration: float


def gaps(events: Iterable[Event], lease: Leadership | None, now: float) -> list[Gap]:
    """The gaps in order; the first, from ever, ends with the first leader."""
    found: list[Gap] = []
    leaderless: float | None = float("-inf")
    for event in events:
        if event.data.get("lease") != COORDINATOR:
            continue
        if event.kind == "leader_gone":
            leaderless = event.at
            continue
        silent_since = moment(event.data["renewed_before"]) if event.data.get("renewed_before") else event.at
        begin = silent_since if leaderless is None else leaderless
        found.append(Gap(begin, event.at, _why(event, leaderless is not None)))
        leaderless = None
    if leaderless is None and lease is not None and now - lease.renewed_at > 0.3 * lease.duration:
        leaderless = lease.renewed_at
    if leaderless is not None:
        found.append(Gap(leaderless, now, "nobody leads", is_open=True))
    return found


def moment(text: str) -> float:
    """A timestamp as PostgreSQL writes it into JSON, in seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()


def _why(event: Event, was_given_up: bool) -> str:
    if event.kind == "leader_silent":
        return "the leader or the database did not answer"
    holder = event.data.get("holder") or "a new leader"
    return (
        f"{holder} leads, after nobody did"
        if was_given_up
        else f"{holder} took over from a leader that was gone"
    )


class Answering:
    """The times in which a leader and the database answered: what is between the gaps."""

    def __init__(self, found: Sequence[Gap]) -> None:
        widened = sorted(
            (replace(gap, end=gap.end + TAKING_OVER) for gap in found), key=lambda gap: gap.begin
        )
        self._begins = [gap.begin for gap in widened]
        self._ends = [gap.end for gap in widened]

    def longest(self, begin: float, end: float) -> float:
        """The longest time without a gap between two moments, in seconds."""
        return max((until - since for since, until in self._pieces(begin, end)), default=0.0)

    def total(self, begin: float, end: float) -> float:
        """All the time without a gap between two moments, in seconds."""
        return sum(until - since for since, until in self._pieces(begin, end))

    def _pieces(self, begin: float, end: float) -> Iterable[tuple[float, float]]:
        index = max(0, bisect.bisect_right(self._begins, begin) - 1)
        while begin < end and index < len(self._begins) and self._begins[index] < end:
            if self._begins[index] > begin:
                yield begin, self._begins[index]
            begin = max(begin, self._ends[index])
            index += 1
        if begin < end:
            yield begin, end
