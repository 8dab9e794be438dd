"""What the demonstration calls good."""

from __future__ import annotations

import pytest

from fsroute.demo.plan import EXPECTED, SHOWN_BY, Kind, PlannedCall, plan
from fsroute.demo.report import Report
from fsroute.model.contact import Outcome
from fsroute.records.contact_record import ContactRecord
from fsroute.switchsim.people import Caller


def report(kind: Kind, outcome: str, *kinds: str) -> Report:
    """One call of a kind that ended so, with events of these kinds."""
    record = ContactRecord("c1", "acme", outcome=outcome, kinds=["arrived", *kinds, "closed"])
    planned = PlannedCall(kind, Caller("+1", "Ada", "8005550100"), talk=20.0)
    return Report([record], [planned], violations=[], missing=0, silences=0, stray_channels=0)


@pytest.mark.parametrize("kind", SHOWN_BY)
def test_a_call_must_show_what_it_is_to_show(kind: Kind) -> None:
    outcome = str(EXPECTED.get(kind, Outcome.SERVED))
    assert report(kind, outcome, SHOWN_BY[kind]).is_good
    assert report(kind, outcome).wrong == [f"+1 ({kind}): without {SHOWN_BY[kind]}"]


def test_a_call_must_end_as_planned() -> None:
    assert report(Kind.BRIDGED, "served").is_good
    assert report(Kind.BRIDGED, "abandoned").wrong == [f"+1 ({Kind.BRIDGED}): abandoned instead of served"]
    assert not report(Kind.CLOSED, "served").is_good


def test_every_kind_is_planned_where_there_are_calls_enough() -> None:
    assert {call.kind for call in plan(len(Kind), seed=7)} == set(Kind)
    assert plan(30, seed=7) == plan(30, seed=7)
