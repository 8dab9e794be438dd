"""What processes cost, by /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


class Cpu:
    """Processor time of processes and their children since this was made."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self._before = self._ticks()

    def seconds(self) -> float:
        return (self._ticks() - self._before) / os.sysconf("SC_CLK_TCK")

    def _ticks(self) -> int:
        return sum(_of(pid) for pid in _with_children(set(self._pids)))


def prefer(pid: int, priority: int) -> None:
    """Real-time priority, as FreeSWITCH takes it by default, for every thread that it has by now."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setscheduler(int(thread.name), os.SCHED_RR, os.sched_param(priority))


def ordinary(threads: Iterable[int]) -> None:
    """No real-time scheduling for these, if they had it."""
    for thread in threads:
        try:
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
        except OSError:  # not ours, or gone
            pass


def _with_children(pids: set[int]) -> set[int]:
    parents = {
        int(path.name): _stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()
    }
    return pids | {pid for pid, stat in parents.items() if stat and int(stat[1]) in pids}


def _of(pid: int) -> int:
    """Own time, and that of children that have ended."""
    stat = _stat(pid)
    return sum(map(int, stat[11:15])) if stat else 0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name; none where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def postmaster(folder: Path) -> int:
    """The process of the embedded PostgreSQL in `folder`."""
    return int(next(iter(folder.rglob("postmaster.pid"))).read_text().split()[0])
