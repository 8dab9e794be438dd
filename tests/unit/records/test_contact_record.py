from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from fsroute.records.contact_record import ContactEvent, ContactRecord, records

BEGIN = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


def event(after: float, kind: str, agent_id: str | None = None, **data: Any) -> ContactEvent:
    return ContactEvent(BEGIN + timedelta(seconds=after), "c1", "acme", kind, None, agent_id, data)


def record(*events: ContactEvent) -> ContactRecord:
    [only] = records(events)
    return only


SERVED = (
    event(0, "arrived"),
    event(10, "requested"),
    event(30, "agent_reserved", "ann", network_leg="wanted"),
    event(33, "agent_accepted", "ann"),
    event(33.1, "joined", "ann", network_leg="joined"),
    event(93.1, "agent_left", "ann"),
    event(100, "closed", outcome="served"),
)


def test_a_served_contact_is_told_by_its_events() -> None:
    one = record(*SERVED)
    assert (one.outcome, one.agent_id, one.outcome_code) == ("served", "ann", None)
    assert (round(one.waited, 3), round(one.network_leg, 3), one.sent_at_once) == (23.1, 60.0, 90.0)
    assert [round(wait) for wait in one.agent_waits] == [100]


def test_an_outcome_code_that_comes_after_the_end_makes_the_contact_no_longer() -> None:
    code = (event(400, "outcome_code", "ann", code="1"), event(500, "outcome_code", "ann", code="17"))
    before, after = record(*SERVED), record(*SERVED, *code)
    assert after.outcome_code == "17", "the last one counts"
    assert (after.waited, after.sent_at_once, after.outcome) == (
        before.waited, before.sent_at_once, before.outcome,
    )  # fmt: skip
