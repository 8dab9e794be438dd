"""A process that only coordinates: ``python -m tests.integration.coordinator.leading DATABASE NAME LEASE [looks]``.

It prints ``follows`` when it stands by, and ``leads EPOCH`` when it leads. LEASE: seconds without renewal after which
a leader counts as dead. With ``looks`` it looks now and then for what no signal told of.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import signal  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

import gevent  # noqa: E402

from fsroute.coordinator.loop import CoordinatorRole  # noqa: E402
from fsroute.store.database import Database  # noqa: E402
from fsroute.store.lease import Lease  # noqa: E402
from fsroute.store.signals import Signals  # noqa: E402
from fsroute.store.store import Store  # noqa: E402
from tests.unasked import put_off  # noqa: E402
from tests.waiting import until  # noqa: E402

LEASE = 1.5  # seconds


def main(conninfo: str, name: str, lease: str, looks: str = "") -> None:
    if not looks:
        put_off()
    database = Database(conninfo)
    database.open()
    signals = Signals(database)
    signals.start()
    role = CoordinatorRole(Store(database, signals), Lease(database, "coordinator", name, float(lease)))
    role.start()
    said = ""
    while True:
        says = "follows" if role.epoch is None else f"leads {role.epoch}"
        if says != said:
            print(says, flush=True)
            said = says
        gevent.sleep(0.01)


class Leading:
    """Such a process, from outside."""

    def __init__(
        self, folder: Path, conninfo: str, name: str, lease: float = LEASE, *, looks: bool = False
    ) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        command = [sys.executable, "-m", "tests.integration.coordinator.leading", conninfo, name, str(lease)]
        command += ["looks"] if looks else []
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)

    def said(self) -> list[str]:
        return self._log.read_text().splitlines()

    def until_it(self, does: str, limit: float = 20.0) -> None:
        """Wait until what it does now begins so."""
        until(lambda: (self.said() or [""])[-1].startswith(does), limit)

    def send(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
