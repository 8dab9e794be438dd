"""What happened on a line, counted once: by windows that slide and by intervals of the history. Pure.

Windows are kept in buckets of `BUCKET` seconds, so that a line costs the same however many calls it has; a window is
right to that many seconds. Intervals are kept until somebody has written them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from fsroute.model.activity import INTERVAL, NOTHING, WINDOWS, Counts

BUCKET = 10  # seconds
KEPT = INTERVAL  # seconds that an interval stays in memory after its end and after it was written
MOST_INTERVALS = 200  # of one line that wait for the database: two days


@dataclass(slots=True)
class Counting:
    """The counts of one line. `given_up` are intervals that waited too long for the database."""

    buckets: deque[tuple[float, Counts]] = field(default_factory=deque)  # by begin, newest last
    intervals: dict[float, Counts] = field(default_factory=dict)  # by begin
    unwritten: set[float] = field(default_factory=set)
    given_up: int = 0

    def add(self, counts: Counts, at: float) -> None:
        """Something happened at `at`, or now as far as the windows are concerned."""
        begin = at - at % BUCKET
        if self.buckets and self.buckets[-1][0] >= begin:
            last, before = self.buckets[-1]
            self.buckets[-1] = (last, before + counts)
        else:
            self.buckets.append((begin, counts))
        interval = at - at % INTERVAL
        self.intervals[interval] = self.intervals.get(interval, NOTHING) + counts
        self.unwritten.add(interval)
        if len(self.intervals) > MOST_INTERVALS:
            self._give_up(min(self.intervals))

    def _give_up(self, begin: float) -> None:
        del self.intervals[begin]
        if begin in self.unwritten:
            self.unwritten.discard(begin)
            self.given_up += 1

    def windows(self, now: float) -> dict[int, Counts]:
        """The counts of each window that ends now."""
        found = {}
        total = NOTHING
        wanted = iter(WINDOWS)
        window = next(wanted)
        for begin, counts in [*reversed(self.buckets), (float("-inf"), NOTHING)]:
            while window and begin <= now - window:
                found[window] = total
                window = next(wanted, 0)
            total += counts
        return found

    def forget(self, now: float) -> bool:
        """Drop what no window shows any more, and intervals that are over and written; whether a window changed."""
        changes = any(
            now - BUCKET - window < begin <= now - window for begin, _ in self.buckets for window in WINDOWS
        )
        while self.buckets and self.buckets[0][0] <= now - WINDOWS[-1]:
            self.buckets.popleft()
        for begin in [one for one in self.intervals if one + INTERVAL + KEPT < now]:
            if begin not in self.unwritten:
                del self.intervals[begin]
        return changes

    def take(self) -> Iterator[tuple[float, Counts]]:
        """The intervals that have changed since, oldest first; they count as written."""
        for begin in sorted(self.unwritten):
            yield begin, self.intervals[begin]
        self.unwritten.clear()

    def take_again(self) -> None:
        """What was taken lately may not have arrived."""
        self.unwritten.update(self.intervals)

    def resume(self, windows: dict[int, Counts], age: float, now: float) -> None:
        """Take over the windows that a process before this one wrote `age` seconds ago, as well as they tell."""
        inner = NOTHING
        begun = []
        edge = 0
        for window in WINDOWS:
            outer = windows.get(window, NOTHING)
            begun.append((now - age - (edge + window) / 2, _less(outer, inner)))
            inner, edge = outer, window
        self.buckets.extendleft(
            (begin, counts) for begin, counts in begun if counts != NOTHING and begin > now - WINDOWS[-1]
        )


def _less(outer: Counts, inner: Counts) -> Counts:
    """What is in a window beyond the shorter one."""
    return Counts(
        offered=max(0, outer.offered - inner.offered),
        answered=max(0, outer.answered - inner.answered),
        abandoned=max(0, outer.abandoned - inner.abandoned),
        abandoned_early=max(0, outer.abandoned_early - inner.abandoned_early),
        automatic=max(0, outer.automatic - inner.automatic),
        in_time=max(0, outer.in_time - inner.in_time),
        wait=max(0.0, outer.wait - inner.wait),
        longest_wait=outer.longest_wait,
        handled=max(0, outer.handled - inner.handled),
        handling=max(0.0, outer.handling - inner.handling),
    )
