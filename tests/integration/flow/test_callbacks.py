"""Callers who hang up and keep their place: every way in which that ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fsroute.switchsim import Answers, Busy, HangUp, NoAnswer, Press, Rejects, Wait, WaitFor
from tests.integration.flow.callers import (
    CHOOSES,
    HOME,
    at_home,
    call_and,
    calls_to,
    chose,
    offer_callback,
    row,
    want_caller,
)
from tests.integration.flow.conftest import World
from tests.waiting import until

# The offer --------------------------------------------------------------------------------------------------


def test_a_caller_who_takes_the_offer_hangs_up_and_keeps_the_place(world: World) -> None:
    call = chose(world)
    assert call.timeline.heard("callback_thanks")
    assert call.cause == "NORMAL_CLEARING"
    until(lambda: not world.west.switch.channels)
    assert (row(world).state, row(world).caller_leg, row(world).callback_number) == (
        "callback",
        "absent",
        HOME,
    )
    assert world.outcomes() == []
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_the_number_is_read_back_digit_by_digit(world: World) -> None:
    call = chose(world)
    read = next(heard.what for heard in call.timeline.stretches() if "callback_confirm" in heard.what)
    digits = [part.rpartition("/")[2].removesuffix(".wav") for part in read.split("!") if "/digits/" in part]
    assert "".join(digits) == HOME.removeprefix("+")


def test_another_number_may_be_given(world: World) -> None:
    other = (WaitFor("callback_offer"), Press("1"), WaitFor("callback_confirm"), Press("2"))
    call = call_and(
        world,
        *other,
        WaitFor("callback_enter"),
        Press("2125550147#"),
        WaitFor("callback_confirm"),
        Press("1"),
    )
    offer_callback(world)
    until(lambda: call.over.is_set(), 10)
    assert row(world).callback_number == "2125550147"
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_a_number_that_may_not_be_called_is_asked_for_again(world: World) -> None:
    abroad = "+442079460123"
    call = call_and(
        world, WaitFor("callback_offer"), Press("1"), WaitFor("callback_enter"), Press("9005550147#"),
        WaitFor("callback_wrong"), Press("2125550147#"), WaitFor("callback_confirm"), Press("1"), number=abroad,
    )  # fmt: skip
    offer_callback(world)
    until(lambda: call.over.is_set(), 10)
    assert row(world).callback_number == "2125550147"
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_our_own_number_is_not_called_back(world: World) -> None:
    world.query("insert into number_called values ('2125550199', 'acme', 'orders') returning 1")
    call = call_and(
        world, WaitFor("callback_offer"), Press("1"), WaitFor("callback_enter"), Press("12125550199#"),
        WaitFor("callback_wrong"), Press("2125550147#"), WaitFor("callback_confirm"), Press("1"),
        number="2125550199",
    )  # fmt: skip
    offer_callback(world)
    until(lambda: call.over.is_set(), 10)
    assert row(world).callback_number == "2125550147"


def test_a_caller_who_declines_waits_on(world: World) -> None:
    call = call_and(world, WaitFor("callback_offer"), Press("2"))
    offer_callback(world)
    until(lambda: call.timeline.heard("callback_kept"), 10)
    until(lambda: "local_stream" in call.timeline.now, 10)
    assert row(world).state == "queued"
    world.log_on("ann", Answers(after=1, talk=4))
    world.wait_for_outcomes("served")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_a_caller_who_says_nothing_waits_on(world: World) -> None:
    call = call_and(world)
    offer_callback(world)
    until(lambda: call.timeline.heard("callback_offer"), 10)
    until(lambda: "local_stream" in call.timeline.now, 10)
    call.hang_up()
    world.wait_for_outcomes("abandoned")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_the_offer_may_be_taken_later_by_the_star(world: World) -> None:
    call = call_and(
        world, WaitFor("callback_offer"), Press("2"), WaitFor("local_stream"), Press("*"), *CHOOSES
    )
    offer_callback(world)
    until(lambda: call.over.is_set(), 10)
    assert row(world).state == "callback"


def test_a_caller_who_hangs_up_before_the_choice_is_made_is_abandoned(world: World) -> None:
    call_and(world, WaitFor("callback_offer"), Press("1"), WaitFor("callback_confirm"), HangUp())
    offer_callback(world)
    world.wait_for_outcomes("abandoned")
    assert world.states() == ["abandoned"]
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_the_offer_ends_at_once_when_an_agent_is_there(world: World) -> None:
    call = call_and(world, WaitFor("callback_offer"), Press("1"), WaitFor("callback_confirm"), Wait(0.2))
    offer_callback(world)
    until(lambda: "callback_confirm" in call.timeline.now, 10)
    world.log_on("ann", Answers(after=1, talk=4))
    world.wait_for_outcomes("served")
    assert call.talked_with == "ann"
    world.assert_nothing_violated()
    world.assert_nothing_left()


# The call back ----------------------------------------------------------------------------------------------


def test_who_is_called_back_hears_why_and_is_served(world: World) -> None:
    chose(world)
    at_home(world, Answers(after=1))
    want_caller(world)
    until(lambda: row(world).state == "queued", 10)
    (call,) = calls_to(world)
    assert call.shown_number == "8005550100"
    until(lambda: call.timeline.heard("callback_greeting"), 10)
    world.log_on("ann", Answers(after=1, talk=4))
    until(lambda: call.timeline.heard("talking with ann"), 10)
    world.wait_for_outcomes("served")
    assert row(world).state == "ended"
    world.assert_nothing_violated()
    world.assert_nothing_left()
    assert call.timeline.silences() == []


def test_a_caller_who_was_busy_is_tried_again_and_reached(world: World) -> None:
    chose(world)
    world.query("update proxy_call set callback = '{\"retry_after\": 0.3}' returning 1")
    at_home(world, Busy(), Answers(after=1))
    want_caller(world)
    until(lambda: row(world).callback_failures == 1, 10)
    assert (row(world).state, row(world).caller_leg) == ("callback", "absent")
    want_caller(world)
    until(lambda: row(world).state == "queued", 10)
    assert len(calls_to(world)) == 2


def test_a_caller_who_is_never_reached_is_given_up_with_the_reason(world: World) -> None:
    chose(world)
    terms = '{"tries": 2, "retry_after": 0.1, "ring": 1}'
    world.query(f"update proxy_call set callback = '{terms}' returning 1")
    at_home(world, NoAnswer())
    want_caller(world)
    until(lambda: row(world).callback_failures == 1, 10)
    want_caller(world)
    world.wait_for_outcomes("unreached")
    assert row(world).state == "unreached"
    causes = world.query("select data ->> 'cause' from contact_event where kind = 'callback_given_up'")
    assert causes == [("NO_ANSWER",)]
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_who_refuses_the_call_back_was_not_reached(world: World) -> None:
    chose(world)
    at_home(world, Rejects())
    want_caller(world)
    until(lambda: row(world).callback_failures == 1, 10)
    assert (row(world).state, row(world).caller_leg) == ("callback", "absent")
    assert row(world).held_until is not None


# With an agent ----------------------------------------------------------------------------------------------


def test_when_an_agent_is_reserved_the_caller_is_called_and_the_two_are_joined(world: World) -> None:
    chose(world)
    at_home(world, Answers(after=4))
    world.log_on("ann", Answers(after=1, talk=4))
    until(lambda: any(call.timeline.heard("talking with ann") for call in calls_to(world)), 10)
    world.wait_for_outcomes("served")
    assert not calls_to(world)[0].timeline.heard("callback_greeting")
    assert world.kinds().index("agent_reserved") < world.kinds().index("caller_dialled")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_on_one_switch_too(world: World) -> None:
    chose(world)
    at_home(world, Answers(after=4))
    world.log_on("dee", Answers(after=1, talk=4))
    until(lambda: any(call.timeline.heard("talking with dee") for call in calls_to(world)), 10)
    world.wait_for_outcomes("served")
    assert "network_leg_raised" not in world.kinds()
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_the_agent_of_a_caller_who_is_busy_is_free_at_once(world: World) -> None:
    chose(world)
    world.query("update proxy_call set callback = '{\"retry_after\": 1}' returning 1")
    at_home(world, Busy(), Answers(after=1))
    world.log_on("ann", Answers(after=1, talk=4))
    until(lambda: row(world).callback_failures == 1, 10)
    world.wait_for_outcomes("served")
    released = world.query(
        "select data ->> 'reason', data ->> 'pause_s' from agent_event where kind = 'released'"
    )
    assert released[0] == ("caller_unreached", "0")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_the_caller_is_back_and_the_agent_does_not_answer(world: World) -> None:
    world.query("update queue set offer_timeout = 2 returning 1")
    chose(world)
    at_home(world, Answers(after=1))
    world.log_on("ann", NoAnswer())
    world.log_on("bob", Answers(after=1, talk=4))
    until(lambda: any(call.timeline.heard("talking with bob") for call in calls_to(world)), 15)
    world.wait_for_outcomes("served")
    assert len(calls_to(world)) == 1
    assert calls_to(world)[0].timeline.silences() == []
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_an_agent_who_comes_before_the_caller_has_hung_up_has_the_caller_at_once(world: World) -> None:
    call = call_and(world, *CHOOSES)
    offer_callback(world)
    until(lambda: "callback_confirm" in call.timeline.now, 10)
    world.network.speed = 1.0
    until(lambda: row(world).state == "callback", 10)
    world.log_on("ann", Answers(after=0.1, talk=1))
    until(lambda: call.talked_with == "ann", 5)
    assert calls_to(world) == []
    world.wait_for_outcomes("served")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_a_caller_who_keeps_the_place_is_served_in_its_turn(world: World) -> None:
    chose(world)
    second = call_and(world, number="+14155550199")
    until(lambda: world.states() == ["callback", "queued"], 10)
    at_home(world, Answers(after=1))
    world.log_on("ann", Answers(after=1, talk=4))
    until(lambda: second.talked_with, 10)
    world.wait_for_outcomes("served", "served")
    order = world.query("select contact_id from contact_event where kind = 'joined' order by event_id")
    assert order == world.query("select contact_id from contact order by arrived_at")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_a_coordinator_that_takes_over_has_the_caller_called(world: World) -> None:
    chose(world)
    for center in (world.west, world.east):
        assert center.app is not None
        assert center.app.coordinator is not None
        if center.app.coordinator.is_leader:
            center.app.coordinator.stop()
    at_home(world, Answers(after=1))
    world.log_on("ann", Answers(after=1, talk=4))
    world.wait_for_outcomes("served", limit=20)
    world.assert_nothing_violated()
    world.assert_nothing_left()


# Who calls in again -----------------------------------------------------------------------------------------


@pytest.fixture
def recognising(world: World) -> World:
    """The callers' site takes the number that a call shows for who calls."""
    callserver = world.west.app.callserver if world.west.app is not None else None
    assert callserver is not None
    desk = callserver._desk
    callserver._desk = replace(desk, settings=replace(desk.settings, callback_recognise=True))
    return world


