"""What the CTI processor hears: events of the event socket as values. Pure.

Sources: ``mod_callcenter.c`` (``callcenter::info``), ``sofia_reg.c`` (``sofia::register`` and its like), the core's
channel events. All of it comes from a switch that callers talk to: texts are cut and cleaned, and what lacks its name
makes no event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fsroute.acd.rendezvous import is_token
from fsroute.esl.messages import Event

CHANNELS = ("CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_BRIDGE", "CHANNEL_HANGUP")
CALLCENTER = ("callcenter::info",)
REGISTRATIONS = ("sofia::register", "sofia::unregister", "sofia::expire")

LONGEST = 120  # characters of a name
LONGEST_ADDRESS = 400
OWN_CONTEXTS = ("fsroute_rendezvous", "fsroute_features")
"""Dialplan contexts of network legs and of agents' codes: no calls of customers."""


@dataclass(frozen=True, slots=True)
class ChannelCreated:
    """`user` is the telephone at the other end, user@domain, where it is known. `counts`: it is a call that came in."""

    uuid: str
    counts: bool
    number: str
    user: str


@dataclass(frozen=True, slots=True)
class ChannelAnswered:
    uuid: str
    user: str = ""


@dataclass(frozen=True, slots=True)
class ChannelsBridged:
    uuids: tuple[str, str]


@dataclass(frozen=True, slots=True)
class ChannelGone:
    """`sent_on`: it was redirected or transferred away."""

    uuid: str
    sent_on: bool = False


@dataclass(frozen=True, slots=True)
class MemberJoined:
    """`member` is mod_callcenter's name of the call, `channel` the core's. `again`: back after a hang-up."""

    queue: str
    member: str
    channel: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class MemberServed:
    queue: str
    member: str
    agent: str


@dataclass(frozen=True, slots=True)
class MemberLeft:
    """`canceled`: without an agent. `reason` is mod_callcenter's (BREAK_OUT: the caller hung up)."""

    queue: str
    member: str
    canceled: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AgentStatusChanged:
    agent: str
    status: str  # mod_callcenter's word


@dataclass(frozen=True, slots=True)
class AgentStateChanged:
    agent: str
    state: str  # mod_callcenter's word


@dataclass(frozen=True, slots=True)
class AgentContactChanged:
    agent: str
    contact: str


@dataclass(frozen=True, slots=True)
class AgentTalkOver:
    agent: str


@dataclass(frozen=True, slots=True)
class AgentMissed:
    """An offer that the agent did not take; `cause` is the core's."""

    agent: str
    cause: str


@dataclass(frozen=True, slots=True)
class PhoneRegistered:
    """`token` names the registration (its Call-ID), `contact` is where it is."""

    user: str
    token: str
    contact: str
    profile: str = ""


@dataclass(frozen=True, slots=True)
class PhoneGone:
    user: str
    token: str


Heard = (
    ChannelCreated
    | ChannelAnswered
    | ChannelsBridged
    | ChannelGone
    | MemberJoined
    | MemberServed
    | MemberLeft
    | AgentStatusChanged
    | AgentStateChanged
    | AgentContactChanged
    | AgentTalkOver
    | AgentMissed
    | PhoneRegistered
    | PhoneGone
)

_SENT_ON = {"BLIND_TRANSFER", "ATTENDED_TRANSFER", "REDIRECTION_TO_NEW_DESTINATION"}


def clean(text: str, longest: int = LONGEST) -> str:
    """A name that may be stored and shown: printable, and not too long."""
    return "".join(letter for letter in text[:longest] if letter.isprintable())


def heard(event: Event) -> Heard | None:
    """What an event tells; None: nothing that concerns activity."""
    name = event.name
    if name == "CUSTOM":
        return _custom(event)
    read = _CHANNEL.get(name)
    return read(event) if read is not None and event.uuid else None


def _created(event: Event) -> Heard:
    number = clean(event.get("Caller-Destination-Number", ""))
    inbound = event.get("Call-Direction", "") == "inbound"
    counts = inbound and event.get("Caller-Context", "") not in OWN_CONTEXTS and not is_token(number)
    return ChannelCreated(event.uuid, counts, number, _user(event))


def _answered(event: Event) -> Heard:
    return ChannelAnswered(event.uuid, _user(event))


def _bridged(event: Event) -> Heard:
    return ChannelsBridged((event.get("Bridge-A-Unique-ID", event.uuid), event.get("Bridge-B-Unique-ID", "")))


