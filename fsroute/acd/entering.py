"""What to do next for a contact that an ACD of another make serves: pure.

The proxy call's row and what is seen at that ACD's switch decide together, whatever happened in which order, as in
``serving.py`` for fsroute's own agents: a restarted process asks the same question. The entry waits in the ACD's queue
in the caller's stead; the join needs *the human there* and *network leg present*, in either order.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from fsroute.acd.adapters import (
    AgentLeft,
    AgentThere,
    Joinable,
    Left,
    NotTaken,
    Offering,
    Signal,
    Told,
    Waits,
)
from fsroute.acd.serving import (
    Join,
    PlayRingback,
    ReportAccepted,
    ReportCallerAbsent,
    ReportFailed,
    ReportJoined,
    ReportNetworkLegAbsent,
)
from fsroute.model.contact import LeadKind
from fsroute.model.other_acd import OtherAcd
from fsroute.model.proxy_call import AgentLeg, CallerLeg, NetworkLeg, ProxyCall, State

ENTER_LIMIT = 20.0  # seconds after which an entry that has no place in the ACD's queue has failed
FIRST_RETRY = 1.0  # seconds after an entry that failed, doubled with every further one
LONGEST_RETRY = 30.0  # seconds
SHORTEST_STAY = 10.0  # seconds in the queue, less than which is a failure, unless an agent came
ENTER_TRIES = 10  # failures in a row, after which the ACD cannot be reached
CALLED_BACK_GRACE = 3.0  # seconds beyond the ringing of a caller's phone that an agent may be kept waiting


class Place(enum.StrEnum):
    """Where the entry stands, as seen at the switch."""

    NONE = "none"
    ENTERING = "entering"
    WAITS = "waits"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of a contact at another ACD's switch. Moments in seconds since the epoch.

    `ringing` are the agents whose phones ring. `agent_leg` is the channel that leads to the human who is there,
    `joinable` once it may be bridged; `gone`: it has ended, by `cause`. `network_uuid` is the network leg as it came in
    here, or the caller's own channel where both are on one switch. `reason` says why the entry is over, `is_final`
    that the ACD's own limit has passed; `failures` counts entries in a row that came to nothing.
    """

    switch_id: str
    acd: OtherAcd | None
    entry_uuid: str = ""
    place: Place = Place.NONE
    entered_at: float = 0.0
    ringing: frozenset[str] = frozenset()
    offer_reason: str = ""
    agent: str = ""
    agent_leg: str = ""
    joinable: bool = False
    accepted_at: float = 0.0
    network_uuid: str | None = None
    waits_audibly: bool = False
    joining: bool = False
    joined: bool = False
    gone: bool = False
    cause: str = ""
    reason: str = ""
    is_final: bool = False
    position: int | None = None
    expected_wait: float | None = None
    failures: int = 0
    enter_after: float = 0.0

    def hear(self, signal: Signal) -> Seen:
        """After what the ACD has said."""
        if isinstance(signal, Waits):
            return self.in_place()
        if isinstance(signal, Offering):
            return replace(self.in_place(), ringing=self.ringing | {signal.agent})
        if isinstance(signal, NotTaken):
            left = self.ringing - {signal.agent} if signal.agent else frozenset[str]()
            return replace(self, ringing=left, offer_reason=signal.reason)
        if isinstance(signal, AgentThere):
            if self.agent_leg or not signal.leg:
                return self
            return replace(self.in_place(), ringing=frozenset(), agent=signal.agent, agent_leg=signal.leg)
        if isinstance(signal, AgentLeft):
            return replace(self, gone=True, cause=self.cause or signal.cause) if self.agent_leg else self
        if isinstance(signal, Joinable):
            return replace(self, joinable=True)
        if isinstance(signal, Told):
            return replace(self, position=signal.position, expected_wait=signal.expected_wait)
        return self.over(signal.reason, signal.is_final) if isinstance(signal, Left) else self

    def in_place(self) -> Seen:
        return replace(self, place=Place.WAITS) if self.place is Place.ENTERING else self

    def over(self, reason: str, is_final: bool = False) -> Seen:
        """The entry is no more; who is there already is not of the queue any more."""
        if self.place is Place.OVER or self.agent_leg:
            return self
        return self.ended(reason, is_final)

    def ended(self, reason: str, is_final: bool = False) -> Seen:
        """The entry is no more, whoever is there."""
        return replace(self, place=Place.OVER, ringing=frozenset(), reason=reason, is_final=is_final)

    def forgotten(self, now: float) -> Seen:
        """Nothing is left of the entry, and another one may be made, the later the more of them came to nothing."""
        lasted = now - self.entered_at >= SHORTEST_STAY
        failures = 0 if lasted or self.agent_leg or self.reason in _OUR_WILL else self.failures + 1
        pause = min(FIRST_RETRY * 2.0 ** (failures - 1), LONGEST_RETRY) if failures else 0.0
        return Seen(self.switch_id, self.acd, failures=failures, enter_after=now + pause)


