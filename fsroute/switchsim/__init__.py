"""A FreeSWITCH stand-in that speaks the event socket both ways, for tests and the demonstration.

`Network` joins several `Switch` objects and the people with telephones; no media flows, a file
takes the time that it lasts. Held against recorded traffic of FreeSWITCH 1.11.2.

What is different from a real one, and known:

- Events carry the headers that somebody reads, not all of them: no SDP, no RTP statistics, the
  caller's file and line are not those of FreeSWITCH's sources; no CODEC, CALL_UPDATE and PRESENCE_IN events.
- The order between events of two channels follows the greenlets; per channel it is that of
  FreeSWITCH. DTMF is sent when the digit is taken; the real one may send it a little later.
- Only ``plain`` events; no ``userauth``, no ACL; ``socket`` is always asynchronous.
- A client that does not read stops its own connection only (the real one stops the whole host).
- SIP itself is not there: no re-INVITE, no REFER (an agent's is refused and counted); no REGISTER, tests register
  telephones by `Switch.registrations`.
- Sound is a name: ``file …``, ``talking with …``, ``silence``. The tone of a ringing network is
  ``ringing``. A caller sends silence to ``record``.
- No conference: recordings of those are not replayed. mod_callcenter has one strategy and no tier rules (`callcenter`).
- ``sched_transfer`` comes to the millisecond (the real one looks once a second); limits of
  ``originate`` count whole seconds of the clock, as the real ones do.
- Behind a lost socket with ``socket_resume`` everything but an endless playback ends at once.
- CHANNEL_DESTROY comes when the last outbound connection of the channel is gone, as in FreeSWITCH;
  until then ``uuid_exists`` is true and ``show channels`` lists the channel.
"""

from fsroute.switchsim.dialplan import Dialplan
from fsroute.switchsim.media import Sounds
from fsroute.switchsim.network import Fault, Network
from fsroute.switchsim.people import (
    Agent,
    Answers,
    Busy,
    Caller,
    Dead,
    HangUp,
    NoAnswer,
    Press,
    Rejects,
    Scenario,
    Speak,
    Wait,
    WaitFor,
)
from fsroute.switchsim.switch import Options, Switch
from fsroute.switchsim.telephones import AgentCall, CallerCall
from fsroute.switchsim.timeline import Heard, Timeline

__all__ = [
    "Agent",
    "AgentCall",
    "Answers",
    "Busy",
    "Caller",
    "CallerCall",
    "Dead",
    "Dialplan",
    "Fault",
    "HangUp",
    "Heard",
    "Network",
    "NoAnswer",
    "Options",
    "Press",
    "Rejects",
    "Scenario",
    "Sounds",
    "Speak",
    "Switch",
    "Timeline",
    "Wait",
    "WaitFor",
]
