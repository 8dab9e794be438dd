"""Every recording of a real FreeSWITCH is read to its last byte, however it is cut."""

from __future__ import annotations

import random
import re

import pytest

from fsroute.esl import Event
from tests.unit.esl.recordings import NAMES, as_tuple, eager, in_pieces, lines, parse, said_by

EVENT_BEGINS = re.compile(rb"(?:\A|\n)((?:Event-Subclass: [^\n]*\n)?Event-Name: )")
ENDS = b"Content-Type: text/disconnect-notice\nContent-Length: 3\n\nend"


def test_there_are_recordings() -> None:
    assert len(NAMES) == 18


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_parses_to_the_last_byte(name: str) -> None:
    data = said_by("freeswitch", name)
    messages = parse(data)
    assert len(messages) > 10
    assert sum(data.count(b"Content-Type: " + kind) for kind in (b"command/reply", b"api/response")) == sum(
        message.content_type in ("command/reply", "api/response") for message in messages
    )
    assert data.count(b"Content-Type: text/event-plain") == sum(
        message.content_type == "text/event-plain" for message in messages
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_parses_the_same_byte_by_byte(name: str) -> None:
    data = said_by("freeswitch", name)
    whole = [as_tuple(message) for message in parse(data)]
    assert [as_tuple(message) for message in parse(*in_pieces(data, [1]))] == whole


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_parses_the_same_in_random_pieces(name: str) -> None:
    data = said_by("freeswitch", name)
    whole = [as_tuple(message) for message in parse(data)]
    for seed in range(3):
        lengths = random.Random(seed).choices([1, 2, 3, 17, 100, 1000, 10_000], k=50)
        assert [as_tuple(message) for message in parse(*in_pieces(data, lengths))] == whole


@pytest.mark.parametrize("name", [name for name in NAMES if name != "caller_presses_nothing"])
def test_what_follows_a_recording_is_a_message_of_its_own(name: str) -> None:
    data = said_by("freeswitch", name)
    messages = parse(data + ENDS)
    assert len(messages) == len(parse(data)) + 1
    assert messages[-1].body == b"end"


@pytest.mark.parametrize("name", NAMES)
def test_lazy_headers_are_those_of_a_plain_reading(name: str) -> None:
    data = said_by("freeswitch", name)
    begins = [found.start(1) for found in EVENT_BEGINS.finditer(data)]
    events = [message for message in parse(data) if isinstance(message, Event)]
    assert len(events) == len(begins)
    for event, begin in zip(events, begins, strict=True):
        expected = eager(data[begin:])
        assert event.headers() == expected
        assert {key: event.get(key) for key in expected} == expected
        assert all(key in event for key in expected)


def test_a_connect_reply_is_the_channel_data_and_has_no_length() -> None:
    channel = parse(said_by("freeswitch", "caller_is_served_by_the_application"))[0]
    assert isinstance(channel, Event)
    assert channel.name == "CHANNEL_DATA"
    assert "Content-Length" not in channel
    assert channel["Socket-Mode"] == "async"
    assert channel["Control"] == "full"
    assert channel.uuid == channel["variable_uuid"]


def test_line_ends_in_a_callers_name_make_no_headers() -> None:
    messages = parse(said_by("freeswitch", "caller_id_tries_to_inject_headers"))
    channel = messages[0]
    assert isinstance(channel, Event)
    assert channel["Caller-Caller-ID-Name"] == (
        "Robert\nEvent-Name: CHANNEL_HANGUP\n\n'; DROP TABLE contacts;-- é中"
    )
    assert channel.name == "CHANNEL_DATA"
    assert channel["Caller-Caller-ID-Number"] == "00+\n1"
    assert not [key for key in channel.headers() if "DROP" in key]


def test_a_linger_notice_with_a_raw_line_end_is_one_message() -> None:
    notices = [
        message
        for message in parse(said_by("freeswitch", "caller_id_tries_to_inject_headers"))
        if message.content_type == "text/disconnect-notice"
    ]
    assert [notice["Content-Disposition"] for notice in notices] == ["linger", "disconnect"]
    assert notices[0]["Linger-Time"] == "5"


def test_a_disconnect_notice_may_lack_its_body() -> None:
    last = parse(said_by("freeswitch", "caller_presses_nothing"))[-1]
    assert last["Content-Disposition"] == "disconnect"
    assert last["Content-Length"] == "67"
    assert last.body == b""


def test_a_background_job_carries_a_body_of_its_own() -> None:
    messages = parse(said_by("freeswitch", "remote_center_parks_the_agent_and_bridges_the_network_leg"))
    jobs = [
        message for message in messages if isinstance(message, Event) and message.name == "BACKGROUND_JOB"
    ]
    assert [job.body for job in jobs] == [b"+OK 179c79ad-9979-4b8b-b762-5021b5e4bdf0\n"]
    assert jobs[0]["Content-Length"] == "41"
    assert jobs[0].text == "+OK 179c79ad-9979-4b8b-b762-5021b5e4bdf0"
    assert jobs[0]["Job-UUID"] == next(reply["Job-UUID"] for reply in messages if "Job-UUID" in reply)


def test_prompts_in_flight_are_told_apart_by_event_uuid() -> None:
    messages = parse(said_by("freeswitch", "three_prompts_queued_with_event_uuid"))
    ended = [
        message["Application-UUID"]
        for message in messages
        if isinstance(message, Event)
        and message.name == "CHANNEL_EXECUTE_COMPLETE"
        and message["Application"] == "playback"
    ]
    assert ended == ["app-0", "app-1", "app-2"]


def test_an_unknown_application_hangs_up_without_an_end_of_its_own() -> None:
    events = [
        message
        for message in parse(said_by("freeswitch", "commands_that_fail"))
        if isinstance(message, Event)
    ]
    hangup = next(event for event in events if event.name == "CHANNEL_HANGUP")
    assert hangup["Hangup-Cause"] == "DESTINATION_OUT_OF_ORDER"
    assert "no_such_application" not in [event.get("Application") for event in events]


def test_the_application_side_of_a_recording_is_what_the_builders_write() -> None:
    from fsroute.esl import commands

    said = [line["data"].encode() for line in lines("three_prompts_queued_with_event_uuid")]
    for command in (
        commands.connect(),
        commands.linger(5),
        commands.myevents(),
        commands.divert_events(),
        commands.sendmsg_execute("answer"),
    ):
        assert command in said
