"""What goes out: each command as the bytes that FreeSWITCH expects.

A caller's display name may hold line ends, and a line end in an argument starts a new command.
Every value therefore passes :func:`line`, which refuses CR, LF and NUL; nothing else in fsroute
writes to an event socket. FreeSWITCH also expands ``${…}`` in arguments of applications: text that
a caller controls goes through :func:`caller_text` first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from fsroute.esl.errors import InvalidCommand

LONGEST_LINE: Final = 1024  # bytes of an application's argument; longer ones travel as a body
LONGEST_JOB_UUID: Final = 36  # mod_event_socket.c cuts what is longer
MYEVENTS: Final = frozenset(
    {
        "CHANNEL_ANSWER",
        "CHANNEL_APPLICATION",
        "CHANNEL_BRIDGE",
        "CHANNEL_CREATE",
        "CHANNEL_DATA",
        "CHANNEL_DESTROY",
        "CHANNEL_EXECUTE",
        "CHANNEL_EXECUTE_COMPLETE",
        "CHANNEL_HANGUP",
        "CHANNEL_HANGUP_COMPLETE",
        "CHANNEL_ORIGINATE",
        "CHANNEL_OUTGOING",
        "CHANNEL_PARK",
        "CHANNEL_PROGRESS",
        "CHANNEL_PROGRESS_MEDIA",
        "CHANNEL_STATE",
        "CHANNEL_UNBRIDGE",
        "CHANNEL_UNPARK",
        "CHANNEL_UUID",
        "DETECTED_SPEECH",
        "DTMF",
        "NOTALK",
        "TALK",
    }
)
"""The events that ``myevents`` brings (mod_event_socket.c): all others must be subscribed to."""

POKE: Final = b"\n"  # wakes FreeSWITCH's 20 ms poll, and is otherwise ignored

_FORBIDDEN = re.compile("[\r\n\0]")
_TOKEN = re.compile(r"[^\s:]+")
_URI = re.compile(r"[^\s,$]+")
_VARIABLE = re.compile(r"[A-Za-z0-9_.\-]+")
_BLANK_LINE = re.compile(r"\n\r*\n")  # as read_packet of mod_event_socket.c sees it
_CONTENT_LENGTH = re.compile(r"^content-length:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_EXPANDED = re.compile(r"[$\\'(){}]")  # by FreeSWITCH, or the end of what it expands
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NOT_IN_EVENTS = frozenset({"unique-id", "content-length", "event-subclass", "event-name"})


def line(value: str, what: str = "a value") -> str:
    """The one gate of everything that goes out.

    Raises:
        InvalidCommand: `value` holds CR, LF or NUL, or cannot be written as UTF-8.
    """
    if _FORBIDDEN.search(value):
        raise InvalidCommand(f"{what} must hold no line end and no NUL: {value[:80]!r}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidCommand(f"{what} cannot be written as UTF-8: {value[:80]!r}") from None
    return value


def token(value: str, what: str) -> str:
    """A value that is one word: a uuid, an event's name, an application.

    Raises:
        InvalidCommand: it is empty or holds a blank.
    """
    if not _TOKEN.fullmatch(line(value, what).replace("::", "")):
        raise InvalidCommand(f"{what} must be one word: {value[:80]!r}")
    return value


def uris(values: Iterable[str]) -> str:
    """URIs as ``redirect`` takes them: one, or several with commas between.

    Raises:
        InvalidCommand: there is none, or one holds a blank, a comma or ``$``.
    """
    told = list(values)
    for value in told:
        if _URI.fullmatch(line(value, "a URI")) is None:
            raise InvalidCommand(f"no URI to redirect to: {value[:80]!r}")
    if not told:
        raise InvalidCommand("no URI to redirect to")
    return ",".join(told)


def caller_text(text: str) -> str:
    """Text that a caller controls, made harmless for an application's argument.

    Control characters become blanks; ``$``, ``{``, ``}`` and the backslash, which FreeSWITCH
    expands, are dropped.
    """
    return re.sub(r"[$\\{}]", "", _CONTROL.sub(" ", text.encode("utf-8", "replace").decode()))


def block(text: str) -> bytes:
    """A command written out by hand: its header lines and, announced by its length, a body.

    Raises:
        InvalidCommand: an empty line would end it early, its ``content-length`` is not that of
            its body, or it holds a NUL.
    """
    if "\0" in text:
        raise InvalidCommand("a command must hold no NUL")
    text = text.lstrip("\r\n")
    found = _BLANK_LINE.search(text)
    head, body = (text[: found.start()], text[found.end() :]) if found else (text, "")
    announced = _CONTENT_LENGTH.search(head)
    if announced is None and not body.strip("\r\n"):
        return head.rstrip("\r\n").encode() + b"\n\n"
    if announced is None or announced[1].strip() != str(len(body.encode())):
        raise InvalidCommand(f"an empty line within a command: {text[:80]!r}")
    return f"{head}\n\n{body}".encode()


def connect() -> bytes:
    """Must be the first command on an outbound socket; the reply is the channel data."""
    return b"connect\n\n"


def channel_uuid() -> bytes:
    """``getvar`` of the one variable that is always set, and is no caller's text; it is not offered for others."""
    return b"getvar uuid\n\n"


