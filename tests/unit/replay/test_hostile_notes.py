"""Whatever a capture or a line of JSON holds: it is read, or said in words to be none."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from fsroute.replay.elsewhere import CannotBeTold
from fsroute.replay.faults import CaptureError
from fsroute.replay.reading import read_call, with_what_was_seen
from fsroute.testing.captures import contact_center, is_capture
from tests.unit.replay.captured import JOURNAL, write_call

anything: some.SearchStrategy[Any] = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
asked = some.fixed_dictionaries(
    {},
    optional={
        "queue": some.text(max_size=5) | anything,
        "at": some.floats() | anything,
        "number": anything,
        "facts": some.dictionaries(some.text(max_size=3), some.text(max_size=3) | anything, max_size=2)
        | anything,
        "arrived_at": anything,
        "journal": some.just({"file": JOURNAL, "n": 1})
        | some.fixed_dictionaries({"file": some.text(), "n": anything}),
    },
)


@given(
    asked | anything,
    anything,
    some.dictionaries(some.sampled_from(["contact_center", "application"]), anything),
)
@settings(max_examples=80, deadline=None)
def test_notes_of_any_kind_are_read_or_refused(note: Any, answer: Any, facts: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = write_call(Path(name), "a.jsonl")
        lines = path.read_bytes().splitlines(keepends=True)
        for key, value in (("asked", note), ("routed", answer), *facts.items()):
            line = json.dumps({"t": 2.0, "from": "fsroute", "note": {key: value}})
            lines.insert(-1, line.encode() + b"\n")
        path.write_bytes(b"".join(lines))
        try:
            call = read_call(path)
        except (CannotBeTold, CaptureError):
            return
        assert call is not None
        (told,) = with_what_was_seen([call])
        assert told


@given(
    some.binary(max_size=200), some.sampled_from([b"", b'{"capture":2,"session":"outbound"}\n', b'{"note":'])
)
@settings(max_examples=100, deadline=None)
def test_any_file_is_a_capture_or_none(data: bytes, head: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.jsonl"
        path.write_bytes(head + data)
        assert is_capture(path) in (True, False)
        assert isinstance(contact_center(path), str)
