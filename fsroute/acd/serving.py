"""What the agent's switch should do next for one offer: pure.

The proxy call's row and what the two legs are seen to do decide together; the join needs *agent accepted* and
*network leg present*, in either order.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from fsroute.model.proxy_call import NetworkLeg, ProxyCall, State

OFFER_GRACE = 1.0  # seconds beyond the offer time-out that the switch may take to tell of it
READY_GRACE = 3.0  # seconds beyond the offer time-out that an agent who has accepted may be kept waiting


class Agent(enum.StrEnum):
    """How far the agent's leg is, as seen on the switch."""

    DIALLED = "dialled"
    ANSWERED = "answered"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Legs:
    """What is seen of an offer's legs. Moments in seconds since the epoch.

    `parked`: the agent's leg can be bridged. `network_uuid` is the network leg as it came in here, or the
    caller's own channel where caller and agent are on one switch.
    """

    agent_leg_uuid: str
    offered_at: float
    agent: Agent = Agent.DIALLED
    cause: str = ""
    parked: bool = False
    key_asked: bool = False
    key: str = ""
    network_uuid: str | None = None
    accepted_at: float = 0.0
    joining: bool = False
    joined: bool = False


@dataclass(frozen=True, slots=True)
class AskForKey:
    """Tell the agent which key accepts."""


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
    """The offer is over: no leg of it may stay."""

    cause: str


Step = (
    AskForKey
    | ReportAccepted
    | ReportFailed
    | ReportNetworkLegAbsent
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
    if legs.agent is Agent.GONE:  # joined: the network leg failed first, through no fault of the agent
        return ReportFailed("join_failed" if legs.joined else REASONS.get(legs.cause, "failed"))
    if call.state is State.OFFERED:
        return _while_offered(call, legs, now)
    if call.state is State.READY:
        return _while_ready(call, legs, now)
    return TearDown("ORIGINATOR_CANCEL")


def _while_offered(call: ProxyCall, legs: Legs, now: float) -> Step | None:
    if legs.agent is Agent.ANSWERED and (call.accept_key is None or legs.key == call.accept_key):
        return ReportAccepted()
    if now >= _offer_ends(call, legs):
        return ReportFailed("key_not_pressed" if legs.agent is Agent.ANSWERED else "no_answer")
    if legs.agent is Agent.ANSWERED and legs.parked and not legs.key_asked:
        return AskForKey()
    return None


def _while_ready(call: ProxyCall, legs: Legs, now: float) -> Step | None:
    if legs.joining:
        return None
    if legs.parked and legs.network_uuid is not None and legs.network_uuid == _expected(call):
        return Join(legs.network_uuid)
    return ReportNetworkLegAbsent() if now >= _wait_ends(call, legs) else None


def _expected(call: ProxyCall) -> str | None:
    """The channel here that the agent is to be bridged with, once it is there."""
    if call.network_leg is NetworkLeg.NOT_NEEDED:
        return call.channel_uuid
    return call.rendezvous_uuid if call.network_leg is NetworkLeg.PRESENT else None


def _offer_ends(call: ProxyCall, legs: Legs) -> float:
    return legs.offered_at + call.offer_timeout + OFFER_GRACE


def _wait_ends(call: ProxyCall, legs: Legs) -> float:
    """When an agent who accepted has waited long enough: nobody stays reserved for long after the offer time-out."""
    longest = legs.offered_at + call.offer_timeout + READY_GRACE
    return min(legs.accepted_at + call.network_leg_timeout, longest)


def deadline(call: ProxyCall, legs: Legs) -> float | None:
    """When `decide` must be asked again though nothing has happened; None: never."""
    if call.state is State.OFFERED:
        return _offer_ends(call, legs)
    if call.state is State.READY and not legs.joining:
        return _wait_ends(call, legs)
    return None
