"""Every ending of a call, between two stand-in switches."""

from __future__ import annotations

from fsroute.switchsim import Answers, Caller, HangUp, Press, WaitFor
from tests.integration.flow.conftest import World
from tests.waiting import until


def test_a_caller_is_served_by_the_application_alone(world: World) -> None:
    script = (WaitFor("main_menu"), Press("1"), WaitFor("order_number"), Press("12345"), WaitFor("being_packed"), HangUp())
    world.place(Caller("+14155550123", "Ada", "8005550100", script))
    world.wait_for_outcomes("self_served")
    assert world.states() == []
    world.assert_nothing_left()


def test_a_caller_is_bridged_to_the_remote_agent(world: World) -> None:
    world.log_on("ann", Answers(after=2, talk=4))
    call = world.call_for_an_agent()
    until(lambda: call.talked_with, 10)
    world.wait_for_outcomes("served")
    assert world.states() == ["ended"]
    world.assert_nothing_left()
