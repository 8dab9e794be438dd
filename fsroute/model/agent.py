"""An agent: who may be picked, for what, and where the agent is reached."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fsroute.model.contact import Demand


class AgentStatus(enum.StrEnum):
    """What an agent declares."""

    AVAILABLE = "available"
    ON_BREAK = "on_break"
    LOGGED_OUT = "logged_out"


@dataclass(frozen=True, slots=True)
class Authorization:
    """An agent may take this contact center's contacts of this medium in this period."""

    contact_center_id: str
    medium: str
    valid_from: datetime
    valid_until: datetime | None = None

    def covers(self, demand: Demand, now: datetime) -> bool:
        return (
            self.contact_center_id == demand.contact_center_id
            and self.medium == demand.medium
            and self.valid_from <= now
            and (self.valid_until is None or now < self.valid_until)
        )


CAPACITY = 100
"""What the contacts that an agent has at one time may weigh together."""


@dataclass(frozen=True, slots=True)
class MediumSlots:
    """How many contacts of a medium an agent takes at a time, what each weighs, and the wrap-up after one.

    `wrap_up` is in seconds; None: the agent's own.
    """

    slots: int = 1
    weight: int = CAPACITY
    wrap_up: float | None = None


ONE_AT_A_TIME = MediumSlots()
"""The slots of a medium that an agent's row does not speak of."""


@dataclass(frozen=True, slots=True)
class Held:
    """A live reservation of an agent."""

    proxy_call_id: int
    medium: str
    slot: int
    weight: int


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent as the database holds it.

    `available_from` is when wrap-up or a set-aside ends; `reservations` are the live ones. Idle for a
    medium means: available, `available_from` has come, and a slot of the medium is free whose weight
    fits. `contacts_served` counts since log-on; `rate` is the agent's cost per minute. Of two rows of
    one agent that with the greater `version` is the newer. Durations in seconds.
    """

    agent_id: str
    name: str
    site_id: str
    switch_id: str
    address: str
    skills: Mapping[str, int]  # skill to level
    authorizations: tuple[Authorization, ...]
    status: AgentStatus
    available_from: datetime
    idle_since: datetime
    reservations: tuple[Held, ...] = ()
    wrap_up: float = 0.0
    accept_key: str | None = None
    team: str | None = None
    media: Mapping[str, MediumSlots] = field(default_factory=dict)
    contacts_served: int = 0
    last_reserved_at: datetime | None = None
    rate: float = 0.0
    leg: str = "dialled"  # or "standing"
    standing_leg_uuid: str | None = None
    version: int = 0

    @property
    def reserved(self) -> bool:
        return bool(self.reservations)

    @property
    def load(self) -> int:
        """What the agent's contacts weigh together."""
        return sum(held.weight for held in self.reservations)

    def has_room(self, medium: str) -> bool:
        """A slot of `medium` is free, and its weight fits."""
        slots = self.media.get(medium, ONE_AT_A_TIME)
        taken = sum(held.medium == medium for held in self.reservations)
        return taken < slots.slots and self.load + slots.weight <= CAPACITY

    def wrap_up_after(self, medium: str) -> float:
        """Seconds of wrap-up after a contact of this medium."""
        own = self.media.get(medium, ONE_AT_A_TIME).wrap_up
        return self.wrap_up if own is None else own

    def is_trained(self, demand: Demand) -> bool:
        """Has each skill of the demand at its level or above."""
        return all(self.skills.get(skill, -1) >= level for skill, level in demand.skills)

    def is_authorized(self, demand: Demand, now: datetime) -> bool:
        return any(authorization.covers(demand, now) for authorization in self.authorizations)
