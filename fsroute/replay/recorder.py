"""Keeps what crosses the event sockets, and what routing is told, without delaying either.

In the hub a chunk is put into its session's list, which is all that a call ever waits for. A list goes to a thread in
one piece: when the session is over, when the list is long, or after some seconds. The thread takes it to the disk
(``writer.py``) and looks for more every so often, so that a call of some seconds costs one look, one write and one
rename. The two share nothing but the queue of pieces and a few numbers, each of which one of them writes. When the
queue is full or the disk takes nothing more, capturing stops: what was open is closed as truncated, calls go on, and
after a while capturing begins anew.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic, thread_time
from typing import Any, Final

import gevent
from gevent import monkey

import fsroute
from fsroute.replay.folder import Folder
from fsroute.replay.format import INBOUND, OUTBOUND, Header, Side, Taken
from fsroute.replay.journal import Event, World, events_of
from fsroute.replay.journal import Header as JournalHeader
from fsroute.replay.writer import (
    Closed,
    Item,
    JournalBegan,
    Limits,
    Opened,
    Piece,
    Scrubbing,
    Tidy,
    Writer,
)

log = logging.getLogger(__name__)

MAX_QUEUE: Final = 32 << 20  # bytes that wait for the thread
NOTE_SIZE: Final = 500  # bytes that a note or a row in the queue is counted as
CHUNK_SIZE: Final = 100  # bytes that a chunk is counted as beyond its own
PIECE: Final = 256 << 10  # bytes of a session that wait in the hub, until
PATIENCE: Final = 5.0  # seconds have passed; so much is lost when the process dies
LOOK: Final = 0.5  # seconds between two looks of the thread into the queue
TURN: Final = 0.0003  # seconds of work after which the thread lets the hub have the interpreter
WATCH: Final = 1.0  # seconds between two looks of the hub at the thread
TIDY: Final = 60.0  # seconds between two looks for files that are too old
RETRY: Final = 30.0  # seconds after which a stopped recorder begins anew
MOST_UNDECIDED: Final = 256 << 10  # bytes of a session whose channel is not known yet

_FREESWITCH, _FSROUTE = Side.FREESWITCH, Side.FSROUTE
_UNIQUE_ID: Final = b"\nUnique-ID: "
_BEGINS: Final = (b"Content-Length: ", b"Content-Type: ")  # of what FreeSWITCH sends on an inbound connection


@dataclass(frozen=True, slots=True)
class About:
    """Whose captures these are."""

    site: str
    switch: str


class Recorder:
    """Gives out taps for sessions, and takes what a journal is to hold.

    Args:
        sample: the share of calls that are kept, 0 to 1.
        links: whether connections to the switch are kept, too.
        now: seconds since the epoch, by the database's clock.
        max_queue: bytes that may wait for the thread.
        retry: seconds after which a stopped recorder begins anew.
        patience: seconds after which what a session has said goes to the disk.
        switch_version: what the headers of sessions name as FreeSWITCH's version; '' while it is not known.
    """

    def __init__(
        self,
        folder: Folder,
        limits: Limits,
        about: About,
        now: Callable[[], float],
        *,
        sample: float = 1.0,
        links: bool = True,
        scrubbing: Scrubbing | None = None,
        max_queue: int = MAX_QUEUE,
        retry: float = RETRY,
        patience: float = PATIENCE,
        switch_version: Callable[[], str] = lambda: "",
    ) -> None:
        self._folder = folder
        self._limits = limits
        self._about = about
        self._now = now
        self._sample = sample
        self._links = links
        self._max_queue = max_queue
        self._retry = retry
        self._patience = patience
        self._switch_version = switch_version
        self._is_scrubbing = scrubbing is not None
        self._writer = Writer(folder, limits, scrubbing)
        self._queue: deque[Item] = deque()
        self._put = 0  # bytes, written by the hub
        self._taken = 0  # bytes, written by the thread
        self._sessions = 0
        self._taps: set[_Tap] = set()
        self._thread: _Thread | None = None
        self._watch: gevent.Greenlet[..., None] | None = None
        self.pointer: Callable[[], Mapping[str, Any] | None] = lambda: None
        """Where the journal stands; None: there is none."""
        self.on_restart: Callable[[], None] = lambda: None
        """Called when capturing begins anew after a stop: a journal begins with all that is known."""
        self.turn = 0
        """How often capturing has begun; 0 and negative: it has never, or is stopped."""
        self.stops = 0
        """How often capturing was stopped by a full queue or a fault of the disk."""

    @property
    def runs(self) -> bool:
        return self.turn > 0

    @property
    def kept(self) -> int:
        """Sessions whose files are complete."""
        return self._writer.kept

    @property
    def journal_size(self) -> int:
        return self._writer.journal_size

    def start(self) -> None:
        """Make the folder and begin.

        Raises:
            ConfigurationError: the folder cannot be written to.
        """
        self._folder.open()
        self.turn = 1
        self._thread = _Thread(self._queue, self._writer, self._took)
        self._thread.start()
        self._watch = gevent.spawn(self._look_after)
        log.info("calls are captured folder=%s share=%g", self._folder.path, self._sample)

    def stop(self, timeout: float = 5.0) -> None:
        """Write what is in the queue and complete all files, within `timeout` seconds."""
        if self._watch is not None:
            self._watch.kill()
            self._watch = None
        for tap in list(self._taps):
            tap.hand_over()
        self._turn_off()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.end()
            give_up = monotonic() + timeout
            while not thread.is_over and monotonic() < give_up:
                gevent.sleep(0.01)
            self._note_fault(thread)
        self._folder.close()

    # Taps --------------------------------------------------------------------------------------------

    def outbound(self) -> OutboundTap | None:
        """For a call that FreeSWITCH brings; None: nothing is captured now."""
        return OutboundTap(self) if self.runs else None

    def inbound(self, link: str) -> InboundTap | None:
        """For a connection to the switch; None: links are not captured, or nothing is now."""
        if not (self.runs and self._links):
            return None
        return InboundTap(self, link)

    def is_sampled(self, channel_uuid: str) -> bool:
        """Whether a call is kept: the same answer wherever its channel is seen."""
        if self._sample >= 1.0:
            return True
        digest = sha256(channel_uuid.encode("utf-8", "replace")).digest()
        return int.from_bytes(digest[:8], "big") < self._sample * (1 << 64)

    def opened(
        self,
        tap: _Tap,
        session: str,
        name: str,
        at: float,
        began: float,
        link: str = "",
        joined: bool = False,
    ) -> int:
        """A session is kept from here on: its number."""
        self._sessions += 1
        self._taps.add(tap)
        header = Header(
            freeswitch=self._switch_version(),
            recorded_from="fsroute",
            session=session,
            fsroute=fsroute.__version__,
            site=self._about.site,
            switch=self._about.switch,
            at=round(at, 6),
            link=link,
            joined=joined,
            scrubbed=self._is_scrubbing,
        )
        self.put(Opened(self._sessions, header, at, began, name), NOTE_SIZE)
        return self._sessions

    def closed(self, tap: _Tap, key: int, at: float, reason: str) -> None:
        """A session is over; the journal stands where it stands now."""
        self._taps.discard(tap)
        pointer = self.pointer()
        facts = {} if pointer is None else {"journal_end": pointer}
        self.put(Closed(key, at, reason, facts), NOTE_SIZE)

    def now(self) -> float:
        return self._now()

    # Journal -----------------------------------------------------------------------------------------

    def journal_began(self, name: str, world: World, why: str) -> None:
        """A journal's file begins with all that is known; `why` the one before it is over."""
        header = JournalHeader(
            site=self._about.site,
            switch=self._about.switch,
            at=self._now(),
            leads=world.leads,
            snapshot=sum(1 for _ in events_of(world)),
            fsroute=fsroute.__version__,
        )
        self.put(JournalBegan(name, header, why, world), NOTE_SIZE)

    def happened(self, n: int, at: float, event: Event) -> None:
        self.put((n, at, event), NOTE_SIZE)

    # The queue ---------------------------------------------------------------------------------------

    def put(self, item: Item, size: int) -> None:
        """Called in the hub; never waits."""
        if self.turn <= 0:
            return
        self._put += size
        if self._put - self._taken > self._max_queue:
            self._stop("the queue of the capture's thread is full")
            return
        self._queue.append(item)

    def _took(self, item: Item) -> None:
        """Called in the thread."""
        if isinstance(item, Piece):
            self._taken += item.size
        elif not isinstance(item, Tidy):
            self._taken += NOTE_SIZE

    def _stop(self, why: str) -> None:
        self._turn_off()
        self.stops += 1
        log.error("calls are not captured for now: %s, next try in %.0f s", why, self._retry)

    def _turn_off(self) -> None:
        """What the sessions have not handed over is not kept."""
        self.turn = -abs(self.turn)
        taps, self._taps = self._taps, set()
        for tap in taps:
            tap.drop()

    def _look_after(self) -> None:
        """Tidy up now and then; begin anew after a stop."""
        tidied, stopped_at = 0.0, 0.0
        while True:
            gevent.sleep(min(WATCH, self._patience))
            assert self._thread is not None
            self._note_fault(self._thread)
            if self.runs:
                stopped_at = 0.0
                before = monotonic() - self._patience
                for tap in list(self._taps):
                    tap.hand_over(before)
                if monotonic() - tidied >= TIDY:
                    tidied = monotonic()
                    self._queue.append(Tidy(self._now()))
            elif not stopped_at:
                stopped_at = monotonic()
                self._thread.give_up("not captured to the end")
            elif monotonic() - stopped_at >= self._retry and self._thread.is_idle:
                self._begin_anew()

    def _note_fault(self, thread: _Thread) -> None:
        """Log what happened in the thread, which must not."""
        if thread.fault and self.runs:
            self._stop(thread.fault)
        elif thread.fault and self._thread is None:
            log.error("captures are not complete: %s", thread.fault)

    def _begin_anew(self) -> None:
        assert self._thread is not None
        self._queue.clear()
        self._put = self._taken
        self._thread.begin_anew()
        self.turn = abs(self.turn) + 1
        log.info("calls are captured again folder=%s", self._folder.path)
        self.on_restart()


