"""Eligibility: training and authorization are part of the choice of an agent, not a check after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from fsroute.model.agent import Agent, AgentStatus, Authorization
from fsroute.model.contact import Demand


@dataclass(frozen=True, slots=True)
class Qualification:
    """What makes agents interchangeable for routing: agents who share it form a group."""

    skills: frozenset[tuple[str, int]]
    authorizations: frozenset[Authorization]
    switch_id: str

    @classmethod
    def of(cls, agent: Agent) -> Qualification:
        return cls(frozenset(agent.skills.items()), frozenset(agent.authorizations), agent.switch_id)

    def is_trained(self, demand: Demand) -> bool:
        levels = dict(self.skills)
        return all(levels.get(skill, -1) >= level for skill, level in demand.skills)

    def is_authorized(self, demand: Demand, now: float) -> bool:
        moment = datetime.fromtimestamp(now, UTC)
        return any(authorization.covers(demand, moment) for authorization in self.authorizations)

    def could_serve(self, demand: Demand) -> bool:
        """Trained, and authorized at some time: decides whether a group and a demand class are joined at all."""
        return self.is_trained(demand) and any(
            authorization.contact_center_id == demand.contact_center_id
            and authorization.medium == demand.medium
            for authorization in self.authorizations
        )

    def boundaries(self) -> list[float]:
        """The moments at which an authorization begins, in seconds since the epoch."""
        return [authorization.valid_from.timestamp() for authorization in self.authorizations]


def is_idle(agent: Agent, now: float) -> bool:
    """Available, not reserved, and no wrap-up or set-aside runs."""
    return (
        agent.status is AgentStatus.AVAILABLE
        and not agent.reserved
        and agent.available_from.timestamp() <= now
    )
