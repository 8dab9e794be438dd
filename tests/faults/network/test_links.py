"""The network between the sites is slow, or carries one way only: outcomes hold, and no agent's phone is forgotten."""

from __future__ import annotations

import pytest

from fsroute.switchsim import Answers, NoAnswer
from fsroute.switchsim.network import Fault
from tests.faults.database.ways import Way
from tests.faults.network.conftest import OFFER
from tests.integration.flow.conftest import World
from tests.waiting import until

LIMIT = 30.0  # seconds for whatever is waited for, on a busy machine
LINK = "127.0.0.1:5072"
SILENCE = 1.0  # seconds

pytestmark = pytest.mark.timeout(300)


def no_phone_is_forgotten(world: World) -> None:
    until(lambda: not [call for call in world.network.agent_calls if call.cause is None], LIMIT)


def is_bridged(world: World) -> bool:
    return world.states()[-1:] == ["bridged"]


def test_a_link_of_200_ms_with_jitter_serves_and_only_takes_longer(world: World, way: Way) -> None:
    way.delay, way.jitter = 0.1, 0.05
    world.network.fail(LINK, Fault("delay", seconds=0.1))
    world.log_on("bob", Answers(after=0.1))
    for number in range(3):
        call = world.call_for_an_agent(f"+1415558{number:04}")
        until(lambda call=call: call.is_talking and is_bridged(world), LIMIT)  # type: ignore[misc]
        assert call.talked_with == "bob"
        call.hang_up()
        until(lambda number=number: len(world.outcomes()) == number + 1, LIMIT)  # type: ignore[misc]
    assert world.outcomes() == ["served"] * 3
    assert world.kinds().count("agent_reserved") == 3, "nobody was given up for being slow"
    no_phone_is_forgotten(world)
    world.assert_nothing_left(SILENCE)


@pytest.mark.parametrize("one_way", [True, False], ids=["answers are lost", "nothing passes"])
def test_a_site_without_the_database_keeps_nobody_waiting_for_its_agents(
    world: World, way: Way, *, one_way: bool
) -> None:
    world.log_on("bob", NoAnswer())
    call = world.call_for_an_agent()
    until(lambda: "agent_ringing" in world.kinds(), LIMIT)
    way.cut(one_way=one_way)
    world.log_on("dee", Answers(after=0.1))
    until(lambda: call.is_talking and is_bridged(world), OFFER + LIMIT)
    assert call.talked_with == "dee"
    way.heal()
    no_phone_is_forgotten_but_dees(world)
    assert call.is_talking, "the site that came back leaves the conversation alone"
    call.hang_up()
    world.wait_for_outcomes("served", limit=LIMIT)
    assert world.kinds().count("joined") == 1
    world.assert_nothing_left(SILENCE)


def no_phone_is_forgotten_but_dees(world: World) -> None:
    until(lambda: [call.name for call in world.network.agent_calls if call.cause is None] == ["dee"], LIMIT)


def test_a_conversation_needs_no_database_at_the_agents_site(world: World, way: Way) -> None:
    world.log_on("bob", Answers(after=0.1))
    call = world.call_for_an_agent()
    until(lambda: call.is_talking and is_bridged(world), LIMIT)
    way.cut()
    call.hang_up()
    world.wait_for_outcomes("served", limit=LIMIT)
    no_phone_is_forgotten(world)
    way.heal()
    again = world.call_for_an_agent("+14155559999")
    until(lambda: again.is_talking and is_bridged(world), LIMIT)
    again.hang_up()
    world.wait_for_outcomes("served", "served", limit=LIMIT)
    world.assert_nothing_left(SILENCE)


def test_links_that_fail_again_and_again_cost_the_place_nothing(world: World) -> None:
    world.network.fail(LINK, Fault("dead", times=2))
    world.query("update queue set network_leg_timeout = 1, network_leg_tries = 3 returning 1")
    world.log_on("bob", Answers(after=0.1))
    call = world.call_for_an_agent()
    until(lambda: call.is_talking and is_bridged(world), LIMIT)
    assert world.kinds().count("joined") == 1
    call.hang_up()
    world.wait_for_outcomes("served", limit=LIMIT)
    no_phone_is_forgotten(world)
    world.assert_nothing_left(SILENCE)