class _Thread:
    """The thread that works the queue off. Its faults are left for the hub to see and to log.

    It gives way every so often, so that the hub never waits for it longer than for a command of its own: by itself,
    or because it writes a file. Each giving way may cost two changes of threads, so it is no more often than needed:
    what counts is the thread's own time at work, not what it has waited for its turn.
    """

    def __init__(self, queue: deque[Item], writer: Writer, took: Callable[[Item], None]) -> None:
        self._queue = queue
        self._writer = writer
        self._took = took
        self._ending = False
        self._giving_up = ""
        self._sealing = False
        self.fault = ""
        """Why the thread has stopped writing; '' while it writes."""
        self.is_over = False
        self._sleep: Callable[[float], None] = monkey.get_original("time", "sleep")

    @property
    def is_idle(self) -> bool:
        """It has given up what there was."""
        return not self._giving_up

    def start(self) -> None:
        monkey.get_original("_thread", "start_new_thread")(self._run, ())

    def end(self) -> None:
        """Work off what there is, complete all files, and end."""
        self._ending = True

    def give_up(self, why: str) -> None:
        """Complete what is open as truncated, and drop what is in the queue."""
        self._giving_up = why

    def begin_anew(self) -> None:
        self._sealing = True
        self.fault = ""

    def _run(self) -> None:
        while not self.is_over:
            ending = self._ending
            try:
                self._turn(ending)
            except OSError as error:
                self.fault = f"the disk takes no more: {error.strerror or error}"
                self._writer.give_up()
            except Exception as error:  # a fault of ours is no concern of the calls
                self.fault = f"{type(error).__name__}: {error}"
                self._writer.give_up()
            self.is_over = ending
            if not ending and not self._ending:
                self._sleep(LOOK)

    def _turn(self, ending: bool) -> None:
        if self._giving_up:
            self._drop()
        if self._sealing:
            self._sealing = False
            self._writer.seal()
        if not self.fault:
            self._work_off()
            self._writer.flush()
            if ending:
                self._writer.stop("the process stopped")

    def _drop(self) -> None:
        try:
            while self._queue:
                self._took(self._queue.popleft())
            if not self.fault:
                self._writer.stop(self._giving_up)
        finally:
            self._giving_up = ""

    def _work_off(self) -> None:
        queue, take, sleep, writer = self._queue, self._writer.take, self._sleep, self._writer
        turns, turn_over = writer.turns, thread_time() + TURN
        while queue:
            item = queue.popleft()
            self._took(item)
            for _ in take(item):
                if writer.turns != turns:
                    turns, turn_over = writer.turns, thread_time() + TURN
                elif thread_time() >= turn_over:
                    sleep(0.0)
                    turn_over = thread_time() + TURN


