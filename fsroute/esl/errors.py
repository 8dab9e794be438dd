"""The errors of the event socket.

::

    FsrouteError
     ├── InvalidCommand (ValueError)      a value that must not go out; nothing was sent
     └── SwitchError
          ├── ProtocolError
          │    ├── LocalProtocolError     this program used the protocol wrongly
          │    └── RemoteProtocolError    the peer sent what the protocol does not allow
          ├── CommandRefused              FreeSWITCH answered -ERR
          │    └── TooManyPending         refused here, before FreeSWITCH would drop the socket
          └── SwitchUnavailable
               ├── CommandTimeout (TimeoutError)   no reply in time; whether it ran is not known
               └── SessionClosed          the call has left this connection
"""

from __future__ import annotations

from fsroute.errors import FsrouteError, SwitchError, SwitchUnavailable


class InvalidCommand(FsrouteError, ValueError):
    """A value holds a line end or a NUL, or is not of the form that its place asks for."""


class ProtocolError(SwitchError):
    """The event-socket protocol was broken; see the two classes below."""


class LocalProtocolError(ProtocolError):
    """This program used the protocol wrongly, such as bytes after the end of the stream."""


class RemoteProtocolError(ProtocolError):
    """The peer sent what the protocol does not allow, or stopped within a frame."""


class CommandRefused(SwitchError):
    """FreeSWITCH answered ``-ERR``; the text is its reply."""


class TooManyPending(CommandRefused):
    """More applications would wait on the channel than FreeSWITCH survives."""


class CommandTimeout(SwitchUnavailable, TimeoutError):
    """No reply came within the time limit; the command may or may not have run."""


class SessionClosed(SwitchUnavailable):
    """The call has left this connection: hung up, transferred, or the socket is gone."""
