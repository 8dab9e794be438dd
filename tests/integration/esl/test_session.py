from __future__ import annotations

import _socket
import gc
import socket
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest

from fsroute.esl import CommandRefused, CommandTimeout, Event, SessionClosed, TooManyPending
from fsroute.esl.session import MAX_UNREAD, Session
from fsroute.esl.transport import plain_socket
from tests.integration.esl.peer import (
    UUID,
    Call,
    Peer,
    api_reply,
    channel_data,
    disconnect_notice,
    event,
    linger_notice,
    reply,
)
from tests.waiting import until


class Channel(Call):
    """A call whose connection exists already."""

    def __init__(self, sock: socket.socket) -> None:
        Peer.__init__(self, sock)
        self.uuid = UUID


@pytest.fixture
def pair() -> Iterator[tuple[Session, Channel]]:
    """A connected session and its FreeSWITCH."""
    listener = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listener.getsockname())
    theirs, _ = listener.accept()
    listener.close()
    session, channel = Session(plain_socket(ours)), Channel(theirs)
    connecting = gevent.spawn(session.connect)
    channel.expect("connect", channel_data())
    connecting.get(timeout=30)
    yield session, channel
    session.close("the test is over")
    channel.close()


@contextmanager
def running(function: Callable[..., Any], *arguments: object) -> Iterator[gevent.Greenlet[..., Any]]:
    greenlet = gevent.spawn(function, *arguments)
    yield greenlet
    greenlet.kill()


def names(session: Session) -> list[str]:
    """Everything in the mailbox until the session is closed."""
    found = []
    try:
        while (item := session.next(5)) is not None:
            found.append(item.name if isinstance(item, Event) else item)
    except SessionClosed:
        return found
    raise AssertionError(f"not closed after {found}")


Pair = tuple[Session, Channel]


def test_an_application_is_queued_and_its_end_has_its_event_uuid(pair: Pair) -> None:
    session, channel = pair
    with running(session.execute, "playback", "a.wav") as executing:
        event_uuid = channel.execute("execute-app-name: playback")
        assert executing.get(timeout=30) == event_uuid
    channel.complete(event_uuid)
    end = session.next(5)
    assert (end.name, end["Application-UUID"]) == ("CHANNEL_EXECUTE_COMPLETE", event_uuid)


def test_several_of_the_same_application_are_told_apart(pair: Pair) -> None:
    session, channel = pair
    with running(lambda: [session.execute("playback", "a.wav") for _ in range(3)]) as executing:
        sent = [channel.execute("playback") for _ in range(3)]
        assert executing.get(timeout=30) == sent
    for event_uuid in sent:
        channel.complete(event_uuid, variable_current_application="nested")
    assert [session.next(5)["Application-UUID"] for _ in sent] == sent


def test_a_refused_application_raises_what_freeswitch_said(pair: Pair) -> None:
    session, channel = pair
    with running(session.execute, "playback") as executing:
        channel.expect("playback", reply("-ERR invalid session id [x]"))
        with pytest.raises(CommandRefused, match="invalid session id"):
            executing.get(timeout=30)
    assert len(session.pending) == 0


def test_replies_are_paired_in_order_even_after_a_time_limit(pair: Pair) -> None:
    session, channel = pair
    with running(session.api, "first", 0.05) as first:
        channel.expect("api first")
        with pytest.raises(CommandTimeout, match="api within"):
            first.get(timeout=30)
    with running(session.api, "second") as second:
        channel.expect("api second", api_reply("one\n"), api_reply("two\n"))
        assert second.get(timeout=30) == "two"


def test_a_command_in_flight_when_the_connection_drops_returns(pair: Pair) -> None:
    session, channel = pair
    with running(session.api, "status") as asking:
        channel.expect("api status")
        channel.close()
        with pytest.raises(SessionClosed):
            asking.get(timeout=30)
    with pytest.raises(SessionClosed):
        session.api("status")


