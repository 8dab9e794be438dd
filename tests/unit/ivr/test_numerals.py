"""Numbers, amounts, dates and times, as they are said in each language."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.ivr import Application, Began, Play, Say, check, load
from fsroute.ivr.numerals import KINDS, LARGEST, needed, pieces
from fsroute.ivr.steps import PROMPT_NAME
from tests.unit.ivr.applications import caller, walk, write

SAID = [
    ("en", "number", "0", "0"),
    ("en", "number", "-21", "minus 20 1"),
    ("en", "number", "115", "1 hundred 15"),
    ("en", "number", "231001", "2 hundred 30 1 thousand 1"),
    ("en", "number", "999999999", "9 hundred 90 9 million 9 hundred 90 9 thousand 9 hundred 90 9"),
    ("en", "money", "1.01", "1 one and 1 cent"),
    ("en", "money", "12.5", "12 many and 50 cents"),
    ("en", "money", "-0.30", "minus 30 cents"),
    ("en", "money", "-0", "0 many"),
    ("en", "date", "2024-05-01", "month-5 day-1 2 thousand 20 4"),
    ("en", "date", "1905-12-31", "month-12 day-31 19 0 5"),
    ("en", "date", "1900-01-01", "month-1 day-1 19 hundred"),
    ("en", "time", "00:00", "12 oclock am"),
    ("en", "time", "14:05", "2 oh 5 pm"),
    ("en", "time", "23:45", "11 40 5 pm"),
    ("es", "number", "21", "21"),
    ("es", "number", "45", "40 y 5"),
    ("es", "number", "100", "100"),
    ("es", "number", "101", "ciento 1"),
    ("es", "number", "1999", "mil 900 90 y 9"),
    ("es", "number", "21000", "veintiun mil"),
    ("es", "number", "1000000", "un millon"),
    ("es", "money", "1.21", "un one and veintiun cents"),
    ("es", "money", "31", "30 y un many"),
    ("es", "date", "2024-05-01", "day-1 of month-5 of 2 mil 24"),
    ("es", "time", "14:30", "14 hours and 30 minutes"),
    ("de", "number", "1", "1"),
    ("de", "number", "21", "ein und 20"),
    ("de", "number", "101", "ein hundert 1"),
    ("de", "number", "1000000", "eine million"),
    ("de", "number", "2021000", "2 millionen ein und 20 tausend"),
    ("de", "money", "1.01", "ein one ein cent"),
    ("de", "date", "1999-12-31", "day-31 month-12 19 hundert 9 und 90"),
    ("de", "time", "13:00", "13 hours"),
    ("de", "time", "01:05", "ein hours 5"),
]


@pytest.mark.parametrize(("language", "say_as", "text", "words"), SAID)
def test_a_text_is_said_as_people_say_it(language: str, say_as: str, text: str, words: str) -> None:
    said = pieces(language, say_as, text)
    assert said is not None
    assert " ".join(piece.partition("/")[2] for piece in said) == words


def test_letters_are_spelled_in_any_language() -> None:
    assert pieces("fr", "letters", "Ab 7") == ("letters/a", "letters/b", "digits/7")


def test_a_language_without_a_table_says_nothing() -> None:
    assert pieces("fr", "number", "7") is None
    assert needed("fr", "number") == frozenset()


def test_numbers_that_are_too_large_are_left_to_the_switch() -> None:
    assert pieces("en", "number", str(LARGEST + 1)) is None
    assert pieces("en", "money", f"{LARGEST + 1}.00") is None


LANGUAGES = st.sampled_from(["en", "es", "de", "es-MX"])


@given(LANGUAGES, st.integers(-LARGEST, LARGEST))
def test_every_number_is_said_by_pieces_that_are_asked_for(language: str, value: int) -> None:
    assert set(pieces(language, "number", str(value)) or ["?"]) <= needed(language, "number")


@given(LANGUAGES, st.integers(0, LARGEST), st.integers(0, 99), st.booleans())
def test_every_amount_is_said_by_pieces_that_are_asked_for(
    language: str, whole: int, cents: int, negative: bool
) -> None:
    text = f"{'-' if negative else ''}{whole}.{cents:02}"
    assert set(pieces(language, "money", text) or ["?"]) <= needed(language, "money")


@given(LANGUAGES, st.datetimes(datetime.datetime(1000, 1, 1), datetime.datetime(9999, 12, 31)))
def test_every_date_and_time_is_said_by_pieces_that_are_asked_for(
    language: str, moment: datetime.datetime
) -> None:
    assert set(pieces(language, "date", moment.date().isoformat()) or ["?"]) <= needed(language, "date")
    assert set(pieces(language, "time", f"{moment:%H:%M}") or ["?"]) <= needed(language, "time")


@pytest.mark.parametrize("language", ["en", "es", "de"])
def test_every_piece_can_be_the_name_of_a_recording(language: str) -> None:
    names = {name for kind in KINDS for name in needed(language, kind)}
    assert all(re.fullmatch(PROMPT_NAME.pattern, name) for name in names)


SAY = '[steps.a]\ndo = "say"\ntext = "{{ caller.name }}"\nas = "AS"\nnext = "b"\n[steps.b]\ndo = "hang_up"\n'


def recorded(folder: Path, say_as: str, names: frozenset[str]) -> Path:
    return write(folder, SAY.replace("AS", say_as), prompts=["sorry", *names])


def heard(application: Application, text: str) -> tuple[str | Say, ...]:
    _, do = walk(application, Began(), who=caller(name=text))
    assert isinstance(do, Play)
    return do.items


def test_an_application_that_has_all_pieces_speaks_by_them(tmp_path: Path) -> None:
    application = load(recorded(tmp_path, "number", needed("en", "number")))
    assert heard(application, "42") == ("prompts/en/numbers/40.wav", "prompts/en/numbers/2.wav")


def test_an_application_that_lacks_a_piece_leaves_all_to_the_switch(tmp_path: Path) -> None:
    folder = recorded(tmp_path, "number", needed("en", "number") - {"numbers/7"})
    assert heard(load(folder), "42") == (Say("en", "number", "pronounced", "42"),)
    assert [str(fault) for fault in check(folder)] == [
        "application.toml: warning: in en the switch says as = 'number'; not recorded: numbers/7"
    ]


def test_a_day_that_is_none_is_not_said_by_pieces(tmp_path: Path) -> None:
    application = load(recorded(tmp_path, "date", needed("en", "date")))
    assert heard(application, "2024-02-30") == ("prompts/en/sorry.wav",)
    assert heard(application, "2024-02-29")[0] == "prompts/en/dates/month-2.wav"


def test_a_time_is_given_to_the_switch_in_utc(tmp_path: Path) -> None:
    application = load(recorded(tmp_path, "time", frozenset()))
    (said,) = heard(application, "14:05")
    assert isinstance(said, Say)
    assert said.kind == "current_time"
    assert datetime.datetime.fromtimestamp(int(said.text), datetime.UTC).strftime("%H:%M") == "14:05"
