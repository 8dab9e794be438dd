"""Why a contact waited beside an idle agent: what was killed then, and who had to wait for the processor.

The machine is full in the soak, so that waits above 100 ms (I3) say little by themselves. Of each one it is told
what the chain did meanwhile that leads from the row that began the wait to the claim that ended it: the process that
wrote the row and signals it, the leader, and the database's own processes. Where somebody who came later was served
meanwhile, the leader and the database were at work: then only the one who was to signal explains it, and only if that
process stood still nearly all the time. What none of them explains is left, and is to be looked at.
"""

from __future__ import annotations

import bisect
import time
from array import array
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fsroute.monitoring.events import Event, Violation

EVERY = 0.1  # seconds between two looks at the processes
MOST = 0.5  # of a wait: who was kept from the processor for as much of it explains it
NEARLY = (
    0.8  # of a wait in which others were served: who was to signal it was kept from the processor for as much
)
MARGIN = 0.1  # seconds: what is under way at once may end in any order
AFTER = 5.0  # seconds after a kill in which it explains a wait
DATABASE = "database"
LEADERS, CALLSERVERS, ACDS = "coordinator", "callserver", "acd"
BY_ACD = frozenset({"released", "agent_failed", "network_leg_given_up", "agent_left", "pause"})
"""Events that the acd writes, after which an agent is idle or a contact waits; the others are a call server's."""
UNEXPLAINED, OVERTAKEN = "nothing of these", "nothing of these, and others were served meanwhile"

Served = Sequence[tuple[float, float]]
"""When contacts were requested and an agent was reserved for them, in the order of the former."""


@dataclass
class Series:
    """One process: the processor time that it had, and for which it was ready and had to wait, in seconds.

    Both grow with time; a process that is started again goes on from where the one before was.
    """

    at: array[float] = field(default_factory=lambda: array("d"))
    ran: array[float] = field(default_factory=lambda: array("d"))
    waited: array[float] = field(default_factory=lambda: array("d"))
    longest: float = 0.0  # seconds that it waited between two looks

    def add(self, at: float, ran: float, waited: float) -> None:
        """What has been added since the moment before."""
        self.at.append(at)
        self.ran.append((self.ran[-1] if self.ran else 0.0) + ran)
        self.waited.append((self.waited[-1] if self.waited else 0.0) + waited)
        self.longest = max(self.longest, waited)

    def between(self, begin: float, end: float) -> tuple[float, float]:
        """Seconds it ran, and waited for the processor; evenly between two looks."""
        return _grown(self.at, self.ran, begin, end), _grown(self.at, self.waited, begin, end)


class Processor:
    """Looks at processes by /proc/PID/schedstat (proc(5)), and remembers."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        self._before: dict[int, tuple[float, float]] = {}

    def look(self, pids: Mapping[str, int], postmasters: Iterable[int]) -> None:
        """At the processes by name, and at the children of `postmasters`: the one that waited most stands for all."""
        now = time.time()
        seen: dict[int, tuple[float, float]] = {}
        for name, pid in pids.items():
            ran, waited = self._since(pid, seen)
            self.series.setdefault(name, Series()).add(now, ran, waited)
        backends = [self._since(pid, seen) for parent in postmasters for pid in _children(parent)]
        ran, waited = max(backends, key=lambda each: each[1], default=(0.0, 0.0))
        self.series.setdefault(DATABASE, Series()).add(now, ran, waited)
        self._before = seen

    def _since(self, pid: int, seen: dict[int, tuple[float, float]]) -> tuple[float, float]:
        now = seen[pid] = schedstat(pid)
        before = self._before.get(pid, now)
        return max(0.0, now[0] - before[0]), max(0.0, now[1] - before[1])


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait beside an idle agent, in seconds since the epoch, and the kinds of the events around it."""

    begin: float
    end: float
    events: tuple[str, ...]
    contact: str
    cause: str = UNEXPLAINED

    @property
    def lasted(self) -> float:
        return self.end - self.begin


def waits(
    found: Iterable[Violation], kills: Sequence[tuple[float, str]], processor: Processor, served: Served = ()
) -> list[Wait]:
    """Those among the violations, with their causes; `kills` are moments and who was killed."""
    return [
        Wait(
            each.at - each.lasted,
            each.at,
            tuple(event.kind for event in each.events),
            next((str(event.contact_id) for event in each.events if event.contact_id), ""),
            _cause(each, kills, processor.series, served),
        )
        for each in found
        if each.invariant == "I3"
    ]


