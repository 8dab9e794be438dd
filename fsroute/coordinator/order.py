"""In which order a strategy would take agents for one contact, if one after another were taken: pure.

The coordinator's core asks the same functions of a strategy, of groups that it keeps; this is for people who ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fsroute.coordinator.strategies import Strategy, Turn
from fsroute.model.agent import Agent, AgentStatus
from fsroute.model.proxy_call import ProxyCall
from fsroute.routing.eligibility import Qualification


@dataclass(slots=True)
class Team:
    """Interchangeable agents: those idle, by rank, and how many are on duty."""

    qualification: Qualification
    on_duty: int
    idle: list[tuple[Turn, Agent]]

    @property
    def idle_count(self) -> int:
        return len(self.idle)


@dataclass(slots=True)
class Pool:
    """All agents of one medium, as a strategy's `House`."""

    idle: int
    on_duty: int
    waiting: int
    arrivals: float
    rates: Mapping[tuple[str, str], float]


def in_order(
    strategy: Strategy,
    call: ProxyCall,
    idle: Sequence[Agent],
    on_duty: Sequence[Agent],
    now: float,
    rates: Mapping[tuple[str, str], float],
) -> list[Agent]:
    """The idle agents who may serve `call`, the first to be taken first.

    `idle` and `on_duty` (available, idle or not) may serve it; `now` is in seconds since the epoch, `rates` are
    by (caller's site, agent's site).
    """
    teams = _teams(strategy, idle, on_duty, now)
    found: list[Agent] = []
    while any(team.idle for team in teams):
        able = [team for team in teams if team.idle]
        pool = Pool(sum(t.idle_count for t in able), len(on_duty), 1, 0.0, rates)
        weights = _weights(strategy, able, call, pool)
        best = min(range(len(able)), key=lambda n: (weights[n], able[n].idle[0][0]))
        found.append(able[best].idle.pop(0)[1])
    if strategy.prefers_last_agent:
        found.sort(key=lambda agent: agent.agent_id != call.preferred_agent_id)
    return found


def _weights(strategy: Strategy, teams: Sequence[Team], call: ProxyCall, pool: Pool) -> Sequence[Any]:
    if strategy.weigh is not None:
        return strategy.weigh(teams, [team.idle[0][0] for team in teams], call, pool)
    if strategy.fit is not None:
        return [strategy.fit(team.qualification, call.demand) for team in teams]
    return [0] * len(teams)


def _teams(strategy: Strategy, idle: Sequence[Agent], on_duty: Sequence[Agent], now: float) -> list[Team]:
    teams: dict[Qualification, Team] = {}
    for agent in on_duty:
        if agent.status is AgentStatus.AVAILABLE:
            qualification = Qualification.of(agent, now)
            teams.setdefault(qualification, Team(qualification, 0, [])).on_duty += 1
    for agent in idle:
        qualification = Qualification.of(agent, now)
        team = teams.setdefault(qualification, Team(qualification, 0, []))
        team.idle.append(((*strategy.rank(agent, agent.load), agent.agent_id), agent))
    for team in teams.values():
        team.idle.sort(key=lambda pair: pair[0])
    return list(teams.values())
