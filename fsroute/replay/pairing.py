"""Which output of now is which one of then: found while the call runs, since its reply is needed. Pure.

An output of now takes the next one of then that is the same, a few further at most; else the next one of its kind,
which then is a changed one; else it is new. What it has passed over may still come, in another order; what never comes
is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fsroute.replay.roles import Roles
from fsroute.replay.script import Key, Moved, Output

WINDOW = 12  # outputs of then that are looked at
AHEAD = (
    2.0  # seconds of then that an output may come too soon, and still be taken for one that stood further on
)


class Clock(Protocol):
    """How far a recording has come (`fsroute.replay.tape`)."""

    def then(self) -> float:
        """In its own time."""

    def now_of(self, then: float) -> float:
        """When something of then is due."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An output of now, `at` seconds from the beginning, and the one of then that it is; None: it is new.

    `due` is when it would have come if it came as then. `again`: another one of now had been taken for it before, and
    is the new one.
    """

    key: Key
    text: str
    at: float
    due: float = 0.0
    then: int | None = None
    same: bool = True
    again: bool = False
    origin: str = ""


@dataclass(slots=True)
class Pairing:
    """The outputs of then, in order, and which of them were met."""

    outputs: Sequence[Output]
    roles: Roles
    pairs: list[Pair] = field(default_factory=list)
    met: dict[int, Pair] = field(default_factory=dict)  # by the number of the output
    _last: list[int] = field(default_factory=lambda: [-1, -1])  # that was met, of commands and of transitions
    _first: int = 0  # before it all were met
    _changed: Pair | None = None  # the last command, if it was taken for another one

    def take(self, key: Key, text: str, at: float, clock: Clock, origin: str = "") -> Pair:
        """An output of now; `clock` tells how far the recording has come."""
        found, same = self._find(key, text, clock.then())
        due = at if found is None else clock.now_of(self.outputs[found].at)
        pair = Pair(key, text, at, due, found, same, origin=origin)
        if not same and (other := self._mistaken(key, text)) is not None:
            pair = self._take_back(other, pair)
        self.pairs.append(pair)
        if pair.then is not None:
            self.met[pair.then] = pair
            kind = key[0] == "move"
            self._last[kind] = max(self._last[kind], pair.then)
            self.roles.agree(self.outputs[pair.then].text, text)
        self._changed = pair if pair.then is not None and not pair.same and key[0] == "execute" else None
        while self._first in self.met:
            self._first += 1
        return pair

    def is_passed(self, number: int) -> bool:
        """Something of its kind that stood further on has been met already: a command, or a transition."""
        return self._last[isinstance(self.outputs[number], Moved)] > number

    def _find(self, key: Key, text: str, then_at: float) -> tuple[int | None, bool]:
        """The output of then, and whether it says the same; a changed one must be what is due next."""
        changed: int | None = None
        passed = False  # an execution stands before that has not come
        for number in self._window(then_at):
            output = self.outputs[number]
            if output.key == key:
                if self.roles.could_agree(output.text, text):
                    return number, True
                changed = number if changed is None and not passed else changed
            passed = passed or output.key[0] == "execute"
        return changed, False

    def _window(self, then_at: float) -> Iterator[int]:
        """Those of then that may be meant: the very next of all, and what is due about now."""
        looked = 0
        for number in range(self._first, len(self.outputs)):
            if number in self.met:
                continue
            if looked >= WINDOW or (looked and self.outputs[number].at > then_at + AHEAD):
                return
            looked += 1
            yield number

    def _mistaken(self, key: Key, text: str) -> Pair | None:
        """The command before was taken for a changed one, and this is the one that it was taken for."""
        before = self._changed
        if before is None or before.then is None or before.key != key:
            return None
        return before if self.roles.could_agree(self.outputs[before.then].text, text) else None

    def _take_back(self, before: Pair, pair: Pair) -> Pair:
        place = self.pairs.index(before)
        self.pairs[place] = Pair(before.key, before.text, before.at, before.at, origin=before.origin)
        return Pair(pair.key, pair.text, pair.at, pair.at, before.then, again=True, origin=pair.origin)
