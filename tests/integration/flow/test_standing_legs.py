"""Agents whose leg stands all shift: joined without dialling, kept through whatever happens to contacts."""

from __future__ import annotations

import pytest

from fsroute.model import AgentStatus
from fsroute.switchsim import Answers, Busy, NoAnswer
from fsroute.switchsim.telephones import AgentCall
from tests.integration.flow.conftest import World
from tests.waiting import until

TONE = "tone_stream"


def stands(world: World, agent_id: str) -> bool:
    """The row names a channel, and it waits in park."""
    [(uuid,)] = world.query(f"select standing_leg_uuid from agent where agent_id = '{agent_id}'")
    switch = world.west.switch if agent_id == "dee" else world.east.switch
    channel = switch.channels.get(uuid or "")
    return channel is not None and channel.is_answered and channel.partner is None


def log_on_standing(world: World, agent_id: str, *behaviours: object, **columns: object) -> AgentCall:
    """The agent logs on, and has answered the phone for the shift; the call that stands."""
    settings = "".join(f", {name} = '{value}'" for name, value in columns.items())
    world.query(f"update agent set leg = 'standing'{settings} where agent_id = '{agent_id}' returning 1")
    world.log_on(agent_id, *behaviours)  # type: ignore[arg-type]
    until(lambda: stands(world, agent_id), 10)
    return next(call for call in reversed(world.network.agent_calls) if call.name == agent_id)


def leave(world: World, agent_id: str) -> None:
    """The shift is over: the leg ends."""
    world.declare(agent_id, AgentStatus.LOGGED_OUT)
    until(lambda: world.query("select 1 from agent where standing_leg_uuid is not null") == [])


def serve_one(world: World, agent_id: str, served_before: int) -> None:
    call = world.call_for_an_agent(f"+1415555{served_before:04}", talk=2)
    until(lambda: call.talked_with, 10)
    until(lambda: len(world.outcomes()) == served_before + 1 and stands(world, agent_id), 10)


@pytest.mark.parametrize("agent_id", ["ann", "dee"])
def test_a_standing_leg_serves_one_caller_after_the_other_without_dialling(
    world: World, agent_id: str
) -> None:
    stood = log_on_standing(world, agent_id)
    for number in range(3):
        serve_one(world, agent_id, number)
    assert world.outcomes() == ["served"] * 3
    assert world.network.agent_calls == [stood], "the phone rang once"
    assert "agent_ringing" not in world.kinds()
    leave(world, agent_id)
    world.assert_nothing_left()
    world.assert_nothing_violated()


def test_the_agent_hears_a_tone_before_each_talk(world: World) -> None:
    stood = log_on_standing(world, "ann")
    call = world.call_for_an_agent(talk=2)
    until(lambda: call.talked_with, 10)
    heard = [stretch.what for stretch in stood.timeline.stretches()]
    assert TONE in heard[-3], heard
    assert heard[-2] == "silence"  # the join
    assert heard[-1] == "talking with Ada"
    assert not any(TONE in stretch.what for stretch in call.timeline.stretches())
    world.wait_for_outcomes("served")
    leave(world, "ann")


def test_callers_that_wait_are_served_by_one_leg_in_their_order(world: World) -> None:
    calls = [world.call_for_an_agent(f"+1415555{n:04}", talk=2) for n in range(5)]
    until(lambda: world.states().count("queued") == 5, 15)
    stood = log_on_standing(world, "ann")
    until(lambda: len(world.outcomes()) == 5, 20)
    joined = world.query("select contact_id from contact_event where kind = 'joined' order by event_id")
    assert joined == world.query("select contact_id from contact order by arrived_at")
    assert {call.talked_with for call in calls} == {"ann"}
    assert world.network.agent_calls == [stood]
    leave(world, "ann")
    world.assert_nothing_left()
    world.assert_nothing_violated()


def test_an_agent_without_the_leg_is_offered_nothing(world: World) -> None:
    world.query("update agent set leg = 'standing' where agent_id = 'ann' returning 1")
    world.log_on("ann", Busy(), Answers(after=0.1))
    world.call_for_an_agent(talk=2)
    until(lambda: world.network.agent_calls and world.network.agent_calls[0].over.is_set(), 10)
    until(lambda: world.states() == ["queued"], 10)
    assert "agent_reserved" not in world.kinds()
    assert world.query("select standing_leg_uuid, status from agent where agent_id = 'ann'") == [
        (None, "available")
    ]
    world.log_on("bob", Answers(after=0.1))
    world.wait_for_outcomes("served")
    assert world.query("select agent_id from contact_event where kind = 'joined'") == [("bob",)]
    world.declare("ann", AgentStatus.LOGGED_OUT)
    world.assert_nothing_violated()


def test_an_agent_who_hangs_up_in_a_talk_is_called_again_and_serves_on(world: World) -> None:
    log_on_standing(world, "ann", Answers(after=0.1, talk=4), Answers(after=0.1))
    first = world.call_for_an_agent()
    world.wait_for_outcomes("served")
    until(lambda: stands(world, "ann"), 10)
    assert len(world.network.agent_calls) == 2
    assert first.talked_with == "ann"
    second = world.call_for_an_agent("+14155550199", talk=2)
    world.wait_for_outcomes("served", "served")
    assert second.talked_with == "ann"
    events = world.query("select kind from agent_event where kind like 'standing%' order by event_id")
    assert [kind for (kind,) in events] == ["standing_leg_up", "standing_leg_lost", "standing_leg_up"]
    leave(world, "ann")
    world.assert_nothing_left()
    world.assert_nothing_violated()


