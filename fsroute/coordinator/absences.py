"""Which switches are driven by nobody: seen so several times in a row, for a lease may be renewed late. Pure."""

from __future__ import annotations

from collections.abc import Iterable

LOOKS = 3  # in a row


class Absences:
    """How often in a row each switch was seen without a process that drives it."""

    def __init__(self) -> None:
        self._looks: dict[str, int] = {}

    def seen(self, switch_ids: Iterable[str]) -> list[str]:
        """Take one look at those that are driven by nobody; returns those that have been for long enough."""
        self._looks = {switch_id: self._looks.get(switch_id, 0) + 1 for switch_id in switch_ids}
        return sorted(switch_id for switch_id, looks in self._looks.items() if looks >= LOOKS)

    def forget(self) -> None:
        """Nobody could look: it begins anew."""
        self._looks = {}
