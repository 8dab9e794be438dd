"""When the network leg is raised: each lead, and what becomes of a leg that was raised too early."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsroute.acd import proxy_call
from fsroute.app import sample_folder
from fsroute.callserver import hold
from fsroute.config import Role
from fsroute.demo.centers import Center, CenterSettings
from fsroute.ivr import load
from fsroute.model import AgentStatus
from fsroute.switchsim import Answers, CallerCall, Fault, NoAnswer
from tests.integration.flow.conftest import FAST, World
from tests.waiting import until

NORTH = CenterSettings("east", "north-1", "127.0.0.1:5082", (Role.ACD,))


def lead(world: World, text: str) -> None:
    world.query(f"update queue set lead = '{text}' returning 1")


def on_duty(world: World, *agents: str) -> None:
    """At work but on a break: their switch is where an early leg goes."""
    for agent_id in agents:
        world.declare(agent_id, AgentStatus.ON_BREAK)


def in_order(kinds: list[str], *wanted: str) -> bool:
    """Whether `wanted` happened in this order, each for the first time."""
    return [kind for kind in dict.fromkeys(kinds) if kind in wanted] == list(wanted)


def waiting_with_a_leg(world: World) -> CallerCall:
    """A caller who is only waiting, with a network leg that rings at the other site."""
    call = world.call_for_an_agent()
    until(lambda: "network_leg_present" in world.kinds(), 10)
    assert world.states() == ["queued"]
    return call


def served(world: World, call: CallerCall, by: str) -> None:
    until(lambda: call.talked_with, 15)
    assert call.talked_with == by
    world.wait_for_outcomes("served", limit=15)
    assert len([heard for heard in call.timeline.stretches() if heard.what.startswith("talking")]) == 1
    world.assert_nothing_left()
    world.assert_nothing_violated()


def test_with_lead_ready_the_leg_is_raised_when_the_agent_has_accepted(world: World) -> None:
    lead(world, "ready")
    world.log_on("ann", Answers(after=1, talk=4))
    call = world.call_for_an_agent()
    served(world, call, "ann")
    assert in_order(world.kinds(), "agent_reserved", "agent_accepted", "network_leg_raised", "joined")


def test_with_lead_offered_both_legs_are_raised_together(world: World) -> None:
    world.log_on("ann", Answers(after=4, talk=4))
    call = world.call_for_an_agent()
    served(world, call, "ann")
    assert in_order(world.kinds(), "agent_reserved", "network_leg_raised", "agent_accepted", "joined")


def test_with_lead_position_the_leg_waits_for_its_agent(world: World) -> None:
    lead(world, "position:1")
    on_duty(world, "ann")
    call = waiting_with_a_leg(world)
    world.log_on("ann", Answers(after=1, talk=4))
    served(world, call, "ann")
    assert in_order(world.kinds(), "network_leg_present", "agent_reserved", "agent_accepted", "joined")
    assert world.kinds().count("network_leg_raised") == 1
    took = "max(at) filter (where kind = 'joined') - max(at) filter (where kind = 'agent_accepted')"
    [(seconds,)] = world.query(f"select extract(epoch from {took})::float8 from contact_event")
    assert 0 <= seconds < 5, "the leg was there"


def test_only_the_positions_of_the_lead_have_a_leg(world: World) -> None:
    lead(world, "position:2")
    on_duty(world, "ann")
    calls = []
    for n in range(3):
        calls.append(world.call_for_an_agent(f"+1415555{n:04}", talk=4))
        until(lambda: world.states() == ["queued"] * len(calls), 10)
    until(lambda: world.kinds().count("network_leg_present") == 2, 10)
    assert "network_leg_wanted" not in world.kinds_of(calls[2])
    calls[0].hang_up()
    until(lambda: world.kinds().count("network_leg_present") == 3, 10)
    world.log_on("ann", Answers(after=1))
    until(lambda: len(world.outcomes()) == 3, 15)
    assert world.outcomes() == ["abandoned", "served", "served"]
    world.assert_nothing_left()
    world.assert_nothing_violated()


def test_with_lead_expected_the_leg_is_raised_when_the_wait_is_short_enough(world: World) -> None:
    lead(world, "expected:60")
    world.log_on("ann", Answers(after=0.1))
    first = world.call_for_an_agent("+14155550001", talk=4)
    until(lambda: first.over.is_set(), 10)
    assert "network_leg_wanted" not in world.kinds_of(first), "how long a contact takes is not known yet"
    second = world.call_for_an_agent("+14155550002")
    until(lambda: second.is_talking, 10)
    third = world.call_for_an_agent("+14155550003", talk=4)
    until(lambda: "network_leg_present" in world.kinds_of(third), 10)
    assert world.states()[-1] == "queued"
    second.hang_up()
    until(lambda: third.talked_with == "ann", 10)
    world.wait_for_outcomes("served", "served", "served")
    world.assert_nothing_left()
    world.assert_nothing_violated()


def test_an_early_leg_is_dropped_for_an_agent_on_the_callers_own_switch(world: World) -> None:
    lead(world, "position:1")
    on_duty(world, "ann")
    call = waiting_with_a_leg(world)
    world.log_on("dee", Answers(after=1, talk=4))
    served(world, call, "dee")
    assert not world.east.switch.channels


def test_an_agent_who_answers_at_once_is_joined_though_the_early_leg_still_rings(world: World) -> None:
    lead(world, "position:1")
    on_duty(world, "ann")
    call = waiting_with_a_leg(world)
    world.log_on("dee", Answers(after=0.0, talk=4))
    served(world, call, "dee")


def test_an_early_leg_is_raised_again_to_the_switch_of_the_agent(world: World) -> None:
    world.query("insert into switch values ('north-1', 'east', '127.0.0.1:5082') returning 1")
    world.query("update agent set switch_id = 'north-1' where agent_id = 'bob' returning 1")
    application = load(Path(sample_folder()) / "orders")
    north = Center(NORTH, world.conninfo, world.network, {application.name: application}, FAST)
    north.start()
    try:
        lead(world, "position:1")
        on_duty(world, "ann")
        call = waiting_with_a_leg(world)
        world.log_on("bob", Answers(after=4, talk=4))
        served(world, call, "bob")
        until(lambda: not north.switch.channels)
        raised = world.query(
            "select data ->> 'to' from contact_event where kind = 'network_leg_raised' order by 1"
        )
        assert raised == [("east-1",), ("north-1",)]
    finally:
        north.stop()


def test_an_early_leg_that_nobody_came_for_is_raised_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "EARLY_LEG_RINGS", 1.0)
    lead(world, "position:1")
    on_duty(world, "ann")
    call = waiting_with_a_leg(world)
    until(lambda: world.kinds().count("network_leg_present") == 2, 10)
    held = world.query("select held_until, network_leg_failures from proxy_call")
    assert held == [(None, 0)], "an agent who comes free now is offered at once"
    world.log_on("ann", Answers(after=1, talk=4))
    served(world, call, "ann")


def test_an_early_leg_that_is_refused_is_held_and_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy_call, "HELD_FOR", 0.5)
    lead(world, "position:1")
    on_duty(world, "ann")
    world.network.fail(world.east.switch.link_address, Fault("refuse", cause="USER_BUSY", times=4))
    call = waiting_with_a_leg(world)
    assert world.kinds().count("network_leg_given_up") == 1
    world.log_on("ann", Answers(after=1, talk=4))
    served(world, call, "ann")


def test_a_caller_with_an_early_leg_hangs_up(world: World) -> None:
    lead(world, "position:1")
    on_duty(world, "ann")
    call = waiting_with_a_leg(world)
    call.hang_up()
    world.wait_for_outcomes("abandoned")
    world.assert_nothing_left()
    world.assert_nothing_violated()


def test_an_early_leg_outlives_an_agent_who_does_not_answer(world: World) -> None:
    world.query("update queue set offer_timeout = 1 returning 1")
    lead(world, "position:1")
    on_duty(world, "ann")
    call = waiting_with_a_leg(world)
    world.log_on("ann", NoAnswer())
    until(lambda: "agent_failed" in world.kinds(), 10)
    world.log_on("bob", Answers(after=1, talk=4))
    served(world, call, "bob")
