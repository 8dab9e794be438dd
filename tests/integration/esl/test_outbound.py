from __future__ import annotations

import errno
import os
import resource
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
import pytest

from fsroute.esl import SessionClosed
from fsroute.esl.outbound import Greeting, OutboundServer
from fsroute.esl.session import Session
from tests.integration.esl.peer import Call, api_reply, channel_data, disconnect_notice, event, reply
from tests.waiting import until


@contextmanager
def serving(handler: Callable[[Session], None], **options: object) -> Iterator[OutboundServer]:
    server = OutboundServer(handler, ("127.0.0.1", 0), **options)  # type: ignore[arg-type]
    server.start()
    try:
        yield server
    finally:
        for session in list(server.sessions):
            session.close("the test is over")
        server.stop(1)


def read_all(session: Session) -> None:
    try:
        while True:
            session.next()
    except SessionClosed:
        pass


def test_connect_comes_first_and_the_guard_is_cancelled_right_after() -> None:
    seen: list[str] = []
    with serving(lambda session: seen.append(session.channel["Caller-Caller-ID-Number"])) as server:
        call = Call(server.address)
        said = [call.expect("", channel_data()), call.command()]
        assert said == ["connect", f"api sched_del {call.uuid}"]
        call.send(api_reply("-ERR no such task\n"))
        call.expect("linger 5", reply())
        call.expect("myevents", reply())
        until(lambda: seen == ["1000"])


LOOKS = Greeting(linger=None, myevents=False, looks=True)


def look_at(call: Call) -> None:
    """FreeSWITCH's part: the first command has no reply."""
    assert call.command() == "getvar uuid"
    call.expect("getvar uuid", reply(call.uuid))
    call.expect(f"api uuid_dump {call.uuid}", api_reply(channel_data(call.uuid).decode()))


def test_a_call_that_is_looked_at_is_redirected_unconnected() -> None:
    def handler(session: Session) -> None:
        session.redirect(["sip:a@b", "sip:c@d"])
        read_all(session)

    with serving(handler, greeting=LOOKS) as server:
        call = Call(server.address)
        look_at(call)
        call.expect(f"api uuid_redirect {call.uuid} sip:a@b,sip:c@d", api_reply("+OK:\n"))
        call.hang_up()
        assert call.is_closed()


def test_a_call_that_is_looked_at_is_connected_to_before_it_is_given_back() -> None:
    with serving(lambda session: None, greeting=LOOKS) as server:
        call = Call(server.address)
        look_at(call)
        call.expect("connect", channel_data(call.uuid))
        call.send(event("CHANNEL_PARK"))
        call.expect("exit", reply("+OK bye"))
        assert call.is_closed()


@pytest.mark.parametrize("uri", ["sip:a@b c", "sip:a@b,sip:c@d", "sip:${pin}@b", ""])
def test_what_is_no_uri_is_not_redirected_to(uri: str) -> None:
    refused: list[bool] = []

    def handler(session: Session) -> None:
        with pytest.raises(ValueError, match="URI"):
            session.redirect([uri])
        refused.append(True)
        read_all(session)

    with serving(handler, greeting=LOOKS) as server:
        call = Call(server.address)
        look_at(call)
        until(lambda: refused == [True])


def test_a_name_that_is_no_channels_ends_the_call_with_the_guard_on() -> None:
    called: list[Session] = []
    with serving(called.append, greeting=LOOKS) as server:
        call = Call(server.address)
        call.command()
        call.expect("getvar uuid", reply("-ERR command not found"))
        assert call.is_closed()
        assert called == []


def test_a_line_end_in_a_callers_name_arrives_whole_and_goes_nowhere() -> None:
    names: list[str] = []

    def handler(session: Session) -> None:
        names.append(session.channel["Caller-Caller-ID-Name"])
        with pytest.raises(ValueError, match="line end"):
            session.execute("log", names[0])
        with pytest.raises(ValueError, match="line end"):
            session.set_variable("greeting", names[0])
        session.execute("log", "done")
        read_all(session)

    with serving(handler) as server:
        call = Call(server.address)
        call.expect("connect", channel_data(name="Bob%0A%0Aapi global_setvar pwned=yes"))
        call.expect("api sched_del", api_reply("+OK\n"))
        call.expect("linger", reply())
        call.expect("myevents", reply())
        call.execute("execute-app-arg: done")
        assert names == ["Bob\n\napi global_setvar pwned=yes"]
        call.hang_up()
        assert call.is_closed()


def test_a_call_above_the_limit_is_connected_and_hung_up_before_its_socket_closes() -> None:
    with serving(read_all, max_sessions=1) as server:
        first = Call(server.address, "first").greet()
        second = Call(server.address, "second")
        second.expect("connect", channel_data("second"))
        second.expect("call-command: hangup\nhangup-cause: SWITCH_CONGESTION", reply())
        gevent.sleep(0.05)
        assert [session.uuid for session in server.sessions] == ["first"]
        assert server.refused == 1
        second.send(disconnect_notice("second"))
        assert second.is_closed()
        first.hang_up()
        until(lambda: not server.sessions)
        Call(server.address, "third").greet().hang_up()


def test_a_silent_peer_costs_no_more_than_the_time_limit() -> None:
    called: list[Session] = []
    with serving(called.append, greeting=Greeting(connect_timeout=0.05)) as server:
        call = Call(server.address)
        call.expect("connect")
        assert call.is_closed()
        until(lambda: not server.sessions)
        assert called == []


