"""The far end of a socket that is none: FreeSWITCH's, played from a recording, under the real transport.

`Wire.socket` behaves as the connected socket that a transport takes: what is sent on it is handed to `on_data`, and
`Wire.deliver` makes it readable. No byte leaves the process.
"""

from __future__ import annotations

import _socket
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from fsroute.replay.virtual import VirtualLoop


class WiredLoop(VirtualLoop):
    """Keeps the watchers that ask for a descriptor, so that wires can make them ready."""

    def __init__(self, begins: float = 0.0) -> None:
        super().__init__(begins)
        self.readers: dict[int, Any] = {}
        self._descriptors = 0

    def new_descriptor(self) -> int:
        self._descriptors += 1
        return self._descriptors

    def io(self, fd: int, events: int, ref: bool = True, priority: object = None) -> Any:
        watcher = super().io(fd, events, ref, priority)
        if events & 1:
            self.readers[fd] = watcher
        return watcher


class Wire:
    """One connection. `on_data` takes what the near end sends, as it sends it."""

    def __init__(self, loop: WiredLoop, on_data: Callable[[bytes], None]) -> None:
        self._loop = loop
        self._on_data = on_data
        self._descriptor = loop.new_descriptor()
        self._arrived: deque[bytes] = deque()
        self._ended = False
        self.closed = False
        """The near end has closed it."""

    @property
    def socket(self) -> _socket.socket:
        return cast(_socket.socket, self)

    def deliver(self, data: bytes) -> None:
        """Bytes arrive at the near end; ``b""``: no more will."""
        if self.closed or self._ended:
            return
        self._ended = not data
        self._arrived.append(data)
        self._loop.readers[self._descriptor].feed()

    # As a socket ---------------------------------------------------------------------------------------------

    def fileno(self) -> int:
        return self._descriptor

    def setblocking(self, blocking: bool) -> None:
        """It never blocks."""

    def setsockopt(self, *_: object) -> None:
        """Nothing is delayed."""

    def send(self, data: bytes) -> int:
        self._on_data(data)
        return len(data)

    def recv(self, size: int) -> bytes:
        if not self._arrived:
            raise BlockingIOError
        data = self._arrived.popleft()
        if len(data) > size:
            self._arrived.appendleft(data[size:])
            self._loop.readers[self._descriptor].feed()
        return data[:size]

    def shutdown(self, how: int) -> None:
        self.close()

    def close(self) -> None:
        self.closed = True
        self._loop.readers.pop(self._descriptor, None)
