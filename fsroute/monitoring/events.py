"""What an audit reads and what it finds: values. Moments are seconds since the epoch, by the database."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fsroute.acd.proxy_call import On
from fsroute.model.contact import Demand, Lead
from fsroute.model.other_acd import OtherAcd
from fsroute.model.proxy_call import AgentLeg, CallerLeg, NetworkLeg, State

Place = tuple[float, float, int]
"""A place in the order of a queue: (minus priority, arrival, proxy call)."""


class Ledger(enum.StrEnum):
    """Which table an event is from."""

    CONTACT = "contact_event"
    AGENT = "agent_event"
    SYSTEM = "system_event"


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the ledger; `state` is the proxy call's after it."""

    ledger: Ledger
    event_id: int
    at: float
    kind: str
    contact_id: str | None = None
    contact_center_id: str | None = None
    proxy_call_id: int | None = None
    agent_id: str | None = None
    state: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Violation:
    """One of I1 to I8 did not hold, until the moment `at`; `events` show it.

    `lasted` is for how long a contact waited beside an idle agent (I3), in seconds.
    """

    invariant: str
    at: float
    text: str
    events: tuple[Event, ...]
    lasted: float = 0.0

    def __str__(self) -> str:
        shown = ", ".join(f"{event.ledger} {event.event_id} {event.kind}" for event in self.events)
        return f"{self.invariant} {self.text} ({shown})"


@dataclass(slots=True)
class Call:
    """A proxy call as its events tell of it, up to `last`."""

    proxy_call_id: int
    contact_id: str
    demand: Demand
    lead: Lead
    priority: int
    arrived_at: float
    last: Event
    state: State = State.REQUESTED
    agent_leg: AgentLeg = AgentLeg.NONE
    network_leg: NetworkLeg = NetworkLeg.NONE
    caller_leg: CallerLeg = CallerLeg.PRESENT
    strategy: str = ""
    acd: OtherAcd | None = None
    is_entered: bool = False  # stands in the queue of that ACD
    directed_for: float | None = (
        None  # seconds that whoever directs it has; 0: a redirected caller, nobody's to keep
    )

    @property
    def place(self) -> Place:
        return (-self.priority, self.arrived_at, self.proxy_call_id)


@dataclass(frozen=True, slots=True)
class Step:
    """A proxy call came from `before` to its present state by `event`."""

    on: On
    event: Event
    call: Call
    before: State | None


@dataclass(frozen=True, slots=True)
class Present:
    """What the tables say at the moment `now`, to be held against the events.

    `contacts` have not ended; `calls` are the live proxy calls (contact to proxy call and state);
    `reservations` the live ones (proxy call to agent).
    """

    now: float
    contacts: frozenset[str] = frozenset()
    calls: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    reservations: Mapping[int, str] = field(default_factory=dict)
