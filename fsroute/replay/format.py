r"""Captures: one session of an event socket as it crossed the socket, as lines of JSON.

The first line is the header, each further line a chunk or a note, in the order of time; the last note is the end::

    {"capture": 2, "situation": "…", "session": "outbound", "at": 1764362172.5, …}
    {"t": 0.0013, "from": "fsroute", "data": "connect\n\n"}
    {"t": 0.0046, "from": "freeswitch", "data": "Event-Name: CHANNEL_DATA\n…"}
    {"t": 0.0071, "from": "fsroute", "note": {"contact_center": "acme"}}
    {"t": 9.2, "from": "fsroute", "note": {"end": "FreeSWITCH has ended the session"}}

``docs/captures.md`` tells what each key means. Files of version 1 (``tests/captures``) have chunks only, and no end;
they call fsroute ``application``. A capture comes from elsewhere: nothing in it is trusted, and every size is limited.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any, Final, TypeGuard

import msgspec

from fsroute.replay.faults import CaptureError, OtherVersion, Truncated

VERSION: Final = 2
MAX_LINE: Final = 8 << 20  # bytes; a frame of 1 MB whose every byte is escaped
MAX_FILE: Final = 512 << 20  # bytes
MAX_LINES: Final = 2_000_000
LONGEST: Final = 366 * 86_400.0  # seconds
_GREATEST: Final = 1 << 53  # of whole numbers that stand for a time


class Side(enum.StrEnum):
    """Who sent a chunk."""

    FREESWITCH = "freeswitch"
    FSROUTE = "fsroute"


OUTBOUND, INBOUND = "outbound", "inbound"
_NAMES: Final = {side: side.value.encode() for side in Side}
_encode: Final = msgspec.json.Encoder().encode
_encode_lines: Final = msgspec.json.Encoder().encode_lines
_SIDES: Final = {"freeswitch": Side.FREESWITCH, "fsroute": Side.FSROUTE, "application": Side.FSROUTE}


@dataclass(frozen=True, slots=True)
class Header:
    """The first line.

    `session` is ``outbound`` (FreeSWITCH connected for one call) or ``inbound`` (fsroute connected). `at` is when t was
    0, in seconds since the epoch; None: not known. `link` names the connection of an inbound session (``events``,
    ``commands``, ``jobs``, ``drafts``). `joined`: the beginning is missing, the session was joined in the middle.
    `continues` is the file before, where one session goes over several; `part` counts them from 1. `missing`: bytes
    that were lost on the way (in an import). `scrubbed`: names and numbers are replaced. `more` is what this version
    does not know.
    """

    situation: str = ""
    freeswitch: str = ""
    recorded_from: str = ""
    session: str = OUTBOUND
    fsroute: str = ""
    site: str = ""
    switch: str = ""
    at: float | None = None
    link: str = ""
    joined: bool = False
    part: int = 1
    continues: str = ""
    missing: int = 0
    scrubbed: bool = False
    capture: int = VERSION
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes as they crossed the socket, `t` seconds after the beginning. `line`: where the file has it, or 0."""

    t: float
    side: Side
    data: bytes
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Note:
    """What fsroute knew from then on; ``docs/captures.md`` lists the keys."""

    t: float
    facts: Mapping[str, Any]
    line: int = field(default=0, compare=False)


Line = Chunk | Note


@dataclass(frozen=True, slots=True)
class Capture:
    """One file: `name` is its own, without the folder."""

    header: Header
    lines: tuple[Line, ...]
    name: str = ""

    @property
    def chunks(self) -> Iterator[Chunk]:
        return (line for line in self.lines if isinstance(line, Chunk))

    @property
    def notes(self) -> Iterator[Note]:
        return (line for line in self.lines if isinstance(line, Note))

    @property
    def facts(self) -> dict[str, Any]:
        """All notes in one; of several under one key the last."""
        return {key: value for note in self.notes for key, value in note.facts.items()}

    @property
    def is_whole(self) -> bool:
        """Nothing of it was left out: the beginning is there, and nothing was dropped or lost."""
        facts = self.facts
        return not (
            self.header.joined or self.header.missing or facts.get("truncated") or facts.get("dropped")
        )

    @property
    def duration(self) -> float:
        """Seconds from the beginning to the last line."""
        return self.lines[-1].t if self.lines else 0.0

    def said_by(self, side: Side) -> bytes:
        """All bytes that one side sent."""
        return b"".join(chunk.data for chunk in self.chunks if chunk.side is side)


# Writing -------------------------------------------------------------------------------------------


