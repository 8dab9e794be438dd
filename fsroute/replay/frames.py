"""Chunks become frames: what each side said, whole, as FreeSWITCH and fsroute would read it.

FreeSWITCH's side is read by ``fsroute.esl.protocol`` itself. What cannot be read as frames any more is one last frame
of garbage, so that nothing is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from fsroute.errors import SwitchError
from fsroute.esl.messages import Message
from fsroute.esl.protocol import Connection
from fsroute.replay.format import Chunk, Side

MAX_HEAD: Final = 1 << 20  # bytes of a command's header lines
MAX_BODY: Final = 8 << 20

_END: Final = re.compile(rb"\n\r*\n")
_LENGTH: Final = re.compile(rb"^content-length:[ \t]*([0-9]{1,9})[ \t]*\r*$", re.IGNORECASE | re.MULTILINE)
_BODY: Final = re.compile(rb"(?:^|(?<=\n))Content-Length: ([0-9]{1,9})\n")
_SECRET: Final = re.compile(rb"(?m)^(auth|userauth) [^\n]*")


@dataclass(frozen=True, slots=True)
class Command:
    """What fsroute sent: its first line, its further header lines (names in lower case), its body."""

    line: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def get(self, name: str, default: str = "") -> str:
        return next((value for key, value in self.headers if key == name), default)

    @property
    def word(self) -> str:
        """``connect``, ``api``, ``sendmsg``…"""
        return self.line.partition(" ")[0].lower()


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: `raw` is all of its bytes; `message` what FreeSWITCH said, `command` what fsroute did.

    Both None: bytes that are no frame. `t` is when it was whole.
    """

    t: float
    side: Side
    raw: bytes
    message: Message | None = None
    command: Command | None = None


class SwitchFrames:
    """Cuts FreeSWITCH's stream; bytes in, (raw, message) out. The message is None for what is no frame."""

    def __init__(self) -> None:
        self._connection = Connection()
        self._held = bytearray()
        self._failed = False

    def feed(self, data: bytes) -> Iterator[tuple[bytes, Message | None]]:
        if self._failed or not data:
            if data:
                yield data, None
            return
        self._held += data
        self._connection.receive_data(data)
        while not self._failed:
            try:
                message = self._connection.next_event()
            except SwitchError:
                self._failed = True
                yield self._take(len(self._held)), None
                return
            if not isinstance(message, Message):
                return
            yield self._take(len(self._held) - self._connection.unread), message

    def finish(self) -> Iterator[tuple[bytes, Message | None]]:
        """What is left at the end: a frame that was cut short."""
        if self._held:
            yield self._take(len(self._held)), None

    def _take(self, count: int) -> bytes:
        return _taken(self._held, count)

    @property
    def unread(self) -> int:
        """Bytes that are in no frame yet."""
        return len(self._held)


class Boundaries:
    """Finds where FreeSWITCH's frames end on an inbound connection, without reading them."""

    def __init__(self) -> None:
        self._head = b""  # of a frame whose head is not whole
        self._missing = 0  # bytes of the body of a frame whose head is known

    def feed(self, data: bytes) -> int:
        """How many bytes after the last end of a frame in `data`; more than it has: none ends in it."""
        text = self._head + data
        at = self._missing
        while at < len(text):
            end = text.find(b"\n\n", at)
            if end < 0:
                break
            found = _BODY.search(text[at : end + 1])
            at = end + 2 + (int(found[1]) if found else 0)
        self._missing = max(0, at - len(text))
        self._head = text[at:][-MAX_HEAD:]
        return len(self._head) if not self._missing else len(data) + 1


class CommandFrames:
    """Cuts fsroute's stream as ``read_packet`` of mod_event_socket.c does: bytes in, (raw, command) out.

    Line ends between commands, which only wake FreeSWITCH, are left out.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._failed = False

    def feed(self, data: bytes) -> Iterator[tuple[bytes, Command | None]]:
        if self._failed:
            if data:
                yield data, None
            return
        self._held += data
        while (taken := self._next()) is not None:
            yield taken
        if len(self._held) > MAX_HEAD + MAX_BODY:
            self._failed = True
            yield from self.finish()

    def finish(self) -> Iterator[tuple[bytes, Command | None]]:
        if self._held:
            yield self._take(len(self._held)), None

    @property
    def unread(self) -> int:
        return len(self._held)

    def _next(self) -> tuple[bytes, Command | None] | None:
        held = self._held
        blank = len(held) - len(held.lstrip(b"\r\n"))
        del held[:blank]
        found = _END.search(held)
        if found is None:
            return None
        head = bytes(held[: found.start()])
        announced = _LENGTH.search(head)
        length = int(announced[1]) if announced else 0
        if length > MAX_BODY or len(head) > MAX_HEAD:
            self._failed = True
            return self._take(len(held)), None
        stop = found.end() + length
        if len(held) < stop:
            return None
        body = bytes(held[found.end() : stop])
        return self._take(stop), _command(head, body)

    def _take(self, count: int) -> bytes:
        return _taken(self._held, count)


def _taken(held: bytearray, count: int) -> bytes:
    """The first `count` bytes, which are held no longer."""
    if count == len(held):
        raw = bytes(held)
        held.clear()
    else:
        with memoryview(held) as seen:
            raw = bytes(seen[:count])
        del held[:count]
    return raw


def _command(head: bytes, body: bytes) -> Command:
    first, *rest = head.decode("utf-8", "replace").replace("\r", "").split("\n")
    pairs = (each.partition(":") for each in rest)
    return Command(first, tuple((name.strip().lower(), value.strip()) for name, _, value in pairs), body)


class Cutter:
    """Both sides of one session: chunks in, frames out, in the order in which they were whole."""

    def __init__(self) -> None:
        self._switch, self._commands = SwitchFrames(), CommandFrames()
        self._last = 0.0

    def feed(self, chunk: Chunk) -> Iterator[Frame]:
        self._last = chunk.t
        if chunk.side is Side.FREESWITCH:
            yield from self._said(self._switch.feed(chunk.data))
        else:
            yield from self._sent(self._commands.feed(chunk.data))

    def finish(self) -> Iterator[Frame]:
        """What was cut short."""
        yield from self._said(self._switch.finish())
        yield from self._sent(self._commands.finish())

    @property
    def is_between_frames(self) -> bool:
        """Both sides have said whole frames so far."""
        return not (self._switch.unread or self._commands.unread)

    def _said(self, found: Iterable[tuple[bytes, Message | None]]) -> Iterator[Frame]:
        for raw, message in found:
            yield Frame(self._last, Side.FREESWITCH, raw, message=message)

    def _sent(self, found: Iterable[tuple[bytes, Command | None]]) -> Iterator[Frame]:
        for raw, command in found:
            yield Frame(self._last, Side.FSROUTE, raw, command=command)


def frames(chunks: Iterable[Chunk]) -> Iterator[Frame]:
    """All frames, in the order in which they were whole; what was cut short comes last."""
    cutter = Cutter()
    for chunk in chunks:
        yield from cutter.feed(chunk)
    yield from cutter.finish()


def without_password(data: bytes) -> bytes:
    """Commands, with the password of ``auth`` and ``userauth`` taken out. `data` is whole commands."""
    if (
        not data.startswith((b"auth ", b"userauth "))
        and b"\nauth " not in data
        and b"\nuserauth " not in data
    ):
        return data
    return _SECRET.sub(rb"\1 ***", data)
