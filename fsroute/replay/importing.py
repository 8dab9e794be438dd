"""Recorded network traffic becomes captures: event-socket sessions are told from all else by what they say.

FreeSWITCH's side is known by its frames. A session is outbound where ``connect`` was said, inbound where ``auth`` was;
of one that was joined in the middle by what only one of the two says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from fsroute.replay.faults import CaptureError
from fsroute.replay.format import INBOUND, OUTBOUND, Capture, Chunk, Header, Line, Note, Side
from fsroute.replay.frames import CommandFrames, without_password
from fsroute.replay.packets import Fragment, Segment, packets, segment
from fsroute.replay.streams import Conversation, End, Piece, conversations

LOOKED_AT: Final = 64 << 10  # bytes of each side that tell what a conversation is

_TYPES: Final = (
    rb"text/event-(?:plain|json|xml)|command/reply|api/response|auth/request|text/disconnect-notice"
)
_FRAME: Final = re.compile(
    rb"(?:^|(?<=\n))(?:Content-Length: [0-9]{1,12}\nContent-Type: (?:%b)\n"
    rb"|Content-Type: (?:%b)\n|Event-Name: CHANNEL_DATA\n)" % (_TYPES, _TYPES)
)
_COMMAND: Final = re.compile(
    rb"(?:^|(?<=\n))(?:connect|api |bgapi |sendmsg|event |myevents|linger|auth |userauth |exit|filter |nixevent |"
    rb"noevents|divert_events|getvar |resume|log )"
)
_OUTBOUND: Final = re.compile(rb"(?:^|\n)(?:connect\n|myevents\n|linger|sendmsg\n|divert_events|resume\n)")
_CHANNEL: Final = re.compile(rb"\nUnique-ID: ([^\n]+)")
_INBOUND: Final = re.compile(rb"(?:^|\n)(?:auth |userauth |event |sendmsg [0-9a-f])")


def imported(path: Path, on_fragment: Callable[[], None] = lambda: None) -> Iterator[Capture]:
    """The sessions of a file, as they end; the names are not given yet. `on_fragment` is called for each piece of IP.

    Raises:
        CaptureError: the file is neither pcap nor pcapng, or damaged, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            for each in conversations(_segments(file, str(path), on_fragment), _is_event_socket):
                capture = _capture(each, path.name)
                if capture is not None:
                    yield capture
    except OSError as error:
        raise CaptureError(str(path), 0, f"cannot be read: {error.strerror or error}") from error


def _segments(file: BinaryIO, name: str, on_fragment: Callable[[], None]) -> Iterator[Segment]:
    for packet in packets(file, name):
        found = segment(packet)
        if isinstance(found, Fragment):
            on_fragment()
        elif found is not None:
            yield found


def _is_event_socket(conversation: Conversation) -> bool:
    return _switch_of(conversation) is not None


def _said(conversation: Conversation, sender: End) -> bytes:
    """The beginning of what one end said."""
    said, size = [], 0
    for piece in conversation.pieces:
        if piece.sender == sender:
            said.append(piece.data)
            size += len(piece.data)
            if size > LOOKED_AT:
                break
    return b"".join(said)[:LOOKED_AT]


def _switch_of(conversation: Conversation) -> End | None:
    """Which end is FreeSWITCH; None: this is no event socket."""
    for end in conversation.ends:
        if _FRAME.search(_said(conversation, end)):
            return end
    return None


def _capture(conversation: Conversation, name: str) -> Capture | None:
    switch = _switch_of(conversation)
    if switch is None:
        return None
    (client,) = [end for end in conversation.ends if end != switch]
    sent = _said(conversation, client)
    session = _session(conversation, switch, sent)
    greeted = b"Content-Type: auth/request\n" if session == INBOUND else b"connect\n"
    first = _said(conversation, switch) if session == INBOUND else sent.lstrip(b"\n")
    joined = conversation.is_joined and not first.startswith(greeted)
    lines = list(_lines(conversation, switch, session, joined))
    if not any(isinstance(line, Chunk) for line in lines):
        return None
    header = Header(
        recorded_from=name,
        session=session,
        at=conversation.began,
        joined=joined,
        missing=sum(piece.lost for piece in conversation.pieces),
        more={"switch_address": f"{switch[0]}:{switch[1]}", "fsroute_address": f"{client[0]}:{client[1]}"},
    )
    end: dict[str, Any] = {"end": conversation.end}
    if conversation.is_cut or conversation.end not in ("closed", "reset"):
        end["truncated"] = "too long" if conversation.is_cut else conversation.end
    return Capture(header, (*lines, Note(lines[-1].t, end)))


def _session(conversation: Conversation, switch: End, sent: bytes) -> str:
    said = _said(conversation, switch)
    if said.startswith(b"Content-Type: auth/request"):
        return INBOUND
    if sent.lstrip(b"\n").startswith(b"connect\n"):
        return OUTBOUND
    if conversation.client is not None:
        return OUTBOUND if conversation.client == switch else INBOUND
    if _INBOUND.search(sent):
        return INBOUND
    return OUTBOUND if _OUTBOUND.search(sent) or _is_of_one_call(said) else INBOUND


def _is_of_one_call(said: bytes) -> bool:
    """FreeSWITCH's side alone: the notice of an outbound socket, or events of one channel only."""
    return b"\nControlled-Session-UUID: " in said or len(set(_CHANNEL.findall(said))) == 1


def _lines(conversation: Conversation, switch: End, session: str, joined: bool) -> Iterator[Line]:
    """Chunks in the order of time, from the first whole frame of each side on; notes where bytes are missing."""
    waits = dict.fromkeys(conversation.ends, joined)
    commands = CommandFrames() if session == INBOUND else None
    t = 0.0
    for piece in conversation.pieces:
        t = max(t, piece.at - conversation.began)
        side = Side.FREESWITCH if piece.sender == switch else Side.FSROUTE
        if piece.lost:
            yield Note(t, {"missing": piece.lost, "of": side.value})
        data = _joined(piece, side) if waits[piece.sender] else piece.data
        if not data:
            continue
        waits[piece.sender] = False
        if commands is None or side is Side.FREESWITCH:
            yield Chunk(t, side, data)
        else:  # whole commands, so that no password is in two pieces
            yield from (Chunk(t, side, without_password(raw)) for raw, _ in commands.feed(data))
    if commands is not None:
        yield from (Chunk(t, Side.FSROUTE, without_password(raw)) for raw, _ in commands.finish())


def _joined(piece: Piece, side: Side) -> bytes:
    """What of a piece follows a frame that was joined in the middle."""
    found = (_FRAME if side is Side.FREESWITCH else _COMMAND).search(piece.data)
    return piece.data[found.start() :] if found else b""