def auth(password: str) -> bytes:
    return f"auth {line(password, 'the password')}\n\n".encode()


def api(command: str) -> bytes:
    return f"api {line(command, 'an api command')}\n\n".encode()


def at_once(*apis: str) -> str:
    """Several api commands as one, whose output is theirs, one after the other.

    FreeSWITCH does all of them, whatever becomes of who asked for it [eval_function in mod_commands.c].

    Raises:
        InvalidCommand: one holds a sign that FreeSWITCH would expand, or take for the end of it.
    """
    for each in apis:
        if _EXPANDED.search(line(each, "an api command")):
            raise InvalidCommand(f"not to be done at once with others: {each[:80]!r}")
    words = (each.partition(" ") for each in apis)
    return "eval " + "".join(f"${{{name}({arguments})}}" for name, _, arguments in words)


def bgapi(command: str, job_uuid: str | None = None) -> bytes:
    """Run `command` in the background; its BACKGROUND_JOB event carries ``Job-UUID``.

    Raises:
        InvalidCommand: `job_uuid` is longer than the 36 characters that FreeSWITCH keeps.
    """
    job = ""
    if job_uuid is not None:
        if len(token(job_uuid, "a job's uuid").encode()) > LONGEST_JOB_UUID:
            raise InvalidCommand(f"a job's uuid has at most {LONGEST_JOB_UUID} bytes: {job_uuid[:80]!r}")
        job = f"\nJob-UUID: {job_uuid}"
    return f"bgapi {line(command, 'an api command')}{job}\n\n".encode()


def sendmsg_execute(
    application: str,
    argument: str = "",
    *,
    event_uuid: str | None = None,
    uuid: str | None = None,
    lock: bool = False,
    multiline: bool = False,
) -> bytes:
    """Queue an application on the channel of the socket, or on that of `uuid`.

    CHANNEL_EXECUTE_COMPLETE will carry `event_uuid` as ``Application-UUID``. `lock` holds back
    queued messages until this application has ended. `multiline` allows line ends in `argument`,
    which then travels as a body with its length in front, as does every long argument.

    Raises:
        InvalidCommand: a value holds a line end (or `argument`, without `multiline`) or a NUL.
    """
    lines = [
        _sendmsg(uuid),
        "call-command: execute",
        f"execute-app-name: {token(application, 'application')}",
    ]
    if event_uuid is not None:
        lines.append(f"Event-UUID: {token(event_uuid, 'Event-UUID')}")
    if lock:
        lines.append("event-lock: true")
    body = b""
    as_body = multiline or len(argument) > LONGEST_LINE
    if argument and as_body:
        body = _body(argument, multiline)
        lines += ["content-type: text/plain", f"content-length: {len(body)}"]
    elif argument:
        lines.append(f"execute-app-arg: {line(argument, 'an argument')}")
    return ("\n".join(lines) + "\n\n").encode() + body


def hangup(cause: str = "NORMAL_CLEARING", uuid: str | None = None) -> bytes:
    cause = token(cause, "a hang-up cause")
    return f"{_sendmsg(uuid)}\ncall-command: hangup\nhangup-cause: {cause}\n\n".encode()


