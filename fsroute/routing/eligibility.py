"""Eligibility: training and authorization are part of the choice of an agent, not a check after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fsroute.model.agent import Agent, AgentStatus
from fsroute.model.contact import Demand

Trade = tuple[str, str]
"""A contact center and a medium."""


@dataclass(frozen=True, slots=True)
class Qualification:
    """What makes agents interchangeable at one time: those who share it form a group.

    It holds until the agent's `next_boundary`. `serves` is what the agent is authorized for now,
    `will_serve` what besides that is still to begin; when an authorization began makes no difference.
    `agent_id` is set where the agent stands alone, since contacts ask for this agent and no other.
    """

    skills: frozenset[tuple[str, int]]
    serves: frozenset[Trade]
    will_serve: frozenset[Trade]
    switch_id: str
    site_id: str = ""
    team: str | None = None
    agent_id: str | None = None
    levels: Mapping[str, int] = field(default_factory=dict, compare=False)  # the skills once more, to look up

    @classmethod
    def of(cls, agent: Agent, now: float, alone: bool = False) -> Qualification:
        """`now` is in seconds since the epoch."""
        serves: set[Trade] = set()
        will_serve: set[Trade] = set()
        for one in agent.authorizations:
            if one.valid_until is None or now < one.valid_until.timestamp():
                begun = one.valid_from.timestamp() <= now
                (serves if begun else will_serve).add((one.contact_center_id, one.medium))
        return cls(
            frozenset(agent.skills.items()),
            frozenset(serves),
            frozenset(will_serve - serves),
            agent.switch_id,
            agent.site_id,
            agent.team,
            agent.agent_id if alone else None,
            agent.skills,
        )

    @property
    def media(self) -> set[str]:
        """The media of all authorizations, begun or to come."""
        return {medium for _, medium in self.serves | self.will_serve}

    def is_trained(self, demand: Demand) -> bool:
        levels = self.levels
        return all(levels.get(skill, -1) >= level for skill, level in demand.skills)

    def is_asked_for(self, demand: Demand) -> bool:
        """At one of the sites, of one of the teams, and the agent where one is named."""
        return (
            (not demand.sites or self.site_id in demand.sites)
            and (not demand.teams or self.team in demand.teams)
            and (demand.agent_id is None or self.agent_id == demand.agent_id)
        )

    def may_serve(self, demand: Demand) -> bool:
        """Trained, where it is asked for, and authorized now."""
        authorized = (demand.contact_center_id, demand.medium) in self.serves
        return authorized and self.is_trained(demand) and self.is_asked_for(demand)

    def could_serve(self, demand: Demand) -> bool:
        """The same, authorized now or at a time to come."""
        trade = (demand.contact_center_id, demand.medium)
        authorized = trade in self.serves or trade in self.will_serve
        return authorized and self.is_trained(demand) and self.is_asked_for(demand)


def may_serve(agent: Agent, demand: Demand, now: float) -> bool:
    """May this agent serve the demand now, were the agent idle? `now` is in seconds since the epoch."""
    return Qualification.of(agent, now, alone=True).may_serve(demand)


def next_boundary(agent: Agent, now: float) -> float | None:
    """When the next of an agent's authorizations begins or ends, in seconds since the epoch."""
    moments = (
        moment.timestamp()
        for one in agent.authorizations
        for moment in (one.valid_from, one.valid_until)
        if moment is not None
    )
    return min((moment for moment in moments if moment > now), default=None)


def is_idle(agent: Agent, now: float, medium: str | None = None) -> bool:
    """Available, no wrap-up or set-aside runs, and a slot of `medium` is free; without one, no contact at all."""
    if agent.status is not AgentStatus.AVAILABLE or agent.available_from.timestamp() > now:
        return False
    return not agent.reservations if medium is None else agent.has_room(medium)
