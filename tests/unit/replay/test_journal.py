"""The journal: what routing saw after any of its inputs is rebuilt from the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from fsroute.coordinator.actions import (
    AgentChanged,
    AgentRemoved,
    CallChanged,
    CenterChanged,
    RatesChanged,
    ReservationLost,
    Tick,
)
from fsroute.coordinator.estimates import Handling
from fsroute.model.agent import Agent, AgentStatus, Authorization, Held, MediumSlots
from fsroute.model.contact import Demand
from fsroute.model.proxy_call import State
from fsroute.model.routing import TimeLineStep
from fsroute.replay import journal as journals
from fsroute.replay.faults import CaptureError, OtherVersion, Truncated
from fsroute.replay.journal import (
    ApplicationsChanged,
    CallRemoved,
    CallSeen,
    ClosedChanged,
    Closing,
    Entry,
    Event,
    HandlingKnown,
    Header,
    Journal,
    NumbersChanged,
    Pointer,
    RulesChanged,
)
from tests.unit.rows import NOON, proxy_call

ANNA = Agent(
    agent_id="anna",
    name="Anna",
    site_id="east",
    switch_id="b",
    address="user/1001",
    skills={"sales": 3},
    authorizations=(Authorization("shop", "voice", datetime(1970, 1, 1, tzinfo=UTC)),),
    status=AgentStatus.AVAILABLE,
    available_from=NOON,
    idle_since=NOON,
    reservations=(Held(7, "voice", 1, 100),),
    media={"voice": MediumSlots(2, 50)},
    version=4,
)
WAITS = proxy_call(
    version=2,
    demand=Demand("shop", "voice", (("sales", 2),), ("east",)),
    time_line=(TimeLineStep(30.0, "skill", skill="sales", level=1),),
)
EVENTS: tuple[Event, ...] = (
    RulesChanged(3, {"format": 1, "queue": [{"contact_center_id": "shop"}]}),
    ClosedChanged({"shop": Closing("closed.wav", True)}),
    NumbersChanged({"18005550100": ("shop", "sample")}),
    ApplicationsChanged({"sample": "7"}),
    RatesChanged({("east", "west"): 0.5}),
    HandlingKnown({WAITS.demand: Handling(120.0, 3, 15_000.0)}),
    AgentChanged(ANNA, 4),
    CallChanged(WAITS),
    Tick(),
    CenterChanged("shop", False),
    ReservationLost(7, "anna", proxy_call(State.OFFERED, version=3), replace(ANNA, version=5), 5),
    AgentRemoved("anna", 6),
    CallRemoved(7),
    CallSeen(WAITS),
)


def journal(events: Sequence[Event], snapshot: int = 0, first: int = 1) -> Journal:
    numbers = [first + max(0, index + 1 - max(snapshot, 1)) for index in range(len(events))]
    entries = tuple(Entry(n, 100.0 + n, event) for n, event in zip(numbers, events, strict=True))
    header = Header(site="east", switch="b", at=100.0, leads=True, snapshot=snapshot)
    return Journal(header, entries, "journal-20260302T120000.000Z-1.jsonl", "closed")


@given(some.lists(some.sampled_from(EVENTS), max_size=12), some.integers(0, 12), some.integers(0, 1 << 40))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_again(events: list[Event], snapshot: int, first: int) -> None:
    written = journal(events, min(snapshot, len(events)), first)
    assert journals.parse(journals.write(written), written.name) == written


def test_the_world_is_known_after_any_entry() -> None:
    written = journal(EVENTS, snapshot=8, first=40)
    worlds = dict(written.worlds_at(range(40, 47)))
    assert worlds[40] == written.snapshot
    assert worlds[40].agents == {"anna": ANNA}
    assert worlds[40].calls == {7: WAITS}
    assert worlds[40].closed == {"shop": Closing("closed.wav", True)}
    assert worlds[40].numbers == {"18005550100": ("shop", "sample")}
    assert worlds[40].rules_version == 3
    assert worlds[41] == replace(worlds[40], n=41, at=141.0)
    assert worlds[42].closed == {}
    assert worlds[43].calls[7].state is State.OFFERED
    assert worlds[43].agents["anna"].version == 5
    assert worlds[44].agents == {}
    assert worlds[45].calls == {}
    assert worlds[46].calls == {}


def test_a_snapshot_is_the_world_as_events() -> None:
    world = journal(EVENTS[:8], snapshot=8).snapshot
    again = journal(tuple(journals.events_of(world)), snapshot=8)
    assert again.snapshot == world


def test_an_older_row_changes_nothing_and_a_final_one_is_no_live_call() -> None:
    older = (CallChanged(WAITS), CallChanged(replace(WAITS, version=1, queue="other")))
    assert journal(older).world_at(2).calls == {7: WAITS}
    ended = CallChanged(proxy_call(State.ENDED, version=9))
    assert journal((CallChanged(WAITS), ended)).world_at(2).calls == {}


def test_entries_between_two_pointers_are_told_apart_from_the_snapshot() -> None:
    written = journal(EVENTS, snapshot=8, first=40)
    assert [entry.n for entry in written.after(40)] == [41, 42, 43, 44, 45, 46]
    assert [entry.n for entry in written.after(41, 43)] == [42, 43]


def test_a_pointer_outside_of_the_file_says_what_the_file_holds() -> None:
    with pytest.raises(CaptureError, match="it holds the entries 40 to 46, not 47"):
        journal(EVENTS, snapshot=8, first=40).world_at(47)


def test_a_journal_that_is_still_written_is_read_as_far_as_it_goes() -> None:
    lines = list(journals.write(journal(EVENTS)))
    read = journals.parse([*lines[:4], lines[4][:20]], "it")
    assert read.entries == journal(EVENTS).entries[:3]
    assert read.end is None


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b'{"n":1,"at":1.0,"event":"Nothing","value":{}}\n', "no event 'Nothing'"),
        (b'{"n":1,"at":1.0,"event":"CallChanged","value":{}}\n', "missing required field"),
        (b'{"n":3,"at":1.0,"event":"Tick","value":{}}\n', "entry 3 where 2 should be"),
        (b'{"n":2,"at":"noon","event":"Tick","value":{}}\n', "damaged"),
        (b"[" * 100_000 + b"\n", "damaged"),
        (b'{"end":\n', "damaged"),
    ],
)
def test_a_damaged_line_says_what_is_wrong(line: bytes, what: str) -> None:
    lines = [*journals.write(journal(EVENTS[:1]))][:2]
    with pytest.raises(CaptureError, match=f"it, line 3: .*{what}"):
        journals.parse([*lines, line], "it")


@given(some.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_a_line_that_nobody_wrote_is_a_fault_and_nothing_else(line: bytes) -> None:
    lines = [*journals.write(journal(EVENTS[:1]))][:2]
    with pytest.raises(CaptureError, match="it, line 3"):
        journals.parse([*lines, line.replace(b"\n", b"") + b"\n"], "it")


def test_another_version_and_a_cut_snapshot_say_so() -> None:
    with pytest.raises(OtherVersion, match="line 1: a journal of version 9"):
        journals.parse([b'{"journal":9}\n'])
    with pytest.raises(Truncated, match="within its snapshot"):
        journals.parse(list(journals.write(journal(EVENTS, snapshot=8)))[:5], "it")


def test_the_files_of_one_process_follow_each_other_by_name() -> None:
    assert (
        journals.successor("journal-20260302T120000.000Z-9.jsonl") == "journal-20260302T120000.000Z-10.jsonl"
    )


@pytest.mark.parametrize(
    "note", [None, [], {}, {"file": "../x", "n": 1}, {"file": "journal-2Z-1.jsonl", "n": "1"}, {"n": 1}]
)
def test_a_damaged_pointer_is_none(note: object) -> None:
    assert Pointer.load(note) is None


def test_a_pointer_is_read_as_it_was_written() -> None:
    pointer = Pointer("journal-20260302T120000.000Z-1.jsonl", 9)
    assert Pointer.load(pointer.dump()) == pointer