class _Tap:
    """On one socket. `sent` and `received` are called for all that crosses: no more than one list is touched."""

    __slots__ = ("_began", "_key", "_lines", "_recorder", "_size", "_turn")

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._turn = recorder.turn
        self._began = monotonic()
        self._key = 0  # 0: it is not decided yet whether it is kept
        self._lines: list[Taken] | None = []
        """What was not handed over yet; None: it is not kept, or no more."""
        self._size = 0

    def sent(self, data: bytes) -> None:
        lines = self._lines
        if lines is not None:
            lines.append((monotonic(), _FSROUTE, data))
            self._size += len(data) + CHUNK_SIZE
            if self._size > PIECE:
                self._is_long()

    def received(self, data: bytes) -> None:
        lines = self._lines
        if lines is not None and data:
            lines.append((monotonic(), _FREESWITCH, data))
            self._size += len(data) + CHUNK_SIZE
            if self._size > PIECE:
                self._is_long()

    def noted(self, facts: Mapping[str, Any]) -> None:
        if self._key and self._lines is not None:
            self._lines.append((monotonic(), None, facts))
            self._size += NOTE_SIZE

    def hand_over(self, before: float | None = None) -> None:
        """Let the thread have what there is, if it began `before`."""
        lines = self._lines
        if self._key and lines and (before is None or lines[0][0] <= before):
            size, self._lines, self._size = self._size, [], 0
            self._recorder.put(Piece(self._key, lines, size), size)

    def drop(self) -> None:
        """What comes is not kept."""
        self._lines = None
        self._key = 0

    def _is_long(self) -> None:
        self.hand_over()

    def _note_journal(self) -> None:
        pointer = self._recorder.pointer()
        if pointer is not None:
            self.noted({"journal": pointer})

    def _is_over(self, reason: str) -> None:
        if self._key:
            self.hand_over()
            if self._key:  # the piece may have filled the queue
                self._recorder.closed(self, self._key, monotonic(), reason)
        self.drop()


