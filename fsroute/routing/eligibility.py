"""Eligibility: training and authorization are part of the choice of an agent, not a check after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from fsroute.model.agent import Agent, AgentStatus
from fsroute.model.contact import Demand

Trade = tuple[str, str]
"""A contact center and a medium."""


@dataclass(frozen=True, slots=True)
class Qualification:
    """What makes agents interchangeable at one time: those who share it form a group.

    It holds until the agent's `next_boundary`. `serves` is what the agent is authorized for now,
    `will_serve` what besides that is still to begin; when an authorization began makes no difference.
    """

    skills: frozenset[tuple[str, int]]
    serves: frozenset[Trade]
    will_serve: frozenset[Trade]
    switch_id: str

    @classmethod
    def of(cls, agent: Agent, now: float) -> Qualification:
        """`now` is in seconds since the epoch."""
        moment = datetime.fromtimestamp(now, UTC)
        serves: set[Trade] = set()
        will_serve: set[Trade] = set()
        for one in agent.authorizations:
            if one.valid_until is None or moment < one.valid_until:
                (serves if one.valid_from <= moment else will_serve).add((one.contact_center_id, one.medium))
        skills = frozenset(agent.skills.items())
        return cls(skills, frozenset(serves), frozenset(will_serve - serves), agent.switch_id)

    def is_trained(self, demand: Demand) -> bool:
        levels = dict(self.skills)
        return all(levels.get(skill, -1) >= level for skill, level in demand.skills)

    def may_serve(self, demand: Demand) -> bool:
        """Trained, and authorized now."""
        return (demand.contact_center_id, demand.medium) in self.serves and self.is_trained(demand)

    def could_serve(self, demand: Demand) -> bool:
        """Trained, and authorized now or at a time to come."""
        trade = (demand.contact_center_id, demand.medium)
        return (trade in self.serves or trade in self.will_serve) and self.is_trained(demand)


def next_boundary(agent: Agent, now: float) -> float | None:
    """When the next of an agent's authorizations begins or ends, in seconds since the epoch."""
    moments = (
        moment.timestamp()
        for one in agent.authorizations
        for moment in (one.valid_from, one.valid_until)
        if moment is not None
    )
    return min((moment for moment in moments if moment > now), default=None)


def is_idle(agent: Agent, now: float) -> bool:
    """Available, not reserved, and no wrap-up or set-aside runs."""
    free = agent.status is AgentStatus.AVAILABLE and not agent.reserved
    return free and agent.available_from.timestamp() <= now