def _gone(event: Event) -> Heard:
    return ChannelGone(event.uuid, event.get("Hangup-Cause", "") in _SENT_ON)


def _user(event: Event) -> str:
    return clean(event.get("Channel-Presence-ID", ""))


_CHANNEL: dict[str, Callable[[Event], Heard]] = {
    "CHANNEL_CREATE": _created,
    "CHANNEL_ANSWER": _answered,
    "CHANNEL_BRIDGE": _bridged,
    "CHANNEL_HANGUP": _gone,
}


def _custom(event: Event) -> Heard | None:
    subclass = event.get("Event-Subclass", "")
    if subclass == "callcenter::info":
        read = _ACTIONS.get(event.get("CC-Action", ""))
        return read(event) if read is not None else None
    if subclass == "sofia::register":
        return _registered(event)
    if subclass == "sofia::unregister":
        return _phone_gone(event, "from-user", "from-host")
    if subclass == "sofia::expire":
        return _phone_gone(event, "user", "host")
    return None


def _registered(event: Event) -> Heard | None:
    user = _at(event, "from-user", "from-host")
    contact = clean(event.get("contact", ""), LONGEST_ADDRESS)
    profile = clean(event.get("profile-name", ""))
    return PhoneRegistered(user, clean(event.get("call-id", "")), contact, profile) if user else None


def _phone_gone(event: Event, user: str, host: str) -> Heard | None:
    name = _at(event, user, host)
    return PhoneGone(name, clean(event.get("call-id", ""))) if name else None


def _at(event: Event, user: str, host: str) -> str:
    name = event.get(user, "")
    return clean(f"{name}@{event.get(host, '')}") if name else ""


def _member_joined(event: Event) -> Heard | None:
    queue, member = _queue(event), event.get("CC-Member-UUID", "")
    channel = event.get("CC-Member-Session-UUID", "")
    again = event.get("CC-Action", "") == "member-queue-resume"
    return MemberJoined(queue, clean(member), clean(channel), again) if queue and member else None


def _member_served(event: Event) -> Heard | None:
    queue, member = _queue(event), event.get("CC-Member-UUID", "")
    return MemberServed(queue, clean(member), _agent(event)) if queue and member else None


def _member_left(event: Event) -> Heard | None:
    queue, member = _queue(event), event.get("CC-Member-UUID", "")
    canceled = event.get("CC-Cause", "") != "Terminated"
    reason = clean(event.get("CC-Cancel-Reason", ""))
    return MemberLeft(queue, clean(member), canceled, reason) if queue and member else None


def _status(event: Event) -> Heard | None:
    agent, status = _agent(event), event.get("CC-Agent-Status", "")
    return AgentStatusChanged(agent, clean(status)) if agent and status else None


def _state(event: Event) -> Heard | None:
    agent, state = _agent(event), event.get("CC-Agent-State", "")
    return AgentStateChanged(agent, clean(state)) if agent and state else None


def _contact(event: Event) -> Heard | None:
    agent = _agent(event)
    contact = clean(event.get("CC-Agent-Contact", ""), LONGEST_ADDRESS)
    return AgentContactChanged(agent, contact) if agent else None


def _added(event: Event) -> Heard | None:
    """A new agent is logged out until somebody says otherwise (``cc_agent_add``)."""
    agent = _agent(event)
    return AgentStatusChanged(agent, "Logged Out") if agent else None


def _talk_over(event: Event) -> Heard | None:
    agent = _agent(event)
    return AgentTalkOver(agent) if agent else None


def _missed(event: Event) -> Heard | None:
    agent = _agent(event)
    return AgentMissed(agent, clean(event.get("CC-Hangup-Cause", ""))) if agent else None


def _queue(event: Event) -> str:
    return clean(event.get("CC-Queue", ""))


def _agent(event: Event) -> str:
    return clean(event.get("CC-Agent", ""))


_ACTIONS: dict[str, Callable[[Event], Heard | None]] = {
    "member-queue-start": _member_joined,
    "member-queue-resume": _member_joined,
    "bridge-agent-start": _member_served,
    "bridge-agent-end": _talk_over,
    "bridge-agent-fail": _missed,
    "member-queue-end": _member_left,
    "agent-add": _added,
    "agent-status-change": _status,
    "agent-state-change": _state,
    "agent-contact-change": _contact,
}
