"""What the coordinator's core is told, and what it wants done: values."""

from __future__ import annotations

from dataclasses import dataclass

from fsroute.model.agent import Agent
from fsroute.model.proxy_call import ProxyCall

# Events ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallChanged:
    """A proxy call's row is now this."""

    call: ProxyCall


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """An agent's row is now this. `as_of` counts readings: of two rows the one read later is the truth."""

    agent: Agent
    as_of: int = 0


@dataclass(frozen=True, slots=True)
class AgentRemoved:
    """There is no such agent any more."""

    agent_id: str
    as_of: int = 0


@dataclass(frozen=True, slots=True)
class ReservationLost:
    """The claim of (proxy call, agent) was refused by the database; these are the rows as they are."""

    proxy_call_id: int
    agent_id: str
    call: ProxyCall | None
    agent: Agent | None
    as_of: int = 0


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; nothing else happened."""


Event = CallChanged | AgentChanged | AgentRemoved | ReservationLost | Tick

# Actions -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Take:
    """requested → queued."""

    proxy_call_id: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nobody could ever serve it."""

    proxy_call_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Overflow:
    """It waited as long as its queue allows."""

    proxy_call_id: int


@dataclass(frozen=True, slots=True)
class Expire:
    """The agent's switch has not finished the offer in time: its process, its link or the switch is gone."""

    proxy_call_id: int
    agent_leg_uuid: str


@dataclass(frozen=True, slots=True)
class Reserve:
    """Claim the agent for the proxy call. `why` says what the order was when it was decided."""

    proxy_call_id: int
    agent_id: str
    why: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class RaiseNetworkLeg:
    """The lead has come while still queued: ask the caller's site for a network leg to this switch."""

    proxy_call_id: int
    switch_id: str


@dataclass(frozen=True, slots=True)
class Refresh:
    """An agent's reservation ended elsewhere: read the agent's row again."""

    agent_id: str


Action = Take | Refuse | Overflow | Expire | Reserve | RaiseNetworkLeg | Refresh
