"""A call as it is now, for who accepts it: what FreeSWITCH sent, with what fsroute sends now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import fsroute
from fsroute.replay.format import Capture, Chunk, Line, Note, Side
from fsroute.replay.run import Run

ANEW = frozenset({"step", "happened", "routed", "asked", "outcome", "application"})
"""Notes that are taken from the replay; all others tell of then: whose call it was, where its journal is."""


def accepted(capture: Capture, run: Run) -> Capture:
    """The capture anew, on the clock of then, with the names of then where there are any.

    The journal stays as it is: what routing decided then stands there.
    """
    asked = (note.facts["asked"] for note in capture.notes if "asked" in note.facts)
    lines: list[Line] = [*_chunks(run), *_notes_now(run, asked), *_notes_then(capture)]
    lines.sort(key=lambda line: line.t)
    return replace(
        capture, header=replace(capture.header, fsroute=fsroute.__version__), lines=tuple(_ended(lines))
    )


def _chunks(run: Run) -> Iterator[Chunk]:
    last = 0.0
    for at, by_fsroute, data in run.log:
        last = max(last, at)
        if data:
            side = Side.FSROUTE if by_fsroute else Side.FREESWITCH
            yield Chunk(last, side, run.pairing.roles.translate_back(data))


def _notes_now(run: Run, asked: Iterator[object]) -> Iterator[Note]:
    """What was ``asked`` keeps where the journal stood then."""
    for at, facts in run.notes:
        kept = {name: value for name, value in facts.items() if name in ANEW}
        if "asked" in kept:
            then = next(asked, None)
            kept["asked"] = {
                **kept["asked"],
                "journal": then.get("journal") if isinstance(then, dict) else None,
            }
        if kept:
            yield Note(at, kept)


def _notes_then(capture: Capture) -> Iterator[Note]:
    for note in capture.notes:
        kept = {name: value for name, value in note.facts.items() if name not in ANEW}
        if kept:
            yield replace(note, facts=kept)


def _ended(lines: Iterable[Line]) -> Iterator[Line]:
    """The line that says how it ended is the last one."""
    end: Note | None = None
    last = 0.0
    for line in lines:
        last = line.t
        if isinstance(line, Note) and "end" in line.facts:
            end = line
        else:
            yield line
    if end is not None:
        yield replace(end, t=max(last, end.t))
