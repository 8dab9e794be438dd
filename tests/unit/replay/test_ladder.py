"""The ladder says who sent what, in one line each, whatever was sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from fsroute.replay import format as captures
from fsroute.replay import ladder
from fsroute.replay.format import Capture, Chunk, Header, Line, Note, Side

FOLDER = Path(__file__).parents[2] / "captures"


def lines(name: str) -> list[str]:
    capture = captures.load(FOLDER / f"{name}.jsonl")
    return [line for _, line in ladder.drawn(ladder.ladder(capture), 90)]


def drawn(*parts: Line) -> list[str]:
    return [line for _, line in ladder.drawn(ladder.ladder(Capture(Header(), parts)), 70)]


def test_a_call_is_read_at_a_glance() -> None:
    said = lines("caller_hangs_up_while_bridged")
    assert said[0].startswith("    0.001 │─ connect ──")
    assert said[0].endswith("──▶│")
    assert '◀─ channel data  "Ada Lovelace" <+14155550123> calls 8005550100, ringing ──' in said[1]
    assert any("─ execute bridge sofia/internal/9198@127.0.0.1:5070 ──" in line for line in said)
    assert any("◀─ CHANNEL_HANGUP  NORMAL_CLEARING ──" in line for line in said)
    assert {len(line) for line in said} == {90}


def test_digits_and_refusals_are_told_apart() -> None:
    capture = captures.load(FOLDER / "caller_is_served_by_the_application.jsonl")
    kinds = {rung.kind: rung.text for rung in ladder.ladder(capture)}
    assert kinds["digit"] == "digit 2"
    refused = Chunk(0.0, Side.FREESWITCH, b"Content-Type: command/reply\nReply-Text: -ERR no\n\n")
    assert [(rung.kind, rung.text) for rung in ladder.ladder(Capture(Header(), (refused,)))] == [
        ("refusal", "-ERR no")
    ]


def test_what_a_command_is_sent_for_stands_beside_it() -> None:
    said = drawn(
        Note(0.0, {"step": {"application": "shop", "step": "greet", "do": "play"}}),
        Chunk(0.1, Side.FSROUTE, b"api uptime\n\n"),
        Note(0.2, {"routed": {"rule": "night", "queue": "sales"}}),
        Chunk(0.3, Side.FSROUTE, b"api version\n\n"),
        Note(0.4, {"end": "closed"}),
    )
    assert "─ api uptime  [step greet of shop] ─" in said[1]
    assert "─ api version  [rule night] ─" in said[3]
    assert "·  end closed" in said[4]


def test_long_values_are_cut_and_all_headers_are_there_on_demand() -> None:
    capture = captures.load(FOLDER / "caller_hangs_up_while_bridged.jsonl")
    everything = [line for _, line in ladder.drawn(ladder.ladder(capture), 90, everything=True)]
    assert any(line.endswith("    Caller-Caller-ID-Name: Ada Lovelace") for line in everything)
    assert ladder.cut("abcdef", 4) == "abc…"
    assert ladder.cut("日本語", 4) == "日…"


def test_the_password_is_not_shown() -> None:
    assert "auth ***" in drawn(Chunk(0.0, Side.FSROUTE, b"auth ClueCon\n\n"))[0]


@given(some.binary(max_size=120), some.sampled_from(Side))
@settings(max_examples=100, deadline=None)
def test_no_byte_moves_the_cursor_or_breaks_a_line(data: bytes, side: Side) -> None:
    hostile = b"api x\x1b[2J\xe2\x80\xae" + data + b"\n\n"
    parts = (Chunk(0.0, side, hostile), Chunk(0.0, side, data), Note(0.0, {data.decode("latin-1"): "\r\x9b"}))
    rungs = ladder.ladder(Capture(Header(), parts))
    for _, line in ladder.drawn(rungs, 70, everything=True):
        assert line.isprintable()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.jsonl")), ids=lambda path: path.stem)
def test_every_recording_has_a_ladder(path: Path) -> None:
    capture = captures.load(path)
    assert len(list(ladder.ladder(capture))) > 5
    assert all(line.isprintable() for line in ladder.title(capture))
