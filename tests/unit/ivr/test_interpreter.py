from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import msgspec
import pytest

from fsroute.ivr import (
    AgentOutcome,
    Began,
    Collect,
    Digits,
    Do,
    Failed,
    HangUp,
    Happening,
    HungUp,
    NeedAgent,
    NoInput,
    Play,
    Played,
    Say,
    Transfer,
    WrongInput,
    describe,
    load,
)
from fsroute.model import Outcome
from tests.unit.ivr.applications import caller, loaded, walk

END = """
[steps.end]
do = "hang_up"
"""
PLAY_THEN_END = (
    """
[steps.a]
do = "play"
prompt = ["hello", "bye"]
next = "end"
"""
    + END
)
MENU = (
    """
[steps.a]
do = "menu"
prompt = "ask"
silent = "silent"
invalid = "wrong"
tries = 2
choices = { 1 = "end", 23 = "quiet" }
on_silence = "quiet"
on_invalid = "end"
[steps.quiet]
do = "hang_up"
cause = "NO_USER_RESPONSE"
served = false
"""
    + END
)
SORRY = Play(("prompts/en/sorry.wav",), interruptible=False)
SERVED = HangUp("NORMAL_CLEARING", Outcome.SELF_SERVED)
QUIET = HangUp("NO_USER_RESPONSE", Outcome.ABANDONED)


def test_play_step_plays_its_prompts_and_goes_on(tmp_path: Path) -> None:
    application = loaded(tmp_path, PLAY_THEN_END)
    assert walk(application, Began())[1] == Play(("prompts/en/hello.wav", "prompts/en/bye.wav"))
    assert walk(application, Began(), Played())[1] == SERVED


def test_key_during_a_play_step_goes_on(tmp_path: Path) -> None:
    assert walk(loaded(tmp_path, PLAY_THEN_END), Began(), Digits("5"))[1] == SERVED


def test_step_is_done_again_when_the_call_comes_back(tmp_path: Path) -> None:
    application = loaded(tmp_path, PLAY_THEN_END)
    assert walk(application, Began(), Began()) == walk(application, Began())


def test_what_cannot_be_played_ends_with_sorry(tmp_path: Path) -> None:
    assert walk(loaded(tmp_path, PLAY_THEN_END), Began(), Failed("no such file"))[1] == SORRY


@pytest.mark.parametrize(
    ("happenings", "do"),
    [
        ([Digits("1")], SERVED),
        ([Digits("23")], QUIET),
        ([NoInput(), NoInput()], QUIET),
        ([Digits(""), NoInput()], QUIET),
        ([Digits("9"), Digits("2")], SERVED),
        ([NoInput(), WrongInput()], SERVED),
        ([WrongInput(), NoInput()], QUIET),
        ([NoInput(), Digits("1")], SERVED),
    ],
)
def test_menu_counts_tries_and_goes_the_way_of_the_last(
    tmp_path: Path, happenings: list[Happening], do: HangUp
) -> None:
    assert walk(loaded(tmp_path, MENU), Began(), *happenings)[1] == do


def test_menu_with_keys_of_two_digits_takes_two(tmp_path: Path) -> None:
    _, do = walk(loaded(tmp_path, MENU), Began())
    assert isinstance(do, Collect)
    assert (do.min, do.max, do.tries, do.terminators, do.invalid_files) == (1, 2, 1, "#", ())


COLLECT = (
    """
[steps.a]
do = "collect"
prompt = "ask"
fact = "code"
min = 2
max = 4
pattern = "[1-8]+"
timeout = 7.5
digit_timeout = 1.25
tries = 2
terminators = "#*"
secret = true
on_silence = "end"
on_invalid = "b"
next = "b"
[steps.b]
do = "need_agent"
queue = "q"
"""
    + END
)


def test_collect_asks_as_the_step_says(tmp_path: Path) -> None:
    _, do = walk(loaded(tmp_path, COLLECT), Began())
    assert do == Collect(
        ("prompts/en/ask.wav",), max=4, timeout_ms=7500, digit_timeout_ms=1250, terminators="#*", secret=True
    )


