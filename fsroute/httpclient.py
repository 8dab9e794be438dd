"""One HTTP request with limits on everything: time, size, redirects (none), whatever the server does.

``http.client`` over gevent's sockets. The time limit is for the whole, from the name's resolution to the last byte, so
that a server that drips holds nobody up. What the server says of the length is not believed.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import gevent

from fsroute.errors import ConfigurationError, FsrouteError

PIECE = 65_536  # bytes read at once
LONGEST_HEAD = 65_536  # bytes; the library would take 6 MB, and a second to part some of them
LONGEST_WORDS = 200  # characters of a fault, which may be the server's own words


class HttpFailed(FsrouteError):
    """The server could not be reached, or its answer is none; the text names the server."""


class HttpTooSlow(HttpFailed):
    """The answer was not complete within the time limit."""


class HttpTooLarge(HttpFailed):
    """The answer is larger than it may be."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its headers by lower-case name, its body (empty if it went elsewhere)."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one request: the whole in seconds, the connection in seconds, the body in bytes."""

    timeout: float
    connect_timeout: float = 3.0
    body: int = PIECE


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """How servers are known: by the authorities of `ca_file`, or by the system's.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"ca_file {ca_file}: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    limits: Limits,
    tls: ssl.SSLContext | None = None,
    sink: Callable[[bytes], None] | None = None,
) -> Reply:
    """One request on a connection of its own; the body of a 200 goes to `sink`, if there is one.

    Raises:
        HttpFailed: there is no answer, or it ends early.
        HttpTooSlow, HttpTooLarge: a limit was passed.
    """
    where = urlsplit(url)
    server = f"{where.scheme}://{where.netloc}"
    connection = _connection(where.scheme, where.hostname or "", where.port, limits.connect_timeout, tls)
    too_slow = HttpTooSlow(f"{server} did not answer in full within {limits.timeout:.3g} s")
    try:
        with gevent.Timeout(max(0.001, limits.timeout), too_slow):
            connection.connect()
            connection.sock.settimeout(limits.timeout)
            target = where.path + (f"?{where.query}" if where.query else "")
            connection.request(method, target or "/", body, dict(headers))
            with closing(connection.getresponse()) as response:
                return _reply(response, server, limits.body, sink)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise HttpFailed(f"{server}: {_words(error)}") from error
    finally:
        connection.close()


class _Shared(io.RawIOBase):
    """A connection's bytes, with others' turn before each read.

    What is there already is read without waiting; so a server that sends fast what has no end (interim answers, tiny
    chunks, trailers) would have the process to itself, and no time limit would ever pass.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self.head_left: int | None = None  # bytes that the head may have; None: it has been read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        gevent.sleep(0)
        size: int | None = self._raw.readinto(buffer)
        if self.head_left is not None and size is not None:
            self.head_left -= size
            if self.head_left < 0:
                raise http.client.HTTPException(f"a head longer than {LONGEST_HEAD} bytes")
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        raw = self.fp.detach()
        self._shared = _Shared(raw)
        self.fp = io.BufferedReader(self._shared)

    def begin(self) -> None:
        self._shared.head_left = LONGEST_HEAD
        super().begin()
        self._shared.head_left = None


def _connection(
    scheme: str, host: str, port: int | None, timeout: float, tls: ssl.SSLContext | None
) -> http.client.HTTPConnection:
    connection = (
        http.client.HTTPSConnection(host, port, timeout=timeout, context=tls or tls_context())
        if scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=timeout)
    )
    connection.response_class = _Response
    return connection


def _reply(
    response: http.client.HTTPResponse, server: str, limit: int, sink: Callable[[bytes], None] | None
) -> Reply:
    announced = response.length
    if announced is not None and announced > limit:
        raise HttpTooLarge(f"{server} announces {announced} bytes, {limit} at most are taken")
    body = bytearray()
    take = sink if sink is not None and response.status == 200 else body.extend
    size = 0
    while piece := response.read(PIECE):
        size += len(piece)
        if size > limit:
            raise HttpTooLarge(f"{server} sends more than {limit} bytes")
        take(piece)
    if announced is not None and size < announced:
        raise HttpFailed(f"{server}: the answer ended after {size} of {announced} bytes")
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, headers, bytes(body))


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no connection in time"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    shown = "".join(letter if letter.isprintable() else " " for letter in text[:LONGEST_WORDS])
    return shown or type(error).__name__