def linger(seconds: int) -> bytes:
    """Keep the socket for `seconds` after the hang-up. A bare ``linger`` would pin the session."""
    if seconds < 1:
        raise InvalidCommand(f"linger needs whole seconds above 0, not {seconds}")
    return f"linger {int(seconds)}\n\n".encode()


def myevents() -> bytes:
    """The channel's own events, in plain format: those in :data:`MYEVENTS` and no others."""
    return b"myevents\n\n"


def divert_events(on: bool = True) -> bytes:
    return b"divert_events on\n\n" if on else b"divert_events off\n\n"


def events(names: Iterable[str]) -> bytes:
    """Subscribe, in plain format: JSON events break on values that are not UTF-8.

    Names with ``::`` are subclasses of CUSTOM and go after it.
    """
    return f"event plain {_event_names(names)}\n\n".encode()


def nixevent(names: Iterable[str]) -> bytes:
    return f"nixevent {_event_names(names)}\n\n".encode()


def noevents() -> bytes:
    return b"noevents\n\n"


def filter_(header: str, value: str) -> bytes:
    """Only events with this value. Drops every event that lacks the header: BACKGROUND_JOB vanishes."""
    return f"filter {token(header, 'a header')} {line(value, 'a value')}\n\n".encode()


def sendevent(subclass: str, headers: Mapping[str, str]) -> bytes:
    """Fire an event CUSTOM of this subclass, which every listener of the switch sees.

    Raises:
        InvalidCommand: a value holds a line end or a NUL, or a header would do more than stand in the event:
            ``unique-id`` hands it to a channel, a length announces a body.
    """
    lines = ["sendevent CUSTOM", f"Event-Subclass: {token(subclass, 'a subclass')}"]
    for name, value in headers.items():
        if name.lower() in _NOT_IN_EVENTS:
            raise InvalidCommand(f"an event of ours must have no header {name}")
        if value:  # one without a value would not arrive
            lines.append(f"{token(name, 'a header')}: {line(value, name)}")
    return ("\n".join(lines) + "\n\n").encode()


def setvar(uuid: str, name: str, value: str) -> bytes:
    """Set a channel variable through ``uuid_setvar``.

    Raises:
        InvalidCommand: the name is none, or the value holds ``$`` (FreeSWITCH would expand it later).
    """
    _check_variable(name, value)
    return api(f"uuid_setvar {token(uuid, 'a uuid')} {name} {value}")


def setvars(uuid: str, variables: Mapping[str, str]) -> bytes:
    """Set channel variables through ``uuid_setvar_multi``; an empty value unsets one.

    Raises:
        InvalidCommand: as `setvar`; or a value holds ``;``, which would end it.
    """
    for name, value in variables.items():
        _check_variable(name, value)
        if ";" in value:
            raise InvalidCommand(f"the value of {name} must hold no ;: {value[:80]!r}")
    pairs = ";".join(f"{name}={value}" for name, value in variables.items())
    return api(f"uuid_setvar_multi {token(uuid, 'a uuid')} {pairs}")


def exit_() -> bytes:
    return b"exit\n\n"


def _sendmsg(uuid: str | None) -> str:
    return "sendmsg" if uuid is None else f"sendmsg {token(uuid, 'a uuid')}"


def _check_variable(name: str, value: str) -> None:
    if not _VARIABLE.fullmatch(name):
        raise InvalidCommand(f"not the name of a channel variable: {name[:80]!r}")
    if "$" in value:
        raise InvalidCommand(f"the value of {name} must hold no $: {value[:80]!r}")


def _body(argument: str, multiline: bool) -> bytes:
    if not multiline:
        line(argument, "an argument")
    if "\0" in argument:
        raise InvalidCommand("an argument must hold no NUL")
    try:
        return argument.encode()
    except UnicodeEncodeError:
        raise InvalidCommand("an argument cannot be written as UTF-8") from None


def _event_names(names: Iterable[str]) -> str:
    words = [token(name, "an event's name") for name in names]
    plain = [word for word in words if "::" not in word and word != "CUSTOM"]
    subclasses = [word for word in words if "::" in word]
    if subclasses or "CUSTOM" in words:
        plain += ["CUSTOM", *subclasses]
    if not plain:
        raise InvalidCommand("no event is named")
    return " ".join(plain)
