"""A watch on the whole process: if gevent's hub stands still, the event socket is given up.

While the hub stands still nothing is read, and FreeSWITCH queues events for us until it freezes
the event sockets of its host. No greenlet can notice that; an operating-system thread can.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import gevent
from gevent import monkey

STALL_LIMIT: Final = 10.0  # seconds; FreeSWITCH loses events after 100,000, at 1,000/s in 100 s
TICK: Final = 1.0  # seconds


class StallWatch:
    """Calls `give_up` in a thread of its own when the hub has not run for `limit` seconds.

    `give_up` must touch nothing of gevent, not even a log: only system calls.
    """

    def __init__(self, give_up: Callable[[], None], limit: float = STALL_LIMIT) -> None:
        self.stalls = 0
        """How often it gave up."""
        self._give_up = give_up
        self._limit = limit
        self._tick_time = min(TICK, limit / 4)
        self._running = False
        self._ticked_at = 0.0
        self._timer: Any = None

    def start(self) -> None:
        loop: Any = gevent.get_hub().loop
        self._tick()
        self._running = True
        self._timer = loop.timer(self._tick_time, self._tick_time)
        self._timer.start(self._tick)
        start_new_thread = monkey.get_original("_thread", "start_new_thread")
        start_new_thread(self._watch, (monkey.get_original("time", "sleep"),))

    def stop(self) -> None:
        self._running = False
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def _tick(self) -> None:
        self._ticked_at = time.monotonic()

    def _watch(self, sleep: Callable[[float], None]) -> None:
        gave_up_at = 0.0
        while self._running:
            ticked_at = self._ticked_at
            if time.monotonic() - ticked_at > self._limit and ticked_at != gave_up_at:
                gave_up_at = ticked_at
                self.stalls += 1
                self._give_up()
            sleep(self._tick_time)
