"""What a server may do to who asks it, over real sockets."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent.server import StreamServer

from fsroute.httpclient import HttpFailed, HttpTooLarge, HttpTooSlow, Limits, request

Serve = Callable[[Callable[[Any], None]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Listens; the behaviour is given the socket once a request's head has come. Returns the server's address."""
    servers = []

    def start(behave: Callable[[Any], None]) -> str:
        def handle(connection: Any, address: object) -> None:
            connection.recv(65_536)
            try:
                behave(connection)
            except OSError:
                pass  # who asked has gone

        server = StreamServer(("127.0.0.1", 0), handle)
        server.start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.stop(0)


def get(url: str, timeout: float = 2.0, **arguments: Any) -> Any:
    return request("GET", url + "/x", {}, None, Limits(timeout, 1.0, 1000), **arguments)


def test_an_answer_is_read_to_its_end(serve: Serve) -> None:
    url = serve(
        lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-A: b\r\n\r\nbodyand more")
    )
    reply = get(url)
    assert (reply.status, reply.body, reply.headers["x-a"]) == (200, b"body", "b")


def test_an_answer_that_ends_early_is_none(serve: Serve) -> None:
    url = serve(lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbody"))
    with pytest.raises(HttpFailed, match="ended after 4 of 100 bytes"):
        get(url)


def test_chunks_that_end_early_are_none(serve: Serve) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    url = serve(lambda peer: peer.sendall(head + b"10\r\nbody"))
    with pytest.raises(HttpFailed, match="IncompleteRead"):
        get(url)


def test_what_is_announced_as_too_large_is_not_read(serve: Serve) -> None:
    url = serve(lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"))
    with pytest.raises(HttpTooLarge, match="announces 1001 bytes, 1000 at most"):
        get(url)


def endless(peer: Any) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        peer.sendall(b"x" * 1000)


def test_an_endless_answer_is_cut(serve: Serve) -> None:
    with pytest.raises(HttpTooLarge, match="more than 1000 bytes"):
        get(serve(endless))


def test_an_endless_answer_into_a_file_is_cut(serve: Serve) -> None:
    got: list[bytes] = []
    with pytest.raises(HttpTooLarge):
        get(serve(endless), sink=got.append)
    assert sum(map(len, got)) <= 1000


def drips(peer: Any) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000:
        peer.sendall(bytes([letter]))
        gevent.sleep(0.02)


def says_nothing(peer: Any) -> None:
    gevent.sleep(600)


@pytest.mark.parametrize("behave", [drips, says_nothing])
def test_a_slow_server_costs_no_more_than_the_time_given(serve: Serve, behave: Callable[[Any], None]) -> None:
    with gevent.Timeout(60), pytest.raises(HttpTooSlow, match=r"did not answer in full within 0\.2 s"):
        get(serve(behave), timeout=0.2)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\xff" * 100,
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_answer_is_said_so(serve: Serve, answer: bytes) -> None:
    with pytest.raises(HttpFailed, match=r"http://127\.0\.0\.1:"):
        get(serve(lambda peer: peer.sendall(answer)))


def test_a_head_without_end_is_not_read(serve: Serve) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(
        b"X-%d: " % number + b"\r" * 60_000 + b"\r\n" for number in range(90)
    )
    with pytest.raises(HttpFailed, match="a head longer than 65536 bytes"):
        get(serve(lambda peer: peer.sendall(head + b"\r\n")), timeout=10)


def test_a_redirection_is_not_followed(serve: Serve) -> None:
    url = serve(
        lambda peer: peer.sendall(
            b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n"
        )
    )
    assert get(url).status == 302


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(HttpFailed, match=r"http://127\.0\.0\.1:9: Connection refused"):
        get("http://127.0.0.1:9")


FLOOD = """
import socket, sys, time
head, piece = (eval(text) for text in sys.argv[1:])
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
peer, _ = server.accept()
peer.recv(65536)
peer.sendall(head)
end = time.monotonic() + 600
while time.monotonic() < end:
    peer.sendall(piece * 10_000)
"""
"""A process of its own: one that shares ours would wait for us."""


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
    ],
)
def test_a_server_that_sends_fast_without_end_keeps_nobody_from_their_turn(head: bytes, piece: bytes) -> None:
    flood = subprocess.Popen([sys.executable, "-c", FLOOD, repr(head), repr(piece)], stdout=subprocess.PIPE)
    try:
        assert flood.stdout is not None
        url = f"http://127.0.0.1:{int(flood.stdout.readline())}/"
        with gevent.Timeout(60), pytest.raises(HttpFailed):
            request("GET", url, {}, None, Limits(0.3, 1.0, 10_000_000))
    finally:
        flood.kill()
        flood.wait()


def test_the_words_of_a_server_are_told_short_and_without_control_characters(serve: Serve) -> None:
    url = serve(lambda peer: peer.sendall(b"\x1b[2J\x07" + b"y" * 60_000 + b"\r\n\r\n"))
    with pytest.raises(HttpFailed) as failed:
        get(url)
    assert str(failed.value).isprintable()
    assert len(str(failed.value)) < 300
