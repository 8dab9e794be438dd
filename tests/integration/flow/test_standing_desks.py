"""What agents with a standing leg do during a talk: the leg outlives every end of it."""

from __future__ import annotations

import pytest

from fsroute.switchsim import CallerCall
from fsroute.switchsim.telephones import AgentCall
from tests.integration.flow.conftest import World
from tests.integration.flow.test_standing_legs import leave, log_on_standing, stands
from tests.integration.flow.test_transfers import ask, colleague, hears, telephone
from tests.waiting import until

NAMES = ("ann", "dee")


def talking(world: World, name: str) -> tuple[CallerCall, AgentCall]:
    """A caller and an agent on a standing leg, who talk."""
    stood = log_on_standing(world, name)
    call = world.call_for_an_agent()
    until(lambda: call.talked_with == name and call.is_talking, 10)
    until(lambda: stood.channel is not None and stood.channel.digit_actions is not None, 5)
    return call, stood


def serves_another(world: World, name: str, stood: AgentCall, served: int) -> None:
    """The same leg takes the next contact."""
    until(lambda: stands(world, name), 10)
    world.call_for_an_agent("+14155550999", talk=2)
    until(lambda: len(world.outcomes()) == served, 10)
    until(lambda: stands(world, name), 10)
    assert not stood.over.is_set()
    leave(world, name)
    world.assert_nothing_left(silence=1.0)
    world.assert_nothing_violated()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("by", ["code", "command"])
def test_an_agent_ends_the_talk_and_the_leg_stands(world: World, name: str, by: str) -> None:
    call, stood = talking(world, name)
    if by == "code":
        stood.press("*9")
    else:
        assert ask(world, name, "release") == "done"
    until(call.over.is_set, 10)
    assert call.cause == "NORMAL_CLEARING"
    assert world.outcomes() == ["served"]
    serves_another(world, name, stood, 2)


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_ends_a_talk_that_is_on_hold(world: World, name: str) -> None:
    call, stood = talking(world, name)
    stood.press("*1")
    hears(call, "local_stream")
    stood.press("*9")
    until(call.over.is_set, 10)
    assert world.outcomes() == ["served"]
    serves_another(world, name, stood, 2)


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_transfers_and_is_there_for_the_next(world: World, name: str) -> None:
    call, stood = talking(world, name)
    colleague(world, "cyd")
    assert ask(world, name, "transfer", to="agent", name="cyd") == "done"
    until(lambda: call.talked_with == "cyd", 10)
    until(lambda: stands(world, name), 10)
    call.hang_up()
    until(lambda: world.outcomes() == ["served"], 10)
    serves_another(world, name, stood, 2)


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_consults_hands_over_and_is_there_for_the_next(world: World, name: str) -> None:
    call, stood = talking(world, name)
    colleague(world, "cyd")
    stood.press("**2")
    stood.press("77#")
    other = telephone(world, "cyd")
    hears(stood, "talking with cyd")
    hears(other, f"talking with {name}")
    until(lambda: ask(world, name, "complete") == "done", 10)  # refused until the desk knows who is there
    hears(call, "talking with cyd")
    until(lambda: stands(world, name), 10)
    call.hang_up()
    until(lambda: len(world.outcomes()) == 2, 10)
    serves_another(world, name, stood, 3)
