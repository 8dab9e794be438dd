"""TCP segments become conversations: in order, once, and what is missing is said. Pure.

Of bytes that came twice the first count. A conversation whose beginning was not recorded is taken from its first
segment on. What waits for a lost segment is limited; then the gap is given up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from fsroute.replay.packets import FIN, RST, SYN, Segment

MAX_WAITING: Final = 4 << 20  # bytes that wait for a lost segment
MAX_SEGMENTS: Final = 4_096  # segments that do
MAX_CONVERSATIONS: Final = 20_000  # at a time
MAX_SIZE: Final = 256 << 20  # bytes of a conversation
MOST_CLOSED: Final = 2_000  # connections that are remembered after their end, for what comes late
MAX_TOTAL: Final = 512 << 20  # bytes of all that are held
UNDECIDED: Final = 128 << 10  # bytes by which a conversation has shown what it is

End = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that `sender` sent, as they came in order; `lost` bytes are missing before them."""

    at: float
    sender: End
    data: bytes
    lost: int = 0


@dataclass(slots=True)
class Conversation:
    """One TCP connection. `client` opened it; None: that was not recorded. `end` says how it was over."""

    ends: tuple[End, End]
    began: float
    client: End | None = None
    pieces: list[Piece] = field(default_factory=list)
    end: str = ""
    size: int = 0
    is_cut: bool = False
    refused: bool = False

    @property
    def is_joined(self) -> bool:
        """Its beginning was not recorded."""
        return self.client is None


class _Direction:
    """One sender's bytes, put in order: by their places from the first byte on, which do not wrap."""

    def __init__(self) -> None:
        self.next: int | None = None
        self._place = 0  # of the next byte; `next` is its sequence number
        self._waiting: list[tuple[int, int, bytes, int]] = []
        self._waits = 0
        self._taken = 0

    def start(self, sequence: int) -> None:
        self.next = (sequence + 1) & 0xFFFFFFFF

    def take(self, segment: Segment) -> Iterator[tuple[bytes, int]]:
        """(bytes, bytes lost before them)."""
        if not segment.payload and not segment.lost:
            return
        if self.next is None:
            self.next = segment.sequence
        ahead = (segment.sequence - self.next + 0x80000000) % 0x100000000 - 0x80000000
        self._taken += 1
        self._waits += len(segment.payload)
        heappush(self._waiting, (self._place + ahead, self._taken, segment.payload, segment.lost))
        yield from self._ready()
        if self._waits > MAX_WAITING or len(self._waiting) > MAX_SEGMENTS:
            yield from self.give_up()

    def give_up(self) -> Iterator[tuple[bytes, int]]:
        """Go on behind the gaps: nothing will fill them."""
        while self._waiting:
            gap = self._waiting[0][0] - self._place
            self._go_on(gap)
            for data, lost in self._ready():
                yield data, lost + gap
                gap = 0

    def _ready(self) -> Iterator[tuple[bytes, int]]:
        """What follows without a gap. Bytes of a segment that were not recorded are lost."""
        while self._waiting and self._waiting[0][0] <= self._place:
            start, _, data, lost = heappop(self._waiting)
            self._waits -= len(data)
            old = self._place - start
            if old < len(data):
                self._go_on(len(data) - old)
                yield data[old:], 0
            missing = start + len(data) + lost - self._place
            if lost and missing > 0:
                self._go_on(missing)
                yield b"", missing

    def _go_on(self, count: int) -> None:
        assert self.next is not None
        self._place += count
        self.next = (self.next + count) & 0xFFFFFFFF


@dataclass(slots=True)
class _Open:
    conversation: Conversation
    directions: dict[End, _Direction]
    finished: set[End] = field(default_factory=set)


def conversations(
    segments: Iterable[Segment], is_wanted: Callable[[Conversation], bool] = lambda conversation: True
) -> Iterator[Conversation]:
    """All TCP connections that carried anything, as they end.

    `is_wanted` is asked when a conversation has shown some bytes, and at its end; one that is not is forgotten.
    """
    opened: OrderedDict[tuple[End, End], _Open] = OrderedDict()
    closed: OrderedDict[tuple[End, End], None] = OrderedDict()
    held = 0
    for segment in segments:
        key = _key(segment)
        known = opened.get(key)
        if known is not None and _is_another(known, segment):
            held -= known.conversation.size
            yield from _over(opened.pop(key), "a new connection began", is_wanted)
            known = None
        if known is None:
            if not segment.flags & SYN and (segment.flags & RST or not segment.payload or key in closed):
                continue
            known = opened[key] = _begin(segment)
        before = known.conversation.size
        _take(known, segment, is_wanted)
        held += known.conversation.size - before
        if known.conversation.end:
            held -= known.conversation.size
            yield from _over(opened.pop(key), known.conversation.end, is_wanted)
            closed[key] = None
            if len(closed) > MOST_CLOSED:
                closed.popitem(last=False)
        while len(opened) > MAX_CONVERSATIONS or held > MAX_TOTAL:
            _, oldest = opened.popitem(last=False)
            held -= oldest.conversation.size
            yield from _over(oldest, "too much was open at a time", is_wanted)
    for left in opened.values():
        yield from _over(left, "the recording ended", is_wanted)


def _key(segment: Segment) -> tuple[End, End]:
    return (
        (segment.source, segment.target)
        if segment.source < segment.target
        else (segment.target, segment.source)
    )


def _is_another(known: _Open, segment: Segment) -> bool:
    """A SYN that does not belong to the connection that is known."""
    if not segment.flags & SYN or segment.flags & 0x10:
        return False
    direction = known.directions[segment.source]
    repeated = (segment.sequence + 1) & 0xFFFFFFFF == direction.next and not known.conversation.pieces
    return not repeated


def _begin(segment: Segment) -> _Open:
    ends = _key(segment)
    conversation = Conversation(ends, segment.at)
    if segment.flags & SYN:
        conversation.client = segment.target if segment.flags & 0x10 else segment.source
    return _Open(conversation, {end: _Direction() for end in ends})


def _take(known: _Open, segment: Segment, is_wanted: Callable[[Conversation], bool]) -> None:
    conversation, direction = known.conversation, known.directions[segment.source]
    if segment.flags & SYN:
        direction.start(segment.sequence)
        return
    for data, lost in direction.take(segment):
        _keep(conversation, segment.source, segment.at, data, lost, is_wanted)
    if segment.flags & RST:
        conversation.end = "reset"
    elif segment.flags & FIN:
        known.finished.add(segment.source)
        if len(known.finished) == 2:
            conversation.end = "closed"


def _keep(
    conversation: Conversation,
    sender: End,
    at: float,
    data: bytes,
    lost: int,
    is_wanted: Callable[[Conversation], bool],
) -> None:
    if conversation.refused:
        return
    if conversation.size + len(data) > MAX_SIZE:
        conversation.is_cut = True
        return
    before = conversation.size
    conversation.pieces.append(Piece(at, sender, data, lost))
    conversation.size += len(data) + 64
    if before < UNDECIDED <= conversation.size and not is_wanted(conversation):
        conversation.refused = True
        conversation.pieces.clear()
        conversation.size = 0


def _over(left: _Open, end: str, is_wanted: Callable[[Conversation], bool]) -> Iterator[Conversation]:
    conversation = left.conversation
    at = conversation.pieces[-1].at if conversation.pieces else conversation.began
    for sender, direction in left.directions.items():
        for data, lost in direction.give_up():
            _keep(conversation, sender, at, data, lost, is_wanted)
    conversation.end = end
    if conversation.pieces and not conversation.refused and is_wanted(conversation):
        yield conversation
