"""Events of one switch, as its event socket tells them, with the switch's own times."""

from __future__ import annotations

import socket
from types import TracebackType
from urllib.parse import unquote

import gevent

from tests.live.freeswitch import PASSWORD


class Events:
    """Subscribed to `names` from the beginning of a ``with`` block to its end."""

    def __init__(self, port: int, *names: str) -> None:
        self.seen: list[dict[str, str]] = []
        self._names = names
        self._port = port

    def __enter__(self) -> Events:
        self._socket = socket.create_connection(("127.0.0.1", self._port), 5)
        self._socket.settimeout(None)
        self._stream = self._socket.makefile("rb")
        self._frame()
        for command in (f"auth {PASSWORD}", f"event plain {' '.join(self._names)}"):
            self._socket.sendall(f"{command}\n\n".encode())
            self._frame()
        self._greenlet = gevent.spawn(self._read)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._greenlet.kill()
        self._stream.close()
        self._socket.close()

    def moments(self, name: str, application: str = "", uuid: str = "") -> list[float]:
        """When such events were made, in seconds since the epoch."""
        return [
            int(event["Event-Date-Timestamp"]) / 1e6
            for event in self.seen
            if event["Event-Name"] == name
            and event.get("Application", application) == application
            and (not uuid or event.get("Unique-ID") == uuid)
        ]

    def _read(self) -> None:
        while True:
            body = self._frame()
            pairs = (line.partition(": ") for line in body.splitlines())
            self.seen.append({name: unquote(value) for name, _, value in pairs})

    def _frame(self) -> str:
        length = 0
        while line := self._stream.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return self._stream.read(length).decode(errors="replace")
