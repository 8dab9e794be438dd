"""What applications do with callers on the line: look-ups, messages, callbacks, parts, speech."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fsroute.demo.centers import MESSAGES
from fsroute.lookups.answers import Failed, Found
from fsroute.switchsim import CallerCall, HangUp, Press, Speak, Wait, WaitFor
from tests.integration.flow.callers import CHOOSES, HOME, at_home, row
from tests.integration.flow.shop import FAST, Shop, open_shop
from tests.waiting import until


@pytest.fixture
def shop(conninfo: str, tmp_path: Path) -> Iterator[Shop]:
    yield from _opened(open_shop(conninfo, tmp_path))


@pytest.fixture
def listening(conninfo: str, tmp_path: Path) -> Iterator[Shop]:
    """A shop whose switch has a recogniser."""
    yield from _opened(open_shop(conninfo, tmp_path, recognisers=frozenset({"vosk"}), engine="vosk"))


@pytest.fixture
def deaf(conninfo: str, tmp_path: Path) -> Iterator[Shop]:
    """A shop whose configuration names a recogniser that the switch does not have."""
    yield from _opened(open_shop(conninfo, tmp_path, engine="vosk"))


@pytest.fixture
def keeping(conninfo: str, tmp_path: Path) -> Iterator[Shop]:
    """A shop whose switch writes what it records."""
    yield from _opened(open_shop(conninfo, tmp_path, options=replace(FAST, keeps_recordings=True)))


def _opened(shop: Shop) -> Iterator[Shop]:
    try:
        shop.west.start()
        shop.east.start()
        yield shop
    finally:
        shop.west.stop()
        shop.east.stop()


# Look-ups ---------------------------------------------------------------------------------------------------

LOOK_UP = """
[steps.a]
do = "look_up"
name = "balance"
parameters = { number = "{{ caller.number }}" }
facts = { saldo = "balance" }
meanwhile = "one_moment"
timeout = 30.0
next = "told"
on_slow = "unserved"
on_failed = "agent"
[steps.told]
do = "say"
text = "{{ facts.saldo }}"
as = "number"
next = "agent"
[steps.agent]
do = "need_agent"
queue = "support"
"""


def test_an_answer_is_said_and_goes_with_the_contact(shop: Shop) -> None:
    shop.change(LOOK_UP)
    shop.server.answer = Found({"balance": "250", "other": "x"})
    shop.log_on("ann")
    call = shop.call_in(talk=1)
    shop.wait_for_outcomes("served")
    assert shop.server.asked == [("balance", "acme", {"number": HOME})]
    assert call.timeline.heard("say number 250")
    assert not call.timeline.heard("one_moment"), "the answer came before anybody noticed a wait"
    assert shop.facts() == {"saldo": "250"}
    shop.assert_nothing_violated()
    shop.assert_nothing_left()


def test_while_it_takes_the_caller_hears_a_prompt_then_music_until_the_answer(shop: Shop) -> None:
    shop.change(LOOK_UP)
    shop.server.answer, shop.server.is_held = Found({"balance": "250"}), True
    call = shop.call_in(WaitFor("say number"), Wait(0.5), HangUp())
    until(lambda: call.timeline.heard("one_moment") and "local_stream" in call.timeline.now, 5)
    shop.server.go.set()
    until(lambda: call.timeline.heard("say number 250"), 2)
    shop.wait_for_outcomes("abandoned")
    shop.assert_nothing_left(silence=0.4)


def test_a_slow_answer_has_its_way_and_comes_too_late_for_anything(shop: Shop) -> None:
    shop.change(LOOK_UP.replace("timeout = 30.0", "timeout = 0.1"))
    shop.server.answer, shop.server.is_held = Found({"balance": "250"}), True
    call = shop.call_in()
    shop.wait_for_outcomes("abandoned")
    shop.server.go.set()
    assert not call.timeline.heard("say number")
    shop.assert_nothing_left(silence=0.4)


def test_a_caller_may_hang_up_during_a_look_up(shop: Shop) -> None:
    shop.change(LOOK_UP)
    shop.server.is_held = True
    call = shop.call_in(WaitFor("one_moment"), HangUp())
    shop.wait_for_outcomes("abandoned")
    shop.server.go.set()
    until(lambda: not shop.west.switch.channels)
    assert call.cause == "NORMAL_CLEARING"
    shop.assert_nothing_left()


def test_a_look_up_that_fails_has_its_way(shop: Shop) -> None:
    shop.change(LOOK_UP)
    shop.server.answer = Failed("no such look-up")
    shop.log_on("ann")
    call = shop.call_in(talk=1)
    shop.wait_for_outcomes("served")
    assert not call.timeline.heard("say")
    shop.assert_nothing_left()


# Messages ---------------------------------------------------------------------------------------------------

RECORD = """
[steps.a]
do = "record"
prompt = "ask"
silence = 40
longest = 100
shortest = 0.2
tries = 2
served = true
next = "thanks"
on_silence = "unserved"
[steps.thanks]
do = "play"
prompt = "thanks"
next = "end"
"""


def messages(shop: Shop) -> list[float]:
    return [rows[0] for rows in shop.query("select duration_s from voice_message")]


def test_a_message_is_kept_with_its_length(shop: Shop) -> None:
    shop.change(RECORD)
    call = shop.call_in(WaitFor("recording"), Wait(8), Press("#"))
    shop.wait_for_outcomes("self_served")
    assert call.timeline.heard("tone_stream")
    assert call.timeline.heard("thanks")
    (length,) = messages(shop)
    assert 0.3 < length < 60
    shop.assert_nothing_left()


def test_a_message_of_who_hangs_up_is_kept(shop: Shop) -> None:
    shop.change(RECORD)
    shop.call_in(WaitFor("recording"), Wait(8), HangUp())
    shop.wait_for_outcomes("self_served")
    assert len(messages(shop)) == 1
    shop.assert_nothing_left()


def test_a_recording_that_is_too_short_is_deleted(shop: Shop) -> None:
    shop.change(RECORD.replace("shortest = 0.2", "shortest = 60").replace("tries = 2", "tries = 1"))
    call = shop.call_in()
    until(lambda: call.timeline.now.startswith("recording"), 10)
    ((contact_id,),) = shop.query("select contact_id::text from contact")
    file = Path(MESSAGES) / f"{contact_id}.wav"
    file.write_bytes(b"RIFF")
    call.press("#")
    shop.wait_for_outcomes("self_served")
    assert messages(shop) == []
    until(lambda: not file.exists())
    shop.assert_nothing_left()


AGAIN = """
[steps.a]
do = "record"
prompt = "ask"
shortest = 0.2
silence = 40
served = true
next = "b"
on_silence = "unserved"
[steps.b]
do = "record"
prompt = "ask"
shortest = {shortest}
silence = 40
tries = 1
next = "end"
on_silence = "end"
"""


def recording(call: CallerCall, file: Path) -> None:
    until(lambda: call.timeline.now == "recording" and file.exists(), 10)
    time.sleep(0.3)  # what the caller says
    call.press("#")


def test_a_second_recording_that_is_too_short_leaves_the_first_message(keeping: Shop) -> None:
    keeping.change(AGAIN.format(shortest=60))
    call = keeping.call_in()
    until(lambda: call.timeline.now == "recording", 10)
    ((contact_id,),) = keeping.query("select contact_id::text from contact")
    first, second = (Path(MESSAGES) / f"{contact_id}{number}.wav" for number in ("", "-2"))
    recording(call, first)
    recording(call, second)
    keeping.wait_for_outcomes("self_served")
    assert len(first.read_bytes()) > 1000
    until(lambda: not second.exists())
    assert keeping.query("select path from voice_message") == [(str(first),)]
    first.unlink()
    keeping.assert_nothing_left()


def test_a_second_message_takes_the_place_of_the_first(keeping: Shop) -> None:
    keeping.change(AGAIN.format(shortest=0.2))
    call = keeping.call_in()
    until(lambda: call.timeline.now == "recording", 10)
    ((contact_id,),) = keeping.query("select contact_id::text from contact")
    first, second = (Path(MESSAGES) / f"{contact_id}{number}.wav" for number in ("", "-2"))
    recording(call, first)
    recording(call, second)
    keeping.wait_for_outcomes("self_served")
    assert keeping.query("select path from voice_message") == [(str(second),)]
    assert len(second.read_bytes()) > 1000
    until(lambda: not first.exists())
    second.unlink()
    keeping.assert_nothing_left()


def test_who_says_nothing_is_asked_again_and_leaves_no_message(shop: Shop) -> None:
    shop.change(RECORD.replace("silence = 40", "silence = 1"))
    call = shop.call_in()
    shop.wait_for_outcomes("self_served")
    asked = [heard for heard in call.timeline.stretches() if "ask.wav" in heard.what]
    assert len(asked) == 2
    assert messages(shop) == []
    shop.assert_nothing_left()


# Callbacks --------------------------------------------------------------------------------------------------

OFFER = """
[steps.a]
do = "offer_callback"
queue = "support"
on_declined = "waits"
on_served = "thanks"
[steps.thanks]
do = "play"
prompt = "thanks"
next = "end"
"""
WAITS = '[steps.waits]\ndo = "need_agent"\nqueue = "support"\n'


def test_who_takes_the_offer_hangs_up_keeps_the_place_and_is_called_back(shop: Shop) -> None:
    shop.change(OFFER + WAITS)
    call = shop.call_in(*CHOOSES)
    until(lambda: call.over.is_set(), 10)
    assert call.timeline.heard("callback_thanks")
    until(lambda: not shop.west.switch.channels)
    kept = row(shop)
    assert (kept.state, kept.caller_leg, kept.callback_number) == ("callback", "absent", HOME)
    at_home(shop)
    shop.log_on("ann")
    until(lambda: shop.states() == ["bridged"], 10)
    agent = next(each for each in shop.network.agent_calls if each.name == "ann")
    agent.hang_up()
    shop.wait_for_outcomes("served")
    (back,) = [each for each in shop.network.agent_calls if each.name == "Ada"]
    assert back.timeline.heard("thanks"), "the application goes on after the talk"
    shop.assert_nothing_violated()
    shop.assert_nothing_left()


def test_who_declines_the_offer_waits_on(shop: Shop) -> None:
    shop.change(OFFER + WAITS)
    call = shop.call_in(WaitFor("callback_offer"), Press("2"), talk=1)
    until(lambda: shop.states() == ["queued"], 10)
    assert not call.timeline.heard("callback_kept"), "there is no place yet"
    shop.log_on("ann")
    shop.wait_for_outcomes("served")
    shop.assert_nothing_violated()
    shop.assert_nothing_left()


def test_who_says_nothing_to_the_offer_has_declined(shop: Shop) -> None:
    shop.change(OFFER.replace('on_declined = "waits"', 'on_declined = "unserved"'))
    call = shop.call_in(WaitFor("callback_offer"), Press("1"), WaitFor("callback_confirm"), Press("*"))
    shop.wait_for_outcomes("abandoned")
    assert shop.states() == []
    assert call.cause == "NORMAL_CLEARING"
    shop.assert_nothing_left()


# Parts ------------------------------------------------------------------------------------------------------

OUTER = """
[steps.a]
do = "call"
application = "survey"
with = { order = "12" }
returns = ["score"]
cases = { done = "agent" }
next = "unserved"
on_missing = "unserved"
[steps.agent]
do = "need_agent"
queue = "support"
"""
SURVEY = """
[facts]
order = ""
[steps.a]
do = "menu"
prompt = "ask"
repeat = "*"
choices = { 1 = "b" }
on_silence = "c"
on_invalid = "c"
[steps.b]
do = "set"
facts = { score = "{{ facts.order }}!", secret = "x" }
next = "c"
[steps.c]
do = "return"
result = "{{ 'done' if facts.score is defined else '' }}"
"""


def test_a_part_asks_with_its_own_recordings_and_hands_back_what_is_named(shop: Shop) -> None:
    shop.change(OUTER)
    shop.change(SURVEY, name="survey")
    shop.log_on("ann")
    call = shop.call_in(WaitFor("waiting for digits"), Wait(1), Press("*"), Wait(4), Press("1"), talk=1)
    shop.wait_for_outcomes("served")
    asked = [heard for heard in call.timeline.stretches() if "survey-1/prompts/en/ask.wav" in heard.what]
    assert len(asked) == 2
    assert shop.facts() == {"score": "12!"}
    shop.assert_nothing_left()


def test_a_call_goes_on_with_the_versions_that_it_began_with(shop: Shop) -> None:
    shop.change(OUTER)
    shop.change(SURVEY, name="survey")
    first = shop.call_in(WaitFor("waiting for digits"), Wait(20), Press("1"))
    until(lambda: "waiting for digits" in first.timeline.now)
    shop.change(OUTER.replace('"agent"', '"unserved"').partition("[steps.agent]")[0], version="2")
    shop.change(SURVEY, name="survey", version="2")
    second = shop.call_in(WaitFor("survey-2/prompts/en/ask.wav"), WaitFor("waiting for digits"), Press("1"))
    until(lambda: shop.states() == ["queued"], 10)
    until(lambda: second.over.is_set(), 10)
    assert not first.timeline.heard("survey-2")
    first.hang_up()
    until(lambda: not shop.west.switch.channels)


# Speech -----------------------------------------------------------------------------------------------------

SPOKEN = """
[steps.a]
do = "menu"
prompt = "ask"
choices = { 1 = "end", 23 = "unserved" }
tries = 1
on_silence = "agent"
on_invalid = "agent"
speech = { words = { balance = "1", leave = "23" } }
[steps.agent]
do = "need_agent"
queue = "support"
"""


def test_a_caller_may_say_the_choice(listening: Shop) -> None:
    listening.change(SPOKEN)
    listening.call_in(WaitFor("waiting for speech"), Speak('{"text": "Balance", "confidence": 0.9}'))
    listening.wait_for_outcomes("self_served")
    listening.assert_nothing_left()


def test_keys_work_beside_speech(listening: Shop) -> None:
    listening.change(SPOKEN)
    listening.call_in(WaitFor("waiting for speech"), Press("23"))
    listening.wait_for_outcomes("abandoned")
    listening.call_in(WaitFor("waiting for speech"), Press("1#"))
    listening.wait_for_outcomes("abandoned", "self_served")
    listening.assert_nothing_left()


def test_who_says_nothing_is_silent(listening: Shop) -> None:
    listening.change(SPOKEN)
    call = listening.call_in()
    until(lambda: listening.states() == ["queued"], 10)
    call.hang_up()
    until(lambda: not listening.west.switch.channels)


def test_without_a_recogniser_the_keys_alone_work(deaf: Shop, caplog: pytest.LogCaptureFixture) -> None:
    deaf.change(SPOKEN)
    deaf.call_in(WaitFor("waiting for digits"), Press("1#"))
    deaf.wait_for_outcomes("self_served")
    assert "no speech in this call: recogniser vosk: ASR INIT ERROR" in caplog.text
    deaf.assert_nothing_left()
