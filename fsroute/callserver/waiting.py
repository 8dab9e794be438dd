"""What a waiting caller's channel should do next: pure.

The proxy call's row and what the channel is doing decide together, whatever happened in which order: after a
restart the same rule goes on from where the call stands.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, replace

from fsroute.callserver.waits import wait_step
from fsroute.model.proxy_call import AgentLeg, CallerLeg, NetworkLeg, ProxyCall, State
from fsroute.model.routing import TimeLineStep, Way


class Doing(enum.StrEnum):
    """What the caller's channel executes."""

    NOTHING = "nothing"
    MUSIC = "music"
    SPEAKING = "speaking"  # a prompt plays; it ends as soon as an agent is about to come
    RAISING = "raising"  # bridge runs; the network leg is not answered
    TALKING = "talking"  # bridge runs; the network leg is answered
    TAKEN = "taken"  # the switch takes the channel for a bridge of its own


@dataclass(frozen=True, slots=True)
class Channel:
    """The caller's channel as this process sees it. `raise_after` is in seconds since the epoch.

    `called`: fsroute dialled it, to call the caller back. `treated` is the number of the last step of the time
    line that the caller heard, `asking` while a question to the caller is open. `chosen`: the caller has chosen to be
    called back here, and `told`: has been told so and may hang up.
    """

    doing: Doing = Doing.NOTHING
    leg_uuid: str | None = None
    dropping: bool = False
    raise_after: float = 0.0
    last_cause: str = ""  # of the conversation that ended, as FreeSWITCH names causes; or `NEVER_BEGAN`
    uuid: str = ""
    called: bool = False
    treated: int = 0
    asking: bool = False
    chosen: bool = False
    told: bool = False
    announce_at: float = 0.0  # when the caller is to hear position and expected wait again
    rings_until: float = (
        0.0  # when a leg that is not answered by then is in vain, since the agent has left; 0: nobody has
    )

    def over(self, cause: str) -> Channel:
        """The bridge ended."""
        return replace(self, doing=Doing.NOTHING, leg_uuid=None, dropping=False, last_cause=cause)


@dataclass(frozen=True, slots=True)
class PlayMusic:
    """Hold music, from now until something better is known."""


@dataclass(frozen=True, slots=True)
class RaiseLeg:
    """Call the agent's switch with a token."""


@dataclass(frozen=True, slots=True)
class DropLeg:
    """The leg is not wanted any more."""

    leg_uuid: str


@dataclass(frozen=True, slots=True)
class ReportLegFailed:
    """The leg that the row speaks of does not exist."""

    leg_uuid: str | None


@dataclass(frozen=True, slots=True)
class ReportConversationEnded:
    """The bridge is over and the caller is still there."""

    lost: bool


@dataclass(frozen=True, slots=True)
class Hush:
    """An agent is about to come: what is said or asked ends now."""


@dataclass(frozen=True, slots=True)
class Treat:
    """The time line has something for the caller to hear."""

    step: TimeLineStep
    number: int


@dataclass(frozen=True, slots=True)
class AnnounceWait:
    """It is time to tell position and expected wait, if they are known well enough."""

    step: TimeLineStep


@dataclass(frozen=True, slots=True)
class Leave:
    """The time line takes the caller out of the queue."""

    way: Way


@dataclass(frozen=True, slots=True)
class Farewell:
    """The caller will be called back: say so."""


@dataclass(frozen=True, slots=True)
class ReportCallerBack:
    """The caller, who was to be called back, is on this channel."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The proxy call is over, or waits on without the caller (`CALLED_BACK`).

    The application goes on with this result.
    """

    result: str


Step = (
    PlayMusic
    | RaiseLeg
    | DropLeg
    | ReportLegFailed
    | ReportConversationEnded
    | Hush
    | Treat
    | AnnounceWait
    | Leave
    | Farewell
    | ReportCallerBack
    | Finish
)

CALLED_BACK = "called_back"
"""The result of a wait that goes on without the caller."""

RESULTS = {
    State.ENDED: "served",
    State.OVERFLOWED: "overflowed",
    State.REFUSED: "refused",
    State.ABANDONED: "failed",
    State.LOST: "failed",
    State.UNREACHED: "failed",
    State.UNREACHED: "failed",
}

LEAVING = ("voice_message", "number")
"""The steps of a time line with which the caller leaves the queue."""

NEVER_BEGAN = "NEVER_BEGAN"
"""The cause of a conversation that the agent's site believed in, and whose network leg was never answered here."""

ANSWER_LIMIT = 2.0  # seconds after the agent's leaving in which an answer may still be on its way

_ORDERLY = frozenset({"NORMAL_CLEARING", "SUCCESS", ""})
_DISORDERLY = frozenset({"MEDIA_TIMEOUT", "SYSTEM_SHUTDOWN", "CRASH"})
_REASON = re.compile(r'SIP;cause=[0-9]{1,4};text="([A-Z_]{1,40})"')


def ended_by(cause: str, reason: str) -> str:
    """How a conversation ended, by the cause of its bridge and the last Reason header from the network leg.

    A BYE tells FreeSWITCH's own causes, those beyond Q.850, in words only: the switch that reads it takes it for
    NORMAL_CLEARING [sofia_on_hangup in mod_sofia.c, sofia_handle_sip_i_bye in sofia.c].
    """
    found = _REASON.fullmatch(reason)
    told = found[1] if found else ""
    return told if cause in _ORDERLY and told in _DISORDERLY else cause


