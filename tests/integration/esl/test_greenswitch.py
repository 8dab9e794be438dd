"""Applications written for greenswitch run on the face with one line changed, its import.

The README's examples come from the installed package itself.
"""

from __future__ import annotations

import importlib.metadata
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import greenswitch as original
import pytest
from greenswitch.esl import NotConnectedError, OutboundSessionHasGoneAway

from fsroute.esl import greenswitch
from fsroute.esl.greenswitch import InboundESL, OutboundESLServer, OutboundSession, esl
from tests.integration.esl.peer import (
    UUID,
    Call,
    Switch,
    api_reply,
    channel_data,
    disconnect_notice,
    event,
    linger_notice,
    reply,
)
from tests.waiting import until


def readme_blocks() -> list[str]:
    """The code blocks of greenswitch's README, as the installed package carries it."""
    text = importlib.metadata.metadata("greenswitch")["Description"].replace("\xa0", " ")
    blocks = re.findall(r"\.\. code-block:: python\n\n((?:    .*\n|\s*\n)+)", text)
    return [textwrap.dedent(block) for block in blocks]


def with_our_import(code: str) -> str:
    changed, count = re.subn(r"^import greenswitch$", "from fsroute.esl import greenswitch", code, flags=re.M)
    assert count == 1
    return changed


def run_code(code: str, names: dict[str, Any]) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the example's '\d'
        exec(compile(code, "README", "exec"), names)
    return names


class FastSleep:
    """gevent as an example sees it, in a hurry."""

    def __getattr__(self, name: str) -> Any:
        return getattr(gevent, name)

    def sleep(self, seconds: float = 0) -> None:
        gevent.sleep(seconds / 1000)


@contextmanager
def listening(application: Callable[[Any], Any], **options: Any) -> Iterator[OutboundESLServer]:
    server = OutboundESLServer(bind_port=0, application=application, **options)
    greenlet = gevent.spawn(server.listen)
    until(lambda: server.bound_port)
    yield server
    server.stop()
    greenlet.join(30)
    assert greenlet.ready(), "listen() did not return"


def dial(server: OutboundESLServer, uuid: str = UUID) -> Call:
    assert server.bound_port is not None
    call = Call(("127.0.0.1", server.bound_port), uuid)
    call.expect("connect", channel_data(uuid))
    return call


def in_call(use: Callable[[OutboundSession], Any]) -> Callable[[OutboundSession], Any]:
    """An application class's worth of `use`, which is called with the session."""

    class Application:
        def __init__(self, session: OutboundSession) -> None:
            self.session = session

        def run(self) -> None:
            use(self.session)

    return Application


def test_the_readmes_inbound_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    switch = Switch(answer=lambda command: "userid|context\n1000|default\n")
    code = "\n".join(line.removeprefix(">>> ") for line in readme_blocks()[0].splitlines())
    code = with_our_import(code).replace("print r.data", "print(r.data)")  # it is Python 2
    code = code.replace("port=8021", f"port={switch.address[1]}")
    names = run_code(code, {})
    assert capsys.readouterr().out == "userid|context\n1000|default\n\n"
    assert switch.commands() == ["auth ClueCon", "api list_users"]
    names["fs"].stop()
    switch.stop()


def test_the_readmes_outbound_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code = with_our_import(readme_blocks()[1]).replace("logging.basicConfig", "(lambda **_: None)")
    begin = code.index("    server = greenswitch")  # the README indents these lines into the class
    code = code[:begin] + textwrap.dedent(code[begin:].partition("server.listen()")[0])
    code = code.replace("bind_port=5000", "bind_port=0").replace("0.0.0.0", "127.0.0.1")
    names = run_code(code, {})
    names["gevent"] = FastSleep()
    server: OutboundESLServer = names["server"]
    assert (server.bind_address, server.bind_port, server.max_connections) == ("127.0.0.1", [0], 5)
    greenlet = gevent.spawn(server.listen)
    until(lambda: server.bound_port)
    call = dial(server)
    call.expect("myevents", reply("+OK Events Enabled"), event("CHANNEL_PARK"))
    call.expect("linger", reply())
    call.execute("execute-app-name: answer")
    call.complete(call.execute("execute-app-arg: ivr/ivr-welcome"))
    digits = call.execute("1 1 3 5000 # conference/conf-pin.wav invalid.wav test \\d 1000 ''")
    call.complete(digits, variable_test="7")
    call.execute("local_stream://default")
    call.expect(f"api uuid_break {UUID}", api_reply("+OK\n"))
    call.execute("execute-app-arg: NORMAL_CLEARING")
    call.hang_up()
    assert call.is_closed()
    server.stop()
    greenlet.join(30)
    assert greenlet.ready()
    said = capsys.readouterr().out.split("\n")
    assert said == [
        "myevents", "linger", "answer", "sleep", "welcome", "User typed: 7", "moh", "sleep 5", "break",
        "hangup", "",
    ]  # fmt: skip