def header_line(header: Header) -> bytes:
    """The first line, its line end included; what is as usual is left out."""
    said: dict[str, Any] = {"capture": header.capture}
    for name, default in _SAID:
        value = getattr(header, name)
        if value != default or name in _ALWAYS:
            said[name] = value
    return dumped({**said, **{key: value for key, value in header.more.items() if key not in said}})


Taken = tuple[float, Side, bytes] | tuple[float, None, Mapping[str, Any]]
"""A chunk, or a note, by the clock of whoever took it: it is made for all that crosses, thus a plain tuple."""


def piece_lines(began: float, taken: Iterable[Taken]) -> bytes:
    """The lines of what was taken since `began`, made at once. Times are rounded as `chunk_line` does, but faster."""
    try:
        return _encode_lines([
            _NoteLine(int((each[0] - began) * 1e6 + 0.5) / 1e6, Side.FSROUTE, each[2])
            if each[1] is None
            else _ChunkLine(int((each[0] - began) * 1e6 + 0.5) / 1e6, each[1], each[2].decode())
            for each in taken
        ])  # fmt: skip
    except (
        UnicodeError
    ):  # bytes that are no UTF-8 are lone surrogates, which only the slower writer can escape
        return b"".join(
            note_line(each[0] - began, each[2])
            if each[1] is None
            else chunk_line(each[0] - began, each[1], each[2])
            for each in taken
        )


def chunk_line(t: float, side: Side, data: bytes) -> bytes:
    """Made by hand: it is made for everything that crosses."""
    try:
        text = _encode(data.decode())
    except UnicodeDecodeError:  # lone surrogates, which only the slower writer can escape
        text = json.dumps(data.decode("utf-8", "surrogateescape")).encode()
    return b'{"t":%.6f,"from":"%b","data":%b}\n' % (t, _NAMES[side], text)


def note_line(t: float, facts: Mapping[str, Any]) -> bytes:
    return dumped({"t": round(t, 6), "from": "fsroute", "note": facts})


def write(capture: Capture) -> Iterator[bytes]:
    """The lines of a file, each with its line end."""
    yield header_line(capture.header)
    for line in capture.lines:
        if isinstance(line, Chunk):
            yield chunk_line(line.t, line.side, line.data)
        else:
            yield note_line(line.t, line.facts)


def dumped(document: Mapping[str, Any]) -> bytes:
    """One line of JSON. Bytes that are no UTF-8 are lone surrogates, which only the slower writer can escape."""
    try:
        return msgspec.json.encode(document) + b"\n"
    except UnicodeEncodeError:
        return json.dumps(document, separators=(",", ":"), default=msgspec.to_builtins).encode() + b"\n"


_ALWAYS: Final = frozenset({"situation", "freeswitch", "recorded_from", "session", "fsroute", "at"})
_SAID: Final = [(each.name, each.default) for each in fields(Header) if each.name not in ("capture", "more")]


class _ChunkLine(msgspec.Struct, gc=False):
    t: float
    side: str = msgspec.field(name="from")
    data: str


class _NoteLine(msgspec.Struct):
    t: float
    side: str = msgspec.field(name="from")
    note: Any


# Reading -------------------------------------------------------------------------------------------


def load(path: Path) -> Capture:
    """Read a file.

    Raises:
        CaptureError: it is damaged, or greater than any capture; or the file cannot be read.
        OtherVersion: it is of a version that this program does not read.
        Truncated: it ends before its last line.
    """
    return parse(lines_of(path), path.name, str(path))


def load_notes(path: Path) -> Capture:
    """Read a file without its chunks, which are passed over however they look: many times as fast. Raises as `load`."""
    reading = _Reading(path.name, str(path))
    for line in lines_of(path):
        if b'"note"' in line:
            reading.take(line)
        else:
            reading.pass_over(line)
    return reading.finish()


def lines_of(path: Path, limit: int = MAX_FILE, longest: int = MAX_LINE) -> Iterator[bytes]:
    """The lines of a file, each with its line end, cut behind `longest` bytes; raises CaptureError."""
    try:
        size = path.stat().st_size
        if size > limit:
            raise CaptureError(str(path), 0, f"{size} bytes are more than {limit}")
        with path.open("rb") as file:
            while line := file.readline(longest + 1):
                yield line
    except OSError as error:
        raise CaptureError(str(path), 0, f"cannot be read: {error.strerror or error}") from error


def parse(lines: Iterable[bytes], name: str = "", where: str = "") -> Capture:
    """Read the lines of a capture; `where` names the file in errors. Raises as `load`."""
    reading = _Reading(name, where or name or "capture")
    for line in lines:
        reading.take(line)
    return reading.finish()


