"""Steps of a time line as the coordinator writes them, and what estimates begin with."""

from __future__ import annotations

from typing import Any

import pytest

from fsroute.acd.proxy_call import On
from fsroute.coordinator.actions import Step
from fsroute.coordinator.moves import move_of
from fsroute.model.contact import Demand
from fsroute.model.proxy_call import ProxyCall, State
from fsroute.model.routing import Routing, TimeLineStep
from tests.fix_center import EPOCH, Center

ASKED = Demand("blue", "voice", (("english", 1), ("orders", 9)), sites=("west",), teams=("red",))
LINE = (
    TimeLineStep(5.0, "skill", skill="orders", level=2),
    TimeLineStep(9.0, "announce", prompt="patience"),
    TimeLineStep(10.0, "sites"),
    TimeLineStep(20.0, "priority", priority=3),
    TimeLineStep(30.0, "teams"),
)


@pytest.fixture
def call(center: Center) -> ProxyCall:
    """It waits, and asks for more than anybody has."""
    asked = center.proxy_calls.route(center.contact(), Routing("orders", ASKED, time_line=LINE, priority=5))
    assert asked is not None
    return center.move(asked, On.TAKEN, epoch=EPOCH)


def step(center: Center, call: ProxyCall, number: int) -> ProxyCall | None:
    """As the coordinator's loop performs it."""
    move = move_of(Step(call.proxy_call_id, number), call)
    assert move is not None
    values: dict[str, Any] = {"set": move.set, "data": move.data, "epoch": EPOCH}
    return center.proxy_calls.move(call.proxy_call_id, move.on, **values)


def test_step_by_step_the_demand_widens_and_the_place_is_kept(center: Center, call: ProxyCall) -> None:
    place = (call.arrived_at, call.queued_at)
    demands, priorities = [], []
    for number in range(len(LINE)):
        assert center.reserve(call, "ann") is None
        moved = step(center, call, number)
        assert moved is not None
        call = moved
        demands.append((call.demand.skills, call.demand.sites, call.demand.teams))
        priorities.append(call.priority)
    enough = (("english", 1), ("orders", 2))
    assert demands == [
        (enough, ("west",), ("red",)),
        (enough, ("west",), ("red",)),
        (enough, (), ("red",)),
        (enough, (), ("red",)),
        (enough, (), ()),
    ]
    assert priorities == [5, 5, 5, 8, 8]
    assert (call.arrived_at, call.queued_at) == place
    assert (call.treatment, call.treatment_number) == (LINE[1], 1)
    assert center.reserve(call, "ann") is not None


def test_a_step_that_was_done_is_not_done_again(center: Center, call: ProxyCall) -> None:
    first = step(center, call, 0)
    assert first is not None
    assert step(center, call, 0) is None
    assert center.proxy_calls.get(call.proxy_call_id) == first


def test_a_step_of_a_contact_that_is_being_offered_waits(center: Center) -> None:
    routing = Routing("orders", Demand("blue", "voice"), time_line=LINE)
    asked = center.proxy_calls.route(center.contact(), routing)
    assert asked is not None
    waiting = center.move(asked, On.TAKEN, epoch=EPOCH)
    assert center.reserve(waiting) is not None
    assert step(center, waiting, 0) is None
    there = center.proxy_calls.get(waiting.proxy_call_id)
    assert there is not None
    assert (there.state, there.time_line_done) == (State.OFFERED, 0)


def test_recent_handling_times_are_those_of_conversations_by_demand(center: Center) -> None:
    call = center.bridged()
    other = center.offered("bob")
    center.sql("update reservation set reserved_at = clock_timestamp() - interval '100 seconds'")
    center.move(call, On.CONVERSATION_OVER, end_reservation="wrap_up")
    center.move(other, On.AGENT_FAILED, end_reservation="no_answer")
    ((demand, mean, count, square),) = center.proxy_calls.recent_handling()
    assert demand == call.demand
    assert mean == pytest.approx(100.0, abs=5.0)
    assert count == 1
    assert square == pytest.approx(10_000.0, rel=0.1)
