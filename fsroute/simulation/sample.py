"""What is written down of a simulation, by queue and by agents' group, in equal stretches of time."""

from __future__ import annotations

import enum
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


class End(enum.StrEnum):
    """How a contact's wait ended."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    OVERFLOWED = "overflowed"
    REFUSED = "refused"  # at once: nobody could ever have served it
    CALLED_BACK = "called back"  # the caller hung up and kept the place; the wait is that on the line
    WAITING = "waiting"  # it had not ended with the simulation


@dataclass(slots=True)
class Tally:
    """The contacts of one queue: waits in seconds, of those answered and of the others who waited.

    `callbacks` are the seconds from the arrival to the talk of those who were called back.
    """

    answered: array[float] = field(default_factory=lambda: array("d"))
    unanswered: array[float] = field(default_factory=lambda: array("d"))
    callbacks: array[float] = field(default_factory=lambda: array("d"))
    ends: Counter[End] = field(default_factory=Counter)

    def add(self, end: End, wait: float) -> None:
        self.ends[end] += 1
        if end is End.ANSWERED:
            self.answered.append(wait)
        elif end is not End.REFUSED:
            self.unanswered.append(wait)

    @property
    def contacts(self) -> int:
        return self.ends.total()


@dataclass(slots=True)
class Sample:
    """One stretch of time of `length` seconds: contacts that arrived in it, agents' work in it.

    `tallies` is parallel to the scenario's traffic; `busy` is in agents' seconds by group.
    """

    length: float
    tallies: tuple[Tally, ...]
    busy: dict[str, float] = field(default_factory=dict)


class Recorder:
    """Cuts what counts, from `begin` to `end` seconds, into stretches and sorts everything into them."""

    def __init__(self, begin: float, end: float, stretches: int, queues: int) -> None:
        self._begin, self._end = begin, end
        self._length = (end - begin) / stretches
        self.samples: Sequence[Sample] = [
            Sample(self._length, tuple(Tally() for _ in range(queues))) for _ in range(stretches)
        ]

    def contact(self, queue: int, arrived: float, end: End, wait: float) -> None:
        if self._begin <= arrived < self._end:
            self.samples[self._stretch(arrived)].tallies[queue].add(end, wait)

    def called_back(self, queue: int, arrived: float, wait: float) -> None:
        """Somebody who arrived then talks with an agent, after so long."""
        if self._begin <= arrived < self._end:
            self.samples[self._stretch(arrived)].tallies[queue].callbacks.append(wait)

    def work(self, group: str, begin: float, end: float) -> None:
        """An agent of `group` was busy from `begin` to `end`."""
        begin, end = max(begin, self._begin), min(end, self._end)
        while begin < end:
            stretch = self._stretch(begin)
            until = min(end, self._begin + (stretch + 1) * self._length)
            if until <= begin:  # the last stretch ends where the floating-point numbers say
                until = end
            busy = self.samples[stretch].busy
            busy[group] = busy.get(group, 0.0) + until - begin
            begin = until

    def _stretch(self, moment: float) -> int:
        return min(int((moment - self._begin) / self._length), len(self.samples) - 1)
