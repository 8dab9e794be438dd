"""Real-time scheduling of this process, as FreeSWITCH asks it for itself.

A FreeSWITCH with hundreds of calls wakes hundreds of threads fifty times a second. Beside it, each step from an event
to a command waits its turn; with real-time scheduling it does not. What is started afterwards (the database that
fsroute brings along) inherits it. Linux leaves a part of each second to everybody else (``sched_rt_runtime_us``).
"""

from __future__ import annotations

import logging
import os

log = logging.getLogger(__name__)


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
