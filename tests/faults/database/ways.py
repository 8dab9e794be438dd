"""A way to PostgreSQL on which answers get lost, or take their time."""

from __future__ import annotations

from random import Random
from typing import Any

import gevent
import gevent.event
from gevent import socket
from gevent.server import StreamServer
from psycopg.conninfo import conninfo_to_dict, make_conninfo

CHUNK = 65536  # bytes
RESET = b"\1\0\0\0\0\0\0\0"  # struct linger: on, 0 s


class Way:
    """Connections to 127.0.0.1 go on to the unix socket or the port of `conninfo`.

    `delay` (seconds) is what each question takes on its way, give or take `jitter`. The next `lose` answers get lost:
    what was asked is done, and whoever asked hears that the connection was reset. While it is cut nothing passes, and
    no connection ends.
    """

    def __init__(self, conninfo: str) -> None:
        place = conninfo_to_dict(conninfo)
        self._host, self._port = str(place["host"]), int(place["port"] or 5432)
        self.delay = self.jitter = 0.0
        self._chance = Random(1)
        self.lose = 0
        self.lost = 0
        self._questions, self._answers_pass = gevent.event.Event(), gevent.event.Event()
        self.heal()
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.conninfo = make_conninfo(conninfo, host="127.0.0.1", port=self._server.server_port)

    def cut(self, *, one_way: bool = False) -> None:
        """`one_way`: the server hears what it is asked, and nobody hears the server."""
        self._answers_pass.clear()
        if not one_way:
            self._questions.clear()

    def heal(self) -> None:
        self._questions.set()
        self._answers_pass.set()

    def stop(self) -> None:
        self.heal()
        self._server.stop(timeout=0.1)

    def _serve(self, near: Any, _address: object) -> None:
        self._questions.wait()
        far = self._connect()
        back = gevent.spawn(self._answers, far, near)
        try:
            while data := near.recv(CHUNK):
                self._questions.wait()
                gevent.sleep(max(0.0, self.delay + self._chance.uniform(-self.jitter, self.jitter)))
                far.sendall(data)
        except OSError:
            pass
        finally:
            far.close()
            back.join()

    def _connect(self) -> Any:
        if self._host.startswith("/"):
            far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            far.connect(f"{self._host}/.s.PGSQL.{self._port}")
            return far
        return socket.create_connection((self._host, self._port))

    def _answers(self, far: Any, near: Any) -> None:
        try:
            while data := far.recv(CHUNK):
                self._answers_pass.wait()
                if self.lose and not self._is_greeting(data):
                    self.lose, self.lost = self.lose - 1, self.lost + 1
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    break
                near.sendall(data)
        except OSError:
            pass
        finally:
            near.close()

    @staticmethod
    def _is_greeting(data: bytes) -> bool:
        """Not the answer to a statement: authentication."""
        return data[:1] in (b"R", b"S", b"N")
