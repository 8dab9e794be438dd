"""Every ending of a call, between two stand-in switches over real sockets and a real database."""

from __future__ import annotations

import pytest

from fsroute.callserver import hold
from fsroute.switchsim import Answers, Busy, Caller, Fault, HangUp, NoAnswer, Press, Rejects, WaitFor
from tests.integration.flow.conftest import World
from tests.waiting import until

EAST_LINK = "127.0.0.1:5072"


def test_a_caller_is_served_by_the_application_alone(world: World) -> None:
    script = (
        WaitFor("main_menu"),
        Press("1"),
        WaitFor("order_number"),
        Press("12345"),
        WaitFor("being_packed"),
        HangUp(),
    )
    world.place(Caller("+14155550123", "Ada", "8005550100", script))
    world.wait_for_outcomes("self_served")
    assert world.states() == []
    world.assert_nothing_left()


def test_a_caller_is_bridged_to_the_remote_agent(world: World) -> None:
    world.log_on("ann", Answers(after=2, talk=4))
    call = world.call_for_an_agent()
    until(lambda: call.talked_with, 10)
    assert call.talked_with == "ann"
    assert world.network.agent_calls[0].shown_number == "+14155550123"
    world.wait_for_outcomes("served")
    assert world.states() == ["ended"]
    world.assert_nothing_left()


def test_the_network_leg_is_not_answered_before_the_agent_has_accepted(world: World) -> None:
    world.log_on("ann", NoAnswer())
    call = world.call_for_an_agent()
    until(lambda: {"network_leg_present", "agent_ringing"} <= set(world.kinds()), 10)
    assert [leg.is_answered for leg in world.east.switch.channels.values()] == [False, False]
    world.pick_up("ann")
    until(lambda: call.is_talking, 10)
    call.hang_up()
    world.wait_for_outcomes("served")
    assert world.kinds().index("network_leg_present") < world.kinds().index("agent_accepted")
    world.assert_nothing_left()


def test_the_agent_may_accept_before_the_network_leg_is_there(world: World) -> None:
    world.network.fail(EAST_LINK, Fault("delay", seconds=0.4))
    world.log_on("ann", Answers(after=0.1, talk=20))
    call = world.call_for_an_agent()
    until(lambda: call.talked_with, 10)
    world.wait_for_outcomes("served")
    assert world.kinds().index("agent_accepted") < world.kinds().index("network_leg_present")
    world.assert_nothing_left(silence=0.3 + 0.4)  # the agent's hang-up takes so long to arrive


def test_the_caller_hangs_up_in_the_application(world: World) -> None:
    world.place(Caller("+14155550123", "Ada", "8005550100", (WaitFor("main_menu"), HangUp())))
    world.wait_for_outcomes("abandoned")
    world.assert_nothing_left()


def test_the_caller_hangs_up_while_waiting(world: World) -> None:
    call = world.call_for_an_agent()
    until(lambda: world.states() == ["queued"], 10)
    call.hang_up()
    world.wait_for_outcomes("abandoned")
    world.assert_nothing_left()


def test_the_caller_hangs_up_while_the_agents_phone_rings(world: World) -> None:
    world.log_on("ann", NoAnswer())
    call = world.call_for_an_agent()
    until(lambda: "agent_ringing" in world.kinds() and "network_leg_present" in world.kinds(), 10)
    call.hang_up()
    world.wait_for_outcomes("abandoned")
    world.assert_nothing_left()
    assert world.query("select unavailable_reason from agent where agent_id = 'ann'") == [(None,)]


def test_the_caller_hangs_up_after_the_agent_accepted(world: World) -> None:
    world.network.fail(EAST_LINK, Fault("delay", seconds=1.0))
    world.log_on("ann", Answers(after=0.1))
    call = world.call_for_an_agent()
    until(lambda: world.states() == ["ready"], 10)
    call.hang_up()
    world.wait_for_outcomes("abandoned")
    world.assert_nothing_left()


