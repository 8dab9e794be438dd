"""Calls that were not taken are replayed as such: what else was on the lines then is no part of a capture."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fsroute.model.admission import Treatment
from fsroute.replay.faults import CaptureError
from fsroute.replay.player import Replayed
from tests.integration.flow.test_admission import call, limit
from tests.integration.replay.conftest import CapturedWorld
from tests.integration.replay.test_player import kept, player
from tests.waiting import until

TREATMENTS = {
    "refused": Treatment("busy", "NORMAL_CIRCUIT_CONGESTION"),
    "sent on": Treatment("number", number="1000"),
    "told": Treatment("message", "NORMAL_TEMPORARY_FAILURE", prompt="closed"),
}


@pytest.mark.parametrize("treatment", TREATMENTS.values(), ids=list(TREATMENTS))
def test_a_call_that_was_not_taken_is_the_same_again(captured: CapturedWorld, treatment: Treatment) -> None:
    limit(captured, 0, treatment)
    turned_away = call(captured)
    until(turned_away.over.is_set, 30)
    capture = kept(captured)
    assert capture.facts["refused"]["scope"] == "center:acme"
    replayed = player(captured).replay(capture)
    assert [str(each) for each in replayed.differences] == []
    assert (replayed.skipped, replayed.stopped, replayed.outcome) == ("", "", None)


@pytest.mark.parametrize("scrub", [True])
def test_a_scrubbed_call_that_was_sent_on_is_the_same_again(captured: CapturedWorld) -> None:
    limit(captured, 0, Treatment("number", number="+14155550188"))
    turned_away = call(captured)
    until(turned_away.over.is_set, 30)
    capture = kept(captured)
    replayed = player(captured).replay(capture)
    assert [str(each) for each in replayed.differences] == []


def test_another_end_is_a_difference_and_a_note_that_says_nothing_is_an_error(
    captured: CapturedWorld,
) -> None:
    limit(captured, 0, TREATMENTS["refused"])
    turned_away = call(captured)
    until(turned_away.over.is_set, 30)
    capture = kept(captured)
    noted = next(note for note in capture.notes if "refused" in note.facts)

    def with_note(refused: object) -> Replayed:
        note = replace(noted, facts={**noted.facts, "refused": refused})
        lines = tuple(note if line is noted else line for line in capture.lines)
        return player(captured).replay(replace(capture, lines=lines))

    other = {**noted.facts["refused"], "treatment": {"do": "busy", "cause": "USER_BUSY"}}
    assert [("USER_BUSY" in each.now) for each in with_note(other).differences] == [True]
    for nothing in ("busy", {"scope": "center:acme", "why": "whim", "treatment": {}},
                    {**noted.facts["refused"], "treatment": {"do": "busy", "cause": ["USER_BUSY"]}}):  # fmt: skip
        with pytest.raises(CaptureError, match="the note 'refused' is not one"):
            with_note(nothing)
