"""An agent: who may be picked, for what, and where the agent is reached."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent as the database holds it.

    `available_from` is when wrap-up or a set-aside ends; `reserved` is true while a live
    reservation stands. Idle means: available, not reserved, and `available_from` has come.
    Durations in seconds.
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
    reserved: bool
    wrap_up: float = 0.0
    accept_key: str | None = None

    def is_trained(self, demand: Demand) -> bool:
        """Has each skill of the demand at its level or above."""
        return all(self.skills.get(skill, -1) >= level for skill, level in demand.skills)

    def is_authorized(self, demand: Demand, now: datetime) -> bool:
        return any(authorization.covers(demand, now) for authorization in self.authorizations)
