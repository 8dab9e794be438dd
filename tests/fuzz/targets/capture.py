"""Captures and journals: files of other people, read, drawn, looked into, and cleaned."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from fsroute.customers.numbers import Plan
from fsroute.errors import FsrouteError
from fsroute.privacy.captures import clean
from fsroute.privacy.person import Person
from fsroute.replay import format as captures
from fsroute.replay import journal as journals
from fsroute.replay import ladder
from fsroute.replay.reading import read_call
from tests.fuzz.running import Target

FOLDERS = (Path(__file__).parents[2] / "replay" / "captures", Path(__file__).parents[2] / "captures")
LONGEST_SEED = 60_000  # bytes
PERSON = Person(("+18173951259", "8173951259"), ("8173951259",), ("8e98efcf",))

TOKENS = (
    b'{"capture":2}',
    b'"note":{',
    b'{"t":1e308,',
    b'"from":"freeswitch"',
    b'"data":"',
    b'"from":"fsroute"',
    b'"end":"x"',
    b'"journal":{"file":"../x","n":1}',
    b"\\u0000",
    b"\\ud800",
    b'"facts":{"a":[[]]}',
    b'"routed":',
    b'"asked":',
)


def _seeds() -> Sequence[bytes]:
    paths = [path for folder in FOLDERS for path in sorted(folder.glob("*.jsonl"))]
    return [path.read_bytes() for path in paths if path.stat().st_size <= LONGEST_SEED][::6]


def run(data: bytes) -> str:
    lines = data.splitlines(keepends=True)
    outcome = "journal"
    try:
        _of_journal(journals.parse(lines, "journal-x-1.jsonl"))
    except FsrouteError:
        outcome = _of_capture(data, lines)
    return outcome


def _of_journal(journal: journals.Journal) -> None:
    if journal.entries:
        journal.world_at(journal.last)


def _of_capture(data: bytes, lines: list[bytes]) -> str:
    try:
        capture = captures.parse(lines, "x.jsonl")
    except FsrouteError:
        return "refused"
    for _ in ladder.drawn(ladder.ladder(capture)):
        pass
    list(ladder.title(capture))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "20261128T203612.123Z-acme-1a2b3c4d.jsonl"
        path.write_bytes(data)
        try:
            read_call(path)
        except FsrouteError:
            pass
        clean(Path(folder), PERSON, Plan())
    again = captures.parse(captures.write(capture), "x.jsonl")
    assert capture.header.capture == 1 or again.lines == capture.lines, "written and read it is another"
    return "capture"


TARGET = Target(_seeds, run, TOKENS)
