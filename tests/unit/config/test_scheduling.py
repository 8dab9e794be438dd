from __future__ import annotations

import subprocess
import sys

from fsroute import scheduling

ASK = (
    "import os, resource\n"
    "from fsroute import scheduling\n"
    "{first}\n"
    "print(scheduling.take({priority}), os.sched_getscheduler(0) == os.SCHED_RR)\n"
)


def ask(priority: int, first: str = "") -> tuple[str, str]:
    """What a process of its own says, and what it logs."""
    program = ASK.format(priority=priority, first=first)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip(), done.stderr.strip()


def test_priority_0_leaves_the_scheduling_as_it_is() -> None:
    assert scheduling.take(0) is False
    assert ask(0) == ("False False", "")


def test_what_is_answered_is_what_is_so() -> None:
    said, logged = ask(1)
    assert said in ("True True", "False False")
    assert ("no real-time scheduling" in logged) == (said == "False False")


def test_who_may_not_is_told_and_goes_on() -> None:
    forbid = (
        "resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)"
    )
    said, logged = ask(1, forbid)
    assert (said, "no real-time scheduling" in logged) == ("False False", True)
