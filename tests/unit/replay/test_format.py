"""The format of captures: what is written is read again, and what is damaged says where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from fsroute.replay import format as captures
from fsroute.replay.faults import CaptureError, OtherVersion, Truncated
from fsroute.replay.format import Capture, Chunk, Header, Note, Side

FOLDER = Path(__file__).parents[2] / "captures"
HEADER = captures.header_line(Header("a caller presses 2", at=1764362172.5))
END = captures.note_line(9.0, {"end": "closed"})

times = some.lists(some.floats(0, 1e6), min_size=1, max_size=20).map(
    lambda found: [round(t, 6) for t in sorted(found)]
)


@given(
    some.lists(
        some.tuples(
            some.floats(0.0, 30_000.0),
            some.sampled_from(Side),
            some.binary(max_size=40) | some.text(max_size=40).map(str.encode),
        ),
        max_size=12,
    ),
    some.floats(0.0, 1e6),
)
@settings(max_examples=150, deadline=None)
def test_a_piece_is_written_as_its_lines_are(said: list[tuple[float, Side, bytes]], began: float) -> None:
    taken: list[captures.Taken] = [
        (began + t, side, data) for t, side, data in sorted(said, key=lambda each: each[0])
    ]
    taken.append((began + 30_000.0, None, {"end": "closed"}))
    at_once = captures.parse(
        [captures.header_line(Header()), *captures.piece_lines(began, taken).splitlines(True)]
    )
    assert [(line.side, line.data) for line in at_once.chunks] == [(each[1], each[2]) for each in taken[:-1]]
    for line, each in zip(at_once.lines, taken, strict=True):
        assert abs(line.t - (each[0] - began)) <= 1e-6
    assert [note.facts for note in at_once.notes] == [{"end": "closed"}]


def capture(lines: tuple[captures.Line, ...]) -> Capture:
    last = lines[-1].t if lines else 0.0
    return Capture(Header("it is tried", site="east", at=5.25), (*lines, Note(last, {"end": "closed"})))


@given(times, some.binary(max_size=200), some.sampled_from(Side))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_read_as_they_were_written(at: list[float], data: bytes, side: Side) -> None:
    written = capture(tuple(Chunk(t, side, data) for t in at))
    assert captures.parse(captures.write(written)) == written


@given(some.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_a_line_that_nobody_wrote_is_a_fault_and_nothing_else(line: bytes) -> None:
    with pytest.raises(CaptureError, match="line 2"):
        captures.parse([HEADER, line.replace(b"\n", b"") + b"\n", END], "it")


@given(
    some.recursive(some.none() | some.booleans() | some.integers() | some.floats() | some.text(), some.lists)
)
@settings(max_examples=100, deadline=None)
def test_any_value_under_any_key_is_read_or_refused(value: object) -> None:
    for key in ("t", "from", "data", "note"):
        line = {"t": 1.0, "from": "fsroute", "data": "x", key: value}
        try:
            captures.parse([HEADER, json.dumps(line).encode() + b"\n", END])
        except CaptureError:
            pass
    for key in ("capture", "situation", "session", "at", "joined", "part", "missing", "more"):
        header = {"capture": 2, key: value}
        try:
            captures.parse([json.dumps(header).encode() + b"\n", END])
        except CaptureError:
            pass


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.jsonl")), ids=lambda path: path.stem)
def test_recordings_of_version_1_are_read(path: Path) -> None:
    read = captures.load(path)
    assert read.header.capture == 1
    assert (read.header.session == "inbound") == read.said_by(Side.FREESWITCH).startswith(
        b"Content-Type: auth"
    )
    assert read.said_by(Side.FSROUTE)
    assert read.is_whole


def test_a_later_version_says_so() -> None:
    with pytest.raises(OtherVersion, match=r"calls/x.jsonl, line 1: a capture of version 3; .* up to 2"):
        captures.parse([b'{"capture": 3}\n'], "x.jsonl", "calls/x.jsonl")


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ([], "it: it is empty"),
        ([HEADER], "it, line 1: it ends here"),
        ([HEADER, b'{"t":1,"from":"fsroute","data":"a"}\n'], "it, line 2: it ends here"),
        ([HEADER, b'{"t":1,"from":"fsr'], "it, line 2: the line is cut off"),
    ],
)
def test_a_file_that_was_cut_off_says_where(lines: list[bytes], text: str) -> None:
    with pytest.raises(Truncated) as caught:
        captures.parse(lines, "it")
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"[1]\n", "no JSON object"),
        (b"[" * 100_000 + b"\n", "no JSON"),
        (b'{"t":NaN,"from":"fsroute","data":""}\n', "t is no time"),
        (b'{"t":-1,"from":"fsroute","data":""}\n', "t is no time"),
        (b'{"t":1' + b"0" * 4000 + b',"from":"fsroute","data":""}\n', "t is no time"),
        (b'{"t":1,"from":"nobody","data":""}\n', "from is 'nobody'"),
        (b'{"t":1,"from":"fsroute"}\n', "neither data nor a note"),
        (b'{"t":1,"from":"fsroute","data":"\\ud800"}\n', "no bytes decode to"),
        (b'{"t":1,"from":"fsroute","note":[]}\n', "the note is no JSON object"),
    ],
)
def test_a_damaged_line_says_what_is_wrong(line: bytes, what: str) -> None:
    with pytest.raises(CaptureError, match=f"it, line 2: .*{what}"):
        captures.parse([HEADER, line, END], "it")


def test_nothing_follows_the_end_and_time_does_not_go_back() -> None:
    with pytest.raises(CaptureError, match="line 3: a line after the end"):
        captures.parse([HEADER, END, END], "it")
    with pytest.raises(CaptureError, match="line 3: t goes back"):
        captures.parse([HEADER, END.replace(b"end", b"x"), captures.chunk_line(1.0, Side.FSROUTE, b"")], "it")


def test_a_line_without_end_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_bytes(HEADER + b'"' * (captures.MAX_LINE + 10))
    with pytest.raises(CaptureError, match=r"long.jsonl, line 2: a line of more than"):
        captures.load(path)


def test_facts_of_notes_add_up_and_keys_of_later_programs_are_kept() -> None:
    header = Header(more={"colour": "red"})
    notes = (
        Note(0.0, {"contact": "c", "step": "a"}),
        Note(1.0, {"step": "b", "end": "closed", "dropped": 7}),
    )
    read = captures.parse(captures.write(Capture(header, notes)))
    assert read.header.more == {"colour": "red"}
    assert read.facts == {"contact": "c", "step": "b", "end": "closed", "dropped": 7}
    assert not read.is_whole
