"""A call as a ladder: who said what when, one rung a line. Pure.

::

     0.001 │─ connect ───────────────────────────────────────▶│
     0.005 │◀─ channel data  "Bob" <1001> calls 8001, ringing ─│
     0.007 │·  contact_center acme                             │

A `Rung` is a value, so that a comparison can put two ladders beside each other. What callers wrote is shown with
its control characters escaped.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fsroute.esl.messages import API_RESPONSE, AUTH_REQUEST, COMMAND_REPLY, DISCONNECT_NOTICE, Event, Message
from fsroute.replay.format import INBOUND, Capture, Note, Side
from fsroute.replay.frames import Command, Cutter, Frame, without_password

WIDTH: Final = 100  # columns, where nobody says how many there are
NARROWEST: Final = 40
LONGEST_DETAIL: Final = 2_000  # characters of one value, even where all is shown


@dataclass(frozen=True, slots=True)
class Rung:
    """One line: `t` seconds after the beginning; `side` sent it, None for a note.

    `kind` is ``command``, ``reply``, ``refusal``, ``event``, ``digit``, ``bridge``, ``hangup``, ``notice``, ``note``,
    ``end`` or ``garbage``. `text` says it in a line, without control characters. `origin` is what made fsroute send
    it, as far as the capture says: a step of the application, a rule. `details` are all headers, decoded.
    """

    t: float
    side: Side | None
    kind: str
    text: str
    origin: str = ""
    details: tuple[tuple[str, str], ...] = ()


def ladder(capture: Capture) -> Iterator[Rung]:
    """The rungs of a capture, in order."""
    several = capture.header.session == INBOUND
    origin = ""
    for item in _in_order(capture):
        if isinstance(item, Note):
            origin = origin_of(item.facts) or origin
            yield from _of_note(item)
        elif item.command is not None:
            yield _of_command(item, item.command, origin)
        elif item.message is not None:
            yield of_message(item.t, item.message, several)
        else:
            yield Rung(item.t, item.side, "garbage", f"{len(item.raw)} bytes: {visible(item.raw[:200])}")


def _in_order(capture: Capture) -> Iterator[Frame | Note]:
    """Frames stand where they were whole; a note before what was sent after it."""
    cutter = Cutter()
    for line in capture.lines:
        if isinstance(line, Note):
            yield line
        else:
            yield from cutter.feed(line)
    yield from cutter.finish()


def origin_of(facts: Mapping[str, Any]) -> str:
    """What a note says of what fsroute sends from then on; empty if nothing."""
    routed, step = facts.get("routed"), facts.get("step")
    if isinstance(routed, dict):
        rule = routed.get("rule")
        return f"rule {visible(rule)}" if rule else f"queue {visible(routed.get('queue', ''))}"
    if isinstance(step, dict):
        return f"step {visible(step.get('step', ''))} of {visible(step.get('application', ''))}"
    return ""


# What a rung says ----------------------------------------------------------------------------------


def _of_note(note: Note) -> Iterator[Rung]:
    for key, value in note.facts.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        kind = "end" if key in ("end", "truncated", "dropped") else "note"
        yield Rung(note.t, None, kind, f"{visible(key)} {visible(text)}")


def _of_command(frame: Frame, command: Command, origin: str) -> Rung:
    return Rung(frame.t, frame.side, "command", command_text(command), origin, _details(command))


def _details(command: Command) -> tuple[tuple[str, str], ...]:
    said = tuple((visible(name), visible(value)) for name, value in command.headers)
    return (*said, ("body", visible(command.body))) if command.body else said


def command_text(command: Command) -> str:
    """A command in a line."""
    word = command.word
    if word != "sendmsg":
        return visible(without_password(command.line.encode()))
    uuid = command.line.partition(" ")[2]
    prefix = f"{visible(uuid[:8])} " if uuid else ""
    call = command.get("call-command")
    if call == "execute":
        argument = command.get("execute-app-arg") or command.body.decode("utf-8", "replace")
        return visible(f"{prefix}execute {command.get('execute-app-name')} {argument}".rstrip())
    if call == "hangup":
        return visible(f"{prefix}hangup {command.get('hangup-cause')}".rstrip())
    return visible(f"{prefix}sendmsg {call}".rstrip())


_SALIENT: Final[Mapping[str, tuple[str, ...]]] = {
    "CHANNEL_EXECUTE": ("Application", "Application-Data"),
    "CHANNEL_EXECUTE_COMPLETE": ("Application", "Application-Response"),
    "CHANNEL_BRIDGE": ("Bridge-A-Unique-ID", "Bridge-B-Unique-ID"),
    "CHANNEL_UNBRIDGE": ("Bridge-A-Unique-ID", "Bridge-B-Unique-ID"),
    "CHANNEL_HANGUP": ("Hangup-Cause",),
    "CHANNEL_HANGUP_COMPLETE": ("Hangup-Cause",),
    "CHANNEL_CREATE": ("Call-Direction", "Caller-Destination-Number"),
    "CHANNEL_PROGRESS": ("Caller-Destination-Number",),
    "CHANNEL_CALLSTATE": ("Original-Channel-Call-State", "Channel-Call-State"),
    "CHANNEL_STATE": ("Channel-State",),
    "CUSTOM": ("Event-Subclass", "Action"),
    "BACKGROUND_JOB": ("Job-Command", "Job-Command-Arg"),
    "DETECTED_SPEECH": ("Speech-Type",),
}
"""Which headers of an event are worth its line."""

_KINDS: Final[Mapping[str, str]] = {
    "DTMF": "digit",
    "CHANNEL_BRIDGE": "bridge",
    "CHANNEL_UNBRIDGE": "bridge",
    "CHANNEL_HANGUP": "hangup",
    "CHANNEL_HANGUP_COMPLETE": "hangup",
}


def of_message(t: float, message: Message, several: bool = False) -> Rung:
    """What FreeSWITCH said; with `several` channels on one connection an event says which it is about."""
    details = tuple((visible(name), visible(value)) for name, value in message.headers().items())
    if message.body:
        details = (*details, ("body", visible(message.body)))
    kind, text = _said(message, several)
    return Rung(t, Side.FREESWITCH, kind, text, "", details)


def _said(message: Message, several: bool) -> tuple[str, str]:
    refused = message.refusal
    if refused is not None:
        return "refusal", visible(refused)
    if isinstance(message, Event):
        return _KINDS.get(message.name, "event"), _event_text(message, several)
    if message.content_type == COMMAND_REPLY:
        return "reply", visible(message.reply_text)
    if message.content_type == API_RESPONSE:
        return "reply", visible(message.text)
    if message.content_type == DISCONNECT_NOTICE:
        lingers = message.get("Content-Disposition") == "linger"
        return "notice", "disconnect notice, the socket lingers" if lingers else "disconnect notice"
    if message.content_type == AUTH_REQUEST:
        return "notice", "auth/request"
    return "notice", visible(message.content_type)


def _event_text(event: Event, several: bool) -> str:
    if event.content_type == COMMAND_REPLY:
        return visible(_arrival(event))
    prefix = f"{event.uuid[:8]} " if several and event.uuid else ""
    if event.name == "DTMF":
        return visible(f"{prefix}digit {event.get('DTMF-Digit', '')}")
    said = [_short(name, event.get(name, "")) for name in _SALIENT.get(event.name, ())]
    if event.body:
        said.append(event.text)
    return visible(f"{prefix}{event.name}  {' '.join(filter(None, said))}".rstrip())


def _short(name: str, value: str) -> str:
    return value[:8] if name.endswith("-Unique-ID") else value


def _arrival(channel: Event) -> str:
    name, number = channel.get("Caller-Caller-ID-Name", ""), channel.get("Caller-Caller-ID-Number", "")
    called = channel.get("Caller-Destination-Number", "")
    return f'channel data  "{name}" <{number}> calls {called}, {channel.get("Answer-State", "")}'


def visible(value: object) -> str:
    """A text in one line, every character that does not print escaped: no text can move the cursor or hide itself."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    text = text[:LONGEST_DETAIL] + "…" if len(text) > LONGEST_DETAIL else text
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode()
        for letter in text
    )


