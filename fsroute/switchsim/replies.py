"""What FreeSWITCH answers to each event-socket command (parse_command in mod_event_socket.c)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import gevent

from fsroute.switchsim.encoding import leading_number, url_encode
from fsroute.switchsim.events import EVENT_NAMES, MY_EVENTS

if TYPE_CHECKING:
    from fsroute.switchsim.commands import Command
    from fsroute.switchsim.listener import Listener

NOT_FOUND = "-ERR command not found"
_NEEDS_FULL = frozenset(
    ["sendevent", "api", "bgapi", "log", "nolog", "linger", "nolinger", "event", "nixevent", "noevents"]
)

Handler = Callable[["Listener", "Command"], str | None]


def answer(listener: Listener, command: Command) -> bool:
    """Perform a command and reply; false when the connection is to be closed.

    The reply to the first command of an outbound connection is never sent.
    """
    if command.word == "exit" or command.word.startswith("..."):
        listener.reply("+OK bye")
        return False
    if not listener.is_authorized:
        return _authorize(listener, command)
    is_first = listener.channel is not None and not listener.has_command
    listener.has_command = True
    handler = HANDLERS.get(command.word)
    if handler is None or (not listener.is_full and command.word in _NEEDS_FULL):
        text: str | None = NOT_FOUND
    else:
        try:
            text = handler(listener, command)
        except TooManyPending:
            return False
    if text is not None and not is_first:
        listener.reply(text)
    return True


class TooManyPending(Exception):
    """More sendmsg wait on a channel than FreeSWITCH holds: it drops the socket."""


def _authorize(listener: Listener, command: Command) -> bool:
    listener.is_authorized = command.word == "auth" and command.argument == listener.switch.password
    if listener.is_authorized:
        listener.switch.listeners.add(listener)
    listener.reply("+OK accepted" if listener.is_authorized else "-ERR invalid")
    return listener.is_authorized


def fits(value: str, wanted: str) -> bool:
    """Compare as ``filter`` does: without case, or by a regular expression between slashes."""
    if wanted.startswith("/"):
        return re.search(wanted.strip("/"), value) is not None
    return value.lower() == wanted.lower()


def _connect(listener: Listener, command: Command) -> str | None:
    channel = listener.channel
    if channel is None:
        return NOT_FOUND
    listener.is_connected = True
    control = "full" if listener.is_full else "single-channel"
    stamp = listener.switch.stamp.lines("CHANNEL_DATA", time.time())
    profile = channel.profile.lines("Channel", channel.times.lines("Channel"))
    text = (
        f"{stamp}{profile}{channel.data_lines()}{channel.variable_lines()}Content-Type: command/reply\n"
        f"Reply-Text: {url_encode('+OK' + chr(10))}\nSocket-Mode: async\nControl: {control}\n\n"
    )
    listener.send(text.encode("ascii", "surrogateescape"))
    channel.poke()
    return None


def _my_events(listener: Listener, command: Command) -> str:
    if listener.my_events:
        return "-ERR aready enabled."
    if listener.channel is not None:
        listener.my_events = listener.channel.uuid
    else:
        words = command.argument.split()
        if not words or words[0] not in listener.switch.channels:
            return "-ERR invalid uuid"
        listener.my_events = words[0]
    listener.names |= MY_EVENTS
    return "+OK Events Enabled"


def _divert_events(listener: Listener, command: Command) -> str:
    if listener.channel is None:
        return "-ERR not controlling a session."
    if not command.argument:
        return "-ERR missing value."
    return "+OK events diverted" if command.argument == "on" else "+OK events not diverted"


def _linger(listener: Listener, command: Command) -> str:
    if listener.channel is None:
        return "-ERR not controlling a session"
    listener.linger = leading_number(command.argument) if command.argument else -1
    return f"+OK will linger {listener.linger} seconds" if command.argument else "+OK will linger"


def _no_linger(listener: Listener, command: Command) -> str:
    if listener.channel is None:
        return "-ERR not controlling a session"
    listener.linger = None
    return "+OK will not linger"


def _resume(listener: Listener, command: Command) -> str:
    if listener.channel is None:
        return NOT_FOUND
    listener.channel.set("socket_resume", "true")
    return "+OK"


def _get_variable(listener: Listener, command: Command) -> str:
    value = listener.channel.get(command.argument) if listener.channel else None
    return value or NOT_FOUND


def _event(listener: Listener, command: Command) -> str:
    names, subclasses, format_ = _names(command.argument)
    if format_ != "plain":
        return f"-ERR {format_} is not played by the stand-in"
    if not names:
        return "-ERR no keywords supplied"
    listener.names |= names
    listener.subclasses |= subclasses
    if listener.channel is not None and not listener.my_events:
        listener.switch.listeners.add(listener)
    return "+OK event listener enabled plain"


def _nix_event(listener: Listener, command: Command) -> str:
    names, subclasses, _ = _names(command.argument)
    if not names:
        return "-ERR no keywords supplied"
    listener.subclasses -= subclasses
    if "ALL" in names:
        listener.names.clear()
    else:
        if "ALL" in listener.names:
            listener.names = set(EVENT_NAMES)
        listener.names -= names - ({"CUSTOM"} if subclasses else set())
    return "+OK events nixed"


def _no_events(listener: Listener, command: Command) -> str:
    if not listener.names:
        return "-ERR not listening for events"
    listener.names.clear()
    listener.subclasses.clear()
    return "+OK no longer listening for events"


def _names(text: str) -> tuple[set[str], set[str], str]:
    """Read ``[plain] NAME … CUSTOM subclass …``: (names, subclasses, format)."""
    names: set[str] = set()
    subclasses: set[str] = set()
    format_ = "plain"
    for index, word in enumerate(text.split()):
        if index == 0 and word.lower() in {"plain", "json", "xml"}:
            format_ = word.lower()
        elif "CUSTOM" in names:
            subclasses.add(word)
        elif word.upper() in EVENT_NAMES or word.upper() == "ALL":
            names.add(word.upper())
    return names, subclasses, format_


def _filter(listener: Listener, command: Command) -> str:
    words = command.argument.split(" ", 2)
    if words[0].lower() == "delete" and len(words) > 1:
        name, value = words[1], words[2] if len(words) > 2 else ""
        listener.filters = [
            pair
            for pair in listener.filters
            if name.lower() != "all" and not (pair[0].lower() == name.lower() and value in {"", pair[1]})
        ]
        return f"+OK filter deleted. [{name}][{value}]"
    if words[0].lower() == "add":
        words = command.argument.partition(" ")[2].split(" ", 1)
    else:
        words = command.argument.split(" ", 1)
    if len(words) < 2:
        return "-ERR invalid syntax"
    listener.filters.append((words[0], words[1]))
    return f"+OK filter added. [{words[0]}]=[{words[1]}]"


def _send_message(listener: Listener, command: Command) -> str:
    uuid = command.argument or command.get("session-id")
    channel = listener.switch.channels.get(uuid) if uuid else listener.channel
    if channel is None:
        return f"-ERR invalid session id [{uuid}]"
    if not channel.push(command):
        raise TooManyPending
    return "+OK"


def _send_event(listener: Listener, command: Command) -> str:
    """Fire what was sent, with its command in front; one for a channel goes to that alone, whom nobody hears here."""
    uuid = listener.switch.new_uuid()
    headers = (("Command", command.line), *command.sent, ("Event-UUID", uuid))
    if command.get("unique-id") not in listener.switch.channels:
        listener.switch.fire(command.argument or "CLONE", headers, body=command.body)
    return f"+OK {uuid}"


def _api(listener: Listener, command: Command) -> None:
    name, _, argument = command.argument.partition(" ")
    body = listener.switch.api(name, argument).encode("utf-8", "surrogateescape")
    listener.send(b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(body), body))


def _bgapi(listener: Listener, command: Command) -> None:
    job = command.get("job-uuid") or listener.switch.new_uuid()
    name, _, argument = command.argument.partition(" ")
    owner = listener.channel.uuid if listener.channel else ""
    listener.send(
        f"Content-Type: command/reply\nReply-Text: +OK Job-UUID: {job}\nJob-UUID: {job}\n\n".encode()
    )
    gevent.spawn(_run_job, listener, job, name, argument, owner)


def _run_job(listener: Listener, job: str, name: str, argument: str, owner: str) -> None:
    body = listener.switch.api(name, argument)
    headers = [("Job-UUID", job), ("Job-Command", name)]
    if argument:
        headers.append(("Job-Command-Arg", argument))
    if owner:
        headers.append(("Job-Owner-UUID", owner))
    listener.switch.fire("BACKGROUND_JOB", tuple(headers), body=body, owner=owner)


HANDLERS: dict[str, Handler] = {
    "connect": _connect,
    "myevents": _my_events,
    "divert_events": _divert_events,
    "linger": _linger,
    "nolinger": _no_linger,
    "resume": _resume,
    "getvar": _get_variable,
    "event": _event,
    "events": _event,
    "nixevent": _nix_event,
    "noevents": _no_events,
    "filter": _filter,
    "sendmsg": _send_message,
    "sendevent": _send_event,
    "api": _api,
    "bgapi": _bgapi,
    "log": lambda _listener, command: f"+OK log level {command.argument} [7]",
    "nolog": lambda _listener, _command: "+OK no longer logging",
}
