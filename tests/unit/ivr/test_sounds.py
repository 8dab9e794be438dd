from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from fsroute.errors import ApplicationError
from fsroute.ivr.sounds import make_prompts

SAMPLE = Path(str(files("fsroute.ivr"))) / "sample" / "orders"


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ('voice = "en"\n', "missing required field `words`"),
        ('voice = "en"\n[words]\n"../../x" = "x"\n', "a prompt's name is of"),
        ("voice = ", "Invalid value"),
    ],
)
def test_words_that_cannot_be_spoken_are_told(tmp_path: Path, words: str, fault: str) -> None:
    path = tmp_path / "prompts" / "en" / "words.toml"
    path.parent.mkdir(parents=True)
    path.write_text(words, encoding="utf-8")
    with pytest.raises(ApplicationError, match=fault):
        make_prompts(tmp_path)


@pytest.mark.parametrize("language", ["en", "es"])
def test_words_of_the_sample_are_those_that_were_recorded(language: str) -> None:
    folder = SAMPLE / "prompts" / language
    words = tomllib.loads((folder / "words.toml").read_text(encoding="utf-8"))["words"]
    recorded = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.glob("**/*.wav")}
    assert recorded == set(words)
