from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.switchsim.commands import MAX_COMMAND, Command, CommandReader, CommandTooLong

SAID = (
    b"connect\n\n"
    b"\n"
    b"linger 5\r\n\r\n"
    b"sendmsg u-1\ncall-command: execute\nexecute-app-name: playback\nContent-Type: text/plain\n"
    b"Content-Length: 11\n\nline\n\nline2exit\n\n"
)
MEANT = [
    Command("connect"),
    Command("linger 5"),
    Command(
        "sendmsg u-1",
        {
            "call-command": "execute",
            "execute-app-name": "playback",
            "content-type": "text/plain",
            "content-length": "11",
        },
        "line\n\nline2",
    ),
    Command("exit"),
]


def test_commands_are_read_whole() -> None:
    assert list(CommandReader().feed(SAID)) == MEANT


def test_commands_are_read_byte_by_byte() -> None:
    reader = CommandReader()
    assert [command for byte in SAID for command in reader.feed(bytes([byte]))] == MEANT


@given(st.lists(st.integers(1, 30), min_size=1))
def test_commands_are_read_in_any_pieces(lengths: list[int]) -> None:
    reader, found, at, turn = CommandReader(), list[Command](), 0, 0
    while at < len(SAID):
        length = lengths[turn % len(lengths)]
        found += reader.feed(SAID[at : at + length])
        at, turn = at + length, turn + 1
    assert found == MEANT


def test_bare_line_ends_are_no_commands() -> None:
    reader = CommandReader()
    assert list(reader.feed(b"\n\n\n\r\n")) == []
    assert reader.is_idle


def test_a_client_gone_wild_is_noticed() -> None:
    reader = CommandReader()
    with pytest.raises(CommandTooLong):
        list(reader.feed(b"x" * (MAX_COMMAND + 1)))


def test_the_first_word_and_the_rest_are_told_apart() -> None:
    command = Command("API  uuid_kill u-1")
    assert (command.word, command.argument) == ("api", "uuid_kill u-1")