class OutboundTap(_Tap):
    """On the socket of one call. What crosses before the channel is known waits for the choice of the sample."""

    __slots__ = ("_at", "_reason")

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._at = recorder.now()
        self._reason = "closed"

    def received(self, data: bytes) -> None:
        super().received(data)
        if not self._key and self._lines is not None:
            self._decide(self._lines)

    def noted(self, facts: Mapping[str, Any]) -> None:
        if self._key and "asked" in facts:  # what the rules see is known to the journal at this moment
            facts = {**facts, "asked": {**facts["asked"], "journal": self._recorder.pointer()}}
        super().noted(facts)

    def closed(self, reason: str) -> None:
        self._reason = reason

    def finished(self) -> None:
        self._is_over(self._reason)

    def _is_long(self) -> None:
        if self._key:
            self.hand_over()
        elif self._size > MOST_UNDECIDED:
            self.drop()

    def _decide(self, lines: list[Taken]) -> None:
        """By the channel's uuid, in the answer to ``connect``."""
        said = b"".join(each[2] for each in lines if each[1] is Side.FREESWITCH)
        start = said.find(_UNIQUE_ID)
        end = said.find(b"\n", start + len(_UNIQUE_ID))
        if start < 0 or end < 0:
            return
        uuid = said[start + len(_UNIQUE_ID) : end].decode("utf-8", "replace")
        recorder = self._recorder
        if not recorder.is_sampled(uuid) or self._turn != recorder.turn:
            self.drop()
            return
        self._key = recorder.opened(self, OUTBOUND, uuid, self._at, self._began)
        self._note_journal()


class InboundTap(_Tap):
    """On one connection to the switch; it is kept from its first byte.

    When capturing begins anew after a stop it is joined in the middle: where FreeSWITCH begins a frame.
    """

    __slots__ = ("_link",)

    def __init__(self, recorder: Recorder, link: str) -> None:
        super().__init__(recorder)
        self._link = link
        self._open(joined=False)

    def received(self, data: bytes) -> None:
        if self._lines is None and self._recorder.runs and data.startswith(_BEGINS):
            self._open(joined=True)
        super().received(data)

    def closed(self, reason: str) -> None:
        self._is_over(reason)

    def finished(self) -> None:
        """It ended when it was closed."""

    def _open(self, joined: bool) -> None:
        recorder = self._recorder
        self._turn, self._began = recorder.turn, monotonic()
        self._lines, self._size = [], 0
        self._key = recorder.opened(
            self, INBOUND, self._link, recorder.now(), self._began, self._link, joined
        )
        self._note_journal()
