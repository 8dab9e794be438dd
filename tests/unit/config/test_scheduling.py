from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_the_kernels_threads_for_the_disk_are_lifted_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {
        10: "kworker/0:0H-events_highpri",
        44: "kworker/1:1H-kblockd",
        45: "kworker/1:1-events",
        46: "kworker/u8:0",
        47: "kworker/R-kblockd",
        48: "postgres",
    }
    for number, name in names.items():
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "comm").write_text(f"{name}\n")
    (tmp_path / "49").mkdir()  # has ended
    (tmp_path / "49" / "comm").symlink_to(tmp_path / "gone")
    lifted = []
    monkeypatch.setattr(os, "sched_setscheduler", lambda *what: lifted.append(what))
    assert scheduling.lift_disk_threads(0, tmp_path) == 0
    assert lifted == []
    assert scheduling.lift_disk_threads(3, tmp_path) == 2
    assert sorted(lifted) == [(number, os.SCHED_RR, os.sched_param(3)) for number in (10, 44)]


def test_where_it_is_not_permitted_they_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "44").mkdir()
    (tmp_path / "44" / "comm").write_text("kworker/1:1H-kblockd\n")

    def refuse(*what: object) -> None:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with caplog.at_level("INFO"):
        assert scheduling.lift_disk_threads(3, tmp_path) == 0
    assert "threads for the disk have ordinary scheduling: Operation not permitted" in caplog.text
