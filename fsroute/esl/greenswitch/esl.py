"""The names of greenswitch's module ``esl``."""

from greenswitch.esl import NotConnectedError, OutboundSessionHasGoneAway

from fsroute.esl.greenswitch.events import ESLEvent
from fsroute.esl.greenswitch.inbound import InboundESL
from fsroute.esl.greenswitch.outbound import OutboundSession
from fsroute.esl.greenswitch.protocol import ESLProtocol
from fsroute.esl.greenswitch.server import OutboundESLServer

__all__ = [
    "ESLEvent",
    "ESLProtocol",
    "InboundESL",
    "NotConnectedError",
    "OutboundESLServer",
    "OutboundSession",
    "OutboundSessionHasGoneAway",
]
