"""What a waiting caller hears by the time line, and where callers go who are not queued (any more)."""

from __future__ import annotations

import json

from fsroute.acd.proxy_call import On
from fsroute.model.routing import TimeLineStep, Way
from fsroute.store.rules import Rules
from fsroute.switchsim import Answers, HangUp, Press, WaitFor
from tests.integration.flow.callers import call_and, chose, row, treat
from tests.integration.flow.conftest import World
from tests.waiting import until

# The time line ----------------------------------------------------------------------------------------------


def test_a_waiting_caller_hears_an_announcement_and_then_music_again(world: World) -> None:
    call = call_and(world)
    treat(world, TimeLineStep(0.0, "announce", prompt="hold_on"))
    until(lambda: call.timeline.heard("orders/prompts/en/hold_on"), 10)
    until(lambda: "local_stream" in call.timeline.now, 10)
    world.log_on("ann", Answers(after=1, talk=4))
    world.wait_for_outcomes("served")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_an_announcement_delays_no_bridge(world: World) -> None:
    world.network.speed = 1.0
    call = call_and(world)
    treat(world, TimeLineStep(0.0, "announce"))
    until(lambda: "please_hold" in call.timeline.now, 10)
    world.network.speed = 20.0
    world.log_on("ann", Answers(after=0.1, talk=4))
    until(lambda: call.talked_with, 3)
    world.wait_for_outcomes("served")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_an_announcement_delays_no_bridge_on_one_switch(world: World) -> None:
    call = call_and(world)
    treat(world, TimeLineStep(0.0, "announce"))
    until(lambda: call.timeline.heard("please_hold"), 10)
    world.log_on("dee", Answers(after=0.1, talk=4))
    until(lambda: call.talked_with, 3)
    world.wait_for_outcomes("served")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_the_time_line_sends_a_caller_to_a_number(world: World) -> None:
    call = call_and(world)
    treat(world, TimeLineStep(0.0, "number", number="1000"))
    world.wait_for_outcomes("overflowed")
    assert (row(world).state, row(world).way) == ("overflowed", Way("number", number="1000"))
    until(lambda: call.over.is_set(), 10)
    assert call.timeline.heard("tone_stream")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_the_time_line_takes_a_voice_message(world: World) -> None:
    call = call_and(world, WaitFor("recording"), WaitFor("nothing else", limit=1.2), Press("#"))
    treat(world, TimeLineStep(0.0, "voice_message"))
    world.wait_for_outcomes("overflowed")
    until(lambda: call.over.is_set(), 10)
    assert call.timeline.heard("prompts/en/voice_message.wav")
    assert call.timeline.heard("voice_message_thanks")
    ((contact_id, path, seconds),) = world.query(
        "select contact_id::text, path, duration_s from voice_message"
    )
    assert path.endswith(f"/fsroute_voice_messages/{contact_id}.wav")
    assert 1.0 <= seconds < 60
    world.store.contacts.erase(contact_id)
    assert world.query("select * from voice_message") == []
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_who_hangs_up_after_speaking_has_left_a_message(world: World) -> None:
    call_and(world, WaitFor("recording"), WaitFor("nothing else", limit=1.2), HangUp())
    treat(world, TimeLineStep(0.0, "voice_message"))
    world.wait_for_outcomes("overflowed")
    assert len(world.query("select * from voice_message")) == 1
    assert world.kinds().count("voice_message") == 1


def test_who_hangs_up_before_speaking_has_left_none(world: World) -> None:
    call_and(world, WaitFor("recording"), HangUp())
    treat(world, TimeLineStep(0.0, "voice_message"))
    world.wait_for_outcomes("overflowed")
    assert world.query("select * from voice_message") == []


# The end of a proxy call --------------------------------------------------------------------------------------


def test_the_longest_wait_leads_to_another_number_by_rule(world: World) -> None:
    call = call_and(world)
    until(lambda: world.states() == ["queued"], 10)
    way = Way("number", number="1000").dump()
    assert world.store.move(row(world), On.LIMIT_PASSED, set={"way": way}) is not None
    world.wait_for_outcomes("overflowed")
    assert call.timeline.heard("tone_stream")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_an_agent_sends_the_caller_on_to_a_number(world: World) -> None:
    world.log_on("ann", Answers(after=0.1))
    call = call_and(world)
    until(lambda: world.states() == ["bridged"] and call.is_talking, 10)
    way = Way("number", number="1000").dump()
    assert (
        world.store.move(row(world), On.TRANSFERRED_OUT, end_reservation="wrap_up", set={"way": way})
        is not None
    )
    world.wait_for_outcomes("transferred")
    assert call.timeline.heard("tone_stream")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_a_transferred_caller_hears_music_until_the_next_agent(world: World) -> None:
    world.log_on("ann", Answers(after=0.1))
    call = call_and(world)
    until(lambda: world.states() == ["bridged"] and call.is_talking, 10)
    moved = world.store.move(
        row(world), On.TRANSFERRED, end_reservation="set_aside", set={"only_agent_id": "bob"}
    )
    assert moved is not None
    until(lambda: "local_stream" in call.timeline.now, 10)
    world.log_on("bob", Answers(after=0.1, talk=4))
    until(lambda: call.talked_with == "bob", 10)
    world.wait_for_outcomes("served")
    world.assert_nothing_violated()
    world.assert_nothing_left()


