"""Which recording a caller hears."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from fsroute.app import sample_folder
from fsroute.callserver import dialogue, hold, request, ways
from fsroute.callserver.prompts import FOLDER, Prompts, packaged
from fsroute.ivr import load

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
    assert packaged("en") == packaged("es")


def test_no_recording_is_there_in_vain() -> None:
    sources = "".join(Path(module.__file__ or "").read_text() for module in (dialogue, hold, request, ways))
    unused = {
        name for name in packaged("en") if not name.startswith("digits/") and f'"{name}"' not in sources
    }
    assert unused == set()


@pytest.mark.parametrize(
    "path", sorted(FOLDER.rglob("*.wav")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_recordings_are_what_a_telephone_line_carries(path: Path) -> None:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        assert file.getnframes() < 10 * 8000
