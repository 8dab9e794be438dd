"""Waiting for a condition with a limit: tests never sleep a guess."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], object], limit: float = 5.0) -> float:
    """Wait until `condition` holds and return how long that took, in seconds; fail after `limit`."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < limit, f"not within {limit:g} s"
        time.sleep(0.005)
    return time.monotonic() - begin
