"""The recorded traffic, and a plain reading of it to hold the parser against."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote_to_bytes

from fsroute.esl import NEED_DATA, Connection, ConnectionClosed, Message

FOLDER = Path(__file__).parents[2] / "captures"
NAMES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def lines(name: str) -> list[dict[str, str]]:
    """The chunks of a recording, in order, without its first line."""
    with (FOLDER / f"{name}.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file][1:]


def said_by(side: str, name: str) -> bytes:
    """All bytes that ``freeswitch`` or ``application`` sent in a recording."""
    chunks = [line["data"] for line in lines(name) if line["from"] == side]
    return "".join(chunks).encode("utf-8", "surrogateescape")


def parse(*pieces: bytes) -> list[Message]:
    """Everything that `pieces`, followed by the end of the file, hold."""
    connection = Connection()
    messages: list[Message] = []
    for piece in (*pieces, b""):
        connection.receive_data(piece)
        while isinstance(message := connection.next_event(), Message):
            messages.append(message)
        assert (message is NEED_DATA) == bool(piece)
        assert piece or isinstance(message, ConnectionClosed)
    assert connection.unread == 0
    return messages


def in_pieces(data: bytes, lengths: list[int]) -> list[bytes]:
    """`data` cut into pieces of these lengths, over and over."""
    pieces, at, turn = [], 0, 0
    while at < len(data):
        length = lengths[turn % len(lengths)]
        pieces.append(data[at : at + length])
        at, turn = at + length, turn + 1
    return pieces


def as_tuple(message: Message) -> tuple[str, dict[str, str], bytes]:
    return message.content_type, message.headers(), message.body


def eager(payload: bytes) -> dict[str, str]:
    """The headers of an event's payload, read the plain way: split first, decode after."""
    head = payload.partition(b"\n\n")[0]
    pairs = [line.split(b": ", 1) for line in head.split(b"\n")]
    return {
        name.decode(): unquote_to_bytes(value).decode("utf-8", "replace") for name, value in reversed(pairs)
    }
