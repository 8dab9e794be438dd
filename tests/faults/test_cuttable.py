"""The way to the database that can be cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.server import StreamServer

from tests.faults.cuttable import Cuttable

Connect = Callable[[], Any]


def echo(connection: Any, _address: object) -> None:
    while data := connection.recv(100):
        connection.sendall(data)


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Cuttable]:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(tmp_path / "s"))
    listener.listen(5)
    server = StreamServer(listener, echo)
    server.start()
    way = Cuttable(str(tmp_path / "s"))
    way.start()
    yield way
    way.stop()
    server.stop()
    listener.close()


@pytest.fixture
def connect(way: Cuttable) -> Iterator[Callable[[], Any]]:
    connections: list[Any] = []

    def connect() -> Any:
        connections.append(socket.create_connection(("127.0.0.1", way.port), 5))
        return connections[-1]

    yield connect
    for connection in connections:
        connection.close()


def hears_nothing(connection: Any) -> bool:
    connection.settimeout(0.1)
    try:
        return bool(connection.recv(100) == b"never")
    except TimeoutError:
        return True
    finally:
        connection.settimeout(5)


def test_what_is_said_while_it_is_cut_arrives_when_it_is_whole_again(way: Cuttable, connect: Connect) -> None:
    connection = connect()
    connection.sendall(b"one")
    assert connection.recv(100) == b"one"
    way.cut()
    connection.sendall(b"two")
    assert hears_nothing(connection)
    way.heal()
    assert connection.recv(100) == b"two"


def test_cut_one_way_the_server_hears_and_is_not_heard(way: Cuttable, connect: Connect) -> None:
    connection = connect()
    connection.sendall(b"one")
    assert connection.recv(100) == b"one"
    way.cut(one_way=True)
    connection.sendall(b"two")
    assert hears_nothing(connection)
    way.heal()
    assert connection.recv(100) == b"two"


def test_who_connects_while_it_is_cut_is_neither_refused_nor_served(way: Cuttable, connect: Connect) -> None:
    way.cut()
    connection = connect()
    connection.sendall(b"one")
    assert hears_nothing(connection)
    way.heal()
    assert connection.recv(100) == b"one"


def test_an_end_passes_on(way: Cuttable, connect: Connect) -> None:
    connection = connect()
    connection.sendall(b"one")
    assert connection.recv(100) == b"one"
    connection.shutdown(socket.SHUT_WR)
    with gevent.Timeout(5):
        assert connection.recv(100) == b""
