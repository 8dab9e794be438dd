from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from fsroute import log


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("fsroute")
    before = (list(root.handlers), root.level, ours.level)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def test_a_line_is_a_sentence_and_its_fields() -> None:
    stream = io.StringIO()
    log.setup(stream=stream)
    fields = {"contact": "c-1", "queue": "big sales", "waited_s": 1.23456}
    logging.getLogger("fsroute.callserver").info("the call of %s began", "a caller", extra=fields)
    time, level, rest = stream.getvalue().split(maxsplit=2)
    assert time.endswith("Z")
    assert level == "info"
    expected = 'callserver: the call of a caller began contact=c-1 queue="big sales" waited_s=1.235\n'
    assert rest == expected


def test_what_a_caller_wrote_begins_no_line_of_its_own() -> None:
    stream = io.StringIO()
    log.setup(stream=stream)
    logging.getLogger("fsroute.x").warning("name %s", "Bob\nfake line", extra={"name_said": "a\r\nb=c"})
    assert stream.getvalue().count("\n") == 1
    assert r"Bob\nfake line" in stream.getvalue()
    assert r'name_said="a\r\nb=c"' in stream.getvalue()


def test_json_has_the_same_fields_and_the_traceback() -> None:
    stream = io.StringIO()
    log.setup(format="json", stream=stream)
    try:
        raise ValueError("broken\nhere")
    except ValueError:
        logging.getLogger("fsroute.acd").exception("the leg failed", extra={"agent": "ann"})
    entry = json.loads(stream.getvalue())
    assert (entry["level"], entry["room"], entry["message"], entry["agent"]) == (
        "error", "acd", "the leg failed", "ann",
    )  # fmt: skip
    assert "broken" in entry["error"]


def test_the_level_is_ours_and_others_are_heard_from_warning_on() -> None:
    stream = io.StringIO()
    log.setup("warning", stream=stream)
    logging.getLogger("fsroute.x").info("not this")
    logging.getLogger("elsewhere").info("nor this")
    logging.getLogger("elsewhere").warning("but this")
    assert stream.getvalue().endswith("elsewhere: but this\n")
    assert stream.getvalue().count("\n") == 1


def test_a_traceback_is_indented_below_its_line() -> None:
    stream = io.StringIO()
    log.setup(stream=stream)
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("fsroute.x").exception("oh")
    first, *rest = stream.getvalue().splitlines()
    assert first.endswith("x: oh")
    assert rest
    assert all(line.startswith("    ") for line in rest)