def test_a_break_leaves_the_leg_standing_and_the_end_of_the_shift_ends_it(world: World) -> None:
    stood = log_on_standing(world, "ann")
    world.declare("ann", AgentStatus.ON_BREAK)
    world.call_for_an_agent(talk=2)
    until(lambda: world.states() == ["queued"], 10)
    assert stands(world, "ann")
    world.declare("ann", AgentStatus.AVAILABLE)
    world.wait_for_outcomes("served")
    assert world.network.agent_calls == [stood]
    leave(world, "ann")
    until(stood.over.is_set)
    world.assert_nothing_left()


def test_who_logs_off_in_a_talk_talks_to_its_end(world: World) -> None:
    stood = log_on_standing(world, "ann")
    call = world.call_for_an_agent(talk=20)
    until(lambda: world.states() == ["bridged"] and call.is_talking, 10)
    world.declare("ann", AgentStatus.LOGGED_OUT)
    world.wait_for_outcomes("served")
    assert call.talked_with == "ann"
    until(stood.over.is_set)
    assert call.cause == "NORMAL_CLEARING"
    world.assert_nothing_left()


def test_a_caller_who_hangs_up_during_the_announcement_leaves_the_leg_standing(world: World) -> None:
    announce(world, "tone_stream://%(20000,0,500)")
    stood = log_on_standing(world, "ann")
    call = world.call_for_an_agent()
    until(lambda: "(20000,0,500)" in stood.timeline.now, 10)
    call.hang_up()
    world.wait_for_outcomes("abandoned")
    until(lambda: TONE not in stood.timeline.now)
    assert stands(world, "ann")
    assert world.query("select unavailable_reason from agent where agent_id = 'ann'") == [(None,)]
    announce(world, "")
    world.call_for_an_agent("+14155550199", talk=2)
    world.wait_for_outcomes("abandoned", "served")
    leave(world, "ann")
    world.assert_nothing_left()


def test_a_key_is_asked_for_on_a_standing_leg_too(world: World) -> None:
    stood = log_on_standing(world, "ann", accept_key="5")
    call = world.call_for_an_agent(talk=2)
    until(lambda: "(200,100,880)" in stood.timeline.now, 10)
    stood.press("23")
    assert not call.talked_with
    stood.press("5")
    world.wait_for_outcomes("served")
    leave(world, "ann")


def test_who_does_not_press_the_key_is_set_aside_and_stands(world: World) -> None:
    world.query("update queue set offer_timeout = 1 returning 1")
    stood = log_on_standing(world, "ann", accept_key="5")
    world.call_for_an_agent(talk=2)
    until(lambda: "agent_failed" in world.kinds(), 10)
    assert world.query("select unavailable_reason from agent where agent_id = 'ann'") == [
        ("key_not_pressed",)
    ]
    until(lambda: TONE not in stood.timeline.now)
    assert stands(world, "ann")
    world.log_on("bob", Answers(after=0.1))
    world.wait_for_outcomes("served")
    leave(world, "ann")
    world.assert_nothing_left()


# The announcement on a leg that is dialled ---------------------------------------------------------------


def announce(world: World, announcement: str) -> None:
    world.query(f"update contact_center set agent_announcement = nullif('{announcement}', '') returning 1")


def test_an_agent_who_is_dialled_hears_the_announcement_before_the_join_and_the_caller_does_not(
    world: World,
) -> None:
    announce(world, "tone_stream://%(4000,0,500)")
    world.log_on("ann", Answers(after=0.5))
    call = world.call_for_an_agent(talk=3)
    until(lambda: call.talked_with, 10)
    agent = world.network.agent_calls[0]
    stretches = agent.timeline.stretches()
    heard = [stretch.what for stretch in stretches]
    assert heard[-3:] == ["file tone_stream://%(4000,0,500)", "silence", "talking with Ada"]
    assert not any("(4000,0,500)" in stretch.what for stretch in call.timeline.stretches())
    assert world.kinds().index("network_leg_present") < world.kinds().index("agent_accepted")
    world.wait_for_outcomes("served")
    world.assert_nothing_left()
    world.assert_nothing_violated()


def test_the_key_is_asked_for_after_the_announcement_and_wrong_keys_change_nothing(world: World) -> None:
    announce(world, "tone_stream://%(3000,0,500)")
    world.query("update agent set accept_key = '1' where agent_id = 'ann' returning 1")
    world.log_on("ann", Answers(after=0.1))
    call = world.call_for_an_agent(talk=2)
    until(lambda: world.network.agent_calls, 10)
    agent = world.network.agent_calls[0]
    until(lambda: "(200,100,880)" in agent.timeline.now, 10)
    heard = [stretch.what for stretch in agent.timeline.stretches()]
    assert any("(3000,0,500)" in what for what in heard)
    agent.press("29")
    agent.press("1")
    world.wait_for_outcomes("served")
    assert call.talked_with == "ann"


def test_an_announcement_that_does_not_exist_costs_nothing(world: World) -> None:
    announce(world, "/nowhere/acme.wav")
    world.log_on("ann", Answers(after=0.1))
    world.call_for_an_agent(talk=2)
    world.wait_for_outcomes("served")
    world.assert_nothing_left()


def test_an_agent_who_never_answers_for_the_shift_is_left_alone_for_a_while(world: World) -> None:
    world.query("update agent set leg = 'standing' where agent_id = 'ann' returning 1")
    world.log_on("ann", NoAnswer())
    until(lambda: world.network.agent_calls, 10)
    world.network.agent_calls[0].hang_up("USER_BUSY")
    until(lambda: not world.east.switch.channels)
    world.declare("ann", AgentStatus.ON_BREAK)
    world.declare("ann", AgentStatus.AVAILABLE)
    assert len(world.network.agent_calls) == 1
    world.declare("ann", AgentStatus.LOGGED_OUT)
