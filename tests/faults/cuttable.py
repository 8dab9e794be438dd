"""A TCP proxy that can be cut as a network is: nobody is told, and what was sent waits until it is whole again."""

from __future__ import annotations

from typing import Any

import gevent
from gevent import socket
from gevent.event import Event as Flag
from gevent.server import StreamServer

CHUNK = 65536  # bytes


class Cuttable:
    """Connections to 127.0.0.1:`port` go on to the unix socket `target`.

    `delay` (seconds) is what each piece takes, one way. While it is cut nothing passes, in either direction, and
    no connection ends; new ones are taken, as by a peer whose answers are lost.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._inwards, self._outwards = Flag(), Flag()
        self.delay = 0.0
        self.heal()
        self._server = StreamServer(("127.0.0.1", 0), self._serve)

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self.heal()
        self._server.stop(timeout=0.1)

    @property
    def port(self) -> int:
        return int(self._server.server_port or 0)

    def cut(self, *, one_way: bool = False) -> None:
        """Nothing passes; `one_way`: what the server says only."""
        self._outwards.clear()
        if not one_way:
            self._inwards.clear()

    def heal(self) -> None:
        self._inwards.set()
        self._outwards.set()

    def _serve(self, near: Any, _address: object) -> None:
        self._inwards.wait()
        far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            far.connect(self._target)
            back = gevent.spawn(self._carry, far, near, self._outwards)
            self._carry(near, far, self._inwards)
            back.join()
        except OSError:
            near.close()  # the server is away: whoever connects hears it
        finally:
            far.close()

    def _carry(self, source: Any, sink: Any, passes: Flag) -> None:
        """Until the source has ended, or the sink takes no more."""
        try:
            while data := source.recv(CHUNK):
                passes.wait()
                if self.delay:
                    gevent.sleep(self.delay)
                sink.sendall(data)
        except OSError:
            pass
        passes.wait()
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
