"""In which order agents would be taken for contacts that ask for the same, one after another: pure.

It is the coordinator's own matching that is asked, so that people are told what it would do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fsroute.coordinator.admission import why_nobody
from fsroute.coordinator.groups import AgentGroup
from fsroute.coordinator.matching import Matching
from fsroute.coordinator.queues import widened
from fsroute.coordinator.strategies import Strategy
from fsroute.model.agent import Agent, AgentStatus
from fsroute.model.contact import CallerInformation
from fsroute.model.proxy_call import AgentLeg, NetworkLeg, ProxyCall, State
from fsroute.model.routing import Routing
from fsroute.routing.eligibility import Qualification, is_idle


@dataclass(frozen=True, slots=True)
class Prospect:
    """Who would serve a contact that comes now: `agents` are idle, the first to be taken first.

    `refused` is the reason why the contact would not be let in, None: it would be.
    """

    agents: tuple[Agent, ...]
    refused: str | None


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
    return list(prospect(strategy, call, agents, now, rates).agents)


def prospect(
    strategy: Strategy,
    call: ProxyCall,
    agents: Sequence[Agent],
    now: float,
    rates: Mapping[tuple[str, str], float],
) -> Prospect:
    """The same, and whether `call` would be let in at all."""
    matching = Matching()
    matching.rates.update(rates)
    demand = matching.class_of(call.demand, strategy)
    later = [matching.class_of(each, strategy) for each in widened(call)]
    groups: dict[str, AgentGroup] = {}
    by_id = {agent.agent_id: agent for agent in agents}
    for agent in agents:
        group = _enter(matching, agent, call.demand.medium, now)
        if group is not None:
            groups[agent.agent_id] = group
    refused = why_nobody(call, demand, later)
    found = []
    while demand.idle_groups:
        agent_id = str(matching.choose(demand, call)[-1])
        groups[agent_id].remove_idle(agent_id)
        found.append(by_id[agent_id])
    return Prospect(tuple(found), refused)


def _enter(matching: Matching, agent: Agent, medium: str, now: float) -> AgentGroup | None:
    """An agent joins the group of its like; None: not of this medium."""
    qualification = Qualification.of(agent, now, agent.agent_id in matching.alone)
    if medium not in qualification.media:
        return None
    group = matching.enter(qualification, medium, agent.status is not AgentStatus.LOGGED_OUT)
    if is_idle(agent, now, medium):
        group.add_idle(agent, agent.load)
    return group


def coming(
    routing: Routing,
    caller: CallerInformation,
    *,
    caller_site_id: str = "",
    preferred_agent_id: str | None = None,
) -> ProxyCall:
    """The proxy call of a contact that comes now, as far as admission and strategies look at it."""
    return ProxyCall(
        proxy_call_id=0,
        contact_id="",
        contact_center_id=routing.demand.contact_center_id,
        contact_center_name="",
        queue=routing.queue,
        demand=routing.demand,
        priority=routing.priority,
        arrived_at=caller.arrived_at,
        queued_at=caller.arrived_at,
        switch_id="",
        channel_uuid="",
        caller_number=caller.number,
        caller_name="",
        state=State.QUEUED,
        agent_leg=AgentLeg.NONE,
        network_leg=NetworkLeg.NONE,
        strategy=routing.strategy,
        lead=routing.lead,
        hold_music=routing.hold_music,
        offer_timeout=routing.offer_timeout,
        network_leg_timeout=routing.network_leg_timeout,
        network_leg_tries=routing.network_leg_tries,
        network_leg_failures=0,
        longest_wait=routing.longest_wait,
        refuse_when=routing.refuse_when,
        longest_queue=routing.longest_queue,
        time_line=routing.time_line,
        caller_site_id=caller_site_id,
        preferred_agent_id=preferred_agent_id,
    )