# Drawing -------------------------------------------------------------------------------------------


def title(capture: Capture) -> Iterator[str]:
    """What the header says, in a line or two."""
    header = capture.header
    name = " ".join(filter(None, (capture.name, header.situation)))
    yield visible(name)
    said = [
        header.session,
        header.link,
        header.freeswitch,
        " ".join(filter(None, (header.site, header.switch))),
    ]
    missing = f"{header.missing} bytes are missing" if header.missing else ""
    joined = "joined in the middle" if header.joined else ""
    later = f"part {header.part}, continues {header.continues}" if header.part > 1 else ""
    yield visible(", ".join(filter(None, (*said, joined, later, missing))))


def drawn(rungs: Iterable[Rung], width: int = WIDTH, everything: bool = False) -> Iterator[tuple[Rung, str]]:
    """Each rung with its line, `width` columns wide; with `everything` its headers follow on lines of their own."""
    inner = max(width, NARROWEST) - 12
    for rung in rungs:
        yield rung, f"{rung.t:9.3f} │{_bar(rung, inner)}│"
        if everything:
            for name, value in rung.details:
                yield rung, f"{'':9} │    {name}: {value}"


def rails(width: int = WIDTH) -> str:
    """The line above a ladder."""
    inner = max(width, NARROWEST) - 12
    return f"{'':9} fsroute{'':{inner - 16}}FreeSWITCH"


def _bar(rung: Rung, inner: int) -> str:
    text = f"{rung.text}  [{rung.origin}]" if rung.origin else rung.text
    room = inner - 6
    text = cut(text, room)
    if rung.side is None:
        return f"·  {text}".ljust(inner)
    line = "─" * (room - columns(text))
    if rung.side is Side.FSROUTE:
        return f"─ {text} {line}──▶"
    return f"◀─ {text} {line}──"


def cut(text: str, room: int) -> str:
    """`text` in `room` columns, with a mark where it was cut."""
    if columns(text) <= room:
        return text
    kept, used = [], 0
    for letter in text:
        used += columns(letter)
        if used > room - 1:
            break
        kept.append(letter)
    return "".join(kept) + "…"


def columns(text: str) -> int:
    """How many columns a terminal takes for it."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(bool(unicodedata.combining(letter)) for letter in text)
