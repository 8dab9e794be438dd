"""What the journal of systemd is told of a line's weight."""

from __future__ import annotations

import io
import logging
import os
import tempfile

import pytest

from fsroute.log import JsonLines, Lines, Prioritised, leads_to_journal


def record(level: int, text: str = "it happened", **values: object) -> logging.LogRecord:
    return logging.makeLogRecord(
        {
            "levelno": level,
            "levelname": logging.getLevelName(level),
            "msg": text,
            "name": "fsroute.x",
            **values,
        }
    )


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.CRITICAL, "<2>"),
        (logging.ERROR, "<3>"),
        (logging.WARNING, "<4>"),
        (logging.INFO, "<6>"),
        (logging.DEBUG, "<7>"),
    ],
)
def test_a_line_begins_with_its_priority(level: int, priority: str) -> None:
    for formatter in (Lines(), JsonLines()):
        line = record(level)
        assert Prioritised(formatter).format(line) == priority + formatter.format(line)


def test_each_line_of_a_traceback_has_the_priority() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        info = (ValueError, error, error.__traceback__)
    lines = Prioritised(Lines()).format(record(logging.ERROR, exc_info=info)).split("\n")
    assert len(lines) > 3
    assert all(line.startswith("<3>") for line in lines)


def test_a_text_cannot_bring_a_line_with_a_priority_of_its_own() -> None:
    assert "\n" not in Prioritised(Lines()).format(record(logging.INFO, "x\n<0>emergency"))


def test_only_the_stream_that_systemd_names_leads_to_the_journal() -> None:
    with tempfile.TemporaryFile("w") as stream:
        there = os.fstat(stream.fileno())
        own = {"JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino}"}
        assert leads_to_journal(stream, own)
        assert not leads_to_journal(stream, {})
        assert not leads_to_journal(stream, {"JOURNAL_STREAM": "1:2"})
    assert not leads_to_journal(io.StringIO(), own)
