"""What was done and not confirmed is found out at once: nobody waits until somebody looks unasked."""

from __future__ import annotations

import pytest

from fsroute.demo.centers import Center
from fsroute.switchsim import Answers, CallerCall, NoAnswer
from fsroute.switchsim.people import Busy
from tests.integration.flow.conftest import World
from tests.losses import Losses, losses
from tests.waiting import until

__all__ = ["losses"]

LONG = 600  # seconds: nobody waits for the end of an offer


def offered_and_waiting(world: World, agent_id: str) -> tuple[CallerCall, CallerCall]:
    """One caller is offered to an agent, and another waits for the same; nobody else is there."""
    world.query(f"update queue set offer_timeout = {LONG} returning 1")
    world.log_on(agent_id, NoAnswer(), Answers(after=0.1))
    first = world.call_for_an_agent("+14155550001")
    until(lambda: "agent_ringing" in world.kinds_of(first), 10)
    second = world.call_for_an_agent("+14155550002")
    until(lambda: world.states() == ["offered", "queued"], 10)
    return first, second


def served(world: World, losses: Losses, call: CallerCall, by: str) -> None:
    until(lambda: call.talked_with == by, 10)
    assert losses.named == [], "the answer that was to be lost was none"
    call.hang_up()


def leads(center: Center) -> bool:
    return center.app is not None and center.app.coordinator is not None and center.app.coordinator.is_leader


@pytest.mark.parametrize("beside", [True, False], ids=["beside the leader", "elsewhere"])
def test_the_next_caller_is_served_where_the_end_of_a_talk_was_not_confirmed(
    world: World, losses: Losses, beside: bool
) -> None:
    """Beside the leader an agent turns to the next contact in the statement that ends the talk."""
    until(lambda: leads(world.west) or leads(world.east), 10)
    agent_id = "dee" if leads(world.west) is beside else "ann"
    first, second = offered_and_waiting(world, agent_id)
    world.pick_up(agent_id)
    until(lambda: first.is_talking and world.states() == ["bridged", "queued"], 10)
    endings = [("agent_left", None), ("agent_goes_on", None), ("move_proxy_call", "conversation_over")]
    losses.named += endings  # either site may be the first to write it
    next(call for call in world.network.agent_calls if call.cause is None).hang_up()
    until(lambda: second.talked_with == agent_id, 10)
    assert len(losses.named) < len(endings), "the answer that was to be lost was none"
    losses.named.clear()
    second.hang_up()
    world.wait_for_outcomes("served", "served")
    world.assert_nothing_left()


def test_the_next_caller_is_served_where_the_hanging_up_of_the_first_was_not_confirmed(
    world: World, losses: Losses
) -> None:
    first, second = offered_and_waiting(world, "ann")
    losses.lose("close_contact")
    first.hang_up()
    served(world, losses, second, "ann")
    world.wait_for_outcomes("abandoned", "served")
    world.assert_nothing_left()


def test_another_agent_is_rung_where_the_refusal_of_the_first_was_not_confirmed(
    world: World, losses: Losses
) -> None:
    world.query(f"update queue set offer_timeout = {LONG} returning 1")
    world.query(f"update agent set set_aside = {LONG} returning 1")
    losses.lose("move_proxy_call", "agent_failed")
    world.log_on("ann", Busy())
    call = world.call_for_an_agent()
    until(lambda: "agent_failed" in world.kinds_of(call), 10)
    world.log_on("dee", Answers(after=0.1))
    served(world, losses, call, "dee")
    world.wait_for_outcomes("served")
    world.assert_nothing_left()


@pytest.mark.parametrize("statement", ["route_proxy_call", "reserve_agent"])
def test_a_caller_is_served_whose_request_or_reservation_was_not_confirmed(
    world: World, losses: Losses, statement: str
) -> None:
    world.log_on("ann", Answers(after=0.1))
    losses.lose(statement)
    call = world.call_for_an_agent()
    served(world, losses, call, "ann")
    world.wait_for_outcomes("served")
    world.assert_nothing_left()
    world.assert_nothing_violated()
