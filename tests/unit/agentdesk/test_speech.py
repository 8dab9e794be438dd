from __future__ import annotations

import pytest

from fsroute.agentdesk import speech
from fsroute.agentdesk.dialogue import Ask, Entry, Say
from fsroute.callserver.speech import NO_KEYS


def test_what_is_said_is_one_playback() -> None:
    folder = speech.FOLDER / "en"
    assert speech.say(Say(("break",)), "en") == ("playback", f"{folder}/break.wav")
    assert speech.say(Say(("break", "after_this_contact")), "en") == (
        "playback",
        f"file_string://{folder}/break.wav!{folder}/after_this_contact.wav",
    )


@pytest.mark.parametrize("entry", Entry)
def test_what_is_asked_for_has_bounds_a_form_and_ends_with_the_pound_key(entry: Entry) -> None:
    application, argument = speech.ask(Ask(("enter_pin",), entry), "es", "fsroute_keyed_1")
    low, high, tries, timeout, terminators, file, invalid, variable, form, between = argument.split(" ")
    assert application == "play_and_get_digits"
    assert (int(low), int(high), tries, terminators) == (entry.shortest, entry.longest, "1", "#")
    assert (file, invalid) == (f"{speech.FOLDER}/es/enter_pin.wav", "silence_stream://1")
    assert (variable, form) == ("fsroute_keyed_1", entry.form)
    assert 1000 <= int(between) <= int(timeout) <= 10_000
    assert terminators != NO_KEYS


@pytest.mark.parametrize(
    ("wanted", "language"),
    [("en", "en"), ("es", "es"), ("es-MX", "es"), ("es_ES", "es"), ("ES", "es"), ("fr", "en"), ("", "en"),
     ("../es", "en")],
)  # fmt: skip
def test_whoever_speaks_none_of_the_languages_is_spoken_to_in_the_first(wanted: str, language: str) -> None:
    assert speech.language_of(wanted) == language


def test_a_tone_stands_for_a_recording_that_is_not_there() -> None:
    assert speech.say(Say(("nothing",)), "en") == ("playback", speech.TONE)