def test_an_end_of_file_within_a_body_ends_the_session(pair: Pair) -> None:
    session, channel = pair
    with running(session.api, "status") as asking:
        channel.expect("api status", b"Content-Type: api/response\nContent-Length: 100\n\n+OK")
        channel.close()
        with pytest.raises(SessionClosed, match="within the body"):
            asking.get(timeout=30)
    assert session.closed


def test_bytes_that_are_no_utf8_disturb_nothing(pair: Pair) -> None:
    session, channel = pair
    payload = b"Event-Name: X\nCaller-Caller-ID-Name: J\xf6rg\n\n"
    channel.send(b"Content-Length: %d\nContent-Type: text/event-plain\n\n%s" % (len(payload), payload))
    assert session.next(5)["Caller-Caller-ID-Name"] == "J\ufffdrg"
    assert not session.closed


def test_a_broken_stream_closes_the_session_and_says_why(pair: Pair) -> None:
    session, channel = pair
    channel.send(event("CHANNEL_ANSWER"), b"Content-Type: api/response\nContent-Length: minus\n\n")
    assert names(session) == ["CHANNEL_ANSWER"]
    assert "Content-Length" in (session.reason or "")
    assert channel.is_closed()


def test_a_reply_without_a_command_closes_the_session(pair: Pair) -> None:
    session, channel = pair
    channel.send(reply())
    assert names(session) == []
    assert "answers no command" in (session.reason or "")


def test_events_and_posted_objects_come_in_the_order_of_arrival(pair: Pair) -> None:
    session, channel = pair
    assert session.post("first")
    channel.send(event("CHANNEL_ANSWER"))
    until(lambda: len(session.events) == 2)
    assert session.post("third")
    items = [session.next(1) for _ in range(3)]
    assert [items[0], items[1].name, items[2]] == ["first", "CHANNEL_ANSWER", "third"]


def test_a_posted_object_wakes_the_calls_greenlet(pair: Pair) -> None:
    session, _ = pair
    with running(session.next, 5) as waiting:
        gevent.sleep(0)
        session.post("signal")
        assert waiting.get(timeout=30) == "signal"


def test_nothing_within_the_time_limit_is_none(pair: Pair) -> None:
    session, _ = pair
    assert session.next(0.01) is None
    assert session.next(0) is None


def test_after_the_hang_up_the_last_events_come_and_then_the_end(pair: Pair) -> None:
    session, channel = pair
    channel.send(linger_notice())
    until(lambda: session.hungup)
    channel.send(event("CHANNEL_HANGUP"), event("CHANNEL_HANGUP_COMPLETE"), disconnect_notice())
    assert names(session) == ["CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE"]
    with pytest.raises(SessionClosed):
        session.next()
    assert not session.post("too late")


def test_a_hang_up_before_the_linger_notice_counts_too(pair: Pair) -> None:
    session, channel = pair
    channel.send(event("CHANNEL_HANGUP", uuid="another channel"))
    session.next(5)
    assert not session.hungup
    channel.send(event("CHANNEL_HANGUP"))
    assert session.wait_hungup(5)


def test_a_lost_connection_ends_the_session_after_what_had_arrived(pair: Pair) -> None:
    session, channel = pair
    channel.send(event("CHANNEL_ANSWER"), event("CHANNEL_BRIDGE"))
    channel.close()
    assert names(session) == ["CHANNEL_ANSWER", "CHANNEL_BRIDGE"]


def test_no_more_applications_wait_than_freeswitch_survives(pair: Pair) -> None:
    session, channel = pair

    def answer() -> None:
        for _ in range(200):
            channel.execute("playback")

    with running(answer):
        sent = [session.execute("playback", "a.wav") for _ in range(200)]
    with pytest.raises(TooManyPending):
        session.execute("playback", "a.wav")
    channel.complete(sent[0])
    session.next(5)
    with running(session.execute, "playback", "a.wav") as executing:
        channel.execute("playback")
        executing.get(timeout=30)
    with running(session.api, f"uuid_break {UUID} all") as breaking:
        channel.expect("uuid_break", api_reply("+OK\n"))
        breaking.get(timeout=30)
    assert len(session.pending) == 0


