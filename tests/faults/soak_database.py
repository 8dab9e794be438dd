"""The database of the soak, and what befalls it: one that fsroute keeps, or a cluster that chooses its primary."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Protocol

from fsroute.store.embedded import EmbeddedPostgres
from fsroute.store.scratch import new_folder
from tests.faults.database.patroni import CHOOSE_LIMIT, Cluster, lacking
from tests.waiting import until


class DatabaseServer(Protocol):
    """What the house stands on. `faults` are the names of what may befall it."""

    @property
    def faults(self) -> tuple[str, ...]: ...

    def start(self) -> str:
        """The connection string of its database."""

    def strike(self, fault: str) -> None:
        """Let it happen; returns when the next thing may."""

    def postmasters(self) -> list[int]:
        """The processes that started those of the connections."""

    def stop(self) -> None: ...


class KeptServer:
    """The embedded one, which its keeper starts again; its data stays in `folder`."""

    faults = ("restart", "kill")

    def __init__(self, folder: Path, *, safe: bool = True) -> None:
        self._server = EmbeddedPostgres(folder, safe=safe)

    def start(self) -> str:
        conninfo = self._server.start()
        self._server.keep(0.1)
        return conninfo

    def strike(self, fault: str) -> None:
        """An orderly restart; or a crash, and recovery."""
        os.kill(self.postmasters()[0], signal.SIGINT if fault == "restart" else signal.SIGKILL)

    def postmasters(self) -> list[int]:
        return [pid for pid in [_postmaster(self._server.folder / "data")] if pid]

    def stop(self) -> None:
        self._server.stop()


class PatroniServers:
    """Two under Patroni, thrown away in the end.

    Raises:
        RuntimeError: there is no Patroni; the text says so.
    """

    faults = ("switchover", "failover")

    def __init__(self) -> None:
        if missing := lacking():
            raise RuntimeError(missing)
        self._folder = new_folder()
        self._cluster = Cluster(self._folder)

    def start(self) -> str:
        self._cluster.start()
        return self._cluster.new_database()

    def strike(self, fault: str) -> None:
        """Whole again afterwards: who was killed follows the one that leads now."""
        cluster = self._cluster
        if fault == "switchover":
            cluster.switch_over()
        elif killed := cluster.primary:
            killed.kill()
            until(lambda: cluster.primary not in (None, killed), CHOOSE_LIMIT)
            cluster.start_server(killed)
        until(lambda: cluster.is_whole, CHOOSE_LIMIT)

    def postmasters(self) -> list[int]:
        found = [_postmaster(server.folder / "data") for server in self._cluster.servers.values()]
        return [pid for pid in found if pid]

    def stop(self) -> None:
        self._cluster.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def _postmaster(data: Path) -> int:
    """Its process; 0 while there is none."""
    try:
        return int((data / "postmaster.pid").read_text().split()[0])
    except (OSError, IndexError):
        return 0