def decide(call: ProxyCall, channel: Channel, now: float) -> Step | None:
    """The one thing to do now; None: all is as it should be. `now` is in seconds since the epoch."""
    bridging = channel.doing in (Doing.RAISING, Doing.TALKING)
    if channel.dropping or (channel.doing is Doing.TAKEN and call.is_live and not is_left(call)):
        return None
    if not call.is_live:
        needed = call.network_leg is NetworkLeg.JOINED  # the consultation is over, its leg goes on in a talk
        drop = bridging and channel.leg_uuid is not None and not needed
        return DropLeg(channel.leg_uuid or "") if drop else Finish(RESULTS[call.state])
    if call.caller_leg is not CallerLeg.PRESENT:
        return _while_to_be_called_back(call, channel)
    if (way := _leaving(call, channel)) is not None:
        return Leave(way)
    if call.state is State.BRIDGED:
        return _in_conversation(call, channel, now) if bridging else _after_conversation(call, channel)
    if bridging:
        wanted = (
            call.network_leg in (NetworkLeg.RAISING, NetworkLeg.PRESENT)
            and channel.leg_uuid == call.network_leg_uuid
        )
        return None if wanted or channel.leg_uuid is None else DropLeg(channel.leg_uuid)
    if call.network_leg in (NetworkLeg.RAISING, NetworkLeg.PRESENT):
        return ReportLegFailed(call.network_leg_uuid)
    if call.network_leg is NetworkLeg.WANTED and channel.raise_after <= now:
        return RaiseLeg()
    if call.state not in (State.REQUESTED, State.QUEUED) and _is_in_the_way(call, channel):
        return Hush()
    if channel.doing is Doing.NOTHING and _treatment(call, channel) is None:
        return PlayMusic()
    return _treatment(call, channel) or _announcement(call, channel, now)


def _is_in_the_way(call: ProxyCall, channel: Channel) -> bool:
    """Something is asked or said while an agent is about to come.

    On one switch a prompt may play on: the switch takes the channel out of it, and music started now might come
    too late and be heard in the talk.
    """
    return channel.asking or (
        channel.doing is Doing.SPEAKING and call.network_leg is not NetworkLeg.NOT_NEEDED
    )


def _treatment(call: ProxyCall, channel: Channel) -> Step | None:
    """What the time line has for the caller, once what is said already is over."""
    step = _pending(call, channel)
    busy = channel.asking or channel.doing is Doing.SPEAKING
    return None if step is None or busy else Treat(step, call.treatment_number)


def _announcement(call: ProxyCall, channel: Channel, now: float) -> Step | None:
    """The rule's interval has passed, and nothing else is to be heard."""
    step = wait_step(call)
    waits = call.state is State.QUEUED and channel.doing is Doing.MUSIC and not channel.asking
    return AnnounceWait(step) if step is not None and waits and now >= channel.announce_at else None


def _pending(call: ProxyCall, channel: Channel) -> TimeLineStep | None:
    is_new = call.state is State.QUEUED and call.treatment_number > channel.treated
    return call.treatment if is_new else None


def _leaving(call: ProxyCall, channel: Channel) -> Way | None:
    """Where the time line takes the caller, whatever is said, asked or raised early."""
    step = _pending(call, channel)
    return None if step is None or step.do not in LEAVING else Way(step.do, step.number, step.prompt)


def _while_to_be_called_back(call: ProxyCall, channel: Channel) -> Step | None:
    """The row waits for no caller, or for one on another channel, and here one is.

    It is the one who has just chosen to be called back, and who is told and let go; but if an agent is free before
    the caller has hung up, or if this is the caller who was called back, the caller is there.
    """
    chosen_here = channel.chosen or (not channel.called and call.channel_uuid == channel.uuid)
    if call.caller_leg is not CallerLeg.ABSENT or call.state is not State.CALLBACK or not chosen_here:
        return ReportCallerBack()
    if channel.doing is Doing.SPEAKING:
        return None
    return Finish(CALLED_BACK) if channel.told else Farewell()


def is_left(call: ProxyCall) -> bool:
    """The agent hung up after the talk."""
    return call.state is State.BRIDGED and call.agent_leg is AgentLeg.NONE


def is_joined_here(call: ProxyCall) -> bool:
    """Caller and agent are on this switch, which joins the two now or has joined them."""
    joining = call.state is State.READY or (call.state is State.BRIDGED and not is_left(call))
    return call.network_leg is NetworkLeg.NOT_NEEDED and joining


def is_taken(channel: Channel, ends: tuple[str, str]) -> bool:
    """A bridge has begun between `ends`: whether the switch made it, with an agent here, and not this process.

    That may be while a network leg to another agent, who did not come, is still being let go.
    """
    rings_ours = channel.doing is Doing.RAISING and (channel.leg_uuid is None or channel.leg_uuid in ends)
    return not (rings_ours or channel.doing is Doing.TALKING)


def _in_conversation(call: ProxyCall, channel: Channel, now: float) -> Step | None:
    """A leg that still rings when the agent has left has nobody at its end: the answer was lost on its way."""
    in_vain = channel.doing is Doing.RAISING and is_left(call) and 0.0 < channel.rings_until <= now
    return DropLeg(channel.leg_uuid) if in_vain and channel.leg_uuid is not None else None


def _after_conversation(call: ProxyCall, channel: Channel) -> Step | None:
    """Bridged by the row, but this process's channel is in no bridge of ours.

    On one switch the bridge is the switch's own: while music is what we know of, the channel is about to be
    taken; a session that begins with the row bridged is the caller coming back from the talk.
    """
    if call.network_leg is NetworkLeg.NOT_NEEDED and channel.doing in (Doing.MUSIC, Doing.SPEAKING):
        return None
    return ReportConversationEnded(lost=channel.last_cause not in _ORDERLY)
