"""greenswitch's InboundESL: one connection to port 8021."""

from __future__ import annotations

from typing import Literal

from greenswitch.esl import NotConnectedError

from fsroute.errors import SwitchUnavailable
from fsroute.esl import commands
from fsroute.esl.errors import SessionClosed
from fsroute.esl.greenswitch.protocol import ESLProtocol
from fsroute.esl.link import Link, NotAdmitted, WrongPassword
from fsroute.esl.messages import Message


class InboundESL(ESLProtocol):
    """``fs = InboundESL(host, port, password); fs.connect(); fs.send('api status').data``."""

    def __init__(self, host: str, port: int, password: str, timeout: float = 5) -> None:
        super().__init__()
        self.host = host
        self.port = port
        self.password = password
        self.timeout = timeout
        self._link: Link | None = None

    @property
    def connected(self) -> bool:
        return self._link is not None and not self._link.transport.closed

    def connect(self) -> None:
        """Connect and authenticate.

        Raises:
            NotConnectedError: nobody answers within `timeout` seconds, or an access list refuses.
            OSError: nobody listens.
            ValueError: the password is wrong.
        """
        try:
            self._link = Link.open((self.host, int(self.port)), self.password, self, self.timeout)
        except WrongPassword:
            raise ValueError("Invalid password.") from None
        except NotAdmitted as error:
            raise NotConnectedError(f"Server closed connection, check FreeSWITCH config: {error}") from error
        except SwitchUnavailable as error:
            cause = error.__cause__
            if isinstance(cause, OSError) and not isinstance(cause, TimeoutError):
                raise cause from None
            raise NotConnectedError(str(error)) from error

    def stop(self) -> None:
        """Close the connection; does nothing when it is closed."""
        link = self._link
        if link is None or link.transport.closed:
            return
        try:
            link.request(commands.exit_(), 1.0)
        except SwitchUnavailable:
            pass
        link.close("stopped")

    def message_arrived(self, message: Message) -> None:
        """For the link."""
        self._message_arrived(message)

    def link_lost(self, reason: str) -> None:
        """For the link."""
        self._no_more_messages()

    def _request(self, command: bytes) -> Message:
        if self._link is None:
            raise SessionClosed("not connected")
        return self._link.request(command, self.command_timeout)

    def __enter__(self) -> InboundESL:
        self.connect()
        return self

    def __exit__(self, *_: object) -> Literal[False]:
        self.stop()
        return False
