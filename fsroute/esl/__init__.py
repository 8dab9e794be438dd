"""The event socket: messages, commands, protocol (pure), and the gevent drivers over them.

The drivers are imported from their modules (``session``, ``outbound``, ``inbound``,
``greenswitch``), so that a pure module does not load gevent.
"""

from fsroute.esl.errors import (
    CommandRefused,
    CommandTimeout,
    InvalidCommand,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
    SessionClosed,
    TooManyPending,
)
from fsroute.esl.messages import Event, Message
from fsroute.esl.protocol import CLOSED, NEED_DATA, Connection, ConnectionClosed

__all__ = [
    "CLOSED",
    "NEED_DATA",
    "CommandRefused",
    "CommandTimeout",
    "Connection",
    "ConnectionClosed",
    "Event",
    "InvalidCommand",
    "LocalProtocolError",
    "Message",
    "ProtocolError",
    "RemoteProtocolError",
    "SessionClosed",
    "TooManyPending",
]
