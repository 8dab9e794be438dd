"""Agents who have accepted, and wait for a caller who is being called back."""

from __future__ import annotations

import pytest

from fsroute.callserver.callback import Callbacks
from fsroute.switchsim import Answers, NoAnswer
from tests.integration.flow.callers import at_home, calls_to, chose, row
from tests.integration.flow.conftest import World
from tests.integration.flow.test_standing_legs import leave, log_on_standing, stands
from tests.waiting import until

RINGBACK = "440,480"


@pytest.mark.parametrize("agent_id", ["ann", "dee"])
def test_an_agent_who_accepts_before_the_caller_answers_hears_ringing_and_then_the_caller(
    world: World, agent_id: str
) -> None:
    chose(world)
    at_home(world, Answers(after=15))
    world.log_on(agent_id, Answers(after=0.1, talk=4))
    until(lambda: row(world).state == "ready", 10)
    agent = next(call for call in world.network.agent_calls if call.name == agent_id)
    until(lambda: RINGBACK in agent.timeline.now)
    until(lambda: any(call.timeline.heard(f"talking with {agent_id}") for call in calls_to(world)), 10)
    assert agent.timeline.heard("talking with Ada")
    world.wait_for_outcomes("served")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_an_agent_is_let_go_in_time_when_the_caller_does_not_come(world: World) -> None:
    world.query("update queue set offer_timeout = 1, network_leg_timeout = 1 returning 1")
    chose(world)
    world.query("update proxy_call set callback = '{\"retry_after\": 300}' returning 1")
    at_home(world, NoAnswer())
    world.log_on("ann", Answers(after=0.1))
    until(lambda: row(world).state == "ready", 10)
    until(lambda: row(world).state == "callback", 10)
    [(took,)] = world.query(
        "select extract(epoch from max(at) filter (where state = 'callback')"
        " - min(at) filter (where state = 'ready'))::float8 from contact_event"
    )
    assert 2.5 < took < 60, "the caller's time to answer, but no more"
    assert (row(world).callback_failures, row(world).caller_leg) == (1, "absent")
    assert world.query("select unavailable_reason from agent where agent_id = 'ann'") == [(None,)]
    world.assert_nothing_violated()
    world.assert_nothing_left(silence=10)


def test_a_try_that_nobody_dialled_does_not_count(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.query("update queue set offer_timeout = 1, network_leg_timeout = 1 returning 1")
    chose(world)
    world.query("update proxy_call set callback = '{\"tries\": 1}' returning 1")
    monkeypatch.setattr(Callbacks, "_dial", lambda self, call: None)  # no call server is there to claim it
    world.log_on("ann", Answers(after=0.1))
    until(lambda: row(world).state == "ready", 10)
    until(lambda: row(world).state == "callback", 10)
    assert (row(world).callback_failures, row(world).caller_leg) == (0, "absent")
    held = "select extract(epoch from held_until - clock_timestamp())::float8 from proxy_call"
    assert 0 < world.query(held)[0][0] <= 30
    assert world.query("select unavailable_reason from agent where agent_id = 'ann'") == [(None,)]
    world.assert_nothing_violated()


def test_a_standing_leg_falls_silent_when_the_caller_does_not_come(world: World) -> None:
    world.query("update queue set offer_timeout = 1 returning 1")
    chose(world)
    world.query("update proxy_call set callback = '{\"tries\": 1}' returning 1")
    at_home(world, NoAnswer())
    stood = log_on_standing(world, "ann")
    until(lambda: RINGBACK in stood.timeline.now, 10)
    world.wait_for_outcomes("unreached")
    until(lambda: RINGBACK not in stood.timeline.now)
    assert stands(world, "ann")
    leave(world, "ann")
    world.assert_nothing_violated()


def test_a_wrap_up_of_a_fraction_of_a_second_is_one(world: World) -> None:
    world.query("update agent set wrap_up = 0.25 where agent_id = 'ann' returning 1")
    world.log_on("ann", Answers(after=0.1, talk=1))
    for number in range(3):
        world.call_for_an_agent(f"+1415555{number:04}")
    until(lambda: len(world.outcomes()) == 3, 15)
    pauses = world.query(
        "select extract(epoch from r.at - l.at)::float from agent_event l, lateral"
        " (select at from agent_event e where e.kind = 'reserved' and e.event_id > l.event_id order by 1 limit 1) r"
        " where l.kind = 'released' order by l.event_id"
    )
    assert len(pauses) == 2
    assert all(pause > 0.1 for (pause,) in pauses), pauses  # the event is written a moment later
    assert min(pauses)[0] < 0.9, "of a fraction, not of a whole second"
