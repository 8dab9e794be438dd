"""Network legs that were refused: how many goes into the ledger, which whoever guesses does not fill. Pure."""

from __future__ import annotations

from dataclasses import dataclass

GATHER = 60.0  # seconds between two entries


@dataclass(slots=True)
class Refusals:
    """Counts what was refused. The first is told at once, those that follow together. Times are monotonic seconds."""

    count: int = 0
    told_at: float = float("-inf")

    def refused(self) -> None:
        self.count += 1

    def due(self, now: float) -> int:
        """How many to enter now; 0: none, or not yet."""
        if not self.count or now - self.told_at < GATHER:
            return 0
        count, self.count, self.told_at = self.count, 0, now
        return count

    def failed(self, count: int) -> None:
        """They could not be entered: they count on."""
        self.count += count
        self.told_at = float("-inf")