def test_who_merely_shows_the_number_takes_nobodys_place(world: World) -> None:
    chose(world)
    again = call_and(world)
    until(lambda: world.states() == ["callback", "queued"], 10)
    again.hang_up()
    world.wait_for_outcomes("abandoned")
    assert world.states() == ["callback", "abandoned"]


def test_what_the_earlier_call_had_told_is_not_handed_to_who_takes_its_place(recognising: World) -> None:
    chose(recognising)
    told = """facts = '{"secret": "7"}', customer = '{"segment": "gold"}', application_state = 'e30'"""
    recognising.query(f"update contact_personal set {told} returning 1")
    again = call_and(recognising)
    until(lambda: recognising.states() == ["queued"], 10)
    kept = "select facts ? 'secret', customer, application_state from contact_personal where contact_id = "
    first = "(select contact_id from contact order by arrived_at limit 1)"
    until(lambda: recognising.query(kept + first) == [(False, {}, None)])
    again.hang_up()


def test_who_calls_in_again_has_the_place_that_was_kept(recognising: World) -> None:
    world = recognising
    chose(world)
    other = call_and(world, number="+14155550177")
    until(lambda: world.states() == ["callback", "queued"], 10)
    again = call_and(world)
    until(lambda: world.states() == ["queued", "queued"], 10)
    world.log_on("ann", Answers(after=0.1, talk=4))
    until(lambda: again.talked_with == "ann" and other.talked_with == "ann", 10)
    until(lambda: len(world.outcomes()) == 3, 10)
    assert world.outcomes() == ["served", "served", "transferred"]
    assert calls_to(world) == []
    order = world.query("select contact_id from contact_event where kind = 'joined' order by event_id")
    assert order == world.query("select contact_id from contact where outcome = 'served' order by arrived_at")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_who_calls_in_again_while_the_telephone_at_home_rings_is_not_called_any_more(
    recognising: World,
) -> None:
    world = recognising
    chose(world)
    at_home(world, NoAnswer())
    want_caller(world)
    until(lambda: [call.timeline.now for call in calls_to(world)] == ["ringing"], 10)
    again = call_and(world)
    until(lambda: row(world).state == "queued", 10)
    until(lambda: calls_to(world)[0].over.is_set(), 10)
    world.log_on("dee", Answers(after=0.1, talk=4))
    until(lambda: again.talked_with == "dee", 10)
    world.wait_for_outcomes("served", "transferred")
    assert row(world).callback_failures == 0
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_who_calls_in_again_for_something_else_has_another_contact(recognising: World) -> None:
    world = recognising
    chose(world)
    world.query("insert into queue (contact_center_id, queue) values ('acme', 'other') returning 1")
    world.query("update proxy_call set queue = 'other' returning 1")
    again = call_and(world)
    until(lambda: world.states() == ["callback", "queued"], 10)
    again.hang_up()
    world.wait_for_outcomes("abandoned")
    assert world.states() == ["callback", "abandoned"]


