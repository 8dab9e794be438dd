"""What mod_hash counts for the application ``limit``: calls that are there, and calls of the present second.

Source: limit_incr_hash and limit_release_hash (mod_hash.c), limit_state_handler (switch_limit.c).
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Limits:
    """Of one switch. `now` gives seconds since the epoch."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._usage: dict[str, set[str]] = {}  # resource → channels
        self._rates: dict[str, tuple[int, int]] = {}  # resource → when it was counted anew, calls since then

    def admit(self, channel: str, resource: str, most: int, interval: int) -> bool:
        """Count a channel; false above `most`, which is negative for no limit, per `interval` seconds if not 0."""
        there = self._usage.setdefault(resource, set())
        if interval > 0:
            if self._count(resource, interval) > most >= 0:
                return False
        elif most >= 0 and len(there | {channel}) > most:
            return False
        there.add(channel)
        return True

    def _count(self, resource: str, interval: int) -> int:
        now = int(self._now())
        since, calls = self._rates.get(resource, (0, 0))
        since, calls = (now, 1) if since <= now - interval else (since, calls + 1)
        self._rates[resource] = since, calls
        return calls

    def usage(self, resource: str) -> int:
        return len(self._usage.get(resource, ()))

    def release(self, channel: str) -> None:
        for there in self._usage.values():
            there.discard(channel)
