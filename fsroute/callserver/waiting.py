"""What a waiting caller's channel should do next: pure.

The proxy call's row and what the channel is doing decide together, whatever happened in which order: after a
restart the same rule goes on from where the call stands.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from fsroute.model.proxy_call import NetworkLeg, ProxyCall, State


class Doing(enum.StrEnum):
    """What the caller's channel executes."""

    NOTHING = "nothing"
    MUSIC = "music"
    RAISING = "raising"  # bridge runs; the network leg is not answered
    TALKING = "talking"  # bridge runs; the network leg is answered
    TAKEN = "taken"  # the switch takes the channel for a bridge of its own


@dataclass(frozen=True, slots=True)
class Channel:
    """The caller's channel as this process sees it. `raise_after` is in seconds since the epoch."""

    doing: Doing = Doing.NOTHING
    leg_uuid: str | None = None
    dropping: bool = False
    raise_after: float = 0.0
    last_cause: str = ""  # of the conversation that ended, as FreeSWITCH names causes

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
class Finish:
    """The proxy call is over: the application goes on with this result."""

    result: str


Step = PlayMusic | RaiseLeg | DropLeg | ReportLegFailed | ReportConversationEnded | Finish

RESULTS = {
    State.ENDED: "served",
    State.OVERFLOWED: "overflowed",
    State.REFUSED: "refused",
    State.ABANDONED: "failed",
    State.LOST: "failed",
}

_ORDERLY = frozenset({"NORMAL_CLEARING", "SUCCESS", ""})


def decide(call: ProxyCall, channel: Channel, now: float) -> Step | None:
    """The one thing to do now; None: all is as it should be. `now` is in seconds since the epoch."""
    bridging = channel.doing in (Doing.RAISING, Doing.TALKING)
    if channel.dropping or channel.doing is Doing.TAKEN:
        return None
    if not call.is_live:
        return DropLeg(channel.leg_uuid) if bridging and channel.leg_uuid else Finish(RESULTS[call.state])
    if call.state is State.BRIDGED:
        return None if bridging else _after_conversation(call, channel)
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
    return PlayMusic() if channel.doing is Doing.NOTHING else None


def _after_conversation(call: ProxyCall, channel: Channel) -> Step | None:
    """Bridged by the row, but this process's channel is in no bridge of ours.

    On one switch the bridge is the switch's own: while music is what we know of, the channel is about to be
    taken; a session that begins with the row bridged is the caller coming back from the talk.
    """
    if call.network_leg is NetworkLeg.NOT_NEEDED and channel.doing is Doing.MUSIC:
        return None
    return ReportConversationEnded(lost=channel.last_cause not in _ORDERLY)
