"""One event socket under gevent: the bytes move in the hub, so that nobody's handler stalls them.

FreeSWITCH freezes the event sockets of its whole host when one client stops reading. So a transport
has no reading greenlet that could be held up: the hub's own callback reads, and hands every
message on at once. It costs no stack either, which is most of what a session costs.
"""

from __future__ import annotations

import _socket
import logging
import socket
from collections.abc import Mapping
from typing import Any, Final, Protocol

import gevent
from gevent.event import AsyncResult

from fsroute.esl.errors import CommandTimeout, LocalProtocolError, ProtocolError, SessionClosed
from fsroute.esl.messages import API_RESPONSE, COMMAND_REPLY, Message
from fsroute.esl.protocol import NEED_DATA, Connection, ConnectionClosed

logger = logging.getLogger(__name__)
wire = logging.getLogger("fsroute.esl.wire")  # everything that crosses, at DEBUG; no password

COMMAND_TIMEOUT: Final = 5.0  # seconds
READ_SIZE: Final = 1 << 16  # bytes taken at once, so that one busy socket does not hold the hub
MAX_UNSENT: Final = 1 << 20  # bytes; a peer that reads no commands is gone

_READ, _WRITE = 1, 2  # libev's event masks


def wait_for(waiter: AsyncResult[Message], command: bytes, timeout: float) -> Message:
    """The reply that `waiter` gets to `command`.

    Raises:
        CommandTimeout: no reply within `timeout` seconds.
        SessionClosed: the connection went while the reply was awaited.
    """
    waiter.wait(timeout)
    if not waiter.ready():
        first = command.split(b"\n", 1)[0].split(b" ", 1)[0].decode()
        raise CommandTimeout(f"no reply to {first} within {timeout:g} s")
    reply = waiter.get()
    assert reply is not None
    return reply


def plain_socket(sock: Any) -> _socket.socket:
    """`sock` as a socket of the interpreter's own type; gevent's would keep watchers of its own."""
    return sock if type(sock) is _socket.socket else _socket.socket(fileno=sock.detach())


class Receiver(Protocol):
    """Whom a transport hands its messages to. Called in the hub: must not block."""

    def message_arrived(self, message: Message) -> None:
        """A message that answers no command: an event, a notice, a request."""

    def connection_lost(self, reason: str) -> None:
        """Called once, after the last message."""


class Tap(Protocol):
    """Who is shown what crosses a socket. Called in the hub: must neither block nor raise.

    Bare newlines that only wake FreeSWITCH are not shown.
    """

    def received(self, data: bytes) -> None:
        """Bytes that FreeSWITCH sent; empty at the end of the file."""

    def sent(self, data: bytes) -> None:
        """Whole commands, the password of ``auth`` among them."""

    def noted(self, facts: Mapping[str, object]) -> None:
        """What the owner of the session knows from now on."""

    def closed(self, reason: str) -> None:
        """The connection is gone; notes may follow."""

    def finished(self) -> None:
        """Nothing follows."""


class _Nobody:
    """The receiver of a closed transport."""

    def message_arrived(self, message: Message) -> None:
        """Nothing comes any more."""

    def connection_lost(self, reason: str) -> None:
        """It is lost already."""


_NOBODY: Final = _Nobody()

END: Final = b"\n\n"
"""Of a command: FreeSWITCH performs it now."""


