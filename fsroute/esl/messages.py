"""What FreeSWITCH sends: messages whose headers are looked up, not parsed.

A real event has about 200 headers, of which a program reads five. So a message keeps its bytes;
a lookup finds the header's line in them and decodes that one value. The text is split into
lines first and each value decoded after: decoding first would let ``%0A`` in a caller's name
make headers of its own.
"""

from __future__ import annotations

from typing import Final, overload
from urllib.parse import unquote_to_bytes

EVENT_PLAIN: Final = "text/event-plain"
COMMAND_REPLY: Final = "command/reply"
API_RESPONSE: Final = "api/response"
AUTH_REQUEST: Final = "auth/request"
DISCONNECT_NOTICE: Final = "text/disconnect-notice"
RUDE_REJECTION: Final = "text/rude-rejection"

_needles: dict[str, bytes] = {}


def _needle(key: str) -> bytes:
    """The bytes in front of the value of header `key`; kept, because programs ask for few keys."""
    needle = f"\n{key}: ".encode()
    if len(_needles) < 4096:
        _needles[key] = needle
    return needle


class Message:
    """One frame: headers whose values are raw, and a body of bytes.

    `head` is the frame's header lines, each with a line end in front and one after the last.
    Header names are matched exactly, as FreeSWITCH spells them; of several equal names the first
    counts.
    """

    __slots__ = ("_head", "body", "content_type")

    def __init__(self, content_type: str, head: bytes, body: bytes = b"") -> None:
        self.content_type = content_type
        self.body = body
        self._head = head

    @overload
    def get(self, key: str) -> str | None: ...
    @overload
    def get(self, key: str, default: str) -> str: ...
    @overload
    def get(self, key: str, default: None) -> str | None: ...
    def get(self, key: str, default: str | None = None) -> str | None:
        """The value of header `key`; bytes that are not UTF-8 become U+FFFD."""
        head = self._head
        needle = _needles.get(key) or _needle(key)
        start = head.find(needle)
        if start < 0:
            return default
        start += len(needle)
        return self._decoded(head[start : head.find(b"\n", start)])

    def __getitem__(self, key: str) -> str:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and _needle(key) in self._head

    def headers(self) -> dict[str, str]:
        """All headers, decoded; of several equal names the first."""
        found: dict[str, str] = {}
        decoded = self._decoded
        if self._head.isascii():  # then text can be split, which is faster, and only %XX is left
            for text in self._head.decode().split("\n"):
                key, colon, said = text.partition(": ")
                if colon and key not in found:
                    found[key] = decoded(said.encode()) if "%" in said else said
            return found
        for line in self._head.split(b"\n"):
            name, mark, value = line.partition(b": ")
            if mark:
                found.setdefault(name.decode("utf-8", "replace"), decoded(value))
        return found

    @property
    def text(self) -> str:
        """The body as text, without the line ends that FreeSWITCH puts after it."""
        return self.body.decode("utf-8", "replace").rstrip("\r\n")

    @property
    def reply_text(self) -> str:
        """``Reply-Text`` of a command's reply, such as ``+OK``; empty when there is none."""
        return self.get("Reply-Text", "").rstrip("\r\n")

    @property
    def refusal(self) -> str | None:
        """What FreeSWITCH said when this reply refuses a command, else None."""
        said = self.text if self.content_type == API_RESPONSE else self.reply_text
        return said if said.startswith(("-ERR", "-USAGE")) else None

    @staticmethod
    def _decoded(value: bytes) -> str:
        return value.decode("utf-8", "replace")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.content_type} {len(self._head)}+{len(self.body)} bytes>"


class Event(Message):
    """An event in plain format, or the channel data that answers ``connect``.

    Values are URL-decoded when they are read. The encoding is ambiguous by nature: FreeSWITCH
    leaves an upper-case ``%XX`` alone that was in the value before. `body` is the event's own body
    (the result of a BACKGROUND_JOB, the text of a MESSAGE).
    """

    __slots__ = ()

    @classmethod
    def plain(cls, payload: bytes) -> Event:
        """Read the payload of a ``text/event-plain`` frame.

        The inner ``Content-Length`` counts the inner body; whatever length it names, the body is
        no longer than the payload.
        """
        return cls.after_line_end(b"\n" + payload)

    @classmethod
    def after_line_end(cls, text: bytes) -> Event:
        """As :meth:`plain`, of a payload that has a line end in front: no byte need be copied.

        Almost no event has a body, and one that has says so in a ``Content-Length``.
        """
        if text.endswith(b"\n\n") and text.find(b"\nContent-Length: ") < 0:
            return cls(EVENT_PLAIN, text)
        end = text.find(b"\n\n", 1)
        if end < 0:
            return cls(EVENT_PLAIN, text + b"\n")
        event = cls(EVENT_PLAIN, text[: end + 1])
        length = event.get("Content-Length", "")
        stop = end + 2 + int(length) if length.isascii() and length.isdigit() else None
        event.body = text[end + 2 : stop]
        return event

    @property
    def name(self) -> str:
        """``Event-Name``, such as CHANNEL_ANSWER."""
        return self.get("Event-Name", "")

    @property
    def uuid(self) -> str:
        """``Unique-ID`` of the channel that the event is about; empty when it is about none."""
        return self.get("Unique-ID", "")

    @staticmethod
    def _decoded(value: bytes) -> str:
        if b"%" in value:
            value = unquote_to_bytes(value)
        return value.decode("utf-8", "replace")

    def __repr__(self) -> str:
        return f"<Event {self.name} {self.uuid}>"
