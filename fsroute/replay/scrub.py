"""Names and numbers are replaced as captures are written: whole frames in, whole frames out, the same for the same.

What a header is tells how it is scrubbed (``headers.py``); what was learned to be somebody's name or number is then
replaced wherever else it stands (``learned.py``); by what is a matter of the folder's key (``masks.py``). Pure: the
key, and what the file holds, are passed in.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, cast
from urllib.parse import unquote_to_bytes

import msgspec

from fsroute.coordinator.actions import AgentChanged, CallChanged, ReservationLost
from fsroute.esl.encoding import url_encode
from fsroute.esl.messages import COMMAND_REPLY, DISCONNECT_NOTICE, Event, Message
from fsroute.model.agent import Agent
from fsroute.model.proxy_call import ProxyCall
from fsroute.replay import journal as journals
from fsroute.replay.format import Chunk, Side, chunk_line, note_line
from fsroute.replay.frames import Command, Cutter, Frame
from fsroute.replay.headers import SENSITIVE, Kind, kind_of
from fsroute.replay.journal import CallSeen, NumbersChanged, RulesChanged
from fsroute.replay.learned import NOTHING, SHORTEST, Learned
from fsroute.replay.masks import FEWEST, NOBODY, Masks, digits_of

ASKS_FOR_KEYS: Final = "play_and_get_digits"
LONG_ENTRY: Final = 4  # digits that a caller may key, from which on they may be an account or a PIN
MOST_HELD: Final = 2_000  # frames that wait for the end of an entry
MOST_LINES: Final = 5_000  # scrubbed lines that a session remembers
MOST_UNTOUCHED: Final = 10_000  # texts that all sessions of a folder remember, of
LONGEST_UNTOUCHED: Final = 500  # characters at most

_UUID: Final = (
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|(?<![0-9A-Za-z])[0-9a-f]{32}(?![0-9A-Za-z])"
)
_DATE: Final = r"(?<![0-9])[12][0-9]{3}-[01][0-9]-[0-3][0-9](?![0-9])"
_IPV4: Final = r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9.])"
_IPV6: Final = (  # 2000::/3 is what is public
    r"(?<![0-9A-Fa-f:])[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{1,4}:|:){1,6}(?:[0-9A-Fa-f]{1,4})?(?![0-9A-Za-z:])"
)
_STATE: Final = r"(?<=fsroute_state[ =:])[A-Za-z0-9_-]{8,}"
_DIAL: Final = (
    r"(?<=undef undef ')(?:[^'\\\n]|\\.)*(?=')"
    r"|(?<=caller_id_name=')(?:[^'\\\n]|\\.)*(?=')|(?<=caller_id_name=)[^',}\]\n][^,}\]\n]*"
)
_JSON: Final = r'(?<=_name":")(?:[^"\\]|\\.)*(?=")|(?<=_num":")(?:[^"\\]|\\.)*(?=")'
_LEFT: Final = r"(?:(?<![0-9A-Fa-f])|(?<=%[0-9A-Fa-f]{2}))"
_NUMBER: Final = (
    rf"{_LEFT}[0-9]{{7,}}(?![0-9A-Fa-f])"
    r"|\+[0-9]{1,3}[ .-]\(?[0-9]{2,4}\)?(?:[ .-][0-9]{2,4}){1,3}(?![0-9A-Za-z-])"
    r"|\([0-9]{2,5}\)[ -]?[0-9]{3,4}[ -]?[0-9]{2,8}(?![0-9A-Za-z-])"
    rf"|{_LEFT}[0-9]{{2,4}}(?P<sign>[-.])[0-9]{{2,4}}(?P=sign)[0-9]{{2,8}}(?![0-9A-Za-z-])"
)
_NAME: Final = re.compile(rb"[A-Za-z][A-Za-z0-9_.-]*")
_USER: Final = re.compile(r"([^\s/:;<>\"'@\\=,]+)(?=@)")
_SPOKEN: Final = re.compile(r"digits/[0-9]\.\w+(?:[! ](?:[^\s!]*/)?digits/[0-9]\.\w+){2,}")
"""A number that is read out digit by digit."""
_PROMPT: Final = re.compile(r"(?<=digits/)[0-9](?=\.)")
_ASKS: Final = re.compile(
    rb"(?:connect|sendmsg|no_?linger|linger|myevents|nixevent|event|exit)(?![^ ]).*"
    rb"|(?:bg)?api(?: [a-z_]+)?(?:(?<=uuid_setvar) [0-9a-f-]{36} [a-z_0-9]+(?= ))?|[a-z]+"
)
"""Of a command's first line what says what it is."""
_PLAIN_HEADERS: Final = frozenset({
    b"call-command", b"execute-app-name", b"event-uuid", b"event-lock", b"async", b"loops", b"content-type",
    b"content-length",
})  # fmt: skip
_QUOTED: Final = re.compile(r'(?<=")(?:[^"\\]|\\.)*(?=")')
_DISPLAY: Final = re.compile(r'^\s*([^"<]+?)(?=\s*<)')
_ENTRY: Final = re.compile(r"^\s*[0-9]+ ([0-9]+) .*?(fsroute_(?:digits|keyed)_[0-9]+|$)")
_OURS: Final = re.compile(r"^(?:mod_sofia|[0-9a-f]{32}|fsroute.*|gw\+.*|[0-9*#]{1,5})$")