def test_the_caller_hangs_up_while_talking(world: World) -> None:
    world.log_on("ann", Answers(after=1))
    world.call_for_an_agent(talk=10)
    world.wait_for_outcomes("served")
    assert world.states() == ["ended"]
    world.assert_nothing_left()


def test_contact_returns_to_its_place_when_the_agent_does_not_answer(world: World) -> None:
    world.query("update queue set offer_timeout = 1 returning 1")
    world.log_on("ann", NoAnswer())
    world.log_on("bob", Answers(after=1, talk=4))
    call = world.call_for_an_agent()
    until(lambda: call.talked_with, 10)
    assert call.talked_with == "bob"
    world.wait_for_outcomes("served")
    assert world.query("select unavailable_reason from agent where agent_id = 'ann'") == [("no_answer",)]
    world.assert_nothing_left()


def test_contact_returns_to_its_place_when_the_agent_is_busy_or_refuses(world: World) -> None:
    world.log_on("ann", Busy())
    world.log_on("bob", Rejects())
    call = world.call_for_an_agent()
    until(lambda: world.kinds().count("agent_failed") == 2, 10)
    world.log_on("dee", Answers(after=1, talk=4))
    until(lambda: call.talked_with, 10)
    world.wait_for_outcomes("served")
    reasons = world.query("select agent_id, unavailable_reason from agent order by agent_id")
    assert reasons[:2] == [("ann", "busy"), ("bob", "refused")]
    world.assert_nothing_left()


def test_a_network_leg_that_is_refused_is_raised_again(world: World) -> None:
    world.network.fail(EAST_LINK, Fault("refuse", cause="USER_BUSY", times=1))
    world.log_on("ann", Answers(after=1, talk=4))
    call = world.call_for_an_agent()
    until(lambda: call.talked_with, 10)
    world.wait_for_outcomes("served")
    assert world.kinds().count("network_leg_failed") == 1
    world.assert_nothing_left()


def test_a_contact_keeps_its_place_when_no_network_leg_can_be_raised(world: World) -> None:
    world.network.fail(EAST_LINK, Fault("no route"))
    world.log_on("ann", Answers(after=1, talk=4))
    call = world.call_for_an_agent()
    until(lambda: "network_leg_given_up" in world.kinds(), 10)
    world.network.heal(EAST_LINK)
    until(lambda: call.talked_with, 15)
    world.wait_for_outcomes("served")
    world.assert_nothing_left()


def test_a_dead_network_leg_is_given_up_in_time(world: World) -> None:
    world.query("update queue set network_leg_timeout = 1 returning 1")
    world.network.fail(EAST_LINK, Fault("dead", times=1))
    world.log_on("ann", Answers(after=1, talk=4))
    call = world.call_for_an_agent()
    until(lambda: call.talked_with, 15)
    world.wait_for_outcomes("served")
    world.assert_nothing_left()


def test_caller_and_agent_on_one_switch_need_no_network_leg(world: World) -> None:
    world.log_on("dee", Answers(after=1, talk=4))
    call = world.call_for_an_agent()
    until(lambda: call.talked_with, 10)
    world.wait_for_outcomes("served")
    assert "network_leg_raised" not in world.kinds()
    world.assert_nothing_left()


def test_a_caller_on_the_agents_switch_hangs_up_while_talking(world: World) -> None:
    world.log_on("dee", Answers(after=1))
    world.call_for_an_agent(talk=10)
    world.wait_for_outcomes("served")
    world.assert_nothing_left()


def test_hold_music_comes_in_pieces_without_a_gap(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "MUSIC_PIECE", 0.8)
    world.log_on("dee", Answers(after=50, talk=4))
    call = world.call_for_an_agent()
    until(lambda: call.talked_with, 10)
    pieces = [heard for heard in call.timeline.stretches() if "local_stream" in heard.what]
    assert len(pieces) >= 3
    world.wait_for_outcomes("served")
    world.assert_nothing_left()


def test_the_longest_wait_of_a_queue_ends_in_overflow(world: World) -> None:
    world.query("update queue set longest_wait = 0.5 returning 1")
    world.call_for_an_agent()
    world.wait_for_outcomes("overflowed")
    assert world.states() == ["overflowed"]
    world.assert_nothing_left()


