"""Waiting for a condition with a limit: tests never sleep a guess, and never judge how fast a busy machine is.

A limit is there for what never comes. It is meant for a machine that does nothing else, and stretched: one that builds
and tests other things may take several times as long, which says nothing of what is tested. Where a promise is
made in seconds, a test gives the event that must *not* be waited for (a lease, a time-out, the next poll) far more
time than `STRETCH` times the limit. Looks now and then, which would hide a signal that was lost, are put off
(`tests.unasked`). Where only the clock can tell, what other programs kept the processor for is taken off
(`tests.starving`); a figure by itself is for ``tests/benchmarks``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

STRETCH = 6  # times as long as on an idle machine
LONGEST = 60.0  # seconds: a limit that is longer by itself is not stretched


def until(condition: Callable[[], object], limit: float = 5.0) -> float:
    """Wait until `condition` holds and return how long that took, in seconds; fail after `limit`, stretched."""
    begin = time.monotonic()
    stretched = max(limit, min(STRETCH * limit, LONGEST))
    while not condition():
        waited = time.monotonic() - begin
        assert waited < stretched, f"not within {stretched:g} s"
        time.sleep(min(0.005 + waited / 50, 0.02))  # what comes soon is seen soon
    return time.monotonic() - begin
