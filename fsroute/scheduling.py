"""Real-time scheduling of this process, as FreeSWITCH asks it for itself.

A FreeSWITCH with hundreds of calls wakes hundreds of threads fifty times a second. Beside it, each step from an event
to a command waits its turn; with real-time scheduling it does not. What is started afterwards (the database that
fsroute brings along) inherits it. Linux leaves a part of each second to everybody else (``sched_rt_runtime_us``).
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

log = logging.getLogger(__name__)

_DISK_THREAD = re.compile(r"kworker/\d+:\d+H")
"""Linux's name for a worker of the queues that it serves first; kblockd is one (``<cpu>:<number>H``)."""


def take(priority: int) -> bool:
    """Ask the kernel for round-robin scheduling at `priority`, 1 to 99; 0 leaves all as it is.

    Returns whether it is so now: it needs CAP_SYS_NICE, or an RLIMIT_RTPRIO of at least `priority`.
    """
    if not priority:
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))
    except (OSError, AttributeError) as error:  # not permitted, or no Linux
        log.warning("no real-time scheduling: %s", error)
        return False
    return True


def lift_disk_threads(priority: int, processes: Path = Path("/proc")) -> int:
    """Give the kernel's threads that hand flushes to the disk round-robin scheduling at `priority`, too.

    A commit waits for such a thread, and that waits for its processor until nobody with real-time scheduling wants it:
    beside a FreeSWITCH with 180 calls for 10 ms, time and again, in place of 0.4. They stay so until the host starts
    anew. Returns how many there are; 0 where that is not permitted (it needs CAP_SYS_NICE), or is no Linux.
    """
    if not priority:
        return 0
    found = disk_threads(processes)
    try:
        for thread in found:
            os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(priority))
    except (OSError, AttributeError) as error:
        log.info("the kernel's threads for the disk have ordinary scheduling: %s", error)
        return 0
    return len(found)


def disk_threads(processes: Path = Path("/proc")) -> list[int]:
    """The process numbers of the kernel's threads that hand flushes to the disk."""
    return [int(name.parent.name) for name in processes.glob("[0-9]*/comm") if _is_disk_thread(name)]


def _is_disk_thread(name: Path) -> bool:
    try:
        return _DISK_THREAD.match(name.read_text()) is not None
    except OSError:  # it has ended
        return False
