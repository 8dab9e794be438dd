from __future__ import annotations

import wave
from pathlib import Path

import pytest

from fsroute.switchsim.media import ENDLESS, Sounds

SOUNDS = Sounds({"welcome.wav": 3.4})


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("welcome.wav", 3.4),
        ("silence_stream://2000", 2.0),
        ("silence_stream://2000,1400", 2.0),
        ("silence_stream://-1", ENDLESS),
        ("local_stream://moh", ENDLESS),
        ("{timeout=4000}local_stream://moh", 4.0),
        ("{timeout=1000}welcome.wav", 1.0),
        ("tone_stream://%(400,200,440)", 0.6),
        ("tone_stream://%(400,200,440);loops=3", 1.8),
        ("tone_stream://%(400,200,440);loops=-1", ENDLESS),
        ("file_string://welcome.wav!silence_stream://600", 4.0),
        ("no/such/file.wav", None),
    ],
)
def test_a_file_has_a_length_or_is_not_there(name: str, seconds: float | None) -> None:
    length = SOUNDS.length(name)
    assert length is None if seconds is None else length == pytest.approx(seconds)


def test_wave_files_are_measured(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "half.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * 4000)
    assert Sounds(prefix=str(tmp_path)).length("half.wav") == 0.5
    assert Sounds(speed=10).length(str(tmp_path / "half.wav")) == 0.05
