"""The event-socket protocol without I/O: bytes in, messages out.

A frame is header lines, an empty line, and then exactly ``Content-Length`` bytes. The reader has
two states, and the table shows when it leaves them::

    from       on                                          to        gives
    headers    an empty line; the frame has no body        headers   message
    headers    an empty line; the frame has a body         body
    body       Content-Length bytes                        headers   message
    headers    end of file between frames                  closed    ConnectionClosed
    any        end of file within a frame                  failed    RemoteProtocolError
    any        a frame that cannot be                      failed    RemoteProtocolError

A disconnect notice may be cut short by the end of the file: FreeSWITCH closes while it writes.
"""

from __future__ import annotations

import enum
from typing import Final

from fsroute.esl.errors import LocalProtocolError, RemoteProtocolError
from fsroute.esl.messages import COMMAND_REPLY, DISCONNECT_NOTICE, EVENT_PLAIN, Event, Message

MAX_HEAD: Final = 1 << 20  # bytes of one frame's header lines; channel data has about 5,000
MAX_BODY: Final = 64 << 20  # bytes; "show channels as json" with 10,000 channels has about 10 MB

EVENT_LINE: Final = f"\nContent-Type: {EVENT_PLAIN}\n".encode()
NOTICE: Final = f"Content-Type: {DISCONNECT_NOTICE}\n".encode()
LINGER_NOTICE: Final = b"Content-Disposition: linger\n"
LINGER_NOTICE_END: Final = b"\nContent-Length: 0\n\n"
LINGER_NOTICE_MAX: Final = 511  # bytes; mod_event_socket.c writes it into char[512]


class NeedData(enum.Enum):
    """The type of :data:`NEED_DATA`: no whole frame has arrived yet."""

    NEED_DATA = enum.auto()


NEED_DATA: Final = NeedData.NEED_DATA


class ConnectionClosed:
    """The peer closed the stream between two frames."""

    def __repr__(self) -> str:
        return "ConnectionClosed()"


CLOSED: Final = ConnectionClosed()


