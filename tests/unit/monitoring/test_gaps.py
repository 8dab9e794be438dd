from __future__ import annotations

import pytest

from fsroute.monitoring.gaps import TAKING_OVER, Answering, Gap, Leadership, gaps
from tests.unit.monitoring.ledger import START, Table, audited


def found(text: str, now: float = 100.0, renewed_at: float | None = None) -> list[tuple[float, float, bool]]:
    """(begin, end, open) of each gap of a table, counted from the table's moment 0."""
    table = Table()
    table.read(text)
    lease = None if renewed_at is None else Leadership("a", START + renewed_at, 10.0)
    return [
        (round(gap.begin - START, 3), round(gap.end - START, 3), gap.is_open)
        for gap in gaps(table.system, lease, START + now)
    ]


EVER = float("-inf")


def test_nobody_leads_before_the_first_leader() -> None:
    assert found("5 leader leader") == [(EVER, 5, False)]


def test_without_a_leader_all_is_a_gap() -> None:
    assert found("") == [(EVER, 100, True)]


def test_a_gap_begins_when_the_dead_leader_was_last_heard_of() -> None:
    assert found("5 leader leader\n30 leader leader since=21.5")[1:] == [(21.5, 30, False)]


def test_a_gap_begins_when_a_leader_gives_up() -> None:
    assert found("5 leader leader\n30 leader leader_gone since=28\n31 leader leader since=28")[1:] == [
        (30, 31, False)
    ]
    assert found("5 leader leader\n30 leader leader_gone since=28")[1:] == [(30, 100, True)]


def test_a_database_that_was_away_is_a_gap() -> None:
    assert found("5 leader leader\n30 leader leader_silent since=22")[1:] == [(22, 30, False)]


def test_a_leader_that_has_not_renewed_for_long_is_a_gap_that_is_open() -> None:
    assert found("5 leader leader", renewed_at=96.9)[1:] == [(96.9, 100, True)]
    assert found("5 leader leader", renewed_at=97.1)[1:] == []


def test_the_lease_of_a_switch_is_another_matter() -> None:
    table = Table()
    table.read("5 leader leader\n30 leader leader since=20")
    for event in table.system:
        assert isinstance(event.data, dict)
        event.data["lease"] = "switch:home"
    assert [gap.is_open for gap in gaps(table.system, None, START + 100)] == [True]


def test_gaps_are_reported_but_not_the_time_before_the_first_leader() -> None:
    report = audited("5 leader leader\n30 leader leader since=21.5\n40 end")
    assert [(gap.begin - START, gap.length) for gap in report.gaps] == [(21.5, 8.5)]


@pytest.mark.parametrize(
    ("begin", "end", "longest", "total"),
    [
        (1, 9, 8, 8),
        (5, 15, 5, 5),
        (12, 18, 0, 0),
        (12, 25, 4, 4),
        (5, 35, 9, 18),
        (35, 60, 25, 25),
        (21.5, 31.5, 8.5, 9),
    ],
)
def test_time_counts_between_gaps(begin: float, end: float, longest: float, total: float) -> None:
    """Gaps from 10 to 21 and from 30 to 31, with the time that a leader needs to take over."""
    answering = Answering([Gap(30, 31 - TAKING_OVER, ""), Gap(10, 21 - TAKING_OVER, "")])
    assert answering.longest(begin, end) == longest
    assert answering.total(begin, end) == total


def test_without_gaps_all_time_counts() -> None:
    assert Answering([]).longest(1, 4) == 3
    assert Answering([]).total(4, 1) == 0