# A contact center that is closed at once ----------------------------------------------------------------------


def close(world: World, prompt: str = "", keep_waiting: bool = False) -> None:
    """As ``fsroute center close`` does; return when the callers' site knows."""
    Rules(world.store.database).close_center("acme", prompt, keep_waiting, "test")
    assert world.west.app is not None
    book = world.west.app.rules
    until(lambda: book.closing("acme") is not None)


def test_who_calls_a_closed_center_hears_why_and_is_hung_up(world: World) -> None:
    close(world)
    call = call_and(world)
    world.wait_for_outcomes("refused")
    assert call.timeline.heard("center_closed")
    assert not call.timeline.heard("main_menu")
    assert world.query("select data ->> 'reason' from contact_event where kind = 'not_queued'") == [
        ("center_closed",)
    ]
    assert world.states() == []
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_the_message_of_a_closed_center_may_be_its_own(world: World) -> None:
    close(world, "goodbye")
    call = call_and(world)
    world.wait_for_outcomes("refused")
    assert call.timeline.heard("orders/prompts/en/goodbye")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_who_waits_when_the_center_closes_hears_it_too(world: World) -> None:
    call = call_and(world)
    until(lambda: world.states() == ["queued"], 10)
    close(world)
    world.wait_for_outcomes("refused")
    assert call.timeline.heard("center_closed")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_who_is_at_home_when_the_center_closes_is_not_called_any_more(world: World) -> None:
    chose(world)
    close(world)
    world.wait_for_outcomes("refused")
    assert row(world).state == "refused"
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_who_waits_when_the_center_closes_may_be_kept(world: World) -> None:
    call = call_and(world)
    until(lambda: world.states() == ["queued"], 10)
    close(world, keep_waiting=True)
    late = call_and(world, number="+14155550177")
    world.wait_for_outcomes("refused")
    assert late.timeline.heard("center_closed")
    world.log_on("ann", Answers(after=0.1, talk=4))
    until(lambda: call.talked_with == "ann", 10)
    until(lambda: sorted(world.outcomes()) == ["refused", "served"], 10)
    world.assert_nothing_violated()
    world.assert_nothing_left()


# Expected waits ---------------------------------------------------------------------------------------------

TELL = TimeLineStep(0.0, "announce_wait", every=15.0, within=0.5)


def tell_wait(world: World, wait: float, error: float) -> None:
    """The last of the callers is to be told of waits, and the coordinator knows one."""
    until(lambda: world.states() and world.states()[-1] == "queued", 10)
    number = row(world).proxy_call_id
    until(lambda: row(world).position is not None, 10)  # the coordinator has nothing to tell after that
    world.store.proxy_calls.write_progress([(number, 12, wait, "test", error)])
    world.query(f"update proxy_call set time_line = '{json.dumps([TELL.dump()])}' returning 1")
    assert world.store.move(row(world), On.TIME_LINE_STEP, set={"time_line_done": 1}) is not None


def test_a_caller_is_told_a_wait_that_is_known_well_and_hears_music_again(world: World) -> None:
    call = call_and(world)
    tell_wait(world, 290.0, 0.4)
    until(lambda: call.timeline.heard("wait_expected"), 10)
    said = next(heard.what for heard in call.timeline.stretches() if "wait_position" in heard.what)
    names = [part.rpartition("prompts/en/")[2].removesuffix(".wav") for part in said.split("!")]
    assert names == ["wait_position", "numbers/12", "wait_expected", "numbers/5", "wait_minutes"]
    until(lambda: "local_stream" in call.timeline.now, 10)
    world.log_on("ann", Answers(after=0.1, talk=4))
    world.wait_for_outcomes("served")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_a_caller_is_told_nothing_of_a_wait_that_is_not_known_well(world: World) -> None:
    call = call_and(world)
    tell_wait(world, 290.0, 0.6)
    world.log_on("ann", Answers(after=1, talk=4))
    world.wait_for_outcomes("served")
    assert not call.timeline.heard("wait_")
    world.assert_nothing_violated()
    world.assert_nothing_left()


def test_telling_a_wait_delays_no_bridge(world: World) -> None:
    world.network.speed = 1.0
    call = call_and(world)
    tell_wait(world, 290.0, 0.4)
    until(lambda: "wait_position" in call.timeline.now, 10)
    world.network.speed = 20.0
    world.log_on("ann", Answers(after=0.1, talk=4))
    until(lambda: call.talked_with, 3)
    world.wait_for_outcomes("served")
    world.assert_nothing_left()
