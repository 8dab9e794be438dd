"""Rows of proxy calls and agents as the database would write them: each function is one transition."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from fsroute.model.agent import ONE_AT_A_TIME, Agent, Held
from fsroute.model.contact import Lead, LeadKind
from fsroute.model.proxy_call import AgentLeg, CallerLeg, NetworkLeg, ProxyCall, State
from fsroute.model.routing import TimeLineStep
from fsroute.simulation.scenario import Traffic

LEAD = Lead(LeadKind.READY)  # network legs are not simulated


def requested(number: int, traffic: Traffic, now: datetime) -> ProxyCall:
    queue = traffic.queue
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
        time_line=traffic.time_line,
        longest_queue=traffic.longest_queue,
    )


def taken(call: ProxyCall, now: datetime) -> ProxyCall:
    return replace(call, state=State.QUEUED, queued_at=now, version=call.version + 1)


def stepped(call: ProxyCall, step: TimeLineStep) -> ProxyCall:
    """The time line's next step is done."""
    return replace(
        call,
        demand=step.changed(call.demand),
        priority=call.priority + step.priority,
        time_line_done=call.time_line_done + 1,
        version=call.version + 1,
    )


def to_be_called_back(call: ProxyCall) -> ProxyCall:
    """The caller has hung up and keeps the place."""
    return replace(call, state=State.CALLBACK, caller_leg=CallerLeg.ABSENT, version=call.version + 1)


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
    there = call.caller_leg is CallerLeg.PRESENT
    return _without_agent(call, State.QUEUED if there else State.CALLBACK)


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


def reserved(agent: Agent, call: ProxyCall) -> Agent:
    medium = call.demand.medium
    held = Held(call.proxy_call_id, medium, 1, agent.media.get(medium, ONE_AT_A_TIME).weight)
    return replace(agent, reservations=(*agent.reservations, held))


def released(
    agent: Agent, call: ProxyCall, now: datetime, pause: float | None, served: bool = False
) -> Agent:
    """Free after `pause` seconds; None: at once, with the place among the idle kept (``end_reservation``)."""
    agent = replace(
        agent,
        reservations=tuple(held for held in agent.reservations if held.proxy_call_id != call.proxy_call_id),
        last_reserved_at=call.reserved_at,
        contacts_served=agent.contacts_served + served,
    )
    if pause is None:
        return replace(agent, available_from=max(agent.available_from, now))
    until = now + timedelta(seconds=pause)
    return replace(agent, available_from=max(agent.available_from, until), idle_since=until)
