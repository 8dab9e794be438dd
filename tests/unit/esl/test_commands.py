from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest

from fsroute.errors import FsrouteError
from fsroute.esl import InvalidCommand, commands

INJECTION = "Bob\n\napi global_setvar pwned=yes"


@pytest.mark.parametrize(
    ("built", "wire"),
    [
        (commands.connect(), "connect\n\n"),
        (commands.auth("ClueCon"), "auth ClueCon\n\n"),
        (commands.api("uuid_answer u1"), "api uuid_answer u1\n\n"),
        (
            commands.api(commands.at_once("uuid_answer u1", "uuid_bridge u1 u2")),
            "api eval ${uuid_answer(u1)}${uuid_bridge(u1 u2)}\n\n",
        ),
        (commands.bgapi("originate x &park()"), "bgapi originate x &park()\n\n"),
        (commands.bgapi("status", "j1"), "bgapi status\nJob-UUID: j1\n\n"),
        (commands.linger(5), "linger 5\n\n"),
        (commands.myevents(), "myevents\n\n"),
        (commands.divert_events(), "divert_events on\n\n"),
        (commands.divert_events(False), "divert_events off\n\n"),
        (commands.events(["CHANNEL_ANSWER", "DTMF"]), "event plain CHANNEL_ANSWER DTMF\n\n"),
        (
            commands.events(["sofia::register", "DTMF", "callcenter::info"]),
            "event plain DTMF CUSTOM sofia::register callcenter::info\n\n",
        ),
        (commands.events(["CUSTOM", "HEARTBEAT"]), "event plain HEARTBEAT CUSTOM\n\n"),
        (commands.nixevent(["DTMF"]), "nixevent DTMF\n\n"),
        (commands.noevents(), "noevents\n\n"),
        (commands.filter_("Unique-ID", "u1"), "filter Unique-ID u1\n\n"),
        (commands.exit_(), "exit\n\n"),
        (
            commands.hangup("USER_BUSY"),
            "sendmsg\ncall-command: hangup\nhangup-cause: USER_BUSY\n\n",
        ),
        (
            commands.hangup(uuid="u1"),
            "sendmsg u1\ncall-command: hangup\nhangup-cause: NORMAL_CLEARING\n\n",
        ),
        (
            commands.sendmsg_execute("answer"),
            "sendmsg\ncall-command: execute\nexecute-app-name: answer\n\n",
        ),
        (
            commands.sendmsg_execute("playback", "a.wav", event_uuid="e1", uuid="u1", lock=True),
            "sendmsg u1\ncall-command: execute\nexecute-app-name: playback\nEvent-UUID: e1\n"
            "event-lock: true\nexecute-app-arg: a.wav\n\n",
        ),
        (
            commands.sendmsg_execute("log", "ä\nb", multiline=True),
            "sendmsg\ncall-command: execute\nexecute-app-name: log\ncontent-type: text/plain\n"
            "content-length: 4\n\nä\nb",
        ),
        (commands.setvar("u1", "fsroute_contact", "4 7"), "api uuid_setvar u1 fsroute_contact 4 7\n\n"),
        (commands.setvars("u1", {"a": "4 7", "b": ""}), "api uuid_setvar_multi u1 a=4 7;b=\n\n"),
        (
            commands.sendevent("callcenter::info", {"CC-Action": "x y", "CC-Empty": ""}),
            "sendevent CUSTOM\nEvent-Subclass: callcenter::info\nCC-Action: x y\n\n",
        ),
        (commands.block("event plain ALL"), "event plain ALL\n\n"),
        (commands.block("sendmsg\ncall-command: hangup\n\n"), "sendmsg\ncall-command: hangup\n\n"),
        (commands.block("sendevent X\ncontent-length: 2\n\nhi"), "sendevent X\ncontent-length: 2\n\nhi"),
    ],
)
def test_a_command_is_written_as_freeswitch_expects_it(built: bytes, wire: str) -> None:
    assert built == wire.encode()


def test_a_long_argument_travels_as_a_body_with_its_length() -> None:
    argument = "é" * 5000
    head, body = commands.sendmsg_execute("playback", argument, event_uuid="e").split(b"\n\n", 1)
    assert body == argument.encode()
    assert b"content-length: 10000" in head.split(b"\n")
    assert b"execute-app-arg" not in head


TAKES_TEXT: list[Callable[[str], bytes]] = [
    commands.auth,
    commands.api,
    commands.bgapi,
    lambda text: commands.bgapi("status", text),
    lambda text: commands.sendmsg_execute(text),
    lambda text: commands.sendmsg_execute("playback", text),
    lambda text: commands.sendmsg_execute("playback", text + "x" * 2000),
    lambda text: commands.sendmsg_execute("playback", "a", event_uuid=text),
    lambda text: commands.sendmsg_execute("playback", "a", uuid=text),
    commands.hangup,
    lambda text: commands.hangup("USER_BUSY", text),
    lambda text: commands.events([text]),
    lambda text: commands.nixevent([text]),
    lambda text: commands.filter_(text, "v"),
    lambda text: commands.filter_("Unique-ID", text),
    lambda text: commands.sendevent(text, {"CC-Action": "x"}),
    lambda text: commands.sendevent("callcenter::info", {text: "x"}),
    lambda text: commands.sendevent("callcenter::info", {"CC-Action": text}),
    lambda text: commands.setvar(text, "name", "value"),
    lambda text: commands.setvar("u", text, "value"),
    lambda text: commands.setvars(text, {"name": "value"}),
    lambda text: commands.setvars("u", {text: "value"}),
    lambda text: commands.setvars("u", {"name": text}),
    lambda text: commands.setvar("u", "name", text),
    commands.block,
]


