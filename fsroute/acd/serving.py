"""What the agent's switch should do next for one offer: pure.

The proxy call's row and what the two legs are seen to do decide together; the join needs *agent accepted* and
*network leg present*, in either order. The agent's leg was dialled for this offer and ends with it, or is a
standing leg, which goes back to stand.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from fsroute.model.proxy_call import CallerLeg, NetworkLeg, ProxyCall, State

OFFER_GRACE = 1.0  # seconds beyond the offer time-out that the switch may take to tell of it
READY_GRACE = 3.0  # seconds beyond the offer time-out that an agent who has accepted may be kept waiting
ANNOUNCEMENT_LIMIT = 10.0  # seconds after which an announcement is over, whatever was heard of its end


SWITCH_DIED = "SWITCH_DIED"
"""The cause of a leg's end where its switch was restarted, or does not answer: no fault of the agent's."""


class Agent(enum.StrEnum):
    """How far the agent's leg is, as seen on the switch."""

    DIALLED = "dialled"
    ANSWERED = "answered"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Legs:
    """What is seen of an offer's legs. Moments in seconds since the epoch.

    `agent_leg_uuid` names the attempt, as the reservation does; a leg that was dialled for it is the channel of
    that name, a standing leg is `standing_uuid`. `parked`: the agent's leg can be bridged. `sounds` are what the
    agent hears before accepting. `network_uuid` is the network leg as it came in here, or the caller's own
    channel where caller and agent are on one switch.
    """

    agent_leg_uuid: str
    offered_at: float
    agent: Agent = Agent.DIALLED
    cause: str = ""
    standing_uuid: str | None = None
    parked: bool = False
    sounds: tuple[str, ...] = ()
    announced_at: float = 0.0  # when the sounds began
    announced: bool = False
    key_asked: bool = False
    key: str = ""
    network_uuid: str | None = None
    accepted_at: float = 0.0
    waits_audibly: bool = False
    joining: bool = False
    joined: bool = False

    @property
    def channel(self) -> str:
        """The agent's channel on the switch."""
        return self.standing_uuid or self.agent_leg_uuid


@dataclass(frozen=True, slots=True)
class Announce:
    """Play to the agent what tells of the contact."""


@dataclass(frozen=True, slots=True)
class AskForKey:
    """Tell the agent which key accepts."""


@dataclass(frozen=True, slots=True)
class PlayRingback:
    """The agent has accepted and waits for a caller who is being called back."""


@dataclass(frozen=True, slots=True)
class ReportAccepted:
    """The agent is there."""


@dataclass(frozen=True, slots=True)
class ReportFailed:
    """The agent did not come to serve."""

    reason: str


@dataclass(frozen=True, slots=True)
class ReportNetworkLegAbsent:
    """The agent waits in vain for the network leg."""


@dataclass(frozen=True, slots=True)
class ReportCallerAbsent:
    """The agent waits in vain for the caller who is being called back."""


@dataclass(frozen=True, slots=True)
class Join:
    """Answer the network leg and bridge the two."""

    network_uuid: str


@dataclass(frozen=True, slots=True)
class ReportJoined:
    """Caller and agent talk."""


@dataclass(frozen=True, slots=True)
class ReportLeft:
    """The agent's leg ended after the talk."""

    cause: str


@dataclass(frozen=True, slots=True)
class TearDown:
    """The offer is over: no leg of it may stay, save that a standing leg stands again."""

    cause: str


Step = (
    Announce
    | AskForKey
    | PlayRingback
    | ReportAccepted
    | ReportFailed
    | ReportNetworkLegAbsent
    | ReportCallerAbsent
    | Join
    | ReportJoined
    | ReportLeft
    | TearDown
)

REASONS = {
    "NO_ANSWER": "no_answer",
    "NO_USER_RESPONSE": "no_answer",
    "ALLOTTED_TIMEOUT": "no_answer",
    "RECOVERY_ON_TIMER_EXPIRE": "no_answer",
    "ORIGINATOR_CANCEL": "no_answer",
    "USER_BUSY": "busy",
    "CALL_REJECTED": "refused",
    "USER_NOT_REGISTERED": "gone",
    "SUBSCRIBER_ABSENT": "gone",
    "NORMAL_CLEARING": "gone",
    "STANDING_LEG_LOST": "standing_leg_lost",
    SWITCH_DIED: "switch_away",
}
"""FreeSWITCH's hang-up causes of an agent's leg, as reasons why an offer failed; any other is ``failed``."""

_JOINABLE = (NetworkLeg.PRESENT, NetworkLeg.NOT_NEEDED)