class Connection:
    """Turns the bytes of one event socket into messages.

    Feed it with :meth:`receive_data`, then call :meth:`next_event` until it gives
    :data:`NEED_DATA` or :class:`ConnectionClosed`. It holds no more than what has not been read.
    """

    __slots__ = ("_at", "_buffer", "_end_of_file", "_failure", "_head_end", "_length", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0  # where the next frame begins
        self._searched = 0  # up to here there is no end of the headers
        self._head_end = -1  # of the frame whose body is awaited: the empty line's place
        self._length = 0  # of that body
        self._end_of_file = False
        self._failure: str | None = None

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the peer; ``b""`` says that there will be no more.

        Raises:
            LocalProtocolError: bytes were given after the end of the file.
        """
        if not data:
            self._end_of_file = True
            return
        if self._end_of_file:
            raise LocalProtocolError("bytes after the end of the stream")
        if self._at:
            self._forget_what_was_read()
        self._buffer += data

    def next_event(self) -> Message | NeedData | ConnectionClosed:
        """The next message, or why there is none.

        Raises:
            RemoteProtocolError: the stream cannot be read on; every further call raises it too.
        """
        if self._failure is not None:
            raise RemoteProtocolError(self._failure)
        if self._head_end < 0 and not self._find_head():
            return self._at_the_end() if self._end_of_file else NEED_DATA
        stop = self._head_end + 2 + self._length
        if stop > len(self._buffer):
            return self._cut_short() if self._end_of_file else NEED_DATA
        return self._take_message(stop)

    @property
    def unread(self) -> int:
        """Bytes that have arrived and are in no message yet."""
        return len(self._buffer) - self._at

    def _forget_what_was_read(self) -> None:
        at = self._at
        del self._buffer[:at]
        self._searched = max(0, self._searched - at)
        if self._head_end >= 0:
            self._head_end -= at
        self._at = 0

    def _find_head(self) -> bool:
        """Look for the end of the next frame's headers; learn the length of its body."""
        buffer = self._buffer
        while self._at < len(buffer) and buffer[self._at] == 10:  # line ends between frames
            self._at += 1
        start = max(self._at, self._searched - 1)
        end = buffer.find(b"\n\n", start)
        if end < 0:
            self._searched = len(buffer)
            if self.unread > MAX_HEAD:
                raise self._failed(f"headers of more than {MAX_HEAD} bytes")
            return self._is_cut_linger_notice(len(buffer))
        if buffer.startswith(NOTICE, self._at) and self._is_linger_notice(end):
            return self._find_linger_notice()
        self._begin_body(end)
        return True

    def _begin_body(self, end: int) -> None:
        if end - self._at > MAX_HEAD:
            raise self._failed(f"headers of more than {MAX_HEAD} bytes")
        self._length = self._content_length(end)
        self._head_end = end

    def _content_length(self, end: int) -> int:
        buffer, at = self._buffer, self._at
        if buffer.startswith(b"Content-Length: ", at):
            start = at + 16
        else:
            found = buffer.find(b"\nContent-Length: ", at, end)
            if found < 0:
                return 0
            start = found + 17
        stop = buffer.find(b"\n", start)
        digits = bytes(buffer[start:stop]).strip()
        if not digits.isdigit() or len(digits) > 12 or int(digits) > MAX_BODY:
            raise self._failed(f"Content-Length of {digits[:40]!r}")
        return int(digits)

    def _is_linger_notice(self, end: int) -> bool:
        return (
            self._buffer.startswith(NOTICE, self._at)
            and self._buffer.find(LINGER_NOTICE, self._at, end + 1) > 0
        )

    def _find_linger_notice(self) -> bool:
        """A linger notice holds the channel's name raw, line ends and all, and is cut at 511 bytes.

        It ends with ``Content-Length: 0``, or where FreeSWITCH's buffer did.
        """
        limit = self._at + LINGER_NOTICE_MAX
        found = self._buffer.find(LINGER_NOTICE_END, self._at, limit)
        if found >= 0:
            self._length = 0
            self._head_end = found + len(LINGER_NOTICE_END) - 2
            return True
        return self._is_cut_linger_notice(len(self._buffer))

    def _is_cut_linger_notice(self, available: int) -> bool:
        limit = self._at + LINGER_NOTICE_MAX
        if available < limit or not self._is_linger_notice(limit):
            return False
        self._length = 0
        self._head_end = limit - 2
        return True

    def _take_message(self, stop: int) -> Message:
        at, end = self._at, self._head_end
        buffer = self._buffer
        head = b"\n" + buffer[at : end + 1]
        if EVENT_LINE in head:
            message: Message = Event.after_line_end(bytes(buffer[end + 1 : stop]))
        else:
            message = self._message(head, bytes(buffer[end + 2 : stop]))
        self._head_end = -1
        if stop == len(buffer):
            buffer.clear()
            stop = 0
        self._at = self._searched = stop
        return message

    def _message(self, head: bytes, body: bytes) -> Message:
        if head.startswith(b"\nEvent-Name: "):  # the answer to connect
            return Event(COMMAND_REPLY, head, body)
        message = Message("", head, body)
        content_type = message.get("Content-Type")
        if content_type is None:
            raise self._failed("a frame without Content-Type")
        message.content_type = content_type
        return message

    def _at_the_end(self) -> ConnectionClosed:
        if self.unread:
            raise self._failed("the peer closed the connection within the headers of a frame")
        return CLOSED

    def _cut_short(self) -> Message:
        if not self._buffer.startswith(NOTICE, self._at):
            raise self._failed("the peer closed the connection within the body of a frame")
        return self._take_message(len(self._buffer))

    def _failed(self, failure: str) -> RemoteProtocolError:
        self._failure = failure
        self._buffer.clear()
        self._at = self._searched = 0
        return RemoteProtocolError(failure)