HELD, TALK_LOST = "held", "talk_lost"
_OUR_WILL = frozenset({HELD, TALK_LOST})


@dataclass(frozen=True, slots=True)
class Enter:
    """Make an entry in the ACD's queue."""


@dataclass(frozen=True, slots=True)
class ReportEntered:
    """It has its place there."""


@dataclass(frozen=True, slots=True)
class ReportLeft:
    """It has none any more, and is to be entered again."""

    reason: str


@dataclass(frozen=True, slots=True)
class ReportGivenUp:
    """The ACD will not serve the contact: it goes the queue's way of overflow."""

    reason: str


@dataclass(frozen=True, slots=True)
class Forget:
    """The entry is over, and the row knows."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take the entry out of the ACD's queue, with the agent who is there or rings."""

    reason: str


@dataclass(frozen=True, slots=True)
class WantLeg:
    """The lead has come while the contact waits: ask for the network leg."""


@dataclass(frozen=True, slots=True)
class WantCaller:
    """The lead has come for a caller who is to be called back."""


@dataclass(frozen=True, slots=True)
class ReportOffered:
    """The ACD is about to serve it."""


@dataclass(frozen=True, slots=True)
class ReportAgentLeft:
    """The talk is over: the agent's channel ended."""

    cause: str


@dataclass(frozen=True, slots=True)
class TearDown:
    """Nothing of the contact is left for this ACD: end what stands there."""


Step = (
    Enter
    | ReportEntered
    | ReportLeft
    | ReportGivenUp
    | Forget
    | Withdraw
    | WantLeg
    | WantCaller
    | ReportOffered
    | ReportAccepted
    | ReportFailed
    | PlayRingback
    | ReportNetworkLegAbsent
    | ReportCallerAbsent
    | Join
    | ReportJoined
    | ReportAgentLeft
    | TearDown
)

_JOINABLE = (NetworkLeg.PRESENT, NetworkLeg.NOT_NEEDED)
_OFFERED = (State.OFFERED, State.READY)
_UNDER_WAY = (NetworkLeg.WANTED, NetworkLeg.RAISING, NetworkLeg.PRESENT)


def decide(call: ProxyCall, seen: Seen, now: float) -> Step | None:
    """The one thing to do now; None: nothing until something happens or `deadline` comes."""
    if not call.is_live or call.acd != seen.acd or call.acd is None or call.acd.switch_id != seen.switch_id:
        return TearDown()
    if call.state is State.REQUESTED:
        return None
    if call.state is State.BRIDGED:
        talks = call.agent_leg is AgentLeg.JOINED and call.acd_entry_uuid == seen.entry_uuid
        return ReportAgentLeft(seen.cause) if talks and seen.gone else None
    if call.state is State.READY and seen.joined and call.network_leg in _JOINABLE and not seen.gone:
        return ReportJoined()
    if seen.place is Place.OVER or seen.gone:
        return _after_the_entry(call, seen)
    if seen.place is Place.NONE:
        return _without_an_entry(call, seen, now)
    if call.is_waiting and (seen.joined or _is_held(call, now)):
        return Withdraw(TALK_LOST if seen.joined else HELD)
    if seen.place is Place.ENTERING and not seen.agent_leg:
        return Withdraw("not_entered") if now >= seen.entered_at + ENTER_LIMIT else None
    if call.acd_entry_uuid != seen.entry_uuid:
        return ReportEntered() if call.acd_entry_uuid is None else ReportLeft("replaced")
    if call.state is State.OFFERED:
        return _while_offered(seen)
    return _while_ready(call, seen, now) if call.state is State.READY else _while_waiting(call, seen, now)


