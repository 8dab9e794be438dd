"""What an agent declares (status) and is seen to do (state), as the view ``agent_state`` derives it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fsroute.model.agent import AgentStatus


class Doing(enum.StrEnum):
    """What an agent is seen to do."""

    AWAY = "away"  # not available, and nothing in hand
    IDLE = "idle"
    RESERVED = "reserved"
    RINGING = "ringing"
    CONNECTING = "connecting"  # has answered, and waits for the caller
    TALKING = "talking"
    HELD = "held"  # the caller hears music
    CONSULTING = "consulting"  # with somebody else, while the caller is held
    WRAP_UP = "wrap_up"
    SET_ASIDE = "set_aside"  # an offer was not taken


WITH_A_CONTACT = frozenset(Doing) - {Doing.AWAY, Doing.IDLE, Doing.WRAP_UP, Doing.SET_ASIDE}


@dataclass(frozen=True, slots=True)
class AgentState:
    """One row of ``agent_state``, with address and skills.

    `state_until` is when wrap-up or a set-aside ends; `state_reason` why the agent is set aside or away. Of several
    contacts the row tells of the one furthest on; `contacts` is how many there are. `contacts_served` counts since
    log-on, `missed` the offers in a row that were not taken; `standing`: the
    standing leg is up.
    """

    agent_id: str
    name: str
    site_id: str
    switch_id: str
    address: str
    extension: str | None
    team: str | None
    status: AgentStatus
    status_reason: str | None
    status_since: datetime
    state: Doing
    state_reason: str | None
    state_since: datetime
    state_until: datetime | None
    contacts: int
    proxy_call_id: int | None
    contact_id: str | None
    contact_center_id: str | None
    contact_center_name: str | None
    call_state: str | None
    agent_leg: str | None
    contacts_served: int
    missed: int
    leg: str  # dialled or standing
    standing: bool
    skills: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentMoment:
    """Of a row of ``agent_state`` what changes with every contact. Moments in seconds since the epoch."""

    agent_id: str
    status: AgentStatus
    state: Doing
    address: str
    state_since: float | None
    state_until: float | None
    idle_since: float


@dataclass(frozen=True, slots=True)
class OutcomeCode:
    """An outcome code as it was recorded, and of which contact."""

    contact_id: str
    contact_center_id: str
    code: str
    meaning: str