def test_a_switch_that_takes_its_time_is_waited_for() -> None:
    called: list[str] = []
    with serving(lambda session: called.append(session.uuid)) as server:
        call = Call(server.address)
        assert call.command() == "connect"
        gevent.sleep(2.5)  # it has other work; the call's guard has not run out
        call.send(channel_data())
        call.expect("api sched_del", api_reply("+OK\n"))
        call.expect("linger", reply())
        call.expect("myevents", reply())
        until(lambda: called == [call.uuid])


def test_a_peer_that_leaves_at_once_leaves_nothing() -> None:
    with serving(read_all) as server:
        for _ in range(20):
            Call(server.address).close()
        Call(server.address).greet()
        until(lambda: len(server.sessions) == 1)


def test_a_socket_without_full_is_given_back() -> None:
    called: list[Session] = []
    with serving(called.append) as server:
        call = Call(server.address)
        call.expect("connect", channel_data(control="single-channel"))
        call.send(event("CHANNEL_PARK"))
        call.expect("exit", reply("+OK bye"))
        assert call.is_closed()
        assert called == []


def test_a_live_call_is_not_left_before_its_channel_is_parked() -> None:
    with serving(lambda session: None) as server:
        call = Call(server.address)
        call.expect("connect", channel_data())
        call.expect("api sched_del", api_reply("+OK\n"))
        call.expect("linger", reply())
        call.expect("myevents", reply())
        call.sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            call.sock.recv(1)
        call.sock.settimeout(5)
        call = _with_new_file(call)
        call.send(event("CHANNEL_PARK"))
        call.expect("exit", reply("+OK bye"))
        assert call.is_closed()


def _with_new_file(call: Call) -> Call:
    call.file = call.sock.makefile("rb")
    return call


def test_a_handler_that_fails_gives_its_call_back(caplog: pytest.LogCaptureFixture) -> None:
    def handler(session: Session) -> None:
        raise ZeroDivisionError

    with serving(handler) as server:
        call = Call(server.address).greet()
        call.expect("exit", reply("+OK bye"))
        assert call.is_closed()
        until(lambda: not server.sessions)
        assert "its handler failed" in caplog.text
        Call(server.address).greet()


def test_after_a_hang_up_the_socket_stays_until_the_channel_is_gone() -> None:
    with serving(lambda session: session.hangup("USER_BUSY")) as server:
        call = Call(server.address).greet()
        call.expect(f"api uuid_kill {call.uuid} USER_BUSY", api_reply("+OK\n"))
        call.sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            call.sock.recv(1)
        call.sock.settimeout(5)
        call = _with_new_file(call)
        call.hang_up()
        assert call.is_closed()


def test_stop_accepts_no_more_and_waits_for_the_calls() -> None:
    with serving(read_all) as server:
        call = Call(server.address).greet()
        until(lambda: len(server.sessions) == 1)
        stopping = gevent.spawn(server.stop, 5)
        until(lambda: _refuses(server.address))
        assert not stopping.ready()
        call.hang_up()
        assert stopping.get(timeout=30) == 0


def _refuses(address: tuple[str, int]) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(address) == errno.ECONNREFUSED


def test_calls_that_outlast_the_drain_are_given_back() -> None:
    with serving(read_all) as server:
        call = Call(server.address).greet()
        until(lambda: len(server.sessions) == 1)
        stopping = gevent.spawn(server.stop, 0.05)
        call.expect("exit", reply("+OK bye"))
        assert call.is_closed()
        assert stopping.get(timeout=30) == 1


def test_running_out_of_file_descriptors_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with serving(read_all) as server:
        waiting = [socket.socket() for _ in range(3)]
        used = len(os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (used, hard))
        held: list[int] = []
        try:
            while True:
                try:
                    held.append(os.dup(0))
                except OSError:
                    break
            for sock in waiting:
                sock.connect(server.address)
            until(lambda: "no call can be accepted" in caplog.text)
            assert len(server.sessions) == 0
        finally:
            for descriptor in held:
                os.close(descriptor)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for sock in waiting:
            sock.settimeout(5)
            assert sock.recv(100) == b"connect\n\n"
            sock.close()
        until(lambda: not server.sessions)


def test_a_thousand_simultaneous_connects_are_all_served() -> None:
    served: list[str] = []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))

    def one(number: int) -> None:
        Call(server.address, f"call-{number}").greet().close()

    with serving(lambda session: served.append(session.uuid)) as server:
        sockets = [gevent.spawn(one, number) for number in range(1000)]
        until(lambda: len(served) == 1000, 10)
        gevent.joinall(sockets, raise_error=True)
        assert len(set(served)) == 1000
        until(lambda: not server.sessions, 10)


def test_commands_leave_at_once() -> None:
    levels: list[int] = []

    def handler(session: Session) -> None:
        sock = session._transport._socket
        levels.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    with serving(handler) as server:
        Call(server.address).greet()
        until(lambda: levels == [1])


def test_a_call_costs_one_greenlet() -> None:
    def greenlets() -> int:
        import gc

        return sum(isinstance(item, gevent.Greenlet) and not item.dead for item in gc.get_objects())

    with serving(read_all) as server:
        before = greenlets()
        calls = [Call(server.address, f"call-{number}").greet() for number in range(10)]
        until(lambda: len(server.sessions) == 10)
        assert greenlets() - before == 10
        for call in calls:
            call.close()


def test_more_calls_than_can_be_refused_at_once_wait_in_the_kernel_until_one_is_gone() -> None:
    with serving(read_all, max_sessions=0) as server:
        server.most_refused = 2
        first = [Call(server.address) for _ in range(2)]
        for call in first:
            call.expect("connect", channel_data())
        third = Call(server.address)
        assert (server.refusing, select.select([third.sock], [], [], 0.2)[0]) == (2, [])
        first[0].close()
        third.expect("connect", channel_data())
        assert server.refused == 3