def test_a_caller_who_is_back_and_hangs_up_before_an_agent_comes_is_abandoned(world: World) -> None:
    chose(world)
    at_home(world, Answers(after=1))
    want_caller(world)
    until(lambda: row(world).state == "queued", 10)
    calls_to(world)[0].hang_up()
    world.wait_for_outcomes("abandoned")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_a_caller_who_is_back_hangs_up_while_talking_with_an_agent_of_the_same_switch(world: World) -> None:
    chose(world)
    at_home(world, Answers(after=1, talk=4))
    world.log_on("dee", Answers(after=1))
    until(lambda: any(call.timeline.heard("talking with dee") for call in calls_to(world)), 10)
    world.wait_for_outcomes("served")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_by_an_early_lead_the_caller_is_called_before_an_agent_is_reserved(world: World) -> None:
    world.query("update queue set lead = 'position:1' returning 1")
    world.log_on("ann", Answers(after=0.1))
    first = call_and(world, number="+14155550188")
    until(lambda: first.is_talking, 10)
    second = call_and(world, number="+14155550199")
    until(lambda: world.states() == ["bridged", "queued"], 10)
    at_home(world, Answers(after=1))
    chose(world)
    assert calls_to(world) == []
    second.hang_up()
    until(lambda: row(world).state == "queued", 10)
    until(lambda: calls_to(world)[0].timeline.heard("callback_greeting"), 10)
    first.hang_up()
    until(lambda: calls_to(world)[0].timeline.heard("talking with ann"), 10)
    calls_to(world)[0].hang_up()
    until(lambda: sorted(world.outcomes()) == ["abandoned", "served", "served"], 10)
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_the_telephone_at_home_rings_no_longer_when_the_agent_does_not_answer(world: World) -> None:
    world.query("update queue set offer_timeout = 1 returning 1")
    chose(world)
    at_home(world, NoAnswer(), Answers(after=1))
    world.log_on("ann", NoAnswer())
    until(lambda: "agent_failed" in world.kinds(), 10)
    until(lambda: calls_to(world)[0].over.is_set(), 10)
    assert (row(world).state, row(world).callback_failures) == ("callback", 0)
    world.query("update queue set offer_timeout = 20 returning 1")
    world.log_on("bob", Answers(after=1, talk=4))
    until(lambda: calls_to(world)[-1].timeline.heard("talking with bob"), 10)
    world.wait_for_outcomes("served")
    assert len(calls_to(world)) == 2
    world.assert_nothing_left()
