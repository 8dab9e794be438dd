"""A captured session as what was said, in order: commands of fsroute, and FreeSWITCH's messages whole. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fsroute.errors import FsrouteError
from fsroute.esl.errors import ProtocolError
from fsroute.esl.messages import API_RESPONSE, COMMAND_REPLY, Message
from fsroute.esl.protocol import Connection, ConnectionClosed
from fsroute.replay.commands import Command, DamagedCommand, Splitter, parse

MICRO = 6  # decimals of a second: moments are compared, so they are rounded alike


class Unreadable(FsrouteError):
    """What was captured is no traffic of an event socket; the text says which chunk."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes as they crossed the socket, `at` seconds after its beginning."""

    at: float
    by_fsroute: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Said:
    """fsroute sent a command. `reply` is where in the transcript its reply stands; None: there came none."""

    at: float
    command: Command
    raw: bytes
    number: int  # of all commands, from 0


@dataclass(frozen=True, slots=True)
class Heard:
    """FreeSWITCH sent a message. `answers` is the number of the command that it is the reply to; None: an event."""

    at: float
    message: Message = field(compare=False)
    raw: bytes
    answers: int | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """All of a session. `is_whole`: it ended by a goodbye of FreeSWITCH, not amid a message."""

    items: tuple[Said | Heard, ...]
    is_whole: bool = True

    @property
    def commands(self) -> list[Said]:
        return [item for item in self.items if isinstance(item, Said)]

    @property
    def heard(self) -> list[Heard]:
        return [item for item in self.items if isinstance(item, Heard)]

    @property
    def channel_data(self) -> Message | None:
        """The answer to ``connect``."""
        first = next((item for item in self.items if isinstance(item, Heard)), None)
        return None if first is None else first.message


def transcript(chunks: Iterable[Chunk]) -> Transcript:
    """Read the chunks of a session.

    Raises:
        Unreadable: they are no event-socket traffic.
    """
    reader = _Reader()
    for number, chunk in enumerate(chunks, 1):
        try:
            reader.take(chunk)
        except (ProtocolError, DamagedCommand) as error:
            raise Unreadable(f"chunk {number}, at {chunk.at:g} s: {error}") from error
    is_whole = reader.is_whole()  # a goodbye that was cut short is read then
    return Transcript(tuple(reader.items), is_whole)


class _Reader:
    def __init__(self) -> None:
        self.items: list[Said | Heard] = []
        self._connection = Connection()
        self._splitter = Splitter()
        self._stream = bytearray()  # what FreeSWITCH sent and was not cut into messages yet
        self._sent = 0
        self._answered = 0
        self._last: Message | None = None

    def take(self, chunk: Chunk) -> None:
        at = round(chunk.at, MICRO)
        if chunk.by_fsroute:
            for raw in self._splitter.feed(chunk.data):
                self.items.append(Said(at, parse(raw), raw, self._sent))
                self._sent += 1
            return
        self._stream += chunk.data
        self._connection.receive_data(chunk.data)
        self._messages(at)

    def _messages(self, at: float) -> None:
        while isinstance(message := self._connection.next_event(), Message):
            length = len(self._stream) - self._connection.unread
            raw, self._stream = bytes(self._stream[:length]), self._stream[length:]
            self._last = message
            self.items.append(Heard(at, message, raw, self._answers(message)))

    def _answers(self, message: Message) -> int | None:
        if message.content_type not in (COMMAND_REPLY, API_RESPONSE):
            return None
        self._answered += 1
        return self._answered - 1

    def is_whole(self) -> bool:
        """To be asked at the end; a goodbye that was cut short is taken as one."""
        self._connection.receive_data(b"")
        at = self.items[-1].at if self.items else 0.0
        try:
            self._messages(at)
            ended = isinstance(self._connection.next_event(), ConnectionClosed)
        except ProtocolError:
            return False
        goodbye = self._last is not None and self._last.content_type == "text/disconnect-notice"
        return ended and goodbye and not self._splitter.is_within


def replies(items: Sequence[Said | Heard]) -> dict[int, Heard]:
    """The reply to each command by its number."""
    return {item.answers: item for item in items if isinstance(item, Heard) and item.answers is not None}
