from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fsroute.callserver.speech import NO_KEYS, SILENCE, collect, one_file, play
from fsroute.ivr import Collect, Play, Say

FOLDER = Path("/srv/shop")
ASK = Collect(
    files=("prompts/en/ask.wav",),
    invalid_files=("prompts/en/wrong.wav",),
    min=1,
    max=4,
    tries=3,
    timeout_ms=5000,
    terminators="#",
    pattern="\\d+",
)


def test_neighbouring_files_are_one_execution() -> None:
    do = Play(("a.wav", "b.wav"))
    assert list(play(do, FOLDER)) == [("playback", "file_string:///srv/shop/a.wav!/srv/shop/b.wav")]


def test_one_file_is_played_as_it_is() -> None:
    assert list(play(Play(("a.wav",)), FOLDER)) == [("playback", "/srv/shop/a.wav")]
    assert one_file(["x"]) == "x"


def test_what_is_said_comes_in_its_place_between_the_files() -> None:
    do = Play(("a.wav", Say("en", "number", "pronounced", "42"), "b.wav", "c.wav"))
    assert list(play(do, FOLDER)) == [
        ("playback", "/srv/shop/a.wav"),
        ("say", "en number pronounced 42"),
        ("playback", "file_string:///srv/shop/b.wav!/srv/shop/c.wav"),
    ]


def test_nothing_to_play_is_nothing_to_execute() -> None:
    assert list(play(Play(()), FOLDER)) == []


def test_what_is_said_is_one_word() -> None:
    do = Play((Say("en", "name_spelled", "pronounced", "A B 7"),))
    assert list(play(do, FOLDER)) == [("say", "en name_spelled pronounced AB7")]


def test_digits_are_collected_with_prompt_limits_and_a_variable_of_their_own() -> None:
    application, argument = collect(ASK, FOLDER, "fsroute_digits_3")
    assert application == "play_and_get_digits"
    assert argument.split() == [
        "1", "4", "3", "5000", "#", "/srv/shop/prompts/en/ask.wav", "/srv/shop/prompts/en/wrong.wav",
        "fsroute_digits_3", "\\d+", str(ASK.digit_timeout_ms),
    ]  # fmt: skip


def test_without_prompts_there_is_a_moment_of_silence() -> None:
    bare = replace(ASK, files=(), invalid_files=())
    assert collect(bare, FOLDER, "v")[1].split()[5:7] == [SILENCE, SILENCE]


def test_without_terminators_no_key_ends_the_input() -> None:
    assert collect(replace(ASK, terminators=""), FOLDER, "v")[1].split()[4] == NO_KEYS
    assert not set(NO_KEYS) & set("0123456789*#ABCDabcd"), "no key is one of its letters"


def test_a_folder_with_a_blank_in_its_name_stays_one_argument() -> None:
    _, argument = collect(ASK, Path("/srv/my shop"), "v")
    assert " '/srv/my shop/prompts/en/ask.wav' '/srv/my shop/prompts/en/wrong.wav' v " in argument