@pytest.mark.parametrize("digits", ["12", "1234"])
def test_digits_that_fit_become_the_fact(tmp_path: Path, digits: str) -> None:
    _, do = walk(loaded(tmp_path, COLLECT), Began(), Digits(digits))
    assert do == NeedAgent("q", {"code": digits})


@pytest.mark.parametrize("digits", ["1", "12345", "19", "1\n2", "{{7}}", "١٢", "12 "])
def test_digits_that_do_not_fit_are_asked_for_again(tmp_path: Path, digits: str) -> None:
    application = loaded(tmp_path, COLLECT)
    position, do = walk(application, Began(), Digits(digits))
    assert isinstance(do, Collect)
    assert position.tries == 1
    assert walk(application, Began(), Digits(digits), Digits(digits))[1] == NeedAgent("q", {})


def test_question_without_barge_in_is_played_out_before_digits_are_taken(tmp_path: Path) -> None:
    application = loaded(tmp_path, MENU.replace('prompt = "ask"', 'prompt = "ask"\nbarge_in = false'))
    assert walk(application, Began())[1] == Play(("prompts/en/ask.wav",), interruptible=False)
    _, taking = walk(application, Began(), Played())
    assert isinstance(taking, Collect)
    assert taking.files == ()
    _, again = walk(application, Began(), Played(), NoInput())
    assert again == Play(("prompts/en/silent.wav", "prompts/en/ask.wav"), interruptible=False)
    assert walk(application, Began(), Played(), Digits("1"))[1] == SERVED


def test_call_that_comes_back_during_the_digits_hears_the_question_again(tmp_path: Path) -> None:
    application = loaded(tmp_path, MENU.replace('prompt = "ask"', 'prompt = "ask"\nbarge_in = false'))
    assert walk(application, Began(), Played(), Began()) == walk(application, Began())


AGENT = """
[steps.a]
do = "need_agent"
queue = "q"
"""


@pytest.mark.parametrize(
    ("result", "outcome"),
    [("overflowed", Outcome.OVERFLOWED), ("refused", Outcome.REFUSED), ("failed", Outcome.FAILED)],
)
def test_without_ways_on_a_message_is_heard_and_the_call_ends(
    tmp_path: Path, result: str, outcome: Outcome
) -> None:
    application = loaded(tmp_path, AGENT)
    happened = AgentOutcome(result)  # type: ignore[arg-type]
    assert walk(application, Began(), happened)[1] == SORRY
    assert walk(application, Began(), happened, Played())[1] == HangUp("NORMAL_CLEARING", outcome)


def test_without_a_way_on_the_call_ends_when_the_agent_has(tmp_path: Path) -> None:
    application = loaded(tmp_path, AGENT)
    served = HangUp("NORMAL_CLEARING", Outcome.SERVED)
    assert walk(application, Began(), AgentOutcome("served"))[1] == served


def test_message_may_be_followed_by_a_transfer(tmp_path: Path) -> None:
    application = loaded(tmp_path, AGENT)
    sorry = msgspec.structs.replace(application.sorry, transfer="+15550111")
    application = dataclasses.replace(application, sorry=sorry)
    _, do = walk(application, Began(), AgentOutcome("refused"), Played())
    assert do == Transfer("+15550111", Outcome.REFUSED)
    _, do = walk(application, Began(), AgentOutcome("refused"), Played(), Failed())
    assert do == HangUp("NORMAL_CLEARING", Outcome.REFUSED)


def test_second_queue_may_follow_the_first(tmp_path: Path) -> None:
    steps = AGENT + 'on_overflowed = "b"\n[steps.b]\ndo = "need_agent"\nqueue = "r"\n'
    application = loaded(tmp_path, steps)
    assert walk(application, Began(), AgentOutcome("overflowed"))[1] == NeedAgent("r", {})
    _, do = walk(application, Began(), AgentOutcome("overflowed"), AgentOutcome("served"))
    assert do == HangUp("NORMAL_CLEARING", Outcome.SERVED)


