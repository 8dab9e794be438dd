"""What agents with a standing leg do during a talk: the leg outlives every end of it."""

from __future__ import annotations

import pytest

from fsroute.switchsim import CallerCall
from fsroute.switchsim.telephones import AgentCall
from tests.integration.flow.conftest import World
from tests.integration.flow.test_standing_legs import leave, log_on_standing, stands
from tests.integration.flow.test_transfers import ask, colleague, hears, settings, telephone
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
    until(lambda: world.outcomes() == ["served"])
    serves_another(world, name, stood, 2)


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_ends_a_talk_that_is_on_hold(world: World, name: str) -> None:
    call, stood = talking(world, name)
    stood.press("*1")
    hears(call, "local_stream")
    stood.press("*9")
    until(call.over.is_set, 10)
    until(lambda: world.outcomes() == ["served"])
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


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_transfers_to_a_queue_and_is_there_for_the_next(world: World, name: str) -> None:
    world.query("insert into queue (contact_center_id, queue, extension)"
                " values ('acme', 'repairs', '8') returning 1")  # fmt: skip
    world.query("insert into queue_skill values ('acme', 'repairs', 'repairs') returning 1")
    call, stood = talking(world, name)
    colleague(world, "cyd")
    world.query("insert into agent_skill values ('cyd', 'repairs', 1) returning 1")
    stood.press("*3")
    stood.press("8#")
    until(lambda: call.talked_with == "cyd", 10)
    until(lambda: stands(world, name), 10)
    call.hang_up()
    until(lambda: world.outcomes() == ["served"], 10)
    serves_another(world, name, stood, 2)


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_transfers_to_a_number_and_is_there_for_the_next(world: World, name: str) -> None:
    settings(world, numbers="[0-9]{4}")
    call, stood = talking(world, name)
    stood.press("*4")
    stood.press("5000#")
    until(lambda: world.outcomes() == ["transferred"], 10)
    until(lambda: stands(world, name), 10)
    call.hang_up()
    serves_another(world, name, stood, 2)


def consulting(world: World, name: str) -> tuple[CallerCall, AgentCall, AgentCall]:
    """An agent on a standing leg and a colleague, who talk while the caller hears music."""
    call, stood = talking(world, name)
    colleague(world, "cyd")
    stood.press("**2")
    stood.press("77#")
    other = telephone(world, "cyd")
    hears(other, f"talking with {name}")
    until(lambda: world.states() == ["bridged", "bridged"], 5)
    return call, stood, other


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("by", ["agent", "colleague"])
def test_an_agent_goes_back_to_the_caller_and_is_there_for_the_next(world: World, name: str, by: str) -> None:
    call, stood, other = consulting(world, name)
    if by == "agent":
        assert ask(world, name, "cancel") == "done"
    else:
        other.hang_up()
    hears(call, f"talking with {name}")
    until(other.over.is_set, 10)
    stood.press("*9")
    until(call.over.is_set, 10)
    until(lambda: world.outcomes() == ["served", "served"], 10)
    serves_another(world, name, stood, 3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("leaves", ["agent", "caller"])
def test_an_agent_confers_and_is_there_for_the_next(world: World, name: str, leaves: str) -> None:
    call, stood, other = consulting(world, name)
    until(lambda: ask(world, name, "conference") == "done", 10)  # refused until the desk knows who is there
    hears(stood, "conference")
    if leaves == "agent":
        assert ask(world, name, "complete") == "done"
        hears(call, "talking with cyd")
        until(lambda: stands(world, name), 10)
    call.hang_up()
    until(other.over.is_set, 10)
    until(lambda: world.outcomes() == ["served", "served"], 10)
    serves_another(world, name, stood, 3)


@pytest.mark.parametrize("name", NAMES)
def test_a_caller_who_hangs_up_while_held_leaves_the_leg_standing(world: World, name: str) -> None:
    call, stood, other = consulting(world, name)
    call.hang_up()
    until(other.over.is_set, 10)
    until(lambda: world.outcomes() == ["served", "served"], 10)
    serves_another(world, name, stood, 3)
