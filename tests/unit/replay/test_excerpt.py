"""What is cut out for one call has no gap and is found by the call's own pointers; together excerpts know all rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from fsroute.coordinator.actions import AgentChanged, CallChanged
from fsroute.model.agent import Agent
from fsroute.replay import format as captures
from fsroute.replay import journal as journals
from fsroute.replay.beside import Journals
from fsroute.replay.excerpt import excerpt
from fsroute.replay.format import Capture, Chunk, Header, Note, Side
from fsroute.replay.journal import EXCERPT, Journal, Pointer, RulesChanged
from fsroute.replay.reading import newest_document
from tests.unit.replay.captured import ANN, BOB, JOURNAL, write_journal
from tests.unit.rows import proxy_call


def document(*centers: str) -> dict[str, Any]:
    return {"contact_center": [{"contact_center_id": center, "name": center.title()} for center in centers]}


def of(agent: Agent, center: str) -> Agent:
    return replace(
        agent, authorizations=tuple(replace(each, contact_center_id=center) for each in agent.authorizations)
    )


def call_of(center: str, contact: str, begin: int, end: int) -> Capture:
    facts: dict[str, Any] = {"contact": contact, "contact_center": center}
    asked = {"queue": "support", "at": 1.0, "journal": {"file": JOURNAL, "n": begin + 1}}
    return Capture(
        Header(site="west", switch="west-1", at=1.0),
        (
            Chunk(0.0, Side.FSROUTE, b"connect\n\n"),
            Note(0.1, {**facts, "journal": Pointer(JOURNAL, begin).dump()}),
            Note(0.2, {"asked": asked}),
            Note(0.3, {"journal_end": Pointer(JOURNAL, end).dump(), "end": "it is over"}),
        ),
        f"{contact}.jsonl",
    )


def cut(folder: Path, to: Path, call: Capture) -> tuple[Capture, Journal]:
    """Cut out, written, and read again."""
    made = excerpt(call, Journals((folder,)), f"a call of {call.facts['contact_center']}")
    assert made.journal is not None
    to.mkdir(exist_ok=True)
    (to / made.journal.name).write_bytes(b"".join(journals.write(made.journal)))
    (to / call.name).write_bytes(b"".join(captures.write(made.capture)))
    return captures.load(to / call.name), journals.load(to / made.journal.name)


def day(folder: Path) -> None:
    """Two contact centers take turns: acme has the entries 3 and 5, globex 2 and 4."""
    write_journal(
        folder,
        RulesChanged(None, document("acme", "globex")),
        AgentChanged(of(ANN, "globex"), 1),
        AgentChanged(of(BOB, "acme"), 2),
        CallChanged(replace(proxy_call(), proxy_call_id=7, contact_center_id="globex", contact_id="g", agent_id=None)),
        CallChanged(replace(proxy_call(), proxy_call_id=8, contact_center_id="acme", contact_id="a", agent_id=None)),
    )  # fmt: skip


def test_the_journal_of_one_contact_center_has_no_gap_and_the_pointers_lead_into_it(tmp_path: Path) -> None:
    day(tmp_path)
    call, journal = cut(tmp_path, tmp_path / "to", call_of("acme", "a", 1, 5))
    assert journal.end == EXCERPT
    assert [entry.n for entry in journal.entries[journal.header.snapshot :]] == [2, 3]
    begin, end = (Pointer.load(call.facts[name]) for name in ("journal", "journal_end"))
    assert begin is not None
    assert end is not None
    assert {begin.file, end.file} == {journal.name}
    assert (begin.n, end.n) == (1, 3)
    assert call.facts["asked"]["journal"]["n"] == 1, "the second entry was the other's"
    world = journal.world_at(end.n)
    assert [*world.agents] == ["bob"]
    assert [*world.calls] == [8]


def test_two_sessions_of_one_contact_have_journals_of_their_own(tmp_path: Path) -> None:
    day(tmp_path)
    first = call_of("acme", "a", 1, 3)
    later = replace(first, header=replace(first.header, at=9.0))
    names = {
        made.journal.name
        for call in (first, later)
        if (made := excerpt(call, Journals((tmp_path,)))).journal is not None
    }
    assert len(names) == 2


def test_excerpts_know_the_rules_of_all_their_contact_centers_together(tmp_path: Path) -> None:
    day(tmp_path)
    for center, contact in (("acme", "a"), ("globex", "g")):
        cut(tmp_path, tmp_path / "to", call_of(center, contact, 1, 5))
    found = newest_document([tmp_path / "to"])
    assert found is not None
    rows = found.document["contact_center"]
    assert sorted(row["contact_center_id"] for row in rows) == ["acme", "globex"]
    assert sorted(agent.agent_id for agent in found.agents) == ["ann", "bob"]