def test_late_happening_does_not_lose_the_request_for_an_agent(tmp_path: Path) -> None:
    application = loaded(tmp_path, AGENT)
    assert walk(application, Began(), Played(), Digits("1"))[1] == NeedAgent("q", {})


def test_later_facts_hide_earlier_ones_for_the_agent(tmp_path: Path) -> None:
    steps = """
[steps.a]
do = "set"
facts = { b = "{{ caller.name }}", c = "set" }
next = "b"
[steps.b]
do = "need_agent"
queue = "q"
[facts]
a = "first"
b = "first"
"""
    who = caller(name="Eve", facts={"a": "brought", "d": "brought"})
    _, do = walk(loaded(tmp_path, steps), Began(), who=who)
    assert do == NeedAgent("q", {"a": "brought", "b": "Eve", "c": "set", "d": "brought"})


def test_transfer_that_fails_ends_with_sorry(tmp_path: Path) -> None:
    application = loaded(tmp_path, '[steps.a]\ndo = "transfer"\nnumber = "100"\n')
    assert walk(application, Began())[1] == Transfer("100")
    assert walk(application, Began(), Failed())[1] == SORRY
    failed = HangUp("NORMAL_CLEARING", Outcome.FAILED)
    assert walk(application, Began(), Failed(), Played())[1] == failed


@pytest.mark.parametrize("number", ["", "100 XML default", "1000@evil", "${x}", "1'2", "1\n2a", "+"])
def test_caller_text_is_no_number_to_transfer_to(tmp_path: Path, number: str) -> None:
    application = loaded(tmp_path, '[steps.a]\ndo = "transfer"\nnumber = "{{ caller.name }}"\n')
    assert walk(application, Began(), who=caller(name=number))[1] == SORRY


SAY = (
    """
[steps.a]
do = "say"
text = "{{ caller.name }}"
as = "AS"
next = "end"
"""
    + END
)


@pytest.mark.parametrize(
    ("say_as", "text", "said"),
    [
        ("digits", "555-01 00", Say("en", "number", "iterated", "5550100")),
        ("number", "-42", Say("en", "number", "pronounced", "-42")),
        ("money", "12.50", Say("en", "currency", "pronounced", "12.50")),
        ("date", "2024-05-01", Say("en", "current_date", "pronounced", "1714564800")),
        ("letters", "AB 12", Say("en", "name_spelled", "pronounced", "AB 12")),
    ],
)
def test_text_is_said_as_the_step_wants(tmp_path: Path, say_as: str, text: str, said: Say) -> None:
    application = loaded(tmp_path, SAY.replace("AS", say_as))
    assert walk(application, Began(), who=caller(name=text))[1] == Play((said,))


def test_regional_language_is_said_by_the_module_of_its_language(tmp_path: Path) -> None:
    application = loaded(tmp_path, SAY.replace("AS", "number"), languages=("es-MX",))
    said = Say("es", "number", "pronounced", "7")
    assert walk(application, Began(), who=caller(name="7"))[1] == Play((said,))


@pytest.mark.parametrize("say_as", ["digits", "number", "money", "date", "letters"])
@pytest.mark.parametrize("text", ["", "${uuid}", "1\nset a=b", "2024-13-4x", "1!2", "٣", "x" * 200])
def test_text_that_is_not_of_the_kind_is_not_said(tmp_path: Path, say_as: str, text: str) -> None:
    application = loaded(tmp_path, SAY.replace("AS", say_as))
    assert walk(application, Began(), who=caller(name=text))[1] == SORRY


def test_prompt_missing_in_a_language_is_heard_in_the_fall_back(tmp_path: Path) -> None:
    loaded(tmp_path, PLAY_THEN_END, languages=("en", "es"))
    (tmp_path / "prompts/es/bye.wav").unlink()
    application = load(tmp_path)
    _, do = walk(application, Began(), who=caller(language="es"))
    assert do == Play(("prompts/es/hello.wav", "prompts/en/bye.wav"))


