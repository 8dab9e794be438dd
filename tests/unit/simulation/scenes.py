"""Small scenarios for tests: queues of one contact center, agents with skills."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fsroute.model.agent import Agent, AgentStatus, Authorization
from fsroute.model.contact import Demand, Lead, Queue
from fsroute.simulation.durations import Arrivals, Constant, Duration, Exponential, Listed, Poisson
from fsroute.simulation.sample import Sample, Tally
from fsroute.simulation.scenario import Scenario, Traffic
from fsroute.simulation.simulator import simulate

BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)


def queue(name: str = "main", priority: int = 0, **skills: int) -> Queue:
    return Queue(
        contact_center_id="acme",
        name=name,
        demand=Demand("acme", "voice", tuple(sorted(skills.items()))),
        priority=priority,
        strategy="longest_idle",
        lead=Lead(),
        hold_music="",
        offer_timeout=20.0,
        network_leg_timeout=10.0,
        network_leg_tries=3,
        longest_wait=None,
        refuse_when="no_agent_authorized",
    )


def agent(agent_id: str, wrap_up: float = 0.0, center: str = "acme", **skills: int) -> Agent:
    return Agent(
        agent_id=agent_id,
        name=agent_id,
        site_id="s",
        switch_id="s1",
        address="",
        skills=skills,
        authorizations=(Authorization(center, "voice", datetime(1970, 1, 1, tzinfo=UTC)),),
        status=AgentStatus.AVAILABLE,
        available_from=BEGIN,
        idle_since=BEGIN,
        wrap_up=wrap_up,
    )


def agents(count: int, **skills: int) -> tuple[Agent, ...]:
    return tuple(replace(agent(f"a{number:03}"), skills=skills) for number in range(count))


def steady(load: float, mean: float = 180.0, name: str = "main", **skills: int) -> Traffic:
    """Exponential talks of `mean` seconds that keep `load` agents busy."""
    return Traffic(queue(name, **skills), Poisson((load / mean,)), Exponential(mean))


def listed(*moments: float, talk: float = 100.0, **changes: Any) -> Traffic:
    """Contacts at these moments, who talk for the same time each."""
    arrivals: Arrivals = Listed(moments)
    duration: Duration = Constant(talk)
    return Traffic(changes.pop("queue", queue()), arrivals, duration, **changes)


def day(*traffic: Traffic, agents: tuple[Agent, ...], **changes: Any) -> Scenario:
    """An hour that counts from its beginning."""
    return Scenario(traffic, agents, BEGIN, **{"duration": 3600.0, "warm_up": 0.0, **changes})


def only(scenario: Scenario) -> Sample:
    (sample,) = simulate(scenario, 1)
    return sample


def waits(scenario: Scenario, number: int = 0) -> list[float]:
    """What the answered contacts of a queue waited, rounded to microseconds."""
    return [round(wait, 6) for wait in only(scenario).tallies[number].answered]


def tally(scenario: Scenario, number: int = 0) -> Tally:
    return only(scenario).tallies[number]
