from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.esl import commands
from fsroute.replay.commands import Splitter, parse, readable, stands_at

UUID = "11111111-0000-4000-8000-000000000000"
SENT = [
    commands.connect(),
    commands.api(f"uuid_break {UUID}"),
    commands.setvar(UUID, "a", "b c"),
    commands.sendmsg_execute("playback", "x.wav", event_uuid=UUID),
    commands.sendmsg_execute("playback", "y" * 2000, event_uuid=UUID, lock=True),
    commands.hangup("NORMAL_CLEARING"),
    commands.linger(5),
]


@settings(max_examples=50)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=5))
def test_commands_are_cut_apart_however_they_come(lengths: list[int]) -> None:
    data, splitter, found, at, turn = b"\n".join(SENT), Splitter(), list[bytes](), 0, 0
    while at < len(data):
        length = lengths[turn % len(lengths)]
        found += splitter.feed(data[at : at + length])
        at, turn = at + length, turn + 1
    assert found == SENT
    assert not splitter.is_within


def test_a_command_is_read_back() -> None:
    parsed = [parse(command) for command in SENT]
    assert [each.key for each in parsed] == [
        ("connect", "", ""),
        ("api", "uuid_break", ""),
        ("api", "uuid_setvar", "a"),
        ("execute", "playback", ""),
        ("execute", "playback", ""),
        ("sendmsg", "hangup", ""),
        ("linger", "", ""),
    ]
    assert (parsed[3].argument, parsed[3].event_uuid, parsed[3].lock) == ("x.wav", UUID, False)
    assert (len(parsed[4].argument), parsed[4].lock) == (2000, True)


def test_where_a_caller_stands_is_read_without_the_version() -> None:
    # {"a":"orders","v":"7","s":"main","l":"en"}
    text = "eyJhIjoib3JkZXJzIiwidiI6IjciLCJzIjoibWFpbiIsImwiOiJlbiJ9"
    command = parse(commands.setvar(UUID, "fsroute_state", text))
    assert stands_at(command) == ("orders", "main")
    assert readable(command) == f'{UUID} fsroute_state {{"a": "orders", "l": "en", "s": "main"}}'
    assert readable(parse(commands.setvar(UUID, "fsroute_state", "!"))) == f"{UUID} fsroute_state !"


@given(st.binary(max_size=300))
def test_whatever_is_said_is_read_as_something(data: bytes) -> None:
    for command in Splitter().feed(data + b"\n\n"):
        readable(parse(command))
