"""Which files are captured calls, and what their tests are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsroute.testing.captures import contact_center, is_capture, words
from tests.unit.replay.captured import JOURNAL, write_call, write_journal


def test_a_captured_call_is_one(tmp_path: Path) -> None:
    path = write_call(tmp_path, "a.jsonl", center="blue")
    assert is_capture(path)
    assert contact_center(path) == "blue"


def test_a_journal_is_none(tmp_path: Path) -> None:
    write_journal(tmp_path)
    assert not is_capture(tmp_path / JOURNAL)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b'{"capture":true,"session":"outbound"}',
        b'{"capture":2,"session":"inbound"}',
        b'{"capture":1}',
    ],
)
def test_what_is_no_call_is_none(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(line)
    assert not is_capture(path)
    assert not is_capture(tmp_path / "nothing.jsonl")


@pytest.mark.parametrize(
    ("situation", "name"),
    [
        ("caller hangs up", "caller_hangs_up"),
        ("name \x1b[2J with :: and [brackets]", "name_2J_with_and_brackets"),
        ("x" * 500, "x" * 120),
    ],
)
def test_a_situation_is_a_name_that_pytest_can_take(situation: str, name: str) -> None:
    assert words(situation) == name
