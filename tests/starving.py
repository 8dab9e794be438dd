"""What a busy machine adds to a time: for how long others kept the processor from us (proc(5), schedstat)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

SAMPLE = 0.05  # seconds between two looks


def starved(pid: int | str = "self") -> float:
    """Seconds that threads of a process were ready to run, and had to wait for others; 0 where nobody says."""
    waits = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError, ValueError, IndexError):  # it has ended
                waits.append(int((thread / "schedstat").read_text().split()[1]) / 1e9)
    return sum(waits)


class Starvation:
    """How long some processes were kept from the processor, from the beginning to any moment since.

    What a statement waits for the database's own processes is as much again, at a guess.

    Args:
        pids: those who are concerned now; a process is counted from when it is first seen.
    """

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids
        self._before: dict[int, float] = {}
        self._samples: list[tuple[float, float]] = []
        self._total = 0.0
        self._over = threading.Event()
        self._look()
        self._thread = threading.Thread(target=self._keep_looking, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def between(self, begin: float, end: float) -> float:
        """Seconds by which what took from `begin` to `end` (seconds since the epoch) may have been longer for it."""
        before = [total for at, total in self._samples if at <= begin]
        after = [total for at, total in self._samples if at >= end]
        return 2 * ((after or [self._total])[0] - (before or [0.0])[-1])

    def _keep_looking(self) -> None:
        while not self._over.wait(SAMPLE):
            self._look()

    def _look(self) -> None:
        for pid in self._pids():
            now = starved(pid)
            self._total += max(0.0, now - self._before.get(pid, now))
            self._before[pid] = now
        self._samples.append((time.time(), self._total))
