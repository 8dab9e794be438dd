"""Calls recorded from a real FreeSWITCH with another application, played through the transport of today."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fsroute.callserver.library import Library
from fsroute.replay import format as captures
from fsroute.replay.beside import Journals
from fsroute.replay.format import Chunk, Side
from fsroute.replay.player import Player
from tests.unit.esl.recordings import FOLDER, NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_transport_takes_each_recording_as_it_was(name: str) -> None:
    capture = captures.load(FOLDER / f"{name}.jsonl")
    found = Player(Journals(), Library({})).replay(capture)
    assert found.differences == ()


def test_a_command_that_gets_another_reply_is_found() -> None:
    capture = captures.load(FOLDER / "caller_presses_nothing.jsonl")
    first = next(line for line in capture.chunks if line.side is Side.FSROUTE and b"linger" in line.data)
    lines = tuple(line for line in capture.lines if line is not first)
    found = Player(Journals(), Library({})).replay(replace(capture, lines=lines))
    assert found.differences, "a reply that answers no command ends the connection"
    assert all(isinstance(line, Chunk) for line in lines)
