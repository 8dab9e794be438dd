from __future__ import annotations

import pytest

from fsroute.esl import Event, Message
from fsroute.esl.messages import API_RESPONSE, COMMAND_REPLY


def test_a_header_is_found_and_decoded_when_it_is_read() -> None:
    event = Event.plain(b"Event-Name: DTMF\nUnique-ID: u1\nDTMF-Digit: %23\n\n")
    assert (event.name, event.uuid, event["DTMF-Digit"]) == ("DTMF", "u1", "#")
    assert event.headers() == {"Event-Name": "DTMF", "Unique-ID": "u1", "DTMF-Digit": "#"}


def test_a_missing_header_is_none_or_the_default() -> None:
    event = Event.plain(b"Event-Name: DTMF\n\n")
    assert event.get("Unique-ID") is None
    assert event.get("Unique-ID", "none") == "none"
    assert event.uuid == ""
    assert "Unique-ID" not in event
    with pytest.raises(KeyError, match="Unique-ID"):
        event["Unique-ID"]


def test_a_header_is_matched_exactly() -> None:
    event = Event.plain(b"Event-Name: X\nCaller-Unique-ID: other\nVariable: a: b\n\n")
    assert event.get("Unique-ID") is None
    assert event.get("event-name") is None
    assert event.get("Variable") == "a: b"
    assert event.get("a") is None


def test_a_value_may_be_empty() -> None:
    event = Event.plain(b"Event-Name: X\nEmpty: \nLast: \n\n")
    assert (event["Empty"], event["Last"]) == ("", "")


def test_of_equal_names_the_first_counts() -> None:
    event = Event.plain(b"Event-Name: X\nA: 1\nA: 2\n\n")
    assert event["A"] == "1"
    assert event.headers()["A"] == "1"


def test_line_ends_are_decoded_only_after_the_lines_are_split() -> None:
    event = Event.plain(
        b"Event-Name: X\nCaller-Caller-ID-Name: Bob%0AEvent-Name: CHANNEL_HANGUP%0A%0Abody\n\n"
    )
    assert event.name == "X"
    assert event["Caller-Caller-ID-Name"] == "Bob\nEvent-Name: CHANNEL_HANGUP\n\nbody"
    assert event.body == b""
    assert len(event.headers()) == 2


def test_bytes_that_are_not_utf8_become_replacement_characters() -> None:
    event = Event.plain(b"Event-Name: X\nRaw: J\xf6rg\nEncoded: J%F6rg\n\n")
    assert event["Raw"] == "J\ufffdrg"
    assert event["Encoded"] == "J\ufffdrg"


def test_a_percent_sign_that_encodes_nothing_stays() -> None:
    assert Event.plain(b"Event-Name: X\nA: 100% or %zz\n\n")["A"] == "100% or %zz"


def test_an_array_stays_the_text_that_freeswitch_sent() -> None:
    assert Event.plain(b"Event-Name: X\nA: ARRAY%3A%3Aa%7C%3Ab\n\n")["A"] == "ARRAY::a|:b"


def test_the_inner_body_is_as_long_as_its_own_length_says() -> None:
    event = Event.plain(b"Event-Name: MESSAGE\nContent-Length: 5\n\nhello, and what is not of it")
    assert event.body == b"hello"


@pytest.mark.parametrize("length", [b"99", b"-3", b"x", b"%39"])
def test_a_wrong_inner_length_reaches_no_further_than_the_frame(length: bytes) -> None:
    event = Event.plain(b"Event-Name: MESSAGE\nContent-Length: " + length + b"\n\nhello")
    assert event.body == b"hello"


def test_a_header_in_the_body_is_no_header() -> None:
    event = Event.plain(b"Event-Name: BACKGROUND_JOB\nContent-Length: 17\n\nUnique-ID: forged\n")
    assert event.get("Unique-ID") is None
    assert event.headers().keys() == {"Event-Name", "Content-Length"}


def test_an_event_without_its_empty_line_is_still_read() -> None:
    event = Event.plain(b"Event-Name: X\nLast: 1")
    assert event["Last"] == "1"


@pytest.mark.parametrize(
    ("message", "refusal"),
    [
        (Message(COMMAND_REPLY, b"\nReply-Text: -ERR command not found\n"), "-ERR command not found"),
        (Message(COMMAND_REPLY, b"\nReply-Text: +OK\n"), None),
        (Message(COMMAND_REPLY, b"\n"), None),
        (Message(API_RESPONSE, b"\n", b"-ERR no such channel\n"), "-ERR no such channel"),
        (Message(API_RESPONSE, b"\n", b"-USAGE: uuid_bridge\n"), "-USAGE: uuid_bridge"),
        (Message(API_RESPONSE, b"\n", b"+OK\n"), None),
        (Message(API_RESPONSE, b"\n", b""), None),
        (Event(COMMAND_REPLY, b"\nReply-Text: %2BOK%0A\n"), None),
    ],
)
def test_a_refusal_is_what_freeswitch_said(message: Message, refusal: str | None) -> None:
    assert message.refusal == refusal


def test_text_is_the_body_without_the_last_line_ends() -> None:
    assert Message(API_RESPONSE, b"\n", b"+OK one\ntwo\n\n").text == "+OK one\ntwo"
