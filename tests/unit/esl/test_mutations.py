"""Whatever bytes come: a message or a protocol error, never a hang, a spin or another exception."""

from __future__ import annotations

import os
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fsroute.esl import CLOSED, NEED_DATA, Connection, Message, RemoteProtocolError
from tests.unit.esl.recordings import NAMES, in_pieces, said_by

quick = settings(
    max_examples=60,
    deadline=None,
    derandomize="FSROUTE_RANDOM_TESTS" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@cache
def sample(name: str) -> bytes:
    """The beginning and the end of a recording: all kinds of frames, and quick to try."""
    data = said_by("freeswitch", name)
    end = data.rfind(b"Content-Type: text/disconnect-notice\n")
    return data[:12_000] + data[max(12_000, end) :]


TROUBLE = [b"\n", b"\n\n", b"\r\n", b"\0", b": ", b"%0A", b"9" * 30]
TROUBLE += [b"Content-Length: 7\n", b"Content-Length: -1\n", b"Content-Type: text/event-plain\n"]
TROUBLE += [b"Content-Disposition: linger\n", b"Content-Type: text/disconnect-notice\n"]

mutations = st.lists(
    st.tuples(
        st.floats(0, 1),  # where
        st.integers(0, 40),  # how many bytes are taken out
        st.one_of(st.binary(max_size=12), st.sampled_from(TROUBLE)),  # what is put in
    ),
    max_size=6,
)


def mutated(data: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for where, taken, put in changes:
        at = int(where * len(data))
        data = data[:at] + put + data[at + taken :]
    return data


def read_all(pieces: list[bytes]) -> None:
    """Read as a driver does; each step must give something or ask for more bytes."""
    connection = Connection()
    steps = 0
    limit = sum(map(len, pieces)) + 2 * len(pieces) + 10
    try:
        for piece in (*pieces, b""):
            connection.receive_data(piece)
            while isinstance(message := connection.next_event(), Message):
                steps += 1
                assert steps < limit
                use(message)
            assert message is (NEED_DATA if piece else CLOSED)
    except RemoteProtocolError:
        assert_stays_failed(connection)


def use(message: Message) -> None:
    message.headers()
    message.get("Event-Name")
    assert message.content_type
    assert isinstance(message.text, str)
    assert message.refusal is None or message.refusal.startswith("-")


def assert_stays_failed(connection: Connection) -> None:
    try:
        connection.next_event()
    except RemoteProtocolError:
        return
    raise AssertionError("a failed connection went on")


@quick
@given(st.sampled_from(NAMES), mutations, st.lists(st.integers(1, 5000), min_size=1, max_size=8))
def test_a_mutated_recording_ends_in_messages_or_a_protocol_error(
    name: str, changes: list[tuple[float, int, bytes]], lengths: list[int]
) -> None:
    read_all(in_pieces(mutated(sample(name), changes), lengths))


@quick
@given(st.sampled_from(NAMES), st.floats(0, 1))
def test_a_recording_cut_anywhere_ends_in_messages_or_a_protocol_error(name: str, where: float) -> None:
    data = sample(name)
    data = data[: int(where * len(data))]
    read_all([data] if data else [])


@quick
@given(st.lists(st.binary(min_size=1, max_size=200), max_size=10))
def test_arbitrary_bytes_end_in_messages_or_a_protocol_error(pieces: list[bytes]) -> None:
    read_all(pieces)


@quick
@given(
    st.lists(
        st.sampled_from([b"Content-Length: 3", b"Content-Type: x", b"\n", b"\n\n", b"abc", b": "]),
        max_size=30,
    )
)
def test_scrambled_frames_end_in_messages_or_a_protocol_error(parts: list[bytes]) -> None:
    data = b"".join(parts)
    read_all([data] if data else [])
