"""The process in which fsroute runs for a test run, as the test run sees it.

fsroute needs gevent's patches, which are nobody else's business: so it runs apart, is started when the first test
needs it, and ends with the test run. Requests and replies are lines of JSON on a socket pair.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from typing import Any

ANSWER_LIMIT = 120.0  # seconds, beyond those that a request asks for itself
STOP_LIMIT = 20.0  # seconds
LONGEST_TAIL = 20_000  # characters of the log that a report shows


class Refused(Exception):
    """The process could not do what it was asked; the text is for people."""


class Failed(AssertionError):
    """What a test expected did not come; the text is for people."""


class Station:
    """Starts the process when it is first asked for something."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._buffer = b""
        self._log: Any = None

    def ask(self, do: str, limit: float = 0.0, /, **values: Any) -> Any:
        """Have something done, which may take `limit` seconds of its own.

        Raises:
            Refused: it cannot be done.
            Failed: an expectation was not met.
        """
        __tracebackhide__ = True
        if self._socket is None:
            self._start()
        assert self._socket is not None
        try:
            self._socket.settimeout(limit + ANSWER_LIMIT)
            self._socket.sendall(json.dumps({"do": do, **values}).encode() + b"\n")
            reply = json.loads(self._line())
        except (OSError, EOFError) as error:
            tail = self.log()
            self.stop()
            raise Refused(f"fsroute's process gave no answer to {do} ({error!r}):\n{tail}") from None
        if "refused" in reply:
            raise Refused(reply["refused"])
        if "failed" in reply:
            raise Failed(reply["failed"])
        return reply["value"]

    def log(self, since: int = 0) -> str:
        """What the process logged from a place on (see `mark`), the last part of it."""
        if self._log is None:
            return ""
        with contextlib.suppress(OSError), open(self._log.name, "rb") as file:
            file.seek(since)
            return file.read()[-LONGEST_TAIL:].decode(errors="replace")
        return ""

    def mark(self) -> int:
        """The place in the log that is the present."""
        return os.fstat(self._log.fileno()).st_size if self._log is not None else 0

    def stop(self) -> None:
        """End the process and all that it started."""
        if self._socket is not None:
            self._socket.close()  # that is the sign
            self._socket = None
        if self._process is not None:
            try:
                self._process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None
        self._buffer = b""

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        self._log = tempfile.NamedTemporaryFile(prefix="fsroute-tests-", suffix=".log")  # noqa: SIM115 - closed by stop
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "fsroute.testing.station", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env=environment,
                start_new_session=True,  # an interrupt of the test run is the test run's
            )
        self._socket, self._buffer = ours, b""

    def _line(self) -> bytes:
        assert self._socket is not None
        while b"\n" not in self._buffer:
            received = self._socket.recv(1 << 16)
            if not received:
                raise EOFError("it has ended")
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line
