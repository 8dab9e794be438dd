"""What a recorder has put into its queue becomes files. Works on a thread of its own: system calls only, no gevent.

Items come in order. Each session has one file at a time, which is written in pieces and named when it is complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from fsroute.replay import folder as names
from fsroute.replay import journal as journals
from fsroute.replay.folder import Folder
from fsroute.replay.format import INBOUND, Header, Side, chunk_line, header_line, note_line
from fsroute.replay.frames import Boundaries, without_password
from fsroute.replay.journal import Event, World, events_of

PIECE: Final = 64 << 10  # bytes of a session that wait in memory, until
PATIENCE: Final = 1.0  # seconds have passed


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
    """A session began: `at` seconds since the epoch."""

    key: int
    header: Header
    at: float
    name: str = ""  # the channel's uuid, or the link's


@dataclass(frozen=True, slots=True)
class Noted:
    key: int
    t: float
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Closed:
    """Nothing more comes from a session. `truncated` says why the rest is missing."""

    key: int
    t: float
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


Said = tuple[int, float, Side, bytes]
Happened = tuple[int, float, Event]
Item = Opened | Said | Noted | Closed | JournalBegan | Happened | Tidy
"""(session, t, side, bytes) and (n, at, event) come often: they are plain tuples."""


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


@dataclass(slots=True)
class _Open:
    """A session that is being written."""

    header: Header
    at: float
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
    flushed: float = 0.0


class Writer:
    """Takes items one by one; raises OSError when the disk does not take them."""

    def __init__(self, folder: Folder, limits: Limits, scrubbing: Scrubbing | None = None) -> None:
        self._folder = folder
        self._limits = limits
        self._scrubbing = scrubbing
        self._open: dict[int, _Open] = {}
        self._journal = ""
        self._journal_lines: list[bytes] = []
        self._journal_n = 0
        self._snapshot: Iterator[Event] = iter(())
        self._snapshot_at = (0, 0.0)
        self.journal_size = 0
        """Bytes of the journal's present file."""
        self.kept = 0
        """Sessions whose files are complete."""
        self.deleted = 0

    def take(self, item: Item) -> None:
        while self.goes_on():
            pass
        if isinstance(item, tuple):
            if len(item) == 4:
                self._said(*item)
            else:
                self._happened(*item)
        elif isinstance(item, Opened):
            self._opened(item)
        elif isinstance(item, Noted):
            self._noted(item)
        elif isinstance(item, Closed):
            self._closed(item)
        elif isinstance(item, JournalBegan):
            self._journal_began(item)
        else:
            self.deleted += self._folder.tidy(item.now, self._limits.max_age, self._limits.max_total_size)

    def goes_on(self) -> bool:
        """One more line of a snapshot that has begun; False: there is none."""
        event = next(self._snapshot, None)
        if event is None:
            return False
        self._happened(*self._snapshot_at, event)
        return True

    def flush(self, now: float) -> None:
        """Write what has waited long enough; `now` is by the clock that the caller likes, in seconds."""
        for session in self._open.values():
            if session.waiting and now - session.flushed >= PATIENCE:
                session.flushed = now
                self._write(session)
        self._flush_journal()

    def stop(self, why: str) -> None:
        """Complete what is open: the rest of it is not kept."""
        for key, session in list(self._open.items()):
            self._closed(Closed(key, session.last, why, {"truncated": why}))
        self._end_journal(why)

    def seal(self) -> None:
        """Finish the parts that were given up."""
        self._folder.seal_what_was_left(own=True)

    def give_up(self) -> None:
        """Forget what is open after a fault of the disk; its parts are sealed later."""
        self._open.clear()
        self._journal, self._journal_lines, self._snapshot = "", [], iter(())

    # Sessions ----------------------------------------------------------------------------------------

    def _opened(self, item: Opened) -> None:
        lines = Plain() if self._scrubbing is None else self._scrubbing.session()
        header = replace(item.header, scrubbed=self._scrubbing is not None)
        session = _Open(header, item.at, item.name, lines)
        if header.session == INBOUND:
            session.frames = Boundaries()
        self._open[item.key] = session
        self._begin_file(session)

    def _begin_file(self, session: _Open) -> None:
        at = session.at + session.part_began
        if session.header.session == INBOUND:
            session.file = names.link_name(at, session.header.switch, session.name, session.header.part)
        else:
            session.file = names.call_name(at, "call", session.name)
        session.size = session.waits = 0
        self._keep(session, header_line(session.header))

    def _said(self, key: int, t: float, side: Side, data: bytes) -> None:
        session = self._open.get(key)
        if session is None:
            return
        session.last = t
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

    def _noted(self, item: Noted) -> None:
        session = self._open.get(item.key)
        if session is None:
            return
        session.last = max(session.last, item.t)
        session.contact_center = str(item.facts.get("contact_center") or session.contact_center)
        for line in session.lines.note(session.last - session.part_began, item.facts):
            self._keep(session, line)

    def _closed(self, item: Closed) -> None:
        session = self._open.pop(item.key, None)
        if session is None:
            return
        t = max(session.last, item.t) - session.part_began
        facts = dict(item.facts)
        if session.dropped:
            facts |= {"truncated": "max_file_size", "dropped": session.dropped}
        for line in session.lines.finish(t):
            self._keep(session, line)
        for line in session.lines.note(t, {**facts, "end": item.reason}):
            self._keep(session, line)
        self._complete(session)
        self.kept += 1

    def _complete(self, session: _Open) -> None:
        self._write(session)
        name = session.file
        if session.header.session != INBOUND:
            name = names.call_name(session.at, session.contact_center, session.name)
        session.file = self._folder.complete(self._folder.part(session.file), name)

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
        if session.waits >= PIECE:
            self._write(session)

    def _write(self, session: _Open) -> None:
        if session.waiting:
            data = b"".join(session.waiting)
            session.waiting.clear()
            session.waits = 0
            self._folder.append(self._folder.part(session.file), data)

    # Journal -----------------------------------------------------------------------------------------

    def _journal_began(self, item: JournalBegan) -> None:
        self._end_journal(item.why)
        self._journal = item.name
        self.journal_size = 0
        header = replace(item.header, scrubbed=self._scrubbing is not None)
        self._keep_entry(journals.header_line(header))
        self._snapshot, self._snapshot_at = events_of(item.world), (item.world.n, item.world.at)

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
            data = b"".join(self._journal_lines)
            self._journal_lines.clear()
            self._folder.append(self._folder.part(self._journal), data)

    def _end_journal(self, why: str) -> None:
        if self._journal:
            self._keep_entry(journals.end_line(self._journal_n, why))
            self._flush_journal()
            self._folder.complete(self._folder.part(self._journal), self._journal)
            self._journal = ""
