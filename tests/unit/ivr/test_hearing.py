"""What a recogniser says, as keys; and menus and inputs that are spoken to."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.ivr import Began, Collect, Digits, HangUp, Happening, NeedAgent, NoInput, Said
from fsroute.ivr.hearing import LONGEST_SAID, digits_meant, keys_meant, normal, said
from fsroute.model import Outcome
from tests.unit.ivr.applications import caller, loaded, walk

NLSML = """<?xml version="1.0"?><result>
<interpretation grammar="session:x" confidence="0.87"><instance>track_order</instance>
<input mode="speech">My order, please</input></interpretation></result>"""
PREFIXED = (
    '<result xmlns="urn:ietf:params:xml:ns:mrcpv2"><interpretation confidence="87">'
    "<instance>agent</instance></interpretation></result>"
)


@pytest.mark.parametrize(
    ("result", "heard"),
    [
        (NLSML, Said("my order please", 0.87)),
        (PREFIXED, Said("agent", 0.87)),
        ('{"text": "One  two", "confidence": 0.5}', Said("one two", 0.5)),
        ('{"text": "agent"}', Said("agent", 1.0)),
        ("Agent!", Said("agent", 1.0)),
        ("", None),
        ("  ", None),
        ("?!", None),
        ('{"text": 5}', None),
        ("[1", Said("1", 1.0)),
        ("<result", None),
        ("<result><noinput/></result>", None),
        ('<!DOCTYPE x [<!ENTITY a "b">]><result>&a;</result>', None),
        ('{"text": "a", "confidence": "nan"}', Said("a", 0.0)),
        ('{"text": "a", "confidence": [1]}', Said("a", 0.0)),
        ("x" * 30_000, None),
    ],
)
def test_results_of_recognisers_are_read(result: str, heard: Said | None) -> None:
    assert said(result) == heard


@given(st.text(max_size=200) | st.sampled_from([NLSML, PREFIXED, "<a>" * 2000, "{" * 2000]))
def test_whatever_comes_is_words_or_nothing(result: str) -> None:
    heard = said(result)
    if heard is not None:
        assert 0.0 <= heard.confidence <= 1.0
        assert 0 < len(heard.text) <= LONGEST_SAID
        assert not set(heard.text) & set("\r\n\0$'{}<>\\")


def test_words_are_compared_without_case_and_punctuation() -> None:
    words = {"My order": "1", "Agent": "2"}
    assert [keys_meant(words, text) for text in ("my  ORDER!", "agent", "order", "")] == ["1", "2", "", ""]


@pytest.mark.parametrize(
    ("language", "text", "digits"),
    [
        ("en", "one two oh for", "1204"),
        ("en-US", "12 three", "123"),
        ("es-MX", "uno, dos, cero", "120"),
        ("de", "Zwo fünf", "25"),
        ("fr", "un deux", ""),
        ("fr", "1 2", "12"),
        ("en", "twelve", ""),
        ("en", "", ""),
    ],
)
def test_digits_are_understood(language: str, text: str, digits: str) -> None:
    assert digits_meant(language, normal(text)) == digits


MENU = """
[steps.a]
do = "menu"
prompt = "ask"
greeting = "hello"
silent = "silent"
tries = 2
choices = { 1 = "end", 2 = "agent" }
repeat = "*"
on_silence = "end"
on_invalid = "end"
speech = { words = { agent = "2", again = "*" }, grammar = "builtin:menu_{language}", min_confidence = 0.6 }
[steps.agent]
do = "need_agent"
queue = "q"
[steps.end]
do = "hang_up"
"""
END = HangUp("NORMAL_CLEARING", Outcome.SELF_SERVED)
AGENT = NeedAgent("q", {})


def test_the_grammar_is_that_of_the_language_heard(tmp_path: Path) -> None:
    application = loaded(tmp_path, MENU, languages=("en", "es"))
    _, do = walk(application, Began(), who=caller(language="es"))
    assert isinstance(do, Collect)
    assert do.grammar == "builtin:menu_es"


@pytest.mark.parametrize(
    ("happening", "do"),
    [(Said("agent", 0.9), AGENT), (Said("two", 0.9), AGENT), (Said("1", 0.6), END), (Digits("2"), AGENT)],
)
def test_a_menu_is_spoken_to(tmp_path: Path, happening: Happening, do: HangUp | NeedAgent) -> None:
    assert walk(loaded(tmp_path, MENU), Began(), happening)[1] == do


@pytest.mark.parametrize("happening", [Said("agent", 0.59), Said("nonsense"), Said("")])
def test_what_is_not_understood_is_a_wrong_try(tmp_path: Path, happening: Said) -> None:
    position, do = walk(loaded(tmp_path, MENU), Began(), happening)
    assert isinstance(do, Collect)
    assert (position.tries, position.asks_again) == (1, "invalid")


def test_speech_without_a_field_for_it_is_a_wrong_try(tmp_path: Path) -> None:
    deaf = MENU.replace("speech = ", "# speech = ")
    position, do = walk(loaded(tmp_path, deaf), Began(), Said("agent"))
    assert isinstance(do, Collect)
    assert (do.grammar, position.tries) == ("", 1)


@pytest.mark.parametrize("again", [Digits("*"), Said("again")])
def test_the_repeat_key_plays_the_prompt_again_and_is_no_try(tmp_path: Path, again: Happening) -> None:
    application = loaded(tmp_path, MENU)
    position, do = walk(application, Began(), NoInput(), *[again] * 20)
    assert isinstance(do, Collect)
    assert do.files == ("prompts/en/ask.wav",)
    assert position.tries == 1
    assert walk(application, Began(), NoInput(), again, NoInput())[1] == END


def test_an_input_is_spoken_digit_by_digit_and_repeats_too(tmp_path: Path) -> None:
    steps = """
[defaults]
repeat = "*"
[steps.a]
do = "collect"
prompt = "ask"
fact = "code"
max = 4
pattern = "[0-9]+"
speech = {}
on_silence = "agent"
on_invalid = "agent"
next = "agent"
[steps.agent]
do = "need_agent"
queue = "q"
"""
    application = loaded(tmp_path, steps)
    assert walk(application, Began(), Said("one two three"))[1] == NeedAgent("q", {"code": "123"})
    position, do = walk(application, Began(), Digits("*"))
    assert isinstance(do, Collect)
    assert position.tries == 0
