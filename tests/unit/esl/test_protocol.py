from __future__ import annotations

import subprocess
import sys

import pytest

from fsroute.esl import (
    NEED_DATA,
    Connection,
    ConnectionClosed,
    Event,
    LocalProtocolError,
    Message,
    RemoteProtocolError,
)
from fsroute.esl.protocol import MAX_BODY, MAX_HEAD
from tests.unit.esl.recordings import in_pieces, parse

REPLY = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
DISCONNECT = (
    b"Content-Type: text/disconnect-notice\nControlled-Session-UUID: u\nContent-Disposition: disconnect\n"
    b"Content-Length: 4\n\nbye\n"
)


def linger_notice(channel_name: bytes) -> bytes:
    """As mod_event_socket.c writes it: the name raw, the whole cut at 511 bytes."""
    return (
        b"Content-Type: text/disconnect-notice\nControlled-Session-UUID: u\nContent-Disposition: linger\n"
        b"Channel-Name: " + channel_name + b"\nLinger-Time: 5\nContent-Length: 0\n\n"
    )[:511]


def feed(data: bytes) -> Connection:
    connection = Connection()
    connection.receive_data(data)
    return connection


def test_not_enough_bytes_is_a_value() -> None:
    connection = feed(REPLY[:-1])
    assert connection.next_event() is NEED_DATA
    assert connection.next_event() is NEED_DATA
    connection.receive_data(b"\n")
    assert isinstance(connection.next_event(), Message)


def test_end_of_file_between_frames_closes() -> None:
    connection = feed(REPLY)
    connection.receive_data(b"")
    assert isinstance(connection.next_event(), Message)
    assert isinstance(connection.next_event(), ConnectionClosed)
    assert isinstance(connection.next_event(), ConnectionClosed)


def test_end_of_file_within_a_body_is_an_error_and_never_a_spin() -> None:
    connection = feed(b"Content-Type: api/response\nContent-Length: 10\n\n+OK")
    assert connection.next_event() is NEED_DATA
    connection.receive_data(b"")
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match="within the body"):
            connection.next_event()


def test_end_of_file_within_headers_is_an_error() -> None:
    connection = feed(b"Content-Type: api/resp")
    connection.receive_data(b"")
    with pytest.raises(RemoteProtocolError, match="within the headers"):
        connection.next_event()


def test_bytes_after_the_end_of_the_file_are_our_own_fault() -> None:
    connection = Connection()
    connection.receive_data(b"")
    with pytest.raises(LocalProtocolError):
        connection.receive_data(b"x")


def test_content_length_counts_bytes_not_characters() -> None:
    text = "Grüße 中"
    body = text.encode()
    frame = b"Content-Type: api/response\nContent-Length: %d\n\n%s" % (len(body), body)
    messages = parse(frame + REPLY)
    assert [message.content_type for message in messages] == ["api/response", "command/reply"]
    assert messages[0].body.decode() == text


@pytest.mark.parametrize(
    "length", [b"-1", b"x", b"", b"1e3", b"99999999999999", b"0x10", b"\xb2", str(MAX_BODY + 1).encode()]
)
def test_a_length_that_cannot_be_is_an_error(length: bytes) -> None:
    connection = feed(b"Content-Type: api/response\nContent-Length: " + length + b"\n\n")
    with pytest.raises(RemoteProtocolError, match="Content-Length"):
        connection.next_event()


def test_endless_headers_are_an_error() -> None:
    connection = Connection()
    for _ in range(MAX_HEAD // 1024):
        connection.receive_data(b"x" * 1024)
        assert connection.next_event() is NEED_DATA
    connection.receive_data(b"x")
    with pytest.raises(RemoteProtocolError, match="headers of more than"):
        connection.next_event()


def test_a_frame_without_a_content_type_is_an_error() -> None:
    with pytest.raises(RemoteProtocolError, match="Content-Type"):
        feed(b"Hello: world\n\n").next_event()


def test_line_ends_between_frames_are_ignored() -> None:
    assert len(parse(b"\n\n" + REPLY + b"\n" + REPLY + b"\n")) == 2


def test_a_reply_cut_at_511_bytes_is_still_one_message() -> None:
    text = b"-ERR " + b"x" * 506
    reply = parse(b"Content-Type: command/reply\nReply-Text: " + text + b"\n\n" + REPLY)[0]
    assert reply.reply_text == text.decode()
    assert reply.refusal == text.decode()


def test_a_reply_is_raw_and_not_decoded() -> None:
    reply = parse(b"Content-Type: command/reply\nReply-Text: +OK 100%25 %0A\n\n")[0]
    assert reply.reply_text == "+OK 100%25 %0A"


def test_events_in_other_formats_keep_their_body() -> None:
    message = parse(b"Content-Length: 2\nContent-Type: text/event-json\n\n{}")[0]
    assert (message.content_type, message.body) == ("text/event-json", b"{}")
    assert not isinstance(message, Event)


def test_a_log_line_is_a_message() -> None:
    frame = b"Content-Type: log/data\nContent-Length: 5\nLog-Level: 7\nUser-Data: \n\nhello"
    message = parse(frame)[0]
    assert (message["Log-Level"], message["User-Data"], message.body) == ("7", "", b"hello")


@pytest.mark.parametrize(
    "name",
    [
        b"sofia/internal/100@127.0.0.1",
        b"sofia/internal/00+\n1@127.0.0.1",
        b"sofia/internal/00+\n\n1@127.0.0.1",
        b"sofia/internal/x\nContent-Length: 9999@h",
        b"sofia/internal/x\n\nContent-Type: text/event-plain@h",
        b"sofia/internal/" + b"9" * 600,
        b"sofia/internal/" + b"9" * 311,
        b"sofia/internal/" + b"\n\n9" * 200,
    ],
)
def test_no_channel_name_in_a_linger_notice_disturbs_what_follows(name: bytes) -> None:
    data = linger_notice(name) + DISCONNECT
    for lengths in ([len(data)], [1], [7, 300]):
        messages = parse(*in_pieces(data, lengths))
        assert [message["Content-Disposition"] for message in messages] == ["linger", "disconnect"]
        assert messages[1].body == b"bye\n"


def test_what_was_read_is_forgotten() -> None:
    connection = Connection()
    for _ in range(1000):
        connection.receive_data(REPLY)
        assert isinstance(connection.next_event(), Message)
        assert connection.unread == 0
    connection.receive_data(REPLY * 2 + b"Content")
    assert isinstance(connection.next_event(), Message)
    assert isinstance(connection.next_event(), Message)
    assert connection.unread == len(b"Content")


def test_a_long_body_in_small_pieces_costs_no_more_than_its_bytes() -> None:
    size = 300_000
    frame = b"Content-Type: api/response\nContent-Length: %d\n\n" % size + b"\n\n" * (size // 2)
    assert parse(*in_pieces(frame, [100]))[0].body == b"\n\n" * (size // 2)


@pytest.mark.parametrize("module", ["errors", "messages", "commands", "protocol", "pending"])
def test_the_core_does_no_input_or_output(module: str) -> None:
    code = (
        f"import sys, fsroute.esl.{module}\n"
        "print(sorted({'gevent', 'socket', 'psycopg', 'jinja2', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
