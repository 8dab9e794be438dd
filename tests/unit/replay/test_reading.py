"""What captures and journals say of routing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fsroute.coordinator.actions import AgentChanged
from fsroute.model.agent import AgentStatus
from fsroute.replay.elsewhere import CannotBeTold, CapturedCall
from fsroute.replay.faults import CaptureError, OtherVersion, Truncated
from fsroute.replay.journal import ClosedChanged, Closing, RulesChanged
from fsroute.replay.reading import newest_document, paths_of, read_call, with_what_was_seen
from tests.unit.replay.captured import ANN, BOB, JOURNAL, asked_note, write_call, write_journal
from tests.unit.routing.snapshots import Snapshot


def seen_in(folder: Path, journal: Path | None = None) -> list[CapturedCall | tuple[str, str]]:
    calls = [read_call(path) for path in paths_of([folder])]
    return list(with_what_was_seen([each for each in calls if each is not None], journal))


def untold(folder: Path, journal: Path | None = None) -> tuple[str, str]:
    """The name of the one call, and why it cannot be compared."""
    (found,) = seen_in(folder, journal)
    assert isinstance(found, tuple)
    return found


def told(folder: Path, journal: Path | None = None) -> CapturedCall:
    (call,) = seen_in(folder, journal)
    assert isinstance(call, CapturedCall)
    return call


def test_a_call_is_read_with_what_was_asked_and_what_was_seen(tmp_path: Path) -> None:
    snapshot = Snapshot()
    on_break = replace(ANN, status=AgentStatus.ON_BREAK, version=1)
    write_journal(
        tmp_path, RulesChanged(7, snapshot.tables), AgentChanged(ANN, 0), AgentChanged(BOB, 0),
        ClosedChanged({"shop": Closing("later")}), AgentChanged(on_break, 1),
    )  # fmt: skip
    write_call(
        tmp_path, "a.jsonl", asked_note(n=3, facts={"order": "12"}, number="+49", language="de"), asked_note("help", 5)
    )  # fmt: skip
    first, second = told(tmp_path).requests
    assert (first.asked.number, first.asked.inquiry.queue, second.asked.inquiry.queue) == (1, "sales", "help")
    caller = first.asked.inquiry.caller
    assert (caller.number, caller.language, caller.facts, caller.number_called) == (
        "+49", "de", {"order": "12"}, "800",
    )  # fmt: skip
    assert (first.seen.agents, first.seen.closed) == ((ANN, BOB), {})
    assert (second.seen.agents, second.seen.closed) == ((on_break, BOB), {"shop": "later"})
    assert first.rules is not None
    assert first.rules is second.rules
    assert (first.rules.version, first.asked.caller_site_id) == (7, "west")


def test_a_journal_may_lie_elsewhere(tmp_path: Path) -> None:
    calls, journals = tmp_path / "calls", tmp_path / "journals"
    calls.mkdir()
    journals.mkdir()
    write_journal(journals, RulesChanged(7, Snapshot().tables))
    write_call(calls, "a.jsonl", asked_note())
    assert told(calls, journals).requests[0].rules is not None
    assert "cannot be read" in untold(calls)[1]


def test_a_journal_that_is_still_written_is_read(tmp_path: Path) -> None:
    write_journal(tmp_path, RulesChanged(7, Snapshot().tables))
    (tmp_path / JOURNAL).rename(tmp_path / f"{JOURNAL}.part")
    write_call(tmp_path, "a.jsonl", asked_note())
    assert told(tmp_path).requests[0].rules is not None
    assert newest_document([tmp_path]) is not None


def test_an_entry_that_the_journal_does_not_hold_is_told(tmp_path: Path) -> None:
    write_journal(tmp_path, RulesChanged(7, Snapshot().tables))
    write_call(tmp_path, "a.jsonl", asked_note(n=9))
    assert untold(tmp_path) == (
        str(tmp_path / "a.jsonl"),
        f"{JOURNAL} holds no entry 9: it was cut off, or is another",
    )


def test_a_call_without_a_request_needs_no_journal(tmp_path: Path) -> None:
    write_call(tmp_path, "a.jsonl")
    assert told(tmp_path).requests == ()


@pytest.mark.parametrize(
    ("note", "why"),
    [
        ({"queue": "sales"}, "request 1: the note on its routing is damaged"),
        (None, "request 1: the capture does not say what the rules were asked"),
        ({"queue": "sales", "at": 5.0}, "request 1: the capture does not say where the journal stood"),
        (asked_note(at=1e300), "request 1: the capture does not say where the journal stood"),
        (
            asked_note(journal={"file": "../../etc/passwd", "n": 1}),
            "request 1: the capture does not say where",
        ),
        (asked_note(facts={"a": 1}), "request 1: the note on its routing is damaged"),
    ],
)
def test_a_note_that_cannot_be_is_no_request(tmp_path: Path, note: dict[str, object], why: str) -> None:
    path = write_call(tmp_path, "a.jsonl", note)
    with pytest.raises(CannotBeTold, match=why):
        read_call(path)


def test_of_several_askings_before_an_answer_the_last_counts(tmp_path: Path) -> None:
    path = write_call(tmp_path, "a.jsonl", asked_note("first"), asked_note("second"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for number, line in enumerate(lines) if number != 5))
    call = read_call(path)
    assert call is not None
    assert [request.asked.inquiry.queue for request in call.call.requests] == ["second"]


def test_a_request_without_an_answer_is_one(tmp_path: Path) -> None:
    path = write_call(tmp_path, "a.jsonl", asked_note())
    path.write_bytes(
        b"".join(line for line in path.read_bytes().splitlines(keepends=True) if b"routed" not in line)
    )
    call = read_call(path)
    assert call is not None
    assert [request.is_known for request in call.call.requests] == [False]


def test_a_part_that_is_missing_may_hold_a_request(tmp_path: Path) -> None:
    path = write_call(tmp_path, "a.jsonl", truncated="max_file_size")
    with pytest.raises(CannotBeTold, match="a part of the call is missing"):
        read_call(path)


def test_damaged_captures_are_told(tmp_path: Path) -> None:
    whole = write_call(tmp_path, "a.jsonl", asked_note()).read_bytes()
    cut, other, none = tmp_path / "b.jsonl", tmp_path / "c.jsonl", tmp_path / "d.jsonl"
    cut.write_bytes(whole[: whole.index(b'{"t":3')])
    other.write_bytes(whole.replace(b'"capture":2', b'"capture":3'))
    none.write_bytes(b"{}\n")
    for path, kind in ((cut, Truncated), (other, OtherVersion), (none, CaptureError)):
        with pytest.raises(kind, match=str(path)):
            read_call(path)


def test_captures_of_version_1_do_not_say_what_was_asked() -> None:
    (path, *_) = paths_of([Path(__file__).parents[2] / "captures"])
    with pytest.raises(CannotBeTold, match="version 1"):
        read_call(path)