class _Reading:
    """One file being read."""

    def __init__(self, name: str, where: str) -> None:
        self._name = name
        self._where = where
        self._number = 0
        self._header: Header | None = None
        self._lines: list[Line] = []
        self._last = 0.0
        self._ended = False

    def take(self, line: bytes) -> None:
        self._number += 1
        document = self._document(line)
        if self._header is None:
            self._header = self._read_header(document)
            return
        if self._ended:
            raise self._fault("a line after the end")
        if self._number > MAX_LINES:
            raise self._fault(f"more than {MAX_LINES} lines")
        self._lines.append(self._read_line(document))

    def pass_over(self, line: bytes) -> None:
        """A line that holds no note: only the first of them is looked at."""
        if self._header is None or self._ended or not line.endswith(b"\n"):
            self.take(line)
        else:
            self._number += 1

    def finish(self) -> Capture:
        if self._header is None:
            raise Truncated(self._where, 0, "it is empty")
        if self._header.capture == 1:
            return Capture(_with_session(self._header, self._lines), tuple(self._lines), self._name)
        if not self._ended:
            raise Truncated(
                self._where, self._number, "it ends here, without the note that says how it ended"
            )
        return Capture(self._header, tuple(self._lines), self._name)

    def _fault(self, what: str) -> CaptureError:
        return CaptureError(self._where, self._number, what)

    def _document(self, line: bytes) -> dict[str, Any]:
        if len(line) > MAX_LINE:
            raise self._fault(f"a line of more than {MAX_LINE} bytes")
        try:
            document = json.loads(line)
        except (ValueError, RecursionError) as error:
            if not line.endswith(b"\n"):
                raise Truncated(self._where, self._number, "the line is cut off") from error
            raise self._fault(f"no JSON: {error}") from error
        if not isinstance(document, dict):
            raise self._fault("no JSON object")
        return document

    def _read_header(self, document: dict[str, Any]) -> Header:
        version = document.get("capture")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise self._fault('no capture: its first line has no "capture" with a version')
        if version > VERSION:
            raise OtherVersion(
                self._where,
                self._number,
                f"a capture of version {version}; this fsroute reads up to {VERSION}",
            )
        known = {each.name: document.pop(each.name) for each in fields(Header) if each.name in document}
        known.pop("more", None)
        header = Header(**known, more=document)
        self._check(header)
        return header

    def _check(self, header: Header) -> None:
        for name in (
            "situation",
            "freeswitch",
            "recorded_from",
            "fsroute",
            "site",
            "switch",
            "link",
            "continues",
        ):
            if not isinstance(getattr(header, name), str):
                raise self._fault(f"{name} is no text")
        if header.session not in (OUTBOUND, INBOUND):
            raise self._fault(f"session is {header.session!r}, not {OUTBOUND} or {INBOUND}")
        if header.at is not None and not _is_number(header.at):
            raise self._fault("at is no time in seconds")
        for name in ("joined", "scrubbed"):
            if not isinstance(getattr(header, name), bool):
                raise self._fault(f"{name} is neither true nor false")
        for name in ("part", "missing"):
            if not isinstance(getattr(header, name), int):
                raise self._fault(f"{name} is no whole number")

    def _read_line(self, document: dict[str, Any]) -> Line:
        t, side = document.get("t"), _SIDES.get(str(document.get("from")))
        if not _is_number(t) or not 0.0 <= t <= LONGEST:
            raise self._fault("t is no time in seconds")
        if t < self._last:
            raise self._fault(f"t goes back from {self._last:g} to {t:g}")
        if side is None:
            raise self._fault(f"from is {document.get('from')!r}, not freeswitch or fsroute")
        self._last = float(t)
        if "note" in document:
            return self._read_note(float(t), document["note"])
        data = document.get("data")
        if not isinstance(data, str):
            raise self._fault("neither data nor a note")
        try:
            return Chunk(float(t), side, data.encode("utf-8", "surrogateescape"), self._number)
        except UnicodeEncodeError as error:
            raise self._fault(f"data holds what no bytes decode to: {error.reason}") from error

    def _read_note(self, t: float, note: object) -> Note:
        if not isinstance(note, dict):
            raise self._fault("the note is no JSON object")
        self._ended = "end" in note
        return Note(t, note, self._number)


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < _GREATEST
    return isinstance(value, float) and isfinite(value)


def _with_session(header: Header, lines: list[Line]) -> Header:
    """Version 1 does not say which session it is; who speaks first does."""
    first = lines[0] if lines else None
    inbound = isinstance(first, Chunk) and first.side is Side.FREESWITCH
    known = {each.name: getattr(header, each.name) for each in fields(header)}
    return Header(**{**known, "session": INBOUND if inbound else OUTBOUND})
