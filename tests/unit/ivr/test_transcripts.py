"""What is said in each prompt: read for people, checked, and never in a caller's way."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsroute.ivr import check, load
from fsroute.ivr.transcripts import read
from tests.unit.ivr.applications import write

END = '\n[steps.end]\ndo = "hang_up"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, END, first="end")


def test_texts_are_read_and_made_one_line(folder: Path) -> None:
    (folder / "prompts/en/texts.toml").write_text('hello = """Hello\nthere \\u001b[2J"""\n')
    assert read(folder, ("en", "es")) == {"en": {"hello": "Hello there  [2J"}, "es": {}}
    assert check(folder) == []


def test_words_of_a_synthesiser_stand_in_for_texts(folder: Path) -> None:
    (folder / "prompts/en/words.toml").write_text('voice = "en"\n[words]\nhello = "Hello."\n')
    assert read(folder, ("en",)) == {"en": {"hello": "Hello."}}
    (folder / "prompts/en/texts.toml").write_text('bye = "Goodbye."\n')
    assert read(folder, ("en",)) == {"en": {"bye": "Goodbye."}}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("hello", "is not TOML: Expected '=' after a key"),
        ("hello = 1", "hello: the text is no text"),
        ('gone = "x"', "there is no recording gone.wav"),
        ('"Bad Name" = "x"', "'Bad Name': a prompt's name is of a-z"),
        (f'hello = "{"x" * 1001}"', "hello: the text is longer than 1000 characters"),
        (f"# {'x' * 1_000_000}", "larger than 1000000 bytes"),
    ],
)
def test_a_text_that_is_wrong_is_a_warning(folder: Path, text: str, fault: str) -> None:
    (folder / "prompts/en/texts.toml").write_text(text)
    (told,) = map(str, check(folder))
    assert told.startswith(f"prompts/en/texts.toml: warning: {fault}")
    assert load(folder).name == "test"
    assert read(folder, ("en",))["en"].keys() <= {"gone"}


def test_texts_in_no_encoding_are_a_warning(folder: Path) -> None:
    (folder / "prompts/en/texts.toml").write_bytes(b"hello = '\xff'")
    assert [str(each) for each in check(folder)] == ["prompts/en/texts.toml: warning: is not a text in UTF-8"]
