"""In which order agents would be taken for contacts that ask for the same, one after another: pure.

It is the coordinator's own matching that is asked, so that people are told what it would do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fsroute.coordinator.groups import AgentGroup
from fsroute.coordinator.matching import Matching
from fsroute.coordinator.strategies import Strategy
from fsroute.model.agent import Agent, AgentStatus
from fsroute.model.proxy_call import ProxyCall
from fsroute.routing.eligibility import Qualification, is_idle


def in_order(
    strategy: Strategy,
    call: ProxyCall,
    agents: Sequence[Agent],
    now: float,
    rates: Mapping[tuple[str, str], float],
) -> list[Agent]:
    """The idle agents who may serve `call`, the first to be taken first.

    `agents` are all there are: some strategies weigh those of a group against the rest. `now` is in seconds
    since the epoch, `rates` are what a network leg costs by (caller's site, agent's site).
    """
    matching = Matching()
    matching.rates.update(rates)
    demand = matching.class_of(call.demand, strategy)
    groups: dict[str, AgentGroup] = {}
    by_id = {agent.agent_id: agent for agent in agents}
    for agent in agents:
        group = _enter(matching, agent, call.demand.medium, now)
        if group is not None:
            groups[agent.agent_id] = group
    found = []
    while demand.idle_groups:
        agent_id = str(matching.choose(demand, call)[-1])
        groups[agent_id].remove_idle(agent_id)
        found.append(by_id[agent_id])
    return found


def _enter(matching: Matching, agent: Agent, medium: str, now: float) -> AgentGroup | None:
    """An agent joins the group of its like; None: not of this medium."""
    qualification = Qualification.of(agent, now, agent.agent_id in matching.alone)
    if medium not in qualification.media:
        return None
    group = matching.enter(qualification, medium, agent.status is not AgentStatus.LOGGED_OUT)
    if is_idle(agent, now, medium):
        group.add_idle(agent, agent.load)
    return group
