from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from fsroute.simulation.history import Event, History, Hours, QueueHistory

MONDAY = datetime(2026, 3, 2, tzinfo=UTC).timestamp()


def _learn(text: str, hours: Hours | None = None, begin: float = MONDAY + 9 * 3600) -> History:
    """Lines of: second, proxy call, kind."""
    history = History(hours or Hours())
    for line in filter(None, map(str.strip, text.splitlines())):
        second, number, kind = line.split()
        queue = "orders" if kind == "requested" else None
        history.take(Event(begin + float(second), "acme", int(number), kind, queue))
    return history


def _orders(history: History) -> QueueHistory:
    return history.queues["acme", "orders", ""]


def test_talks_and_set_ups_are_measured_from_the_events() -> None:
    orders = _orders(
        _learn(
            """
            0    1 requested
            10   1 agent_reserved
            14   1 joined
            30   2 requested
            40   2 agent_reserved
            47   2 joined
            100  1 agent_left
            100  1 conversation_over
            147  2 caller_gone
            """
        )
    )
    assert orders.talks == [86.0, 100.0]
    assert orders.setups == [4.0, 7.0]
    assert (orders.waited, orders.gave_up) == (31.0, 0)
    assert orders.patience() is None


def test_patience_counts_the_waits_of_those_who_did_not_give_up_too() -> None:
    orders = _orders(
        _learn(
            """
            0   1 requested
            40  1 caller_gone
            50  2 requested
            110 2 joined
            120 3 requested
            140 3 limit_passed
            200 2 caller_gone
            """
        )
    )
    patience = orders.patience()
    assert patience is not None
    assert patience.mean == (40 + 60 + 20) / 1


def test_an_offer_that_is_not_taken_is_counted_and_the_next_one_measured() -> None:
    orders = _orders(
        _learn(
            """
            0  1 requested
            1  1 agent_reserved
            21 1 agent_failed
            22 1 agent_reserved
            25 1 joined
            """
        )
    )
    assert (orders.no_answer(), orders.setups) == (0.5, [3.0])


def test_a_lost_conversation_is_no_talk_time() -> None:
    history = _learn("0 1 requested\n5 1 agent_reserved\n6 1 joined\n9 1 conversation_lost\n40 1 caller_gone")
    assert _orders(history).talk() is None


def test_only_the_hours_looked_at_count_on_days_on_which_anybody_came() -> None:
    history = _learn("0 1 requested\n36000 2 requested\n172800 3 requested", Hours(9, 17))
    assert len(_orders(history).arrivals) == 2
    assert history.open_seconds(MONDAY, MONDAY + 7 * 86_400) == 2 * 8 * 3600
    assert history.open_seconds(MONDAY + 10 * 3600, MONDAY + 7 * 86_400) == 15 * 3600


@pytest.mark.parametrize(("hour", "inside"), [(7.9, False), (8.0, True), (15.9, True), (16.0, False)])
def test_hours_are_those_of_their_time_zone(hour: float, inside: bool) -> None:
    hours = Hours(9, 17, timezone(timedelta(hours=1)))
    assert hours.holds(MONDAY + hour * 3600) is inside


def test_what_happens_to_calls_requested_before_is_passed_over() -> None:
    assert _learn("0 1 joined\n5 1 caller_gone").queues == {}
