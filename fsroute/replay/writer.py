"""What a recorder has put into its queue becomes files. Works on a thread of its own: system calls only, no gevent.

Items come in order. Each session has one file at a time, which is written in pieces and named when it is complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from fsroute.replay import folder as names
from fsroute.replay import journal as journals
from fsroute.replay.folder import Folder
from fsroute.replay.format import (
    INBOUND,
    Header,
    Side,
    Taken,
    chunk_line,
    header_line,
    note_line,
    piece_lines,
)
from fsroute.replay.frames import Boundaries, without_password
from fsroute.replay.journal import Event, World, events_of

FEW: Final = 16  # pieces that are not worth being put together
LARGE: Final = 256 << 10  # bytes of a session that are written at once; less waits for what else there is


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds. `rotation` is for links and journals."""

    max_file_size: int = 16 << 20
    rotation: float = 3600.0
    max_age: float = 7 * 86_400.0
    max_total_size: int = 2 << 30


# Items ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opened:
    """A session began: `at` seconds since the epoch, and `began` by the clock of all further times."""

    key: int
    header: Header
    at: float
    began: float
    name: str = ""  # the channel's uuid, or the link's


@dataclass(frozen=True, slots=True)
class Piece:
    """What a session has said since its last piece; `size` is what it was counted as."""

    key: int
    lines: Sequence[Taken]
    size: int


@dataclass(frozen=True, slots=True)
class Closed:
    """Nothing more comes from a session. `truncated` says why the rest is missing."""

    key: int
    at: float
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JournalBegan:
    """A journal's file begins with `world`; the one before it is over, `why`."""

    name: str
    header: journals.Header
    why: str
    world: World


@dataclass(frozen=True, slots=True)
class Tidy:
    """Delete what is too old: `now` is in seconds since the epoch."""

    now: float


Happened = tuple[int, float, Event]
Item = Opened | Piece | Closed | JournalBegan | Happened | Tidy
"""(n, at, event) comes often: it is a plain tuple."""


class Lines(Protocol):
    """How the lines of one session are made: as they are, or scrubbed."""

    def chunk(self, t: float, side: Side, data: bytes) -> Iterator[bytes]: ...

    def note(self, t: float, facts: Mapping[str, Any]) -> Iterator[bytes]: ...

    def finish(self, t: float) -> Iterator[bytes]:
        """What was held back."""


class Plain:
    """As they are."""

    def chunk(self, t: float, side: Side, data: bytes) -> Iterator[bytes]:
        yield chunk_line(t, side, data)

    def note(self, t: float, facts: Mapping[str, Any]) -> Iterator[bytes]:
        yield note_line(t, facts)

    def finish(self, t: float) -> Iterator[bytes]:
        return iter(())


class Scrubbing(Protocol):
    """What replaces names and numbers, for all files of a folder."""

    def session(self) -> Lines: ...

    def event(self, event: Event) -> Event: ...


@dataclass(slots=True, eq=False)
class _Open:
    """A session that is being written."""

    header: Header
    at: float
    began: float
    name: str
    lines: Lines
    part_began: float = 0.0
    frames: Boundaries | None = None
    is_between: bool = True
    contact_center: str = ""
    file: str = ""
    size: int = 0
    dropped: int = 0
    last: float = 0.0
    waiting: list[bytes] = field(default_factory=list)
    waits: int = 0


