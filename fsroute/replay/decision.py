"""What rules make of a request for an agent, with what routing saw at that moment. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from fsroute.coordinator.order import coming, prospect
from fsroute.coordinator.strategies import Strategy
from fsroute.model.agent import Agent
from fsroute.model.routing import Routing, Way
from fsroute.routing.calendar import time_zone
from fsroute.routing.explain import busyness
from fsroute.routing.match import NoRoute, Routed, route
from fsroute.routing.people import able
from fsroute.routing.rules import Inquiry, RuleSet


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for an agent as the rules got it, the `number`-th of its call (from 1).

    `at` is in seconds since the epoch. `caller_site_id` and `preferred_agent_id` are what strategies look at besides.
    """

    number: int
    at: float
    inquiry: Inquiry
    caller_site_id: str = ""
    preferred_agent_id: str | None = None

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)


@dataclass(frozen=True, slots=True)
class Seen:
    """What else routing saw: all agents, contact centers closed by command (with their prompt), what legs cost."""

    agents: Sequence[Agent] = ()
    closed: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[tuple[str, str], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class People:
    """Who may serve: the idle ones in the order of the strategy, then those who are busy, with what keeps them.

    `refused` is why the coordinator would not let the contact in, None: it would.
    """

    idle: tuple[str, ...] = ()
    busy: tuple[tuple[str, str], ...] = ()
    refused: str | None = None

    @property
    def picked(self) -> str | None:
        """Who would have been offered the contact at once; None: it would have waited, or been refused."""
        return self.idle[0] if self.idle and self.refused is None else None


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a request: it gets a `routing`, goes a `way`, or nothing says what to do (`fault`).

    `people` is None where nobody asked for them, or where nobody is to serve it. `unasked`: there was no such request.
    """

    rule: str | None = None
    routing: Routing | None = None
    way: Way | None = None
    closed: bool = False
    fault: str = ""
    people: People | None = None
    unasked: bool = False

    @property
    def fate(self) -> object:
        """All of it but the version of the rules and who could serve: equal ones lead to the same place."""
        routing = None if self.routing is None else replace(self.routing, rules_version=None)
        return self.rule, routing, self.way, self.closed, self.fault, self.unasked

    def dump(self) -> dict[str, Any]:
        people = self.people
        return {
            "rule": self.rule,
            "routing": self.routing and self.routing.dump(),
            "way": self.way and self.way.dump(),
            "closed": self.closed,
            "fault": self.fault or None,
            "asked": not self.unasked,
            "refused": people and people.refused,
            "agents": people and list(people.idle),
            "busy": people and dict(people.busy),
            "picked": people and people.picked,
        }


Strategies = Callable[[str], Strategy]
"""The strategy of a name."""


def decide(rules: RuleSet, asked: Asked, seen: Seen) -> Decision:
    """What `rules` make of a request, without `people`; as ``fsroute.store.rulebook`` answers."""
    inquiry = asked.inquiry
    closed = seen.closed.get(inquiry.contact_center_id)
    if closed is not None:
        return Decision(way=Way("announce", prompt=closed), closed=True)
    try:
        routed = route(rules, inquiry, asked.moment)
    except NoRoute as error:
        return Decision(fault=str(error))
    return decision_of(routed)


def decision_of(routed: Routed) -> Decision:
    """What an answer of the rules comes to."""
    if routed.closed:
        return Decision(way=routed.way, closed=True)
    return Decision(routed.rule, routed.routing, routed.way)


def with_people(decision: Decision, asked: Asked, seen: Seen, strategies: Strategies) -> Decision:
    """The same with those who could have served it then."""
    routing = decision.routing
    if routing is None:
        return decision
    call = coming(
        routing,
        asked.inquiry.caller,
        caller_site_id=asked.caller_site_id,
        preferred_agent_id=asked.preferred_agent_id,
    )
    found = prospect(strategies(routing.strategy), call, seen.agents, asked.at, seen.rates)
    busy = tuple(_busy(routing, seen.agents, asked.moment))
    people = People(tuple(agent.agent_id for agent in found.agents), busy, found.refused)
    return replace(decision, people=people)


def _busy(routing: Routing, agents: Sequence[Agent], at: datetime) -> list[tuple[str, str]]:
    demand = routing.demand
    may = [agent for agent in able(agents, demand, at) if agent.is_authorized(demand, at)]
    found = ((agent.agent_id, busyness(agent, demand.medium, at)) for agent in may)
    return sorted((agent_id, why) for agent_id, why in found if why is not None)


def local_time(rules: RuleSet, asked: Asked) -> datetime:
    """The moment by the clock of the contact center; UTC where its time zone is not known."""
    zone = rules.time_zones.get(asked.inquiry.contact_center_id, "UTC")
    try:
        return asked.moment.astimezone(time_zone(zone))
    except ValueError:
        return asked.moment