def test_a_listener_for_custom_events_runs() -> None:
    """The manner of the project's example of registrations, with a format over the headers."""
    switch = Switch()
    said: list[str] = []
    fs = greenswitch.InboundESL(host="127.0.0.1", port=switch.address[1], password="ClueCon")
    fs.connect()

    @fs.handle("sofia::register_failure")
    def on_failure(event: greenswitch.ESLEvent) -> None:
        said.append("user {to-user} at {network-ip}".format(**event.headers))

    fs.send("EVENTS PLAIN ALL")
    failure = event(
        "CUSTOM", Event_Subclass="sofia%3A%3Aregister_failure", to_user="1000", network_ip="1.2.3.4"
    )
    switch.connections[0].send(event("HEARTBEAT"), failure.replace(b"to-user", b"to-user"))
    until(lambda: said == ["user 1000 at 1.2.3.4"])
    fs.stop()
    switch.stop()


def test_the_exceptions_are_greenswitchs_own() -> None:
    assert esl.NotConnectedError is original.esl.NotConnectedError
    assert esl.OutboundSessionHasGoneAway is original.esl.OutboundSessionHasGoneAway
    assert {"InboundESL", "OutboundESLServer"} <= set(dir(greenswitch))


SIGNATURES = [
    ("InboundESL", "__init__", "connect", "send", "stop", "register_handle", "unregister_handle"),
    ("OutboundESLServer", "__init__", "listen", "stop"),
    (
        "OutboundSession", "__init__", "call_command", "connect", "myevents", "answer", "park", "linger",
        "playback", "play_and_get_digits", "say", "bridge", "register_expected_event", "hangup",
        "uuid_break", "raise_if_disconnected", "while_connected", "send", "stop", "register_handle",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("owner", "method"), [(owner, method) for owner, *methods in SIGNATURES for method in methods]
)
def test_a_method_takes_what_greenswitchs_takes(owner: str, method: str) -> None:
    import inspect

    def parameters(module: Any) -> list[tuple[str, Any]]:
        signature = inspect.signature(getattr(getattr(module, owner), method))
        return [(name, parameter.default) for name, parameter in signature.parameters.items()]

    assert parameters(esl) == parameters(original.esl)


@pytest.fixture
def switch() -> Iterator[Switch]:
    switch = Switch()
    yield switch
    switch.stop()


def inbound(switch: Switch, password: str = "ClueCon") -> InboundESL:
    return InboundESL(*switch.address, password, timeout=2)


def test_a_reply_has_headers_and_data(switch: Switch) -> None:
    switch.answer = lambda command: "+OK 100%25\n"
    with inbound(switch) as fs:
        assert fs.connected
        assert fs.send("api status").data == "+OK 100%25\n"
        answer = fs.send("event plain ALL")
        assert (answer.data, answer.headers["Reply-Text"]) == ("+OK", "+OK")
    assert not fs.connected


def test_a_wrong_password_is_a_value_error(switch: Switch) -> None:
    fs = inbound(switch, "wrong")
    with pytest.raises(ValueError, match="Invalid password"):
        fs.connect()
    assert not fs.connected
    fs.stop()


def test_a_refused_host_is_not_connected() -> None:
    switch = Switch(greeting=b"Content-Type: text/rude-rejection\nContent-Length: 4\n\nNo.\n")
    with pytest.raises(NotConnectedError):
        inbound(switch).connect()
    switch.stop()


def test_nobody_listening_is_the_sockets_own_error(switch: Switch) -> None:
    switch.stop()
    with pytest.raises(ConnectionRefusedError):
        inbound(switch).connect()


def test_a_command_without_connection_is_not_connected(switch: Switch) -> None:
    fs = inbound(switch)
    with pytest.raises(NotConnectedError):
        fs.send("api status")
    fs.connect()
    switch.drop()
    until(lambda: not fs.connected)
    with pytest.raises(NotConnectedError):
        fs.send("api status")


def test_a_command_in_flight_when_the_connection_drops_is_not_connected(switch: Switch) -> None:
    switch.answer = lambda command: None
    fs = inbound(switch)
    fs.connect()
    asking = gevent.spawn(fs.send, "api status")
    until(lambda: "api status" in switch.commands())
    switch.drop()
    with pytest.raises(NotConnectedError):
        asking.get(timeout=30)


def test_a_command_without_a_reply_ends_at_its_time_limit(switch: Switch) -> None:
    switch.answer = lambda command: None
    fs = inbound(switch)
    fs.connect()
    fs.command_timeout = 0.05
    with pytest.raises(NotConnectedError, match="no reply"):
        fs.send("api status")
    fs.stop()


def test_no_command_holds_another(switch: Switch) -> None:
    with inbound(switch) as fs:
        with pytest.raises(ValueError, match="empty line"):
            fs.send("api echo Bob\n\napi global_setvar pwned=yes")
        assert fs.send("bgapi status\nJob-UUID: j1").headers["Job-UUID"] == "j1"
    assert "pwned" not in str(switch.said)


def test_handlers_are_chosen_by_name_and_run_with_hooks(switch: Switch) -> None:
    seen: list[str] = []

    class Hooked(InboundESL):
        def before_handle(self, event: greenswitch.ESLEvent) -> None:
            seen.append("before")

        def after_handle(self, event: greenswitch.ESLEvent) -> None:
            seen.append("after")

    fs = Hooked(*switch.address, "ClueCon")
    fs.connect()

    def fail(event: greenswitch.ESLEvent) -> None:
        raise ZeroDivisionError

    def answered(event: greenswitch.ESLEvent) -> None:
        seen.append("answered")

    fs.register_handle("CHANNEL_ANSWER", fail)
    fs.register_handle("CHANNEL_ANSWER", answered)
    fs.register_handle("CHANNEL_ANSWER", answered)
    fs.register_handle("*", lambda event: seen.append(event.headers["Event-Name"]))
    fs.register_handle("log", lambda event: seen.append(str(event.data)))
    fs.register_handle("DISCONNECT", lambda event: seen.append("gone"))
    log = b"Content-Type: log/data\nContent-Length: 5\nLog-Level: 7\n\nhello"
    switch.connections[0].send(event("CHANNEL_ANSWER"), event("DTMF"), log, disconnect_notice())
    until(lambda: "gone" in seen)
    assert [word for word in seen if word not in ("before", "after")] == ["answered", "DTMF", "hello", "gone"]
    assert seen[:3] == ["before", "answered", "after"]
    fs.unregister_handle("CHANNEL_ANSWER", fail)
    with pytest.raises(ValueError, match="No handlers found"):
        fs.unregister_handle("unknown", fail)


def test_a_background_jobs_result_is_the_events_data(switch: Switch) -> None:
    results: list[str | None] = []
    with inbound(switch) as fs:
        fs.register_handle("BACKGROUND_JOB", lambda event: results.append(event.data))
        switch.connections[0].send(event("BACKGROUND_JOB", body="+OK done\n"))
        until(lambda: results == ["+OK done\n"])


def test_the_session_knows_its_call() -> None:
    known: list[Any] = []

    def use(session: OutboundSession) -> None:
        known.extend([session.uuid, session.call_uuid, session.caller_id_number])
        known.append(session.session_data["Caller-Caller-ID-Name"])
        assert session.connect() is session.session_data

    with listening(in_call(use)) as server:
        call = dial(server)
        call.send(event("CHANNEL_PARK"))
        call.expect("exit", reply("+OK bye"))
        assert known == [UUID, UUID, "1000", "Bob"]


def test_blocking_applications_are_told_apart_by_their_own_uuid() -> None:
    ended: list[str] = []

    def use(session: OutboundSession) -> None:
        def play(name: str) -> None:
            event = session.playback(name)
            assert event is not None
            ended.append(f"{name} {event.headers['Result']}")

        session.myevents()
        gevent.joinall([gevent.spawn(play, "one"), gevent.spawn(play, "two")])

    with listening(in_call(use)) as server:
        call = dial(server)
        call.expect("myevents", reply(), event("CHANNEL_PARK"))
        one, two = call.execute("one"), call.execute("two")
        call.complete("of another", variable_current_application="playback", Result="x")
        call.complete(two, Result="2", variable_current_application="nested")
        until(lambda: ended == ["two 2"])
        call.complete(one, Result="1")
        until(lambda: ended == ["two 2", "one 1"])
        call.hang_up()


def test_a_refused_blocking_application_raises() -> None:
    raised: list[str] = []

    def use(session: OutboundSession) -> None:
        try:
            session.playback("x")
        except OutboundSessionHasGoneAway as error:
            raised.append(str(error))

    with listening(in_call(use)) as server:
        call = dial(server)
        call.expect("playback", reply("-ERR invalid session id [x]"), event("CHANNEL_PARK"))
        call.expect("exit", reply())
        assert raised == ["-ERR invalid session id [x]"]


def test_a_blocking_application_without_an_end_times_out_as_in_greenswitch() -> None:
    raised: list[BaseException] = []

    def use(session: OutboundSession) -> None:
        try:
            session.call_command("playback", "x", block=True, response_timeout=0.05)
        except gevent.Timeout as error:
            raised.append(error)

    with listening(in_call(use)) as server:
        call = dial(server)
        call.execute("playback")
        call.send(event("CHANNEL_PARK"))
        call.expect("exit", reply())
        assert len(raised) == 1


@pytest.mark.parametrize("how", ["linger", "disconnect", "drop"])
def test_a_blocking_application_ends_when_the_caller_hangs_up(how: str) -> None:
    raised: list[type[BaseException]] = []

    def use(session: OutboundSession) -> None:
        attempts: list[Callable[[], Any]] = [lambda: session.playback("x"), session.uuid_break]
        attempts.append(lambda: session.playback("y"))
        for attempt in attempts:
            try:
                attempt()
            except (OutboundSessionHasGoneAway, NotConnectedError) as error:
                raised.append(type(error))
        with pytest.raises(OutboundSessionHasGoneAway):
            session.raise_if_disconnected()

    with listening(in_call(use)) as server:
        call = dial(server)
        call.execute("playback")
        if how == "linger":
            call.send(linger_notice())
        elif how == "disconnect":
            call.send(disconnect_notice())
        else:
            call.close()
        until(lambda: len(raised) == 3)
        assert raised[0] is OutboundSessionHasGoneAway
        call.close()


def test_while_connected_raises_before_and_after() -> None:
    done: list[str] = []

    def use(session: OutboundSession) -> None:
        @session.while_connected()
        def greet() -> str:
            done.append("greeted")
            return "hello"

        with session.while_connected():
            assert greet() == "hello"
        session.call.wait_hungup(5)
        with pytest.raises(OutboundSessionHasGoneAway):
            greet()
        done.append("gone")

    with listening(in_call(use)) as server:
        call = dial(server)
        until(lambda: done == ["greeted"])
        call.hang_up()
        until(lambda: done == ["greeted", "gone"])


def test_no_argument_becomes_a_command() -> None:
    raised: list[ValueError] = []

    def use(session: OutboundSession) -> None:
        try:
            session.call_command("log", "Bob\n\napi global_setvar pwned=yes")
        except ValueError as error:
            raised.append(error)

    with listening(in_call(use)) as server:
        call = dial(server)
        call.send(event("CHANNEL_PARK"))
        call.expect("exit", reply())
        assert len(raised) == 1


def test_a_bare_linger_has_a_time() -> None:
    def use(session: OutboundSession) -> None:
        session.linger()
        session.linger(7)

    with listening(in_call(use)) as server:
        call = dial(server)
        assert call.expect("linger", reply()) == "linger 30"
        assert call.expect("linger", reply()) == "linger 7"
        call.close()


def test_an_expected_event_is_found_by_a_channel_variable() -> None:
    got: list[str | None] = []

    def use(session: OutboundSession) -> None:
        from gevent.event import AsyncResult

        response: AsyncResult[Any] = AsyncResult()
        session.register_expected_event("DTMF", "color", "blue", response)
        session.myevents()
        event: Any = response.get(timeout=30)
        got.append(event.headers["Digit"])

    with listening(in_call(use)) as server:
        call = dial(server)
        call.expect("myevents", reply(), event("DTMF", variable_color="red", Digit="1"))
        call.send(event("DTMF", variable_color="blue", Digit="2"))
        until(lambda: got == ["2"])
        call.hang_up()


def test_a_call_above_the_limit_is_hung_up_and_not_left_in_park() -> None:
    with listening(in_call(lambda session: session.call.wait_hungup(5)), max_connections=1) as server:
        first = dial(server, "first")
        until(lambda: server.connection_count == 1)
        second = dial(server, "second")
        second.expect("call-command: hangup", reply(), disconnect_notice("second"))
        assert second.is_closed()
        first.hang_up()


def test_the_first_free_port_is_taken(switch: Switch) -> None:
    taken = switch.address[1]
    server = OutboundESLServer(bind_port=[taken, 0], application=in_call(lambda session: None))
    greenlet = gevent.spawn(server.listen)
    until(lambda: server.bound_port)
    assert server.bound_port != taken
    server.stop()
    greenlet.join(30)
    with pytest.raises(SystemExit):
        OutboundESLServer(bind_port=taken, application=in_call(lambda session: None)).listen()
    with pytest.raises(ValueError, match="Application"):
        OutboundESLServer()


def test_an_event_can_be_made_from_text() -> None:
    event = esl.ESLEvent("Event-Name: X\nName: a%20b\nsdp: v=0\ns=-\n")
    assert event.headers == {"Event-Name": "X", "Name": "a b", "sdp": "v=0\ns=-"}