def test_a_contact_that_nobody_may_serve_is_refused(world: World) -> None:
    world.query("delete from agent_authorization returning 1")
    assert world.west.app is not None
    for agent in world.store.agents.all():
        world.store.announce_agent(agent.agent_id)
    world.call_for_an_agent()
    world.wait_for_outcomes("refused")
    world.assert_nothing_left()


def test_a_caller_is_transferred_to_a_number(world: World) -> None:
    world.place(Caller("+14155550123", "Ada", "8005550100", (WaitFor("main_menu"), Press("0"))))
    world.wait_for_outcomes("transferred")
    world.assert_nothing_left()


def test_an_unknown_number_goes_to_the_fallback(world: World) -> None:
    call = world.place(Caller("+14155550123", "Ada", "8005559999"))
    until(lambda: call.over.is_set(), 10)
    assert world.outcomes() == []
    world.assert_nothing_left()


def test_a_conversation_that_is_lost_goes_to_the_head_of_the_queue(world: World) -> None:
    world.log_on("ann", Answers(after=1), Answers(after=1, talk=4))
    call = world.call_for_an_agent()
    until(lambda: world.states() == ["bridged"] and call.is_talking, 10)
    world.network.cut()
    until(lambda: "conversation_lost" in world.kinds(), 10)
    world.wait_for_outcomes("served", limit=20)
    assert world.query("select priority from proxy_call") == [(1_000_000,)]


def test_a_conversation_ends_out_of_order_where_the_agents_switch_is_shut_down(world: World) -> None:
    world.log_on("ann", Answers(after=0.1))
    call = world.call_for_an_agent()
    until(lambda: call.is_talking and "joined" in world.kinds(), 10)
    world.east.switch.stop()
    until(lambda: "conversation_lost" in world.kinds(), 10)
    assert "conversation_over" not in world.kinds()
    call.hang_up()
    world.wait_for_outcomes("abandoned")


def test_guessed_tokens_are_refused_and_counted_in_the_ledger(world: World) -> None:
    call = world.network.call(Caller("+1", "Eve", "fsr" + "0" * 32), world.east.switch)
    until(lambda: call.over.is_set(), 10)
    for guess in range(5):
        dialled = f"sofia/fsroute_link/fsr{guess:032x}@{world.east.settings.link_address}"
        assert world.west.switch.api("originate", f"{dialled} &park()") == "-ERR CALL_REJECTED\n"
    entered = "select data from system_event where kind = 'network_legs_refused'"
    until(lambda: world.query(entered), 10)
    assert world.query(entered) == [({"switch_id": "east-1", "count": 1},)], "the rest within a minute"
    assert world.states() == []


def test_agents_accept_with_a_key_where_a_voice_mail_could_answer(world: World) -> None:
    world.query("update agent set accept_key = '1' where agent_id = 'ann' returning 1")
    world.query("update queue set offer_timeout = 2 returning 1")
    world.log_on("ann", Answers(after=0.1))
    world.log_on("bob", Answers(after=1, talk=4))
    call = world.call_for_an_agent()
    until(lambda: call.talked_with, 15)
    assert call.talked_with == "bob"
    assert world.query("select unavailable_reason from agent where agent_id = 'ann'") == [
        ("key_not_pressed",)
    ]
    world.wait_for_outcomes("served")


def test_many_callers_are_served_in_the_order_of_their_arrival(world: World) -> None:
    calls = [world.call_for_an_agent(f"+1415555{n:04}", starts=0.0) for n in range(8)]
    until(lambda: world.states().count("queued") == 8, 15)
    world.log_on("ann", Answers(after=0.2, talk=2))
    until(lambda: len(world.outcomes()) == 8, 30)
    order = world.query("select contact_id from contact_event where kind = 'joined' order by event_id")
    arrivals = world.query("select contact_id from contact order by arrived_at")
    assert order == arrivals
    assert {call.talked_with for call in calls} == {"ann"}
    world.assert_nothing_left()