def decide(call: ProxyCall, legs: Legs, now: float) -> Step | None:
    """The one thing to do now; None: nothing until something happens or `deadline` comes."""
    if not call.is_live or call.agent_leg_uuid != legs.agent_leg_uuid:
        return TearDown("NORMAL_CLEARING" if call.state is State.ENDED else "ORIGINATOR_CANCEL")
    if call.state is State.BRIDGED:
        return ReportLeft(legs.cause) if legs.agent is Agent.GONE else None
    if call.state is State.READY and legs.joined and call.network_leg in _JOINABLE:
        return ReportJoined()
    if legs.agent is Agent.GONE:
        return ReportFailed(_reason(legs))
    if call.state is State.OFFERED:
        return _while_offered(call, legs, now)
    if call.state is State.READY:
        return _while_ready(call, legs, now)
    return TearDown("ORIGINATOR_CANCEL")


def _reason(legs: Legs) -> str:
    if legs.cause == SWITCH_DIED:
        return REASONS[SWITCH_DIED]
    if legs.joined:  # the network leg failed first, through no fault of the agent
        return "join_failed"
    return "standing_leg_lost" if legs.standing_uuid else REASONS.get(legs.cause, "failed")


def _while_offered(call: ProxyCall, legs: Legs, now: float) -> Step | None:
    """The announcement, then the key if the address asks for one; who knows the key need not wait for the end."""
    here = legs.agent is Agent.ANSWERED
    told = here and _is_told(call, legs, now)
    if told if call.accept_key is None else here and legs.key == call.accept_key:
        return ReportAccepted()
    if now >= _offer_ends(call, legs):
        return ReportFailed(_not_taken(legs))
    if not (here and legs.parked):
        return None
    if legs.sounds and not legs.announced_at:
        return Announce()
    return AskForKey() if told and not legs.key_asked else None


def _is_told(call: ProxyCall, legs: Legs, now: float) -> bool:
    """Nothing more is to be played before the acceptance."""
    if legs.announced or not legs.sounds:
        return True
    if not legs.announced_at:  # a standing leg that is still in a talk has not accepted
        return now >= _offer_ends(call, legs) and (legs.parked or legs.standing_uuid is None)
    return now >= _announcement_ends(call, legs)


def _not_taken(legs: Legs) -> str:
    if legs.agent is not Agent.ANSWERED:
        return "no_answer"
    return "busy" if legs.standing_uuid and not legs.parked else "key_not_pressed"


def _while_ready(call: ProxyCall, legs: Legs, now: float) -> Step | None:
    if legs.joining:
        return None
    if legs.parked and legs.network_uuid is not None and legs.network_uuid == _expected(call):
        return Join(legs.network_uuid)
    absent = call.caller_leg is not CallerLeg.PRESENT
    if now >= _wait_ends(call, legs):
        return ReportCallerAbsent() if absent else ReportNetworkLegAbsent()
    return PlayRingback() if absent and legs.parked and not legs.waits_audibly else None


def _expected(call: ProxyCall) -> str | None:
    """The channel here that the agent is to be bridged with, once it is there."""
    if call.network_leg is NetworkLeg.NOT_NEEDED:
        return call.channel_uuid if call.caller_leg is CallerLeg.PRESENT else None
    return call.rendezvous_uuid if call.network_leg is NetworkLeg.PRESENT else None


def _offer_ends(call: ProxyCall, legs: Legs) -> float:
    return legs.offered_at + call.offer_timeout + OFFER_GRACE


def _announcement_ends(call: ProxyCall, legs: Legs) -> float:
    """The news of the end may be lost, and nothing is played beyond the offer."""
    return min(legs.announced_at + ANNOUNCEMENT_LIMIT, _offer_ends(call, legs))


def _wait_ends(call: ProxyCall, legs: Legs) -> float:
    """When an agent who accepted has waited long enough: nobody stays reserved for long after the offer time-out.

    Somebody who is being called back gets all of that time.
    """
    longest = legs.offered_at + call.offer_timeout + READY_GRACE
    called_back = call.callback_number or call.caller_leg is not CallerLeg.PRESENT
    return longest if called_back else min(legs.accepted_at + call.network_leg_timeout, longest)


def deadline(call: ProxyCall, legs: Legs) -> float | None:
    """When `decide` must be asked again though nothing has happened; None: never."""
    if call.state is State.OFFERED:
        announcing = legs.announced_at and not legs.announced
        return _announcement_ends(call, legs) if announcing else _offer_ends(call, legs)
    if call.state is State.READY and not legs.joining:
        return _wait_ends(call, legs)
    return None
