"""What somebody heard, and when: the record by which tests see that nobody was left in silence."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

NOTICEABLE = 0.3  # seconds; a shorter silence is between two sounds
TOO_SHORT = 0.002  # seconds; a stretch that nobody could hear is not recorded
SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Heard:
    """One stretch: from `at` (seconds since the call began) for `lasted` seconds."""

    at: float
    what: str
    lasted: float


class Timeline:
    """Changes of what is heard, in order. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.began = clock()
        self._entries: list[tuple[float, str]] = []
        self._end: float | None = None

    def add(self, what: str) -> bool:
        """Record that `what` is heard from now on; false when it was heard already."""
        if self._end is not None or (self._entries and self._entries[-1][1] == what):
            return False
        now = self._clock() - self.began
        if self._entries and now - self._entries[-1][0] < TOO_SHORT:
            self._entries.pop()
        if not self._entries or self._entries[-1][1] != what:
            self._entries.append((now, what))
        return True

    def close(self) -> None:
        """The call is over: the last stretch ends now."""
        if self._end is None:
            self._end = self._clock() - self.began
            if len(self._entries) > 1 and self._end - self._entries[-1][0] < TOO_SHORT:
                self._entries.pop()

    @property
    def now(self) -> str:
        """What is heard at present."""
        return self._entries[-1][1] if self._entries else ""

    def stretches(self) -> list[Heard]:
        """Return all stretches, the last one up to the end of the call or to now."""
        entries = list(self._entries)  # of one moment: the switch's thread goes on writing
        end = self._clock() - self.began if self._end is None else self._end
        ends = [*(at for at, _ in entries[1:]), end][: len(entries)]  # a dead telephone hears nothing at all
        return [Heard(at, what, until - at) for (at, what), until in zip(entries, ends, strict=True)]

    def silences(self, longer_than: float = NOTICEABLE) -> list[Heard]:
        """Return the stretches of silence that somebody would notice."""
        return [one for one in self.stretches() if one.what == SILENCE and one.lasted > longer_than]

    def heard(self, text: str) -> bool:
        """Whether something whose name contains `text` was ever heard."""
        return any(text in what for _, what in self._entries)

    def __str__(self) -> str:
        return "\n".join(f"{one.at:8.3f} {one.lasted:7.3f} {one.what}" for one in self.stretches())
