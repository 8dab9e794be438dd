"""A face with greenswitch's names, signatures and exceptions, over fsroute's event socket.

An application written for greenswitch 0.0.19 runs on it with one line changed::

    import greenswitch                    ->  from fsroute.esl import greenswitch
    from greenswitch import InboundESL    ->  from fsroute.esl.greenswitch import InboundESL
    from greenswitch.esl import …         ->  from fsroute.esl.greenswitch.esl import …

The exceptions are greenswitch's own classes, so ``except`` clauses that name them go on working.
What differs, because greenswitch hangs, loses calls or mixes them up there:

* a blocking application is correlated by its Event-UUID, not by its name, and ends with
  OutboundSessionHasGoneAway when FreeSWITCH refuses it or the connection goes;
* every command has a time limit, ``command_timeout``; after it NotConnectedError is raised;
* values with line ends raise a ValueError instead of becoming commands;
* ``linger()`` without a time lingers 30 seconds: FreeSWITCH would keep the session for ever;
* a call above ``max_connections`` is hung up instead of left in park, and a handled one that ends
  alive goes on in the dialplan;
* a header is decoded after the lines are split; the body of an event is in ``event.data``.
"""

from fsroute.esl.greenswitch.events import ESLEvent
from fsroute.esl.greenswitch.inbound import InboundESL
from fsroute.esl.greenswitch.outbound import OutboundSession
from fsroute.esl.greenswitch.protocol import ESLProtocol
from fsroute.esl.greenswitch.server import OutboundESLServer

__all__ = ["ESLEvent", "ESLProtocol", "InboundESL", "OutboundESLServer", "OutboundSession"]