def test_a_multi_line_argument_travels_as_a_body(pair: Pair) -> None:
    session, channel = pair
    with running(lambda: session.execute("log", "one\n\ntwo", multiline=True)):
        command = channel.expect("content-length: 8", reply())
    assert command.endswith("\n\none\n\ntwo")


def test_a_variable_is_set_and_read_through_api(pair: Pair) -> None:
    session, channel = pair
    with running(session.set_variable, "fsroute_state", "abc=") as setting:
        assert channel.expect("", api_reply("+OK\n")) == f"api uuid_setvar {UUID} fsroute_state abc="
        setting.get(timeout=30)
    for output, value in (("~x\n", "~x"), ("_undef_", None), ("", "")):
        with running(session.get_variable, "fsroute_state") as getting:
            assert channel.expect("", api_reply(output)) == f"api uuid_getvar {UUID} fsroute_state"
            assert getting.get(timeout=30) == value


def test_a_hang_up_waits_behind_no_application_and_a_channel_that_is_gone_is_no_error(pair: Pair) -> None:
    session, channel = pair
    for output in ("+OK\n", "-ERR No such channel!\n"):
        with running(session.hangup, "USER_BUSY") as hanging_up:
            channel.expect(f"api uuid_kill {UUID} USER_BUSY", api_reply(output))
            hanging_up.get(timeout=30)


def test_api_without_full_is_refused(pair: Pair) -> None:
    session, channel = pair
    with running(session.api, "status") as asking:
        channel.expect("api status", reply("-ERR command not found"))
        with pytest.raises(CommandRefused, match="command not found"):
            asking.get(timeout=30)


def test_an_unread_mailbox_closes_our_socket_instead_of_growing(pair: Pair) -> None:
    session, channel = pair
    with running(channel.send, event("DTMF") * (MAX_UNREAD + 1)):
        until(lambda: session.closed)
    assert f"{MAX_UNREAD} events unread" == session.reason


def test_a_mailbox_that_others_fill_unread_closes_our_socket_too(pair: Pair) -> None:
    session, _ = pair
    assert all(session.post(number) for number in range(MAX_UNREAD))
    assert not session.post("one more")
    assert session.reason == f"{MAX_UNREAD} events unread"


def test_the_reader_waits_for_no_handler(pair: Pair) -> None:
    session, channel = pair
    for _ in range(1000):
        channel.send(event("DTMF", variable_filler="x" * 2000))
    until(lambda: len(session.events) == 1000)


def test_a_large_command_goes_out_whole_to_a_slow_reader(pair: Pair) -> None:
    session, channel = pair
    session._transport._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    argument = "x" * 300_000
    with running(session.execute, "log", argument) as executing:
        gevent.sleep(0.02)
        session.send(b"exit\n\n")
        assert channel.execute("execute-app-name: log") == executing.get(timeout=30)
        channel.expect("exit")


def test_a_peer_that_reads_nothing_is_given_up(pair: Pair) -> None:
    session, channel = pair
    channel.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def flood() -> None:
        while True:
            session.send(b"x" * 500_000)

    with pytest.raises(SessionClosed, match="has read nothing"):
        flood()
    assert session.closed


def test_a_closed_session_is_freed_without_the_collector() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        session = Session(plain_socket(socket.create_connection(listener.getsockname())))
    session.close("the test is over")
    alive = weakref.ref(session)
    gc.disable()
    try:
        del session
        assert alive() is None
    finally:
        gc.enable()


def test_a_plain_socket_is_used_as_it_is() -> None:
    ours, theirs = _socket.socketpair()
    assert plain_socket(ours) is ours
    ours.close()
    theirs.close()