def _after_the_entry(call: ProxyCall, seen: Seen) -> Step:
    """First the row is told, then another entry may be made."""
    reason = seen.reason or "agent_gone"
    if call.state in _OFFERED:
        return ReportFailed("join_failed" if seen.joining else reason)
    if seen.is_final and call.state is State.QUEUED:
        return ReportGivenUp(reason)
    return ReportLeft(reason) if call.acd_entry_uuid is not None else Forget()


def _without_an_entry(call: ProxyCall, seen: Seen, now: float) -> Step | None:
    if call.state in _OFFERED:
        return ReportFailed("entry_lost")
    if call.acd_entry_uuid is not None:
        return ReportLeft("entry_lost")
    if seen.failures >= ENTER_TRIES and call.state is State.QUEUED:
        return ReportGivenUp("acd_unreachable")
    return None if _is_held(call, now) or now < seen.enter_after else Enter()


def _is_held(call: ProxyCall, now: float) -> bool:
    """The way to the caller has just failed: an agent would wait in vain."""
    return call.held_until is not None and call.held_until.timestamp() > now


def _while_waiting(call: ProxyCall, seen: Seen, now: float) -> Step | None:
    if seen.ringing or seen.agent_leg:
        return ReportOffered()
    if not _lead_has_come(call, seen):
        return None
    if call.caller_leg is not CallerLeg.PRESENT:
        return WantCaller() if call.caller_leg is CallerLeg.ABSENT else None
    elsewhere = call.switch_id != seen.switch_id
    return WantLeg() if elsewhere and call.network_leg is NetworkLeg.NONE else None


def _lead_has_come(call: ProxyCall, seen: Seen) -> bool:
    """Where the ACD tells of no offers, ``offered`` has come with the place in the queue, but calls nobody back."""
    kind, limit = call.lead.kind, call.lead.limit
    if kind is LeadKind.OFFERED:
        here = call.caller_leg is CallerLeg.PRESENT
        return here and seen.acd is not None and not seen.acd.tells_offers
    told = {LeadKind.POSITION: seen.position, LeadKind.EXPECTED: seen.expected_wait}.get(kind)
    return told is not None and told <= limit


def _while_offered(seen: Seen) -> Step | None:
    if seen.agent_leg:
        return ReportAccepted()
    return None if seen.ringing else ReportFailed(seen.offer_reason or "no_answer")


def _while_ready(call: ProxyCall, seen: Seen, now: float) -> Step | None:
    if seen.joining:
        return None
    if seen.joinable and seen.network_uuid is not None and seen.network_uuid == _expected(call):
        return Join(seen.network_uuid)
    absent = call.caller_leg is not CallerLeg.PRESENT
    if now >= _wait_ends(call, seen):
        return ReportCallerAbsent() if absent else ReportNetworkLegAbsent()
    return PlayRingback() if absent and seen.joinable and not seen.waits_audibly else None


def _expected(call: ProxyCall) -> str | None:
    """The channel here that the human is to be bridged with, once it is there."""
    if call.network_leg is NetworkLeg.NOT_NEEDED:
        return call.channel_uuid if call.caller_leg is CallerLeg.PRESENT else None
    return call.rendezvous_uuid if call.network_leg is NetworkLeg.PRESENT else None


def _wait_ends(call: ProxyCall, seen: Seen) -> float:
    """When a human has waited long enough."""
    called_back = call.callback_number or call.caller_leg is not CallerLeg.PRESENT
    dialling = call.callback.ring + CALLED_BACK_GRACE if called_back else 0.0
    return seen.accepted_at + call.network_leg_timeout + dialling


def deadline(call: ProxyCall, seen: Seen) -> float | None:
    """When `decide` must be asked again though nothing has happened; None: never."""
    if call.state is State.READY and not seen.joining:
        return _wait_ends(call, seen)
    if not call.is_waiting:
        return None
    if seen.place is Place.ENTERING:
        return seen.entered_at + ENTER_LIMIT
    held = call.held_until.timestamp() if call.held_until is not None else 0.0
    return max(seen.enter_after, held) if seen.place is Place.NONE else None


def leg_wanted(call: ProxyCall, here: str) -> NetworkLeg | None:
    """Where the network leg is to be when the ACD is about to serve the contact; None: where it is."""
    if call.switch_id == here:
        return NetworkLeg.NOT_NEEDED
    if call.network_leg in _UNDER_WAY and call.network_switch_id == here:
        return None
    return NetworkLeg.NONE if call.lead.kind is LeadKind.READY else NetworkLeg.WANTED