class Transport:
    """Sends commands, pairs replies with them first in first out, hands on everything else."""

    __slots__ = (
        "_loop",
        "_out",
        "_owner",
        "_protocol",
        "_reader",
        "_socket",
        "_waiting",
        "_writer",
        "reason",
        "tap",
    )

    def __init__(self, sock: _socket.socket, owner: Receiver, tap: Tap | None = None) -> None:
        """`sock` is a connected socket of the interpreter's own type; the transport closes it."""
        self.tap = tap
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._owner: Receiver = owner
        self._protocol = Connection()
        self._waiting: list[AsyncResult[Message]] = []
        self._out = b""
        self._loop: Any = gevent.get_hub().loop
        self._writer: Any = None
        self._reader: Any = self._loop.io(sock.fileno(), _READ)
        self.reason: str | None = None
        """Why the connection is gone; None while it stands."""
        self._reader.start(self._readable)

    @property
    def closed(self) -> bool:
        return self.reason is not None

    @property
    def awaits_reply(self) -> bool:
        """A command was sent that is not answered yet."""
        return bool(self._waiting)

    def send(self, data: bytes) -> None:
        """Write without waiting; what the kernel does not take now goes out when it can.

        Raises:
            SessionClosed: the connection is gone.
        """
        if self.tap is not None and self.reason is None:
            self.tap.sent(data)
        self._send(data)

    def begin(self, command: bytes) -> None:
        """Send all of `command` but its end; nothing else may be sent before `end`.

        Raises:
            SessionClosed: the connection is gone.
        """
        self._send(command.removesuffix(END))

    def end(self, command: bytes) -> AsyncResult[Message]:
        """Send what `begin` has left of `command`; the result will be set to its reply, or to SessionClosed.

        Raises:
            SessionClosed: the connection is gone.
        """
        self._send(END)
        if self.tap is not None:
            self.tap.sent(command)
        waiter: AsyncResult[Message] = AsyncResult()
        self._waiting.append(waiter)
        return waiter

    def _send(self, data: bytes) -> None:
        if self.reason is not None:
            raise SessionClosed(self.reason)
        if self._out:
            self._keep(self._out + data)
            return
        try:
            sent = self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:  # what the peer sent before it left is still to be read
            raise SessionClosed(f"cannot send: {error.strerror}") from error
        if sent < len(data):
            self._keep(data[sent:])

    def ask(self, *commands: bytes) -> list[AsyncResult[Message]]:
        """Send commands in one go; each result will be set to its reply, or to SessionClosed."""
        if wire.isEnabledFor(logging.DEBUG):
            for command in commands:
                wire.debug("> %r", command[:5] if command.startswith(b"auth ") else command)
        self.send(b"".join(commands))
        waiters: list[AsyncResult[Message]] = [AsyncResult() for _ in commands]
        self._waiting += waiters
        return waiters

    def request(self, command: bytes, timeout: float = COMMAND_TIMEOUT) -> Message:
        """Send `command` and wait for its reply.

        A reply that comes after the time limit is still paired with its command, and dropped.

        Raises:
            CommandTimeout: no reply within `timeout` seconds.
            SessionClosed: the connection is gone, or went while the reply was awaited.
        """
        return wait_for(self.ask(command)[0], command, timeout)

    def poke(self) -> None:
        """Send a bare newline, unless a command is only half out."""
        if self.reason is None and not self._out:
            try:
                self._socket.send(b"\n")
            except OSError:
                pass  # full, or gone: the reader will know

    def close(self, reason: str) -> None:
        """Close now; whoever waits for a reply gets SessionClosed. Does nothing the second time."""
        if self.reason is not None:
            return
        self.reason = reason
        for watcher in (self._reader, self._writer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._reader = self._writer = None
        self._out = b""
        self._socket.close()
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.set_exception(SessionClosed(reason))
        owner, self._owner = self._owner, _NOBODY  # so that no cycle keeps the two alive
        if self.tap is not None:
            self.tap.closed(reason)
        owner.connection_lost(reason)

    def shut_down(self) -> None:
        """Make both directions end without touching any state; safe from another thread."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _readable(self) -> None:
        try:
            data = self._socket.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.close(f"connection lost: {error.strerror}")
            return
        if self.tap is not None:
            self.tap.received(data)
        try:
            self._protocol.receive_data(data)
            self._deliver()
        except ProtocolError as error:
            logger.warning("event socket closed by us: %s", error)
            self.close(str(error))
        except Exception as error:
            logger.exception("event socket closed by us: a message could not be handed on")
            self.close(f"{type(error).__name__} while a message was handed on")

    def _deliver(self) -> None:
        next_event = self._protocol.next_event
        talkative = wire.isEnabledFor(logging.DEBUG)
        while self.reason is None:
            message = next_event()
            if message is NEED_DATA:
                return
            if talkative:
                wire.debug("< %r %s", message, getattr(message, "reply_text", ""))
            if isinstance(message, ConnectionClosed):
                self.close("FreeSWITCH closed the connection")
            elif message.content_type in (COMMAND_REPLY, API_RESPONSE):
                self._answer(message)
            else:
                self._owner.message_arrived(message)

    def _answer(self, reply: Message) -> None:
        if not self._waiting:
            raise LocalProtocolError(f"a {reply.content_type} that answers no command")
        self._waiting.pop(0).set(reply)

    def _keep(self, unsent: bytes) -> None:
        if len(unsent) > MAX_UNSENT:
            self.close(f"FreeSWITCH has read nothing of {len(unsent)} bytes")
            raise SessionClosed(self.reason)
        self._out = unsent
        if self._writer is None:
            self._writer = self._loop.io(self._socket.fileno(), _WRITE)
            self._writer.start(self._writable)

    def _writable(self) -> None:
        try:
            self._out = self._out[self._socket.send(self._out) :]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._out = b""  # the reader will find the end
        if not self._out:
            self._writer.stop()
            self._writer.close()
            self._writer = None
