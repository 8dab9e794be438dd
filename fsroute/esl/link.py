"""One authenticated connection to a switch's event socket, port 8021."""

from __future__ import annotations

import _socket
import logging
from collections.abc import Callable
from typing import Protocol

from gevent import socket
from gevent.event import Event as Flag

from fsroute.errors import SwitchUnavailable
from fsroute.esl import commands
from fsroute.esl.errors import SessionClosed
from fsroute.esl.messages import AUTH_REQUEST, DISCONNECT_NOTICE, RUDE_REJECTION, Message
from fsroute.esl.transport import COMMAND_TIMEOUT, Tap, Transport, plain_socket

logger = logging.getLogger(__name__)


class NotAdmitted(SwitchUnavailable):
    """FreeSWITCH does not let us in: a wrong password, or an access list. Asking again soon is no use."""


class WrongPassword(NotAdmitted):
    """FreeSWITCH answered -ERR to ``auth``."""


class Listener(Protocol):
    """Who is told what comes over a link. Called in the hub: must not block."""

    def message_arrived(self, message: Message) -> None: ...

    def link_lost(self, reason: str) -> None: ...


class Link:
    """A connection that has passed ``auth``; made by :meth:`open`."""

    def __init__(self, sock: _socket.socket, listener: Listener, tap: Tap | None = None) -> None:
        self._listener = listener
        self._greeted = Flag()
        self._rejected: str | None = None
        self._open = False
        self.transport = Transport(sock, self, tap)

    @classmethod
    def open(
        cls,
        address: tuple[str, int],
        password: str,
        listener: Listener,
        timeout: float = COMMAND_TIMEOUT,
        tap: Callable[[], Tap | None] = lambda: None,
    ) -> Link:
        """Connect and authenticate, each step within `timeout` seconds.

        Raises:
            NotAdmitted: the password is wrong, or an access list refuses this host.
            SwitchUnavailable: nobody listens, or nobody answers.
        """
        link = cls(_connect(address, timeout), listener, tap())
        try:
            link._authenticate(password, timeout)
        except BaseException as error:
            link.close(str(error))
            raise
        link._open = True
        return link

    def close(self, reason: str) -> None:
        self.transport.close(reason)

    def request(self, command: bytes, timeout: float = COMMAND_TIMEOUT) -> Message:
        """Send and wait for the reply; raises as :meth:`Transport.request`."""
        return self.transport.request(command, timeout)

    def message_arrived(self, message: Message) -> None:
        """For the transport."""
        if message.content_type == AUTH_REQUEST:
            self._greeted.set()
        elif message.content_type == RUDE_REJECTION:
            self._rejected = message.text
            self._greeted.set()
        else:
            self._listener.message_arrived(message)
            if message.content_type == DISCONNECT_NOTICE:
                self.close("FreeSWITCH has ended the connection")

    def connection_lost(self, reason: str) -> None:
        """For the transport."""
        self._greeted.set()
        if self._open:
            self._listener.link_lost(reason)

    def _authenticate(self, password: str, timeout: float) -> None:
        if not self._greeted.wait(timeout):
            raise SwitchUnavailable(f"no greeting within {timeout:g} s")
        if self._rejected is not None:
            raise NotAdmitted(f"FreeSWITCH refuses this host: {self._rejected}")
        try:
            refusal = self.request(commands.auth(password), timeout).refusal
        except SessionClosed as error:
            raise SwitchUnavailable(f"closed during authentication: {error}") from error
        if refusal is not None:
            raise WrongPassword(f"FreeSWITCH refuses the password: {refusal}")


def _connect(address: tuple[str, int], timeout: float) -> _socket.socket:
    try:
        connected = socket.create_connection(address, timeout)
    except OSError as error:
        raise SwitchUnavailable(f"{address[0]}:{address[1]}: {error}") from error
    sock = plain_socket(connected)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return sock
