"""A way to PostgreSQL on which answers get lost, or take their time."""

from __future__ import annotations

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

    `delay` (seconds) is what each question takes on its way. `lose` answers get lost from now on: what was asked is
    done, and whoever asked hears that the connection was reset. `is_cut`: nothing passes, and no connection ends.
    """

    def __init__(self, conninfo: str) -> None:
        place = conninfo_to_dict(conninfo)
        self._host, self._port = str(place["host"]), int(place["port"] or 5432)
        self.delay = 0.0
        self.lose = 0
        self.lost = 0
        self.whole = gevent.event.Event()
        self.whole.set()
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.conninfo = make_conninfo(conninfo, host="127.0.0.1", port=self._server.server_port)

    def stop(self) -> None:
        self.whole.set()
        self._server.stop(timeout=0.1)

    def _serve(self, near: Any, _address: object) -> None:
        self.whole.wait()
        far = self._connect()
        back = gevent.spawn(self._answers, far, near)
        try:
            while data := near.recv(CHUNK):
                self.whole.wait()
                gevent.sleep(self.delay)
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
                self.whole.wait()
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
