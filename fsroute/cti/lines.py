"""Lines that calls come in on, and what becomes of each call: pure.

A line is a queue, a number, or the whole switch; one call may be on several. The rule is one table, `VISITS`: a call
on a line waits, then talks, then is gone, and each step counts once. Whatever is not in the table changes nothing, so
that a step that is heard twice, or of a call that nobody knows, does not count again.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fsroute.cti.counting import Counting
from fsroute.model.activity import Counts, QueueActivity, QueueKey

MOST_CALLS = 20_000  # on one line at a time
OVER_KEPT = 1_000  # calls of a line that are over and do not enter it again


class Stage(enum.StrEnum):
    """How far a call on a line is."""

    WAITING = "waiting"
    TALKING = "talking"


class Step(enum.Enum):
    """What happens to a call on a line."""

    ENTER = enum.auto()
    PICK_UP = enum.auto()  # the switch itself answers
    ANSWER = enum.auto()  # somebody does
    GO = enum.auto()  # the call is over, or off this line
    SEND_ON = enum.auto()  # off this line by the switch's own doing


class Count(enum.Enum):
    """What a step counts as."""

    NOTHING = enum.auto()
    OFFERED = enum.auto()
    ANSWERED = enum.auto()
    ABANDONED = enum.auto()
    AUTOMATIC = enum.auto()
    HANDLED = enum.auto()


VISITS: dict[tuple[Stage | None, Step], tuple[Stage | None, Count]] = {
    (None, Step.ENTER): (Stage.WAITING, Count.OFFERED),
    (Stage.WAITING, Step.PICK_UP): (Stage.WAITING, Count.NOTHING),
    (Stage.WAITING, Step.ANSWER): (Stage.TALKING, Count.ANSWERED),
    (Stage.WAITING, Step.GO): (None, Count.ABANDONED),
    (Stage.WAITING, Step.SEND_ON): (None, Count.AUTOMATIC),
    (Stage.TALKING, Step.GO): (None, Count.HANDLED),
    (Stage.TALKING, Step.SEND_ON): (None, Count.HANDLED),
}
"""(where the call is, what happens) to (where it is then, what it counts as); None: not on the line."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A call on a line. Moments in seconds since the epoch."""

    stage: Stage
    entered_at: float
    answered_at: float | None = None
    picked_up: bool = False
    agent: str = ""


class Line:
    """One line: who is on it, and its counts.

    `threshold` is the service level's, in seconds. `expected_wait` is told by who knows better than this line.
    """

    def __init__(self, key: QueueKey, threshold: float) -> None:
        self.key = key
        self.threshold = threshold
        self.visits: dict[str, Visit] = {}
        self._over: dict[str, None] = {}
        self.counting = Counting()
        self.last_handling: float | None = None
        self.expected_wait: float | None = None
        self.talking = 0

    @property
    def waiting(self) -> int:
        return len(self.visits) - self.talking

    @property
    def is_quiet(self) -> bool:
        """Nobody is on it, no window has anything to tell, and all is written."""
        return not (self.visits or self.counting.buckets or self.counting.unwritten)

    def step(
        self, call_id: str, step: Step, now: float, *, at: float | None = None, agent: str = "", wrap_up: float = 0.0
    ) -> bool:  # fmt: skip
        """Something happens to a call; False: it changes nothing.

        Args:
            call_id: whose.
            step: what.
            now: the moment it counts at.
            at: when it happened, where that is known to be earlier.
            agent: who answered.
            wrap_up: what the agent needs after the talk, in seconds.
        """
        before = self.visits.get(call_id)
        found = VISITS.get((before.stage if before else None, step))
        if found is None or (before is None and not self._may_enter(call_id)):
            return False
        stage, count = found
        moment = min(now, now if at is None else at)
        counts = self._counts(count, before, moment, wrap_up)
        if counts is not None:
            self.counting.add(counts, now)
        self._place(call_id, before, stage, step, moment, agent)
        return True

    def _may_enter(self, call_id: str) -> bool:
        return call_id not in self._over and len(self.visits) < MOST_CALLS

    def comes_again(self, call_id: str) -> None:
        """A call that has been on the line may enter it once more."""
        self._over.pop(call_id, None)

    def _place(
        self, call_id: str, before: Visit | None, stage: Stage | None, step: Step, at: float, agent: str
    ) -> None:  # fmt: skip
        if stage is None:
            del self.visits[call_id]
            self._over[call_id] = None
            if len(self._over) > OVER_KEPT:
                del self._over[next(iter(self._over))]
        elif before is None:
            self.visits[call_id] = Visit(stage, at)
        elif step is Step.PICK_UP:
            self.visits[call_id] = replace(before, picked_up=True)
        else:
            answered_at = max(at, before.entered_at)
            self.visits[call_id] = replace(before, stage=stage, answered_at=answered_at, agent=agent)
        was, talks = before is not None and before.stage is Stage.TALKING, stage is Stage.TALKING
        self.talking += talks - was

    def _counts(self, count: Count, visit: Visit | None, at: float, wrap_up: float) -> Counts | None:
        waited = max(0.0, at - visit.entered_at) if visit is not None else 0.0
        in_time = waited <= self.threshold
        if count is Count.OFFERED:
            return Counts(offered=1)
        if count is Count.ANSWERED:
            return Counts(answered=1, in_time=int(in_time), wait=waited, longest_wait=waited)
        if count is Count.ABANDONED:
            return Counts(abandoned=1, abandoned_early=int(in_time))
        if count is Count.AUTOMATIC:
            return Counts(automatic=1)
        if count is Count.HANDLED and visit is not None:
            began = visit.answered_at if visit.answered_at is not None else visit.entered_at
            return Counts(handled=1, handling=max(0.0, at - began) + wrap_up)
        return None

    def unseen(self, counts: Counts, now: float) -> None:
        """Calls that came and went while nobody looked."""
        self.counting.add(counts, now)

    def resume(self, call_id: str, visit: Visit) -> None:
        """A call that a process before this one has counted."""
        if call_id not in self.visits and len(self.visits) < MOST_CALLS:
            self.visits[call_id] = visit
            self.talking += visit.stage is Stage.TALKING

    def waiting_visits(self) -> Iterator[tuple[str, Visit]]:
        return ((name, visit) for name, visit in self.visits.items() if visit.stage is Stage.WAITING)

    def activity(self, now: float, agents: int, idle: int) -> QueueActivity:
        """How the line stands, with `agents` on duty for it, of whom `idle` are idle."""
        windows = self.counting.windows(now)
        longest = [windows[seconds] for seconds in sorted(windows, reverse=True)]
        handling = next((one.mean_handling for one in longest if one.handled), self.last_handling)
        self.last_handling = handling
        expected = self.expected_wait
        return QueueActivity(
            key=self.key,
            waiting=self.waiting,
            talking=self.talking,
            oldest_at=min((visit.entered_at for _, visit in self.waiting_visits()), default=None),
            threshold=self.threshold,
            agents=agents,
            idle=idle,
            expected_wait=expected_wait(self.waiting, agents, idle, handling)
            if expected is None
            else expected,
            handling=handling,
            service_level=longest[0].service_level if longest else None,
            windows=windows,
        )


def expected_wait(waiting: int, agents: int, idle: int, handling: float | None) -> float | None:
    """Seconds until an agent is free for who comes now, if each conversation ends as the last ones did.

    None: nobody is on duty, or nobody has talked yet.
    """
    if idle > waiting:
        return 0.0
    if agents <= 0 or handling is None:
        return None
    return (waiting - idle + 1) * handling / agents
