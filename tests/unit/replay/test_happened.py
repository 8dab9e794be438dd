from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from fsroute.acd.proxy_call import On
from fsroute.model.proxy_call import AgentLeg, CallerLeg, NetworkLeg, ProxyCall, State
from fsroute.replay.happened import happened
from tests.unit.coordinator.center import Database, demand

LATER = datetime(2026, 1, 1, tzinfo=UTC)


def requested() -> ProxyCall:
    return replace(Database().request(1, demand()), version=1)


def at(state: State, agent: AgentLeg, network: NetworkLeg, version: int) -> ProxyCall:
    return replace(requested(), state=state, agent_leg=agent, network_leg=network, version=version)


OFFERED = at(State.OFFERED, AgentLeg.DIALLING, NetworkLeg.WANTED, 2)
RAISING = at(State.OFFERED, AgentLeg.DIALLING, NetworkLeg.RAISING, 3)
READY = at(State.READY, AgentLeg.ACCEPTED, NetworkLeg.PRESENT, 6)


def test_each_step_is_told_by_the_two_rows_around_it() -> None:
    assert happened(None, requested()) == ()
    assert happened(None, OFFERED) == (On.AGENT_RESERVED,), "taken and reserved in one"
    assert happened(OFFERED, RAISING) == (On.NETWORK_LEG_RAISED,)
    assert happened(READY, at(State.BRIDGED, AgentLeg.JOINED, NetworkLeg.JOINED, 7)) == (On.JOINED,)


def test_rows_that_nobody_saw_are_found_again() -> None:
    found = happened(RAISING, READY)
    assert found is not None
    assert sorted(found) == [On.AGENT_ACCEPTED, On.AGENT_RINGING, On.NETWORK_LEG_PRESENT]


def test_who_is_held_back_was_given_up_and_who_is_not_was_left_by_the_agent() -> None:
    queued = at(State.QUEUED, AgentLeg.NONE, NetworkLeg.NONE, 7)
    assert happened(READY, queued) == (On.AGENT_FAILED,)
    assert happened(READY, replace(queued, held_until=LATER)) == (On.NETWORK_LEG_GIVEN_UP,)


def test_a_caller_who_keeps_the_place_is_in_callback() -> None:
    queued = at(State.QUEUED, AgentLeg.NONE, NetworkLeg.NONE, 2)
    called = replace(queued, state=State.CALLBACK, caller_leg=CallerLeg.ABSENT, version=3)
    assert happened(queued, called) == (On.CALLBACK_CHOSEN,)


def test_rows_that_no_table_joins_are_told_as_such() -> None:
    assert happened(requested(), at(State.BRIDGED, AgentLeg.JOINED, NetworkLeg.JOINED, 2)) is None
    assert happened(requested(), at(State.BRIDGED, AgentLeg.JOINED, NetworkLeg.JOINED, 200)) is None


def test_a_contact_that_asks_for_others_was_transferred_and_one_that_does_not_lost_its_conversation() -> None:
    bridged = replace(at(State.BRIDGED, AgentLeg.JOINED, NetworkLeg.JOINED, 7), agent_id="ann")
    queued = at(State.QUEUED, AgentLeg.NONE, NetworkLeg.NONE, 8)
    assert happened(bridged, queued) == (On.CONVERSATION_LOST,)
    assert happened(bridged, replace(queued, queue="billing")) == (On.TRANSFERRED,)
    offered = replace(at(State.OFFERED, AgentLeg.DIALLING, NetworkLeg.WANTED, 9), queue="billing")
    assert happened(bridged, offered) == (On.TRANSFERRED, On.AGENT_RESERVED)


def test_a_talk_that_another_agent_has_was_handed_over() -> None:
    bridged = replace(at(State.BRIDGED, AgentLeg.JOINED, NetworkLeg.JOINED, 7), agent_id="ann")
    assert happened(bridged, replace(bridged, agent_id="bob", version=8)) == ()
    assert happened(bridged, replace(bridged, version=8)) is None
