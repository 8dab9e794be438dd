"""Rows of proxy calls and agents as the database would write them: each function is one transition."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from fsroute.model.agent import CAPACITY, Agent, Held
from fsroute.model.contact import Lead, LeadKind, Queue
from fsroute.model.proxy_call import AgentLeg, NetworkLeg, ProxyCall, State

LEAD = Lead(LeadKind.READY)  # network legs are not simulated


def requested(number: int, queue: Queue, now: datetime) -> ProxyCall:
    return ProxyCall(
        proxy_call_id=number,
        contact_id=str(number),
        contact_center_id=queue.contact_center_id,
        contact_center_name=queue.contact_center_id,
        queue=queue.name,
        demand=queue.demand,
        priority=queue.priority,
        arrived_at=now,
        queued_at=None,
        switch_id="simulated",
        channel_uuid="",
        caller_number="",
        caller_name="",
        state=State.REQUESTED,
        agent_leg=AgentLeg.NONE,
        network_leg=NetworkLeg.NONE,
        strategy=queue.strategy,
        lead=LEAD,
        hold_music="",
        offer_timeout=queue.offer_timeout,
        network_leg_timeout=queue.network_leg_timeout,
        network_leg_tries=queue.network_leg_tries,
        network_leg_failures=0,
        longest_wait=queue.longest_wait,
        refuse_when=queue.refuse_when,
        version=1,
    )


def taken(call: ProxyCall, now: datetime) -> ProxyCall:
    return replace(call, state=State.QUEUED, queued_at=now, version=call.version + 1)


def offered(call: ProxyCall, agent_id: str, now: datetime) -> ProxyCall:
    return replace(
        call,
        state=State.OFFERED,
        queued_at=call.queued_at or now,  # a request may be taken and reserved in one
        agent_leg=AgentLeg.DIALLING,
        agent_id=agent_id,
        agent_leg_uuid=f"{call.proxy_call_id}-{call.version}",
        reserved_at=now,
        version=call.version + 1,
    )


def bridged(call: ProxyCall, now: datetime) -> ProxyCall:
    return replace(
        call, state=State.BRIDGED, agent_leg=AgentLeg.JOINED, bridged_at=now, version=call.version + 1
    )


def back_in_queue(call: ProxyCall) -> ProxyCall:
    """The agent did not take the offer; the place is kept."""
    return _without_agent(call, State.QUEUED)


def over(call: ProxyCall, state: State) -> ProxyCall:
    """The end, in a final state."""
    return _without_agent(call, state)


def _without_agent(call: ProxyCall, state: State) -> ProxyCall:
    return replace(
        call,
        state=state,
        agent_leg=AgentLeg.NONE,
        agent_id=None,
        agent_leg_uuid=None,
        reserved_at=None,
        version=call.version + 1,
    )


def reserved(agent: Agent) -> Agent:
    return replace(agent, reservations=(Held(0, "voice", 1, CAPACITY),))


def released(agent: Agent, now: datetime, pause: float | None) -> Agent:
    """Free after `pause` seconds; None: at once, with the place among the idle kept (``end_reservation``)."""
    if pause is None:
        return replace(agent, reservations=(), available_from=now)
    until = now + timedelta(seconds=pause)
    return replace(agent, reservations=(), available_from=until, idle_since=until)