class Writer:
    """Takes items one by one; raises OSError when the disk does not take them."""

    def __init__(self, folder: Folder, limits: Limits, scrubbing: Scrubbing | None = None) -> None:
        self._folder = folder
        self._limits = limits
        self._scrubbing = scrubbing
        self._open: dict[int, _Open] = {}
        self._unwritten: set[_Open] = set()
        self._journal = ""
        self._journal_lines: list[bytes] = []
        self._journal_n = 0
        self.journal_size = 0
        """Bytes of the journal's present file."""
        self.kept = 0
        """Sessions whose files are complete."""
        self.deleted = 0

    def take(self, item: Item) -> Iterator[None]:
        """Take an item, in steps: between two of them the interpreter may be left to others."""
        if isinstance(item, Piece):
            yield from self._took(item)
        elif isinstance(item, tuple):
            self._happened(*item)
            yield
        elif isinstance(item, Opened):
            self._opened(item)
        elif isinstance(item, Closed):
            self._closed(item)
            yield
        elif isinstance(item, JournalBegan):
            yield from self._journal_began(item)
        else:
            self.deleted += self._folder.tidy(item.now, self._limits.max_age, self._limits.max_total_size)
            yield

    def flush(self) -> None:
        """Write what waits."""
        for session in self._unwritten:
            self._write(session)
        self._unwritten.clear()
        self._flush_journal()

    def stop(self, why: str) -> None:
        """Complete what is open: the rest of it is not kept."""
        for key, session in list(self._open.items()):
            self._closed(Closed(key, session.began + session.last, why, {"truncated": why}))
        self._end_journal(why)

    def seal(self) -> None:
        """Finish the parts that were given up."""
        self._folder.seal_what_was_left(own=True)

    def give_up(self) -> None:
        """Forget what is open after a fault of the disk; its parts are sealed later."""
        self._open.clear()
        self._unwritten.clear()
        self._journal, self._journal_lines = "", []

    @property
    def turns(self) -> int:
        """How often the disk was asked, and the interpreter left to others meanwhile."""
        return self._folder.turns

    # Sessions ----------------------------------------------------------------------------------------

    def _opened(self, item: Opened) -> None:
        lines = Plain() if self._scrubbing is None else self._scrubbing.session()
        session = _Open(item.header, item.at, item.began, item.name, lines)
        if item.header.session == INBOUND:
            session.frames = Boundaries()
        self._open[item.key] = session
        self._begin_file(session)

    def _begin_file(self, session: _Open) -> None:
        session.file = ""
        session.size = session.waits = 0
        self._keep(session, header_line(session.header))

    def _took(self, item: Piece) -> Iterator[None]:
        session = self._open.get(item.key)
        if session is None:
            return
        self._unwritten.add(session)
        if self._scrubbing is None and not self._may_be_cut(session, item):
            self._keep_whole(session, item.lines)
            yield
            return
        for each in item.lines:
            session.last = max(session.last, each[0] - session.began)
            if each[1] is None:
                self._noted(session, each[2])
            else:
                self._said(session, session.last, each[1], each[2])
            if self._scrubbing is not None:  # which takes its time
                yield
        yield

    def _may_be_cut(self, session: _Open, item: Piece) -> bool:
        """Whether the file may be at its end within this piece."""
        age = item.lines[-1][0] - session.began - session.part_began
        is_old = session.frames is not None and age > self._limits.rotation
        return is_old or session.size + item.size > self._limits.max_file_size

    def _keep_whole(self, session: _Open, lines: Sequence[Taken]) -> None:
        """A piece as it is, in one go."""
        for each in lines:
            if each[1] is None and "contact_center" in each[2]:
                session.contact_center = str(each[2]["contact_center"])
        if session.frames is not None:
            rest = session.frames.feed(b"".join(each[2] for each in lines if each[1] is Side.FREESWITCH))
            session.is_between = rest == 0
            lines = [
                (each[0], each[1], without_password(each[2])) if each[1] is Side.FSROUTE else each
                for each in lines
            ]
        session.last = max(session.last, lines[-1][0] - session.began)
        self._keep(session, piece_lines(session.began + session.part_began, lines))

    def _said(self, session: _Open, t: float, side: Side, data: bytes) -> None:
        if session.frames is not None:
            data = self._of_link(session, session.frames, t, side, data)
        elif session.size > self._limits.max_file_size:
            session.dropped += len(data)
            return
        self._keep_chunk(session, t, side, data)

    def _of_link(self, session: _Open, frames: Boundaries, t: float, side: Side, data: bytes) -> bytes:
        """Go on in another file if that is due, behind a whole frame; what of `data` is still to be kept."""
        whole = 0
        if side is Side.FSROUTE:
            data = without_password(data)
        else:
            rest = frames.feed(data)
            session.is_between = rest == 0
            whole = len(data) - rest
        age = t - session.part_began
        is_due = session.size > self._limits.max_file_size or age > self._limits.rotation
        if not is_due or whole < 0 or (side is Side.FSROUTE and not session.is_between):
            return data
        self._keep_chunk(session, t, side, data[:whole])
        self._rotate(session, t)
        return data[whole:]

    def _keep_chunk(self, session: _Open, t: float, side: Side, data: bytes) -> None:
        if data:
            for line in session.lines.chunk(t - session.part_began, side, data):
                self._keep(session, line)

    def _noted(self, session: _Open, facts: Mapping[str, Any]) -> None:
        session.contact_center = str(facts.get("contact_center") or session.contact_center)
        for line in session.lines.note(session.last - session.part_began, facts):
            self._keep(session, line)

    def _closed(self, item: Closed) -> None:
        session = self._open.pop(item.key, None)
        if session is None:
            return
        t = max(session.last, item.at - session.began) - session.part_began
        facts = dict(item.facts)
        if session.dropped:
            facts |= {"truncated": "max_file_size", "dropped": session.dropped}
        for line in session.lines.finish(t):
            self._keep(session, line)
        for line in session.lines.note(t, {**facts, "end": item.reason}):
            self._keep(session, line)
        self._complete(session)
        self._unwritten.discard(session)
        self.kept += 1

    def _complete(self, session: _Open) -> None:
        """The name is made when all is known that it says."""
        name = self._name(session, session.contact_center)
        session.file = session.file or name
        self._write(session)
        session.file = self._folder.complete(self._folder.part(session.file), name)

    def _name(self, session: _Open, contact_center: str) -> str:
        header, at = session.header, session.at + session.part_began
        if header.session == INBOUND:
            return names.link_name(at, header.switch, session.name, header.part)
        return names.call_name(at, contact_center, session.name)

    def _rotate(self, session: _Open, t: float) -> None:
        age = t - session.part_began
        for line in session.lines.finish(age):
            self._keep(session, line)
        for line in session.lines.note(age, {"end": "rotated"}):
            self._keep(session, line)
        self._complete(session)
        header = session.header
        session.part_began = t
        session.header = replace(
            header, part=header.part + 1, continues=session.file, joined=True, at=session.at + t
        )
        self._begin_file(session)

    def _keep(self, session: _Open, line: bytes) -> None:
        session.waiting.append(line)
        session.size += len(line)
        session.waits += len(line)
        if session.waits >= LARGE:
            self._write(session)

    def _write(self, session: _Open) -> None:
        if session.waiting:
            lines, session.waiting = session.waiting, []
            session.waits = 0
            session.file = session.file or self._name(session, "call")
            self._append(session.file, lines)

    def _append(self, name: str, lines: list[bytes]) -> None:
        """Few pieces are written as they are, many in one."""
        pieces = lines if len(lines) <= FEW else [b"".join(lines)]
        self._folder.append(self._folder.part(name), *pieces)

    # Journal -----------------------------------------------------------------------------------------

    def _journal_began(self, item: JournalBegan) -> Iterator[None]:
        self._end_journal(item.why)
        self._journal = item.name
        self.journal_size = 0
        header = replace(item.header, scrubbed=self._scrubbing is not None)
        self._keep_entry(journals.header_line(header))
        for event in events_of(item.world):
            self._happened(item.world.n, item.world.at, event)
            yield

    def _happened(self, n: int, at: float, event: Event) -> None:
        if not self._journal:
            return
        self._journal_n = n
        if self._scrubbing is not None:
            event = self._scrubbing.event(event)
        self._keep_entry(journals.entry_line(n, at, event))

    def _keep_entry(self, line: bytes) -> None:
        self.journal_size += len(line)
        self._journal_lines.append(line)
        if len(self._journal_lines) >= 256:
            self._flush_journal()

    def _flush_journal(self) -> None:
        if self._journal_lines:
            lines, self._journal_lines = self._journal_lines, []
            self._append(self._journal, lines)

    def _end_journal(self, why: str) -> None:
        if self._journal:
            self._keep_entry(journals.end_line(self._journal_n, why))
            self._flush_journal()
            self._folder.complete(self._folder.part(self._journal), self._journal)
            self._journal = ""
