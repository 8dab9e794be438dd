"""The protocol core: any bytes of an event socket, whole and in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fsroute.esl.errors import RemoteProtocolError
from fsroute.esl.messages import Message
from fsroute.esl.protocol import CLOSED, NEED_DATA, Connection
from fsroute.replay import format as captures
from fsroute.replay.format import Chunk, Side
from fsroute.replay.frames import frames, without_password
from tests.fuzz.running import Target

SAMPLES = Path(__file__).parents[2] / "captures"
LONGEST_SEED = 12_000  # bytes

TOKENS = (
    b"Content-Length: ",
    b"Content-Length: 0\n\n",
    b"Content-Length: -1\n",
    b"Content-Length: 99999999999999\n",
    b"Content-Type: text/event-plain\n",
    b"Content-Type: text/event-json\n",
    b"Content-Type: text/disconnect-notice\n",
    b"Content-Disposition: linger\n",
    b"Content-Type: command/reply\nReply-Text: +OK\n\n",
    b"Event-Name: CHANNEL_DATA\n",
    b"Reply-Text: -ERR\n",
    b": ",
    b"%0A%0A",
    b"%zz",
)


def _seeds() -> Sequence[bytes]:
    return [text for path in sorted(SAMPLES.glob("*.jsonl")) if (text := _beginning(path))]


def _beginning(path: Path) -> bytes:
    """The first whole frames of what FreeSWITCH said."""
    said = b""
    for frame in frames(captures.load(path).chunks):
        if frame.side is Side.FREESWITCH:
            if len(said) + len(frame.raw) > LONGEST_SEED:
                break
            said += frame.raw
    return said


def _messages(data: bytes, piece: int) -> Iterator[tuple[str, object]]:
    """What comes of the bytes in pieces of that size, up to the end or the failure."""
    connection = Connection()
    for at in range(0, len(data), piece):
        connection.receive_data(data[at : at + piece])
        yield from _taken(connection)
    connection.receive_data(b"")
    yield from _taken(connection)


def _taken(connection: Connection) -> Iterator[tuple[str, object]]:
    while (found := connection.next_event()) is not NEED_DATA:
        if found is CLOSED:
            return
        assert isinstance(found, Message)
        yield found.content_type, (_looked_at(found), found.body)


def _looked_at(message: Message) -> dict[str, str]:
    headers = message.headers()
    for key in (*list(headers)[:20], "Unique-ID", "variable_x"):
        value = message.get(key)
        assert (value is not None) == (key in message)
        if key.isascii() and key in headers:
            assert value == headers[key], f"{key!r} by itself is not what it is among all"
    assert "\n" not in message.content_type
    assert all(isinstance(said, str) for said in (message.reply_text, message.text, message.refusal or ""))
    repr(message)
    return headers


def _outcome(data: bytes, piece: int) -> tuple[list[tuple[str, object]], str]:
    found: list[tuple[str, object]] = []
    try:
        for each in _messages(data, piece):
            found.append(each)
    except RemoteProtocolError as error:
        return found, str(error)
    return found, ""


def run(data: bytes) -> str:
    whole = _outcome(data, max(1, len(data)))
    piece = 1 if len(data) < 2000 else 997
    assert _outcome(data, piece) == whole, "in pieces it is something else"
    for side in Side:
        for frame in frames(
            [Chunk(0.0, side, data[: len(data) // 2]), Chunk(0.1, side, data[len(data) // 2 :])]
        ):
            without_password(frame.raw)
    return "refused" if whole[1] else f"{min(len(whole[0]), 3)} messages"


TARGET = Target(_seeds, run, TOKENS)
