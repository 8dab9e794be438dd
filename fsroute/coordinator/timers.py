"""When the core is to be woken, and for whom. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from math import inf

Subject = tuple[str, int | str]
"""What a time is for, as ``("call", 7)``, ``("agent", "anna")``, ``("class", 3)``."""


class Timers:
    """One time for each subject: the earliest that was asked for since it last came."""

    def __init__(self) -> None:
        self.earliest = inf  # nothing comes before; in seconds since the epoch
        self._heap: list[tuple[float, int, Subject]] = []
        self._set: dict[Subject, float] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def set(self, when: float, subject: Subject) -> None:
        known = self._set.get(subject)
        if known is not None and known <= when:
            return
        self._set[subject] = when
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, subject))
        if when < self.earliest:
            self.earliest = when
        if len(self._heap) > 2 * len(self._set) + 64:
            self._heap = [entry for entry in self._heap if self._set.get(entry[2]) == entry[0]]
            heapq.heapify(self._heap)

    def drop(self, subject: Subject) -> None:
        self._set.pop(subject, None)

    def next(self) -> float | None:
        """The earliest time that is still wanted."""
        heap = self._heap
        while heap and self._set.get(heap[0][2]) != heap[0][0]:
            heapq.heappop(heap)
        self.earliest = heap[0][0] if heap else inf
        return heap[0][0] if heap else None

    def come(self, now: float) -> Iterator[Subject]:
        """Those whose time has come, in order; each is then without one."""
        while (when := self.next()) is not None and when <= now:
            _, _, subject = heapq.heappop(self._heap)
            del self._set[subject]
            yield subject
