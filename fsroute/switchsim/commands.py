"""The other side of the protocol: commands as FreeSWITCH reads them. Pure.

Source: read_packet in mod_event_socket.c.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MAX_COMMAND = 16 * 1024 * 1024  # bytes buffered without an end: a client gone wild


class CommandTooLong(Exception):
    """A client sent more than `MAX_COMMAND` bytes without finishing a command."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its first line, its headers by lower-case name, its body, and the headers as they were sent."""

    line: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    sent: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @property
    def word(self) -> str:
        """The first word, in lower case."""
        return self.line.partition(" ")[0].lower()

    @property
    def argument(self) -> str:
        """What follows the first word."""
        return self.line.partition(" ")[2].strip()

    def get(self, name: str, default: str = "") -> str:
        return self.headers.get(name.lower(), default)


class CommandReader:
    """Collects bytes and yields commands; bare line ends between commands are skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Command]:
        """Take `data` in and yield every command that is now complete.

        Raises:
            CommandTooLong: too much came without an end.
        """
        self._buffer += data.replace(b"\r", b"")
        while (command := self._take()) is not None:
            yield command
        if len(self._buffer) > MAX_COMMAND:
            raise CommandTooLong(f"{len(self._buffer)} bytes")

    @property
    def is_idle(self) -> bool:
        """No part of a command is waiting for its end."""
        return not self._buffer

    def _take(self) -> Command | None:
        while self._buffer[:1] == b"\n":
            del self._buffer[:1]
        end = self._buffer.find(b"\n\n")
        if end < 0:
            return None
        head = self._buffer[:end].decode("utf-8", "surrogateescape")
        line, sent = _split(head)
        headers: dict[str, str] = {}
        for name, value in sent:
            headers.setdefault(name.lower(), value)
        length = int(headers.get("content-length") or 0)
        if len(self._buffer) < end + 2 + length:
            return None
        body = self._buffer[end + 2 : end + 2 + length].decode("utf-8", "surrogateescape")
        del self._buffer[: end + 2 + length]
        return Command(line, headers, body, sent)


def _split(head: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    line, *rest = head.split("\n")
    parted = (row.partition(":") for row in rest)
    return line.strip(), tuple((name.strip(), value.lstrip(" ")) for name, colon, value in parted if colon)
