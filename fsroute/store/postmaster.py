"""A PostgreSQL server seen from outside: its pid file and its processes.

``pg_ctl status`` takes a zombie, or another process with the pid of a dead server, for the server.
Here a process counts by its command line, which holds the cluster name: that can be read for any
user's process, even in a container whose root may not look into ``/proc/PID/cwd``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fsroute.errors import StoreError

logger = logging.getLogger(__name__)

STOP_LIMIT = 20.0  # seconds for each way of asking the server to stop
ORPHANS_LIMIT = 5.0  # seconds in which children of a killed server end by themselves


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The server on the folder `data` that was started with the cluster name `tag`."""

    data: Path
    tag: str

    def pid(self) -> int | None:
        """The pid of the running server, None if there is none."""
        lines = self._lines()
        pid = int(lines[0]) if lines and lines[0].strip().isdigit() else 0
        return pid if pid and self._owns(pid) else None

    def ready_at(self) -> tuple[str, str] | None:
        """The socket's folder and the port once the server takes connections, else None."""
        lines = self._lines()
        if len(lines) > 7 and lines[7].strip() == "ready" and self.pid() is not None:
            return lines[4], lines[3]
        return None

    def clear_remains(self) -> None:
        """Make way for a new server after one that was killed.

        Its children must be gone first, or two servers would write one folder.

        Raises:
            StoreError: a child does not end.
        """
        orphans = self._processes()
        for pid in orphans:
            logger.warning("process %d is left over from a PostgreSQL that was killed", pid)
        self._end(orphans, (0, signal.SIGQUIT, signal.SIGKILL), ORPHANS_LIMIT)
        if any(map(self._owns, orphans)):
            raise StoreError(f"a process of the PostgreSQL that was killed in {self.data} does not end")
        self._remove_foreign_pid()

    def _remove_foreign_pid(self) -> None:
        """Remove a pid file whose pid is another program's by now: no server would start beside it.

        One whose pid is nobody's is left to PostgreSQL, which looks at the shared memory as well.
        """
        lines = self._lines()
        if lines and Path("/proc", lines[0].strip()).exists():
            (self.data / "postmaster.pid").unlink()

    def stop(self) -> None:
        """Stop the server: by a fast shutdown, and if that takes too long without one."""
        pid = self.pid()
        if pid is not None:
            self._end([pid], (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL), STOP_LIMIT)

    def _end(self, pids: Sequence[int], ways: Sequence[int], limit: float) -> None:
        """Send each signal in turn until all of `pids` are gone, waiting up to `limit` seconds for each."""
        for way in ways:
            present = [pid for pid in pids if self._owns(pid)]
            for pid in present:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, way)
            deadline = time.monotonic() + limit
            while any(map(self._owns, present)) and time.monotonic() < deadline:
                time.sleep(0.01)

    def _lines(self) -> list[str]:
        """The pid file: pid, data, start time, port, socket folder, address, memory, status."""
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _processes(self) -> list[int]:
        return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and self._owns(int(entry))]

    def _owns(self, pid: int) -> bool:
        """Is `pid` the server or a child of it? A zombie has no command line, and is neither."""
        try:
            command = Path("/proc", str(pid), "cmdline").read_bytes()
        except OSError:
            return False
        first, _, rest = command.partition(b"\0")
        tag = self.tag.encode()
        is_child = first.startswith(b"postgres: " + tag)
        return is_child or (first.endswith(b"postgres") and b"cluster_name=" + tag in rest)
