"""An HTTP server: gevent.pywsgi with a limit on everything a peer may do."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer

from fsroute.errors import ConfigurationError

log = logging.getLogger(__name__)

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

MOST_HEADERS = 50
LONGEST_HEAD = 32_768  # bytes of headers: the library would take 6 MB, and a second to part some of them
LONGEST_BODY = 16_384  # bytes
BODY_LIMIT = 10.0  # seconds for a request's body to come
BACKLOG = 256
SAID_EVERY = 10.0  # seconds between two log lines of one kind


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Durations in seconds: a handshake, a request's head (so an idle connection, too), a silence, a connection."""

    handshake: float = 5.0
    head: float = 10.0
    silence: float = 15.0
    connection: float = 600.0
    connections: int = 200


class _Head:
    """The lines of a request's head, up to its longest."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = LONGEST_HEAD

    def readline(self, limit: int) -> bytes:
        line: bytes = self._file.readline(limit)
        self._left -= len(line)
        if self._left < 0:
            raise ValueError(f"a head longer than {LONGEST_HEAD} bytes")
        return line


class Handler(WSGIHandler):
    """One connection: ended when its head, a silence or the whole takes too long."""

    server: Server
    head: gevent.Timeout | None = None

    def handle(self) -> None:
        limits = self.server.limits
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(limits.silence)
        try:
            with gevent.Timeout(limits.connection):
                super().handle()
        except (gevent.Timeout, OSError) as error:  # too slow, or gone amid the head
            log.debug("a connection was ended: %s peer=%s", error, self.client_address)
        finally:
            self._head_came()

    def MessageClass(self, file: Any, *rest: Any) -> Any:  # noqa: N802 - pywsgi's name for what reads headers
        return super().MessageClass(_Head(file), *rest)  # type: ignore[arg-type]

    def read_requestline(self) -> str:
        gevent.sleep(
            0
        )  # requests that are there already are read without waiting: others shall have their turn
        self.head = gevent.Timeout.start_new(self.server.limits.head)
        return str(super().read_requestline())

    def read_request(self, raw_requestline: str) -> Any:
        read = super().read_request(raw_requestline)
        if len(self.headers) > MOST_HEADERS:
            raise ValueError(f"more than {MOST_HEADERS} headers")
        if self.headers.get("transfer-encoding") or (self.content_length or 0) > LONGEST_BODY:
            raise ValueError(f"a body without a length, or longer than {LONGEST_BODY} bytes")
        self._head_came()
        return read

    def _head_came(self) -> None:
        if self.head is not None:
            self.head.close()
            self.head = None

    def handle_error(self, kind: type[BaseException] | None, value: BaseException | None, trace: Any) -> None:
        """A fault of ours; or the peer or its time is gone amid an answer, or this server stops."""
        self.close_connection = True
        if not isinstance(value, gevent.Timeout | gevent.GreenletExit | OSError):
            log.error("a request failed", exc_info=value)
        self._send_error_response_if_possible(500)  # type: ignore[attr-defined]

    def log_request(self) -> None:
        log.debug("%s", self.format_request())

    def log_error(self, msg: str, *args: object) -> None:
        self.server.said.say(logging.INFO, "a request is none: " + (msg % args if args else msg))


class Server(WSGIServer):
    """Listens once started; `address` is then the true one."""

    handler_class = Handler

    def __init__(
        self,
        address: tuple[str, int],
        application: Wsgi,
        tls: ssl.SSLContext | None = None,
        limits: ServerLimits | None = None,
    ) -> None:
        self.limits = limits or ServerLimits()
        self.said = Seldom(log)
        self._tls = tls
        arguments: dict[str, Any] = {} if tls is None else {"ssl_context": tls}
        super().__init__(
            address,
            application,
            backlog=BACKLOG,
            spawn=Pool(self.limits.connections),
            log=None,
            error_log=None,
            **arguments,
        )

    def wrap_socket_and_handle(self, client_socket: socket.socket, address: Any) -> None:
        assert self._tls is not None
        client_socket.settimeout(self.limits.handshake)
        wrapped = self._tls.wrap_socket(client_socket, server_side=True, do_handshake_on_connect=False)
        try:
            with gevent.Timeout(self.limits.handshake):
                wrapped.do_handshake()
            self.handle(wrapped, address)
        except (gevent.Timeout, OSError) as error:
            self.said.say(logging.INFO, f"no TLS handshake: {error}")
        finally:
            wrapped.close()


def read_body(environ: dict[str, Any]) -> bytes | None:
    """The request's body; the server has seen to its length. None: it did not come in time."""
    limit = gevent.Timeout(BODY_LIMIT)
    try:
        with limit:
            body: bytes = environ["wsgi.input"].read(LONGEST_BODY)
            return body
    except gevent.Timeout as passed:
        if passed is not limit:
            raise
        return None


class Seldom:
    """Logs one line of a kind every few seconds, with how many were left out: peers cannot fill the disk."""

    def __init__(self, logger: logging.Logger, every: float = SAID_EVERY) -> None:
        self._logger = logger
        self._every = every
        self._next = 0.0
        self._left_out = 0

    def say(self, level: int, text: str) -> None:
        now = time.monotonic()
        if now < self._next:
            self._left_out += 1
            return
        more = f" (and {self._left_out} more before)" if self._left_out else ""
        self._logger.log(level, "%s%s", text, more)
        self._next, self._left_out = now + self._every, 0


def tls_of_server(certificate: str, key: str) -> ssl.SSLContext | None:
    """How this server shows who it is; None without a certificate.

    Raises:
        ConfigurationError: certificate or key cannot be used.
    """
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(Path(certificate), Path(key))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"appserver: certificate {certificate}, key {key}: {error}") from error
    return context