@pytest.mark.parametrize("build", TAKES_TEXT)
@pytest.mark.parametrize("text", [INJECTION, "a\r\n\r\nb", "a\n\r\nb", "a\0b", "a\n\nb"])
def test_no_value_starts_another_command(build: Callable[[str], bytes], text: str) -> None:
    with pytest.raises(InvalidCommand) as caught:
        build(text)
    assert isinstance(caught.value, FsrouteError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("build", TAKES_TEXT[:-1])
@pytest.mark.parametrize("text", ["a\nb", "a\rb", "\n", "a\n"])
def test_no_value_holds_a_single_line_end(build: Callable[[str], bytes], text: str) -> None:
    with pytest.raises(InvalidCommand):
        build(text)


@pytest.mark.parametrize("header", ["Unique-ID", "content-length", "Event-Subclass", "Event-Name"])
def test_an_event_has_no_header_that_does_something(header: str) -> None:
    with pytest.raises(InvalidCommand, match="must have no header"):
        commands.sendevent("callcenter::info", {header: "5"})


def test_every_builder_that_takes_text_is_tried_above() -> None:
    takes_text = {
        name
        for name, function in vars(commands).items()
        if inspect.isfunction(function)
        and function.__module__ == commands.__name__
        and not name.startswith("_")
        and function.__annotations__.get("return") == "bytes"
        and any("str" in str(kind) for key, kind in function.__annotations__.items() if key != "return")
    }
    tried = {
        "auth",
        "api",
        "bgapi",
        "sendmsg_execute",
        "hangup",
        "events",
        "nixevent",
        "filter_",
        "sendevent",
        "setvar",
        "setvars",
        "block",
    }
    assert takes_text == tried


@pytest.mark.parametrize("text", ["lone \ud800 surrogate"])
def test_what_is_not_utf8_does_not_go_out(text: str) -> None:
    with pytest.raises(InvalidCommand, match="UTF-8"):
        commands.api(text)
    with pytest.raises(InvalidCommand, match="UTF-8"):
        commands.sendmsg_execute("log", text, multiline=True)


def test_a_body_may_hold_line_ends_but_no_nul() -> None:
    with pytest.raises(InvalidCommand, match="NUL"):
        commands.sendmsg_execute("log", "a\0b", multiline=True)


@pytest.mark.parametrize(
    "text",
    [
        "sendevent X\ncontent-length: 3\n\nhi",
        "api status\nContent-Length: 10",
        "x\ncontent-length: 2\r\n\r\nhi\n",
    ],
)
def test_a_length_that_is_not_that_of_the_body_does_not_go_out(text: str) -> None:
    with pytest.raises(InvalidCommand):
        commands.block(text)


@pytest.mark.parametrize("word", ["", "two words", "a:b", "tab\there"])
def test_a_name_is_one_word(word: str) -> None:
    with pytest.raises(InvalidCommand):
        commands.sendmsg_execute(word)


def test_a_jobs_uuid_is_not_longer_than_freeswitch_keeps() -> None:
    commands.bgapi("status", "x" * 36)
    with pytest.raises(InvalidCommand, match="36"):
        commands.bgapi("status", "x" * 37)


@pytest.mark.parametrize("seconds", [0, -1])
def test_linger_always_has_a_time(seconds: int) -> None:
    with pytest.raises(InvalidCommand):
        commands.linger(seconds)


def test_no_value_is_expanded_later() -> None:
    with pytest.raises(InvalidCommand, match=r"\$"):
        commands.setvar("u", "name", "${api(status)}")
    with pytest.raises(InvalidCommand, match="variable"):
        commands.setvar("u", "bad name", "v")
    with pytest.raises(InvalidCommand, match=r"\$"):
        commands.setvars("u", {"name": "${api(status)}"})


def test_no_value_sets_another_variable() -> None:
    with pytest.raises(InvalidCommand, match=";"):
        commands.setvars("u", {"name": "a;socket_resume=false"})


def test_a_callers_text_becomes_harmless() -> None:
    text = commands.caller_text("Bob\n\napi x ${global_getvar(y)} \\${z} \x00é")
    assert text == "Bob  api x global_getvar(y) z  é"
    commands.sendmsg_execute("log", text)


def test_myevents_brings_23_channel_events_and_no_others() -> None:
    assert len(commands.MYEVENTS) == 23
    absent = {
        "CHANNEL_CALLSTATE",
        "CHANNEL_HOLD",
        "PLAYBACK_START",
        "RECORD_STOP",
        "CUSTOM",
        "BACKGROUND_JOB",
    }
    assert not absent & commands.MYEVENTS


def test_events_are_asked_for_in_plain_format_only() -> None:
    assert commands.events(["ALL"]).startswith(b"event plain ")
    assert b"json" not in commands.myevents()


def test_the_unsafe_getvar_is_not_offered() -> None:
    assert not hasattr(commands, "getvar")


def test_no_event_is_no_subscription() -> None:
    with pytest.raises(InvalidCommand):
        commands.events([])


@pytest.mark.parametrize("name", ["${system(id)}", "u1)", "u1}", "u1(", "it's", "u\\1", "u1\n"])
def test_what_the_switch_would_expand_is_not_done_at_once_with_others(name: str) -> None:
    with pytest.raises(InvalidCommand):
        commands.at_once(f"uuid_answer {name}")
