"""How many requests are taken in a second: a bucket that fills by itself. Pure."""

from __future__ import annotations


class Rate:
    """`per_second` on the average, as many at once."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second)
        self._left = self._most
        self._at = float("-inf")

    def admits(self, now: float) -> bool:
        """Whether one more is taken at `now`, in seconds."""
        if now > self._at:
            self._left = min(self._most, self._left + (now - self._at) * self._per_second)
            self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
