"""Chunks become frames, however the stream was cut."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from fsroute.replay import format as captures
from fsroute.replay.format import Chunk, Side
from fsroute.replay.frames import Boundaries, CommandFrames, SwitchFrames, frames, without_password

PATHS = sorted((Path(__file__).parents[2] / "captures").glob("*.jsonl"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_stream_cut_anywhere_has_the_same_frames(path: Path) -> None:
    capture = captures.load(path)
    for side in Side:
        said = capture.said_by(side)
        whole = [frame.raw for frame in frames([Chunk(0.0, side, said)])]
        pieces = [Chunk(0.0, side, said[at : at + 777]) for at in range(0, len(said), 777)]
        assert [frame.raw for frame in frames(pieces)] == whole
        assert b"".join(whole) == said


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_all_that_was_recorded_is_frames(path: Path) -> None:
    read = list(frames(captures.load(path).chunks))
    garbage = [frame for frame in read if frame.message is None and frame.command is None]
    cut_short = 1 if path.stem == "caller_presses_nothing" else 0
    assert len(garbage) == cut_short


@given(some.lists(some.binary(max_size=60), max_size=6))
@settings(max_examples=80, deadline=None)
def test_of_bytes_that_are_no_frames_none_is_lost(pieces: list[bytes]) -> None:
    switch, commands = SwitchFrames(), CommandFrames()
    said = [raw for piece in pieces for raw, _ in switch.feed(piece)] + [raw for raw, _ in switch.finish()]
    assert b"".join(said) == b"".join(pieces)
    sent = [raw for piece in pieces for raw, _ in commands.feed(piece)] + [
        raw for raw, _ in commands.finish()
    ]
    assert b"".join(sent).replace(b"\n", b"").replace(b"\r", b"") == (
        b"".join(pieces).replace(b"\n", b"").replace(b"\r", b"")
    )


def test_a_command_with_a_body_is_one_frame() -> None:
    sent = b"\n\nsendmsg\ncall-command: execute\nContent-Length: 5\n\na\n\nbc\nexit\n\n"
    found = [command for _, command in CommandFrames().feed(sent)]
    assert [None if each is None else (each.word, each.body) for each in found] == [
        ("sendmsg", b"a\n\nbc"),
        ("exit", b""),
    ]


def test_the_password_does_not_stay() -> None:
    assert without_password(b"auth ClueCon\n\n") == b"auth ***\n\n"
    assert without_password(b"\n\nuserauth a@b:c\n\n") == b"\n\nuserauth ***\n\n"
    assert without_password(b"api auth me\n\n") == b"api auth me\n\n"


@given(some.lists(some.integers(1, 900), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_boundaries_are_where_frames_end(lengths: list[int]) -> None:
    (path,) = [each for each in PATHS if each.stem == "three_way_conference"]
    said = captures.load(path).said_by(Side.FREESWITCH)
    boundaries, switch, at, turn = Boundaries(), SwitchFrames(), 0, 0
    while at < len(said):
        piece = said[at : at + lengths[turn % len(lengths)]]
        at, turn = at + len(piece), turn + 1
        rest = boundaries.feed(piece)
        list(switch.feed(piece))
        assert rest == switch.unread if rest <= len(piece) else switch.unread > 0