def stalls(processor: Processor) -> list[str]:
    """A line for each process: how long it had to wait for the processor in all, and at most in one go."""
    return [
        f"  {name:20}{each.waited[-1]:8.1f} s of {each.at[-1] - each.at[0]:.0f} s, at most {each.longest:.1f} s"
        for name, each in processor.series.items()
        if each.at
    ]


def _cause(
    found: Violation, kills: Sequence[tuple[float, str]], series: Mapping[str, Series], served: Served
) -> str:
    begin, end = found.at - found.lasted, found.at
    chain = _chain(found.events)
    dead = [who for at, who in kills if begin - AFTER < at < end and who.startswith(chain)]
    if dead:
        return f"killed: {dead[-1]}"
    shares = _shares(series, chain, begin, end)
    if _is_overtaken(served, begin, end):
        return (
            f"{chain[0]} waited for the processor"
            if shares[chain[0]][0] >= NEARLY * found.lasted
            else OVERTAKEN
        )
    waited = sum(share for share, _ in shares.values())
    if waited >= MOST * found.lasted:
        return f"{max(shares, key=lambda name: shares[name][0])} waited for the processor"
    if waited + sum(ran for _, ran in shares.values()) >= MOST * found.lasted:
        return f"{max(shares, key=lambda name: sum(shares[name]))} had other work"
    return UNEXPLAINED


def _chain(events: Sequence[Event]) -> tuple[str, ...]:
    """Kinds of processes: who signalled, who decides."""
    began = events[-2] if len(events) > 1 else events[-1]
    return (ACDS if began.kind in BY_ACD else CALLSERVERS, LEADERS, DATABASE)


def _is_overtaken(served: Served, begin: float, end: float) -> bool:
    """Whether a contact that was requested in this time was served in it."""
    later = bisect.bisect_right(served, (begin + MARGIN, 0.0))
    until = bisect.bisect_right(served, (end, 0.0))
    return any(reserved < end - MARGIN for _, reserved in served[later:until])


def _shares(
    series: Mapping[str, Series], chain: Sequence[str], begin: float, end: float
) -> dict[str, tuple[float, float]]:
    """Seconds waited and run by each of the chain; of several of a kind, by the one that had most to do."""
    shares = {}
    for kind in chain:
        of_kind = [each.between(begin, end) for name, each in series.items() if name.startswith(kind)]
        ran, waited = max(of_kind, key=sum, default=(0.0, 0.0))
        shares[kind] = (waited, ran)
    return shares


def table(found: Sequence[Wait]) -> list[str]:
    """A line for each cause: how many, the middle one and the longest."""
    causes: dict[str, list[float]] = {}
    for wait in found:
        causes.setdefault(wait.cause, []).append(wait.lasted)
    rows = sorted(causes.items(), key=lambda each: -len(each[1]))
    return [
        f"  {cause:44}{len(lasted):6}   p50 {sorted(lasted)[len(lasted) // 2]:6.2f} s   worst {max(lasted):6.2f} s"
        for cause, lasted in rows
    ]


def _grown(at: Sequence[float], values: Sequence[float], begin: float, end: float) -> float:
    return _value(at, values, end) - _value(at, values, begin)


def _value(at: Sequence[float], values: Sequence[float], moment: float) -> float:
    """Between two looks, in proportion; before the first and after the last, as then."""
    high = bisect.bisect_right(at, moment)
    if not 0 < high < len(at):
        return values[min(high, len(at) - 1)] if at else 0.0
    share = (moment - at[high - 1]) / (at[high] - at[high - 1])
    return values[high - 1] + share * (values[high] - values[high - 1])


def schedstat(pid: int) -> tuple[float, float]:
    """Seconds that the process's first thread ran, and was ready and waited; 0 where it is gone."""
    with suppress(OSError, ValueError, IndexError):
        ran, waited = Path(f"/proc/{pid}/schedstat").read_text().split()[:2]
        return int(ran) / 1e9, int(waited) / 1e9
    return 0.0, 0.0


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