_GENERAL: Final = (  # what it may begin with comes first: most letters of a text are none of it
    rf"(?=[0-9A-Fa-f+(])(?:(?P<uuid>{_UUID}|{_DATE})|(?P<ipv4>{_IPV4})|(?P<ipv6>{_IPV6})|(?P<number>{_NUMBER}))"
)
_PLAIN: Final = re.compile(_GENERAL)
_ANY: Final = re.compile(rf"(?<=[ =:'\"])(?:(?P<state>{_STATE})|(?P<name>{_DIAL}|{_JSON}))|{_GENERAL}")
_EVENT_UUID: Final = re.compile(rb"Event-UUID: [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SOME: Final = re.compile(r"[0-9]|undef undef '|caller_id_name=|fsroute_state|_name\":\"|_num\":\"")
"""What a text holds at least in which `_ANY` finds something; looked for first, since most texts have none of it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`kept_digits` of the national part of a caller's number stay; `facts` about callers are replaced, too."""

    key: bytes
    kept_digits: int = 0
    facts: tuple[str, ...] = ()
    called: tuple[str, ...] = ()


class Scrubber:
    """For all files of one folder."""

    def __init__(self, settings: Settings) -> None:
        self.masks = Masks(settings.key, settings.kept_digits, settings.called)
        self.facts = frozenset(settings.facts)
        self.untouched: set[str] = set()
        """Texts in which nothing is found; what is called later only adds to them."""

    def session(self) -> ScrubbedLines:
        return ScrubbedLines(self)

    def event(self, event: journals.Event) -> journals.Event:
        """An entry of the journal."""
        if isinstance(event, NumbersChanged):
            self.masks.keep(event.numbers)
        elif isinstance(event, RulesChanged):
            rows = event.document.get("number_called", ())
            self.masks.keep(str(row.get("number", "")) for row in rows if isinstance(row, dict))
            return RulesChanged(event.version, self.document(event.document))
        elif isinstance(event, CallChanged | CallSeen):
            return replace(event, call=self.call(event.call))
        elif isinstance(event, AgentChanged):
            return AgentChanged(self.agent(event.agent), event.as_of)
        elif isinstance(event, ReservationLost):
            call = None if event.call is None else self.call(event.call)
            agent = None if event.agent is None else self.agent(event.agent)
            return replace(event, call=call, agent=agent)
        return event

    def call(self, call: ProxyCall) -> ProxyCall:
        return replace(
            call,
            caller_number=self.user(call.caller_number),
            caller_name=self.masks.name(call.caller_name),
            callback_number=self.user(call.callback_number),
            agent_name=None if call.agent_name is None else self.masks.name(call.agent_name),
            agent_address=None if call.agent_address is None else self.plain(call.agent_address),
            way=None if call.way is None else replace(call.way, number=self.plain(call.way.number)),
            overflow=replace(call.overflow, number=self.plain(call.overflow.number)),
            time_line=tuple(replace(step, number=self.plain(step.number)) for step in call.time_line),
        )

    def agent(self, agent: Agent) -> Agent:
        return replace(agent, name=self.masks.name(agent.name), address=self.plain(agent.address))

    def user(self, text: str) -> str:
        """A number, or what a user is called by; an extension stays."""
        if len(digits_of(text)) >= FEWEST:
            return self.masks.number(text)
        return text if _OURS.match(text) or text.lower() in NOBODY else self.masks.name(text)

    def plain(self, text: str) -> str:
        """A text in which nobody's name is looked for: numbers and public addresses."""
        return _PLAIN.sub(self._of_plain, text)

    def document(self, value: Any) -> Any:
        """All texts of a document."""
        if isinstance(value, str):
            return self.plain(value)
        if isinstance(value, Mapping):
            return {key: self.document(each) for key, each in value.items()}
        return [self.document(each) for each in value] if isinstance(value, list | tuple) else value

    def _of_plain(self, found: re.Match[str]) -> str:
        return self.found(found.lastgroup, found[0])

    def found(self, what: str | None, text: str) -> str:
        """What stands for something that was found in a text."""
        if what == "number":
            return self.masks.number(text) if len(digits_of(text)) > FEWEST else text
        return self.masks.address(text) if what in ("ipv4", "ipv6") else text


class ScrubbedLines:
    """One session: chunks and notes in, lines out. While a caller keys a long entry what comes is held back."""

    def __init__(self, scrubber: Scrubber) -> None:
        self._set = scrubber
        self._masks = scrubber.masks
        self._learned = Learned(scrubber.masks)
        self._cutter = Cutter()
        self._kept: dict[bytes, bytes] = {}  # lines that stay whatever is learned
        self._coded: dict[bytes, bytes] = {}  # lines that were scrubbed, and what they became
        self._uncoded: dict[bytes, bytes] = {}
        self._said: dict[tuple[str, bytes], bytes] = {}  # lines of commands
        self._seen: set[bytes] = set()  # lines that were learned from
        self._version = self._forgotten = -1
        self._finder = NOTHING
        self._with_lines: tuple[str, ...] = ()  # names that have several
        self._is_call = False
        self._keys = 0
        self._is_secret = False  # what the caller is asked for now
        self._entering = ""  # the variable that a long entry is being keyed for
        self._entered: list[str] = []
        self._held: list[Frame | tuple[float, Mapping[str, Any]]] = []

    def chunk(self, t: float, side: Side, data: bytes) -> Iterator[bytes]:
        for frame in self._cutter.feed(Chunk(t, side, data)):
            yield from self._frame(frame)

    def note(self, t: float, facts: Mapping[str, Any]) -> Iterator[bytes]:
        if self._entering:
            self._held.append((t, facts))
            return
        self._look_at_step(facts)
        yield note_line(t, self._note(facts))

    def finish(self, t: float) -> Iterator[bytes]:
        yield from self._entry_over()
        for frame in self._cutter.finish():
            yield chunk_line(t, frame.side, self._text_bytes(frame.raw))

    # Entries ---------------------------------------------------------------------------------------

    def _look_at_step(self, facts: Mapping[str, Any]) -> None:
        if isinstance(step := facts.get("step"), Mapping):
            self._is_secret = step.get("secret") is True

    def _frame(self, frame: Frame) -> Iterator[bytes]:
        if self._entering:
            self._held.append(frame)
            if self._ends_entry(frame) or len(self._held) > MOST_HELD:
                yield from self._entry_over()
            return
        yield chunk_line(frame.t, frame.side, self._scrubbed(frame))
        if frame.command is not None:
            self._begin_entry(frame.command)

    def _begin_entry(self, command: Command) -> None:
        if command.get("execute-app-name") == ASKS_FOR_KEYS:
            argument = command.get("execute-app-arg") or command.body.decode("utf-8", "replace")
            found = _ENTRY.match(argument)
            if found is not None and int(found[1][:6]) >= (SHORTEST if self._is_secret else LONG_ENTRY):
                self._entering, self._entered = found[2] or "-", []

    def _ends_entry(self, frame: Frame) -> bool:
        """Collect the keys; the entry is over with its execution, or with the call."""
        event = frame.message
        if not isinstance(event, Event):
            return frame.message is not None and frame.message.content_type == DISCONNECT_NOTICE
        if event.name == "DTMF":
            self._entered.append(event.get("DTMF-Digit", ""))
        is_over = event.name == "CHANNEL_HANGUP" or (
            event.name == "CHANNEL_EXECUTE_COMPLETE" and event.get("Application") == ASKS_FOR_KEYS
        )  # the end of an application before it may come late
        if is_over:
            for name in (f"variable_{self._entering}", f"variable_{self._entering}_invalid"):
                self._learn_entry(event.get(name, ""))
        return is_over

    def _learn_entry(self, text: str) -> None:
        """What is too short to be found again is nobody's secret."""
        if len(digits_of(text)) >= SHORTEST:
            self._learned.number(digits_of(text))

    def _entry_over(self) -> Iterator[bytes]:
        """Whatever was held back, with the keys replaced as the whole entry is."""
        keyed = "".join(self._entered)
        self._learn_entry(keyed)
        fakes = iter(self._masks.number(keyed) if len(digits_of(keyed)) >= SHORTEST else keyed)
        held, self._held, self._entering = self._held, [], ""
        for item in held:
            if isinstance(item, tuple):
                self._look_at_step(item[1])
                yield note_line(item[0], self._note(item[1]))
                continue
            digit = None
            if isinstance(item.message, Event) and item.message.name == "DTMF":
                digit = next(fakes, "0")
            yield chunk_line(item.t, item.side, self._scrubbed(item, digit))

    # Frames ----------------------------------------------------------------------------------------

    def _scrubbed(self, frame: Frame, digit: str | None = None) -> bytes:
        if frame.command is not None:
            return self._command(frame.raw, frame.command)
        message = frame.message
        if message is None or message.content_type == DISCONNECT_NOTICE:
            return self._text_bytes(frame.raw)
        if isinstance(message, Event):
            self._is_call = self._is_call or message.content_type == COMMAND_REPLY
            self._learn(message, frame.raw)
            if message.content_type == COMMAND_REPLY:
                return self._lines(frame.raw, coded=True)
            return self._event(frame.raw, message, digit)
        return self._with_body(frame.raw, message)

    def _learn(self, event: Event, raw: bytes) -> None:
        """The names that an event tells, before anything of it is written."""
        if event.content_type == COMMAND_REPLY and event.get("Call-Direction") == "inbound":
            called = event.get("variable_fsroute_number_called") or event.get("Caller-Destination-Number", "")
            self._masks.keep([called])
        seen = self._seen
        fresh = [line for line in raw.split(b"\n") if line not in seen]
        for line in fresh:
            name, colon, value = line.partition(b": ")
            if colon and _teaches(name):
                self._learn_value(value)
        if len(seen) > MOST_LINES:
            seen.clear()
        seen.update(fresh)

    def _learn_value(self, value: bytes) -> None:
        """Of a header that holds a name or a number."""
        text = _decoded(value)
        if len(digits_of(text)) >= FEWEST and not any(letter.isalpha() for letter in text):
            if self._is_call or len(digits_of(text)) <= FEWEST:
                self._learned.number(text)
        elif not _OURS.match(text):
            for reading in dict.fromkeys((text, *_other_readings(value))):
                self._learned.name(reading)

    def _event(self, raw: bytes, event: Event, digit: str | None) -> bytes:
        start = raw.find(b"\n\n", len(raw) - len(raw.lstrip(b"\n"))) + 2
        outer, payload = raw[:start], raw[start:]
        if event.name == "DTMF" and digit is None:
            digit = self._key_of(event)
        head, gap, body = payload.partition(b"\n\n")
        scrubbed = self._lines(head, coded=True, digit=digit)
        if body.strip(b"\n"):
            body = self._body(body)
            scrubbed = _with_length(scrubbed, len(body))
        payload = scrubbed + gap + body
        return _with_length(outer, len(payload)) + payload

    def _key_of(self, event: Event) -> str | None:
        """A key on the connection to the switch may be of any entry; callers' are replaced."""
        if self._is_call or event.get("Call-Direction") != "inbound":
            return None
        self._keys += 1
        key = event.get("DTMF-Digit", "")
        return self._masks.digit(event.uuid, self._keys) if key.isdigit() else key

    def _with_body(self, raw: bytes, message: Message) -> bytes:
        if not message.body:
            return self._lines(raw)
        start = len(raw) - len(message.body)
        body = self._body(raw[start:])
        return _with_length(self._lines(raw[:start]), len(body)) + body

    def _body(self, body: bytes) -> bytes:
        """What an api command gave, or a job: lines of headers are scrubbed as such.

        Unless somebody's name has lines itself.
        """
        self._forget_if_changed()
        text = body.decode("utf-8", "surrogateescape")
        if any(name in text for name in self._with_lines):
            return self._text_bytes(body)
        return self._lines(body)

    def _command(self, raw: bytes, command: Command) -> bytes:
        start = len(raw) - len(command.body)
        head = self._said_lines(raw[:start])
        if not command.body:
            return head
        body = self._text_bytes(raw[start:])
        return _with_length(head, len(body)) + body

    def _said_lines(self, head: bytes) -> bytes:
        """Of a command: many are said again and again."""
        self._forget_if_changed()
        if len(self._said) > MOST_LINES:
            self._said.clear()
        first, *lines = head.lstrip(b"\n").split(b"\n")
        said = [self._said_line(first, self._first_line)]
        return b"\n".join([*said, *(self._said_line(line, self._command_header) for line in lines)])

    def _said_line(self, line: bytes, scrubbed: Callable[[bytes], bytes]) -> bytes:
        known = self._said.get((scrubbed.__name__, line))
        if known is None:
            known = line if _EVENT_UUID.fullmatch(line) else scrubbed(line)
            self._said[scrubbed.__name__, line] = known
        return known

    def _first_line(self, line: bytes) -> bytes:
        """What is asked for is nobody's name, even if somebody calls himself so."""
        found = _ASKS.match(line)
        kept = b"" if found is None else found[0]
        rest = line[len(kept) :]
        if kept.endswith(b" fsroute_state"):
            return kept + b" " + self._state(rest.decode("utf-8", "surrogateescape").strip()).encode()
        return kept + self._text_bytes(rest)

    def _command_header(self, line: bytes) -> bytes:
        name, colon, value = line.partition(b": ")
        if not colon or name.lower() in _PLAIN_HEADERS:
            return line
        return name + colon + self._text_bytes(value)

    def _lines(self, text: bytes, coded: bool = False, digit: str | None = None) -> bytes:
        """Header lines; what is no header is text. `coded`: values are URL-encoded."""
        self._forget_if_changed()
        remembered = self._coded if coded else self._uncoded
        lines = text.split(b"\n")
        done = list(map(self._kept.get, lines))
        if None in done:
            for nth, line in enumerate(lines):
                if done[nth] is None:
                    done[nth] = remembered.get(line) or self._new_line(remembered, line, coded, digit)
        return b"\n".join(cast(list[bytes], done))

    def _new_line(self, remembered: dict[bytes, bytes], line: bytes, coded: bool, digit: str | None) -> bytes:
        """A line that was not met before, or not since something was learned. A key is another each time."""
        name, colon, value = line.partition(b": ")
        kind = _kind_of(name) if colon else None
        if kind is Kind.DIGIT:
            return line if digit is None else name + b": " + url_encode(digit).encode()
        if kind is Kind.KEPT:
            _remember(self._kept, line, line)
            return line
        made = self._line(line, kind, value, coded)
        _remember(remembered, line, made)
        return made

    def _line(self, line: bytes, kind: Kind | None, value: bytes, coded: bool) -> bytes:
        if kind is None:
            return self._text_bytes(line)
        if not value:
            return line
        text = _decoded(value) if coded else value.decode("utf-8", "surrogateescape")
        made = self._value(kind, text)
        if made == text:
            return line
        head = line[: len(line) - len(value)]
        return head + (url_encode(made).encode() if coded else made.encode("utf-8", "surrogateescape"))

    def _value(self, kind: Kind, text: str) -> str:
        if kind is Kind.NAME:
            return self._masks.name(text)
        if kind is Kind.NUMBER:
            return self._set.user(text)
        if kind is Kind.URI:
            return self._uri(text)
        if kind is Kind.STATE:
            return self._state(text)
        return self._text(text)

    def _uri(self, text: str) -> str:
        """Display names and users; what is left is text. Each piece is replaced once."""
        spans = [(found.span(), self._masks.name(found[0])) for found in _QUOTED.finditer(text)]
        display = _DISPLAY.match(text)
        if display is not None:
            spans.append((display.span(1), self._masks.name(display[1])))
        spans += [(found.span(), self._set.user(found[0])) for found in _USER.finditer(text)]
        made, at = [], 0
        for (start, stop), fake in sorted(spans):
            if start >= at:
                made += [self._text(text[at:start]), fake]
                at = stop
        return "".join([*made, self._text(text[at:])])

    # Texts -----------------------------------------------------------------------------------------

    def _text_bytes(self, data: bytes) -> bytes:
        text = data.decode("utf-8", "surrogateescape")
        self._forget_if_changed()
        return self._text(text).encode("utf-8", "surrogateescape")

    def _text(self, text: str) -> str:
        """What was learned first; each piece is replaced once."""
        if "digits/" in text:
            text = _SPOKEN.sub(self._spoken, text)
        made, at = [], 0
        for start, stop, fake in self._finder.spans(text):
            made += [self._unknown(text[at:start]), fake]
            at = stop
        return "".join([*made, self._unknown(text[at:])]) if made else self._unknown(text)

    def _unknown(self, text: str) -> str:
        """A text in which nothing is that was learned. One that stays does so in every session."""
        untouched = self._set.untouched
        if text in untouched:
            return text
        made = _ANY.sub(self._replaced, text) if _SOME.search(text) else text
        if made == text and len(text) <= LONGEST_UNTOUCHED and "fsroute_state" not in text:
            if len(untouched) > MOST_UNTOUCHED:
                untouched.clear()
            untouched.add(text)
        return made

    def _spoken(self, found: re.Match[str]) -> str:
        """A number that somebody hears is the one that stands for it elsewhere."""
        digits = "".join(_PROMPT.findall(found[0]))
        fake = self._finder.fake_of(digits)
        if fake is None:
            fake = self._masks.number(digits) if len(digits) > FEWEST else digits
        given = iter(fake)
        return _PROMPT.sub(lambda _: next(given), found[0])

    def _replaced(self, found: re.Match[str]) -> str:
        what, text = found.lastgroup, found[0]
        if what == "state":
            return self._state(text)
        if what == "name":
            return self._masks.name(text)
        return self._set.found(what, text)

    def _forget_if_changed(self) -> None:
        """What was learned meanwhile counts for the lines that were scrubbed before, too."""
        if self._learned.version == self._version:
            return
        self._version = self._learned.version
        for lines in (self._coded, self._uncoded, self._said):
            lines.clear()
        if self._learned.forgotten != self._forgotten:  # may be learned again
            self._forgotten = self._learned.forgotten
            self._seen.clear()
        self._finder = self._learned.finder()
        self._with_lines = self._finder.with_lines()

    # Facts -----------------------------------------------------------------------------------------

    def _state(self, text: str) -> str:
        """A position of an application (``fsroute/ivr/position.py``): JSON in base64url, facts under ``f``."""
        try:
            position = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (ValueError, binascii.Error, RecursionError):
            return text
        made = json.dumps(self._position(position), separators=(",", ":"))
        return base64.urlsafe_b64encode(made.encode()).decode("ascii").rstrip("=")

    def _position(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        made = dict(value)
        if isinstance(value.get("f"), dict):
            made["f"] = self._facts(value["f"])
        if isinstance(value.get("k"), list):
            made["k"] = [self._position(each) for each in value["k"]]
        return made

    def _facts(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        return {key: self._fact(str(key), value) for key, value in facts.items()}

    def _fact(self, key: str, value: Any) -> Any:
        if not isinstance(value, str):
            return self._any(value)
        if key in self._set.facts or SENSITIVE.search(key):
            if digits_of(value) and not any(letter.isalpha() for letter in value):
                return self._masks.number(value)
            return self._masks.name(value)
        return self._text(value)

    def _note(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        self._forget_if_changed()
        plain = _plain(facts)
        return {key: self._noted(key, value) for key, value in plain.items()}

    def _noted(self, key: str, value: Any) -> Any:
        if key == "caller" and isinstance(value, dict):
            made = self._any(value)
            made["name"] = self._masks.name(str(value.get("name", "")))
            made["number"] = self._set.user(str(value.get("number", "")))
            for name in ("facts", "customer"):
                made[name] = self._facts(value.get(name) or {})
            return made
        if key == "asked" and isinstance(value, dict):
            known = {name: self._facts(value.get(name) or {}) for name in ("facts", "customer")}
            return {**value, **known, "number": self._set.user(str(value.get("number", "")))}
        if key in ("customer", "facts") and isinstance(value, dict):
            return self._facts(value)
        if key == "state":
            return self._state(str(value))
        if key == "happened" and isinstance(value, dict) and isinstance(value.get("facts"), dict):
            return {**self._any(value), "facts": self._facts(value["facts"])}
        if key in ("contact", "journal", "journal_end", "application", "arrived_at", "number_called"):
            return value
        return self._any(value)

    def _any(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {key: self._any(each) for key, each in value.items()}
        return [self._any(each) for each in value] if isinstance(value, list) else value


def _remember(lines: dict[bytes, bytes], line: bytes, made: bytes) -> None:
    if len(lines) > MOST_LINES:
        lines.clear()
    lines[line] = made


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it. Bytes that are no UTF-8 are lone surrogates, which only the slower writer can escape."""
    try:
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(facts))
    except UnicodeEncodeError:
        plain = json.loads(json.dumps(msgspec.to_builtins(dict(facts), str_keys=True)))
    return plain


@lru_cache(maxsize=4096)
def _kind_of(name: bytes) -> Kind | None:
    """Of a header; None: what is no name of one."""
    return kind_of(name.decode()) if _NAME.fullmatch(name) else None


@lru_cache(maxsize=4096)
def _teaches(name: bytes) -> bool:
    """Whether the value of such a header is somebody's name or number, wherever else it stands."""
    text = name.decode("utf-8", "replace")
    return kind_of(text) in (Kind.NAME, Kind.NUMBER) and not text.lower().startswith("variable_sip_h_")


@lru_cache(maxsize=2048)
def _decoded(value: bytes) -> str:
    if b"%" in value:
        value = unquote_to_bytes(value)
    return value.decode("utf-8", "surrogateescape")


def _other_readings(value: bytes) -> Iterator[str]:
    """FreeSWITCH leaves a ``%XX`` alone that was in the value before: it may have been one, or what it stands for."""
    for escape in (_UNSAFE, _UNSAFE_ASCII) if b"%" in value else ():
        read = escape.sub(lambda found: unquote_to_bytes(found[0]), value)
        yield read.decode("utf-8", "surrogateescape")


_UNSAFE: Final = re.compile(rb"%(?:[0189A-F][0-9A-F]|2[0356B]|3[A-F]|40|5[B-E]|60|7[B-F])")
_UNSAFE_ASCII: Final = re.compile(rb"%(?:[01][0-9A-F]|2[0356B]|3[A-F]|40|5[B-E]|60|7[B-F])")
_LENGTH: Final = re.compile(rb"(?im)^(content-length: *)[0-9]+")


def _with_length(head: bytes, length: int) -> bytes:
    """Header lines that announce a body of so many bytes."""
    return _LENGTH.sub(lambda found: found[1] + str(length).encode(), head, count=1)
