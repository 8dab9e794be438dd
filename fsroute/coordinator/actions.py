"""What the coordinator's core is told, and what it wants done: values.

A `Reserve` carries in `why` what the order was when it was decided; it is written to the ledger with the event
``agent_reserved``, so that an audit can hold the decision against the order that the strategy defines (I4):

=============  ==================================================================================================
strategy       by which the agent was chosen (``fsroute.coordinator.strategies``)
place          of the contact in its queue: [minus priority, arrival in seconds since the epoch, proxy call]
waiting        contacts of its class that waited when it was chosen, itself included
key            of the chosen agent in the strategy's order, the agent last; of all who were idle and eligible
               nobody had a smaller one. What it is made of is the strategy's: ``longest_idle`` has [load,
               idle since in seconds since the epoch, agent]
idle_since     of the chosen agent, in seconds since the epoch
preferred      true where the former or last agent was chosen before all others
imbalance      only where classes are ordered by it (``queue_idleness_ratio``): that of the contact's class, the
               largest among the balanced classes that the choice was from
=============  ==================================================================================================

Contacts of one class are always served by `place`. Between two classes the smaller place comes first, too, save
that among those with one priority whose strategies order classes the larger imbalance does.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """An agent's row is now this. Of two rows that with the greater `as_of`, the row's version, is the truth."""

    agent: Agent
    as_of: int = 0


@dataclass(frozen=True, slots=True)
class AgentLeaves:
    """The agent is about to be let go of by this proxy call, to be free at once: the transition is not written yet."""

    agent_id: str
    proxy_call_id: int


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
class CenterChanged:
    """A contact center was closed at once, or opened again; closed, it refuses whom it does not keep waiting."""

    contact_center_id: str
    closed: bool
    keep_waiting: bool = False


@dataclass(frozen=True, slots=True)
class RatesChanged:
    """What a network leg costs per minute, from site to site; pairs that are not named cost nothing."""

    rates: Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; nothing else happened."""


Event = (
    CallChanged
    | AgentChanged
    | AgentLeaves
    | AgentRemoved
    | ReservationLost
    | CenterChanged
    | RatesChanged
    | Tick
)

# Actions -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Take:
    """requested → queued."""

    proxy_call_id: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """It is not to wait: ``no_agent_authorized``, ``no_agent_logged_on`` or ``center_closed``."""

    proxy_call_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Overflow:
    """It waited as long as its rule allows (``longest_wait``), or as many wait already (``longest_queue``).

    Or the other ACD that serves it could not be reached (``acd_unreachable``).
    """

    proxy_call_id: int
    reason: str = "longest_wait"


@dataclass(frozen=True, slots=True)
class Expire:
    """The agent's switch has not finished the offer in time: its process, its link or the switch is gone.

    Where another ACD serves, the leg is the channel that waits there.
    """

    proxy_call_id: int
    agent_leg_uuid: str


@dataclass(frozen=True, slots=True)
class Reserve:
    """Claim the agent for the proxy call. `why` says what the order was when it was decided.

    `leaving` is the proxy call that lets go of the agent first, in the same statement; None: the agent is free.
    """

    proxy_call_id: int
    agent_id: str
    why: tuple[tuple[str, object], ...] = ()
    leaving: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The time of a step of the rule's time line has come. `number` counts from 0: its `time_line_done` before."""

    proxy_call_id: int
    number: int


@dataclass(frozen=True, slots=True)
class RaiseNetworkLeg:
    """The lead has come while still queued: ask the caller's site for a network leg to this switch."""

    proxy_call_id: int
    switch_id: str


@dataclass(frozen=True, slots=True)
class WantCaller:
    """The lead has come for a caller who is to be called back: ask the caller's site to dial."""

    proxy_call_id: int


@dataclass(frozen=True, slots=True)
class Refresh:
    """An agent's reservation ended elsewhere: read the agent's row again."""

    agent_id: str


Action = Take | Refuse | Overflow | Expire | Reserve | Step | RaiseNetworkLeg | WantCaller | Refresh
