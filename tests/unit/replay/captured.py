"""Captured calls of the contact center of ``tests/unit/routing/snapshots.py``, as values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fsroute.coordinator.strategies import BUILT_IN
from fsroute.model.agent import Agent
from fsroute.replay import format, journal
from fsroute.replay.decision import Asked, Seen
from fsroute.replay.elsewhere import CapturedCall, Comparison, Request
from fsroute.replay.format import Capture, Chunk, Note, Side
from fsroute.replay.journal import Entry, Event, Journal
from fsroute.routing.rules import RuleSet
from tests.unit.routing.snapshots import NOON, agent, inquiry

ANN, BOB, CYD = agent("ann", sales=3), agent("bob", sales=2), agent("cyd", "east", sales=1)


def request(
    queue: str = "sales", number: int = 1, agents: tuple[Agent, ...] = (ANN, BOB, CYD), **caller: Any
) -> Request:
    return Request(Asked(number, NOON.timestamp(), inquiry(queue, **caller)), Seen(agents))


def call(name: str = "a.jsonl", *requests: Request, application: str = "orders") -> CapturedCall:
    return CapturedCall(name, "shop", "800", application, requests or (request(),))


def compared(present: RuleSet | None, new: RuleSet, *calls: CapturedCall, **values: Any) -> Comparison:
    comparison = Comparison(present, new, BUILT_IN.__getitem__, "version 7", "new.sql", **values)
    for each in calls:
        comparison.add(each)
    return comparison


# Files

JOURNAL = "journal-20260304T120000.000Z-1.jsonl"


def write_journal(folder: Path, *events: Event, name: str = JOURNAL) -> None:
    """A journal whose snapshot (n 1) is the first of the events; the others follow from n 2 on."""
    entries = tuple(Entry(n, NOON.timestamp() + n, event) for n, event in enumerate(events, 1))
    header = journal.Header("west", "west-1", NOON.timestamp(), leads=True, snapshot=1)
    lines = journal.write(Journal(header, entries, name, "stopped"))
    (folder / name).write_bytes(b"".join(lines))


def asked_note(queue: str = "sales", n: int = 1, at: float = NOON.timestamp(), **more: Any) -> dict[str, Any]:
    return {"queue": queue, "at": at, "journal": {"file": JOURNAL, "n": n}, **more}


def write_call(
    folder: Path,
    name: str,
    *asked: dict[str, Any],
    rule: str | None = None,
    version: int | None = 7,
    center: str = "shop",
    number: str = "800",
    chunks: Sequence[bytes] = (),
    **more: Any,
) -> Path:
    """A captured call that asked for agents; `more` are further facts of its notes."""
    header = format.Header(
        session="outbound", fsroute="0.1", site="west", switch="west-1", at=NOON.timestamp()
    )
    known: dict[str, Any] = {
        "contact_center": center,
        "number_called": number,
        "application": {"name": "orders", "version": "1"},
        **more,
    }
    routed = {"rule": rule, "rules_version": version}
    notes = [note for each in asked for note in ({"asked": each}, {"routed": routed})]
    lines: list[format.Line] = [
        Chunk(0.0, Side.FSROUTE, b"connect\n\n"),
        Chunk(0.1, Side.FREESWITCH, b'Event-Name: CHANNEL_DATA\nvariable_x: "note"\n\n'),
        *(Chunk(0.2, Side.FREESWITCH, each) for each in chunks),
        *(Note(float(t), facts) for t, facts in enumerate([known, *notes, {"end": "it has ended"}], 1)),
    ]
    path = folder / name
    path.write_bytes(b"".join(format.write(Capture(header, tuple(lines), name))))
    return path