def test_unknown_language_is_served_in_the_fall_back(tmp_path: Path) -> None:
    application = loaded(tmp_path, PLAY_THEN_END, languages=("en", "es"))
    assert walk(application, Began(), who=caller(language="tlh"))[0].language == "en"


BRANCH = (
    """
[steps.a]
do = "branch"
on = "{{ caller.name }}"
cases = { Ada = "end" }
otherwise = "quiet"
[steps.quiet]
do = "hang_up"
served = false
"""
    + END
)


def test_branch_goes_by_the_value(tmp_path: Path) -> None:
    application = loaded(tmp_path, BRANCH)
    assert walk(application, Began())[1] == SERVED
    assert walk(application, Began(), who=caller(name="{{ 'Ada' }}"))[1] != SERVED


def test_caller_text_is_never_rendered(tmp_path: Path) -> None:
    steps = """
[steps.a]
do = "set"
facts = { x = "{{ caller.name }}" }
next = "b"
[steps.b]
do = "set"
facts = { y = "<{{ facts.x }}>" }
next = "c"
[steps.c]
do = "need_agent"
queue = "q"
"""
    nasty = "{{ 7*7 }}{% for %} ${z} \r\n\0 \ud800"
    _, do = walk(loaded(tmp_path, steps), Began(), who=caller(name=nasty))
    assert isinstance(do, NeedAgent)
    kept = "{{ 7*7 }}{% for %} ${z}     \ufffd"
    assert do.facts == {"x": kept, "y": f"<{kept}>"}


def test_long_caller_text_is_cut(tmp_path: Path) -> None:
    steps = '[steps.a]\ndo = "set"\nfacts = { x = "{{ caller.name }}!" }\nnext = "b"\n'
    steps += '[steps.b]\ndo = "need_agent"\nqueue = "q"\n'
    _, do = walk(loaded(tmp_path, steps), Began(), who=caller(name="n" * 5000))
    assert do == NeedAgent("q", {"x": "n" * 200})


CIRCLE = (
    """
[steps.a]
do = "menu"
prompt = "ask"
tries = 1
choices = { 1 = "b" }
on_silence = "end"
on_invalid = "b"
[steps.b]
do = "play"
prompt = "hello"
next = "a"
"""
    + END
)


def test_caller_who_keeps_pressing_is_never_cut_off(tmp_path: Path) -> None:
    happenings: list[Happening] = [Digits("1"), Played()] * 150
    assert isinstance(walk(loaded(tmp_path, CIRCLE), Began(), *happenings)[1], Collect)


def test_application_in_a_circle_ends_with_sorry(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    application = loaded(tmp_path, CIRCLE)
    happenings = [Played()] * 101
    with caplog.at_level(logging.WARNING):
        assert walk(application, Began(), *happenings)[1] == SORRY
    assert "more than 100 steps" in caplog.text


def test_warning_names_the_step_and_no_personal_data(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    application = loaded(tmp_path, SAY.replace("AS", "number"))
    walk(application, Began(), who=caller(name="Secret", number="+4915550100"))
    assert caplog.messages == ["application test 1 cannot go on: step a: the text cannot be said as number"]


def test_hang_up_of_the_caller_keeps_the_position(tmp_path: Path) -> None:
    application = loaded(tmp_path, MENU)
    before, _ = walk(application, Began(), NoInput())
    after, do = walk(application, Began(), NoInput(), HungUp())
    assert after == before
    assert do == HangUp("NORMAL_CLEARING", Outcome.ABANDONED)


@pytest.mark.parametrize(
    ("do", "words"),
    [
        (
            Play(("prompts/en/a.wav", Say("en", "number", "iterated", "4711"))),
            "play prompts/en/a.wav say:en:number:iterated",
        ),
        (Collect(("a.wav",), max=5), "take up to 5 digits after a.wav"),
        (NeedAgent("q", {"secret": "4711"}), "ask for an agent of queue q"),
        (Transfer("4711"), "transfer to a number"),
        (SERVED, "hang up with NORMAL_CLEARING, self_served"),
    ],
)
def test_description_holds_no_personal_data(do: Do, words: str) -> None:
    assert describe(do) == words
