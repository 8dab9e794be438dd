"""Which recording a caller hears."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from fsroute.app import sample_folder
from fsroute.callserver import dialogue, hold, request, waits, ways
from fsroute.callserver.prompts import FOLDER, Prompts, packaged
from fsroute.ivr import load
from fsroute.ivr.numerals import pieces

ORDERS = load(Path(sample_folder()) / "orders")


def test_an_applications_own_recording_comes_first() -> None:
    assert Prompts(ORDERS, "es").file("goodbye") == str(ORDERS.folder / "prompts/es/goodbye.wav")


def test_the_package_has_the_rest_in_the_callers_language() -> None:
    assert Prompts(ORDERS, "es").file("callback_offer") == str(FOLDER / "es/callback_offer.wav")
    assert Prompts(None, "es-MX").file("digits/7") == str(FOLDER / "es/digits/7.wav")


@pytest.mark.parametrize("language", ["", "fi", "../en", "en/..", "."])
def test_a_language_that_nobody_recorded_is_english(language: str) -> None:
    assert Prompts(None, language).file("center_closed") == str(FOLDER / "en/center_closed.wav")


def test_a_path_is_taken_as_it_stands() -> None:
    assert Prompts(ORDERS, "en").file("/var/sounds/fire.wav") == "/var/sounds/fire.wav"


def test_every_language_has_every_recording() -> None:
    english, spanish = (
        {name for name in packaged(language) if not name.startswith("numbers/")} for language in ("en", "es")
    )
    assert english == spanish


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_number_that_a_wait_is_told_in_is_recorded(language: str) -> None:
    told = {piece for number in range(100) for piece in pieces(language, "number", str(number)) or ["?"]}
    assert told == {name for name in packaged(language) if name.startswith("numbers/")}


def test_no_recording_is_there_in_vain() -> None:
    sources = "".join(
        Path(module.__file__ or "").read_text() for module in (dialogue, hold, request, waits, ways)
    )
    pieces_of_numbers = ("digits/", "numbers/")
    unused = {
        name
        for name in packaged("en")
        if not name.startswith(pieces_of_numbers) and f'"{name}"' not in sources
    }
    assert unused == set()


@pytest.mark.parametrize(
    "path", sorted(FOLDER.rglob("*.wav")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_recordings_are_what_a_telephone_line_carries(path: Path) -> None:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        assert file.getnframes() < 10 * 8000
