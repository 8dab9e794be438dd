"""The shares of a limit that several processes of a site have, and what is written of refusals."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fsroute.model.admission import Dealt, Limit, Share, Treatment, Use, Why
from fsroute.store.admission import TOPIC, Admissions
from fsroute.store.signals import Signals
from tests.fix_center import Center, at_once
from tests.waiting import until

SITE = "site:west"


@pytest.fixture
def admissions(center: Center) -> Admissions:
    return Admissions(center.database)


NOTHING = Share(0, 0.0)


def deal(
    admissions: Admissions,
    process: str,
    limit: Limit,
    present: int = 0,
    demand: float = 0.0,
    held: Share = NOTHING,
) -> Dealt:
    [dealt] = admissions.share(process, "home", [Use(SITE, limit, present, demand, held)], 60.0)
    assert dealt.scope == SITE
    return dealt


def share(admissions: Admissions, process: str, limit: Limit, present: int = 0, demand: float = 0.0) -> Share:
    """Of a process that has lowered its share to nothing but the calls that are there."""
    return deal(admissions, process, limit, present, demand, Share(present, 0.0)).share


def test_a_process_alone_has_the_whole_limit(admissions: Admissions) -> None:
    assert share(admissions, "one", Limit(10, 5.0)) == Share(10, 5.0)
    assert share(admissions, "one", Limit(10, None), present=4, demand=1.0) == Share(10, None)
    assert share(admissions, "one", Limit(None, 5.0)) == Share(None, 5.0)


def test_one_that_no_calls_come_to_leaves_its_part_to_the_other(admissions: Admissions) -> None:
    share(admissions, "busy", Limit(10, 5.0), present=5, demand=50.0)
    share(admissions, "idle", Limit(10, 5.0))
    assert share(admissions, "busy", Limit(10, 5.0), present=5, demand=50.0) == Share(10, 5.0)
    assert share(admissions, "idle", Limit(10, 5.0)) == Share(0, 0.0)


def test_one_that_takes_few_calls_leaves_room_for_another_that_begins(admissions: Admissions) -> None:
    for _ in range(2):
        share(admissions, "few", Limit(100, 50.0), present=4, demand=1.0)
        share(admissions, "idle", Limit(100, 50.0))
    began = share(admissions, "idle", Limit(100, 50.0), demand=10.0)
    assert min(began.calls or 0, began.per_second or 0.0) >= 20


def test_a_process_that_has_gone_silent_is_forgotten(admissions: Admissions) -> None:
    admissions.share("gone", "home", [Use(SITE, Limit(10), 9, 5.0, NOTHING)], 0.0)
    assert share(admissions, "other", Limit(10)) == Share(10, None)


def test_what_is_given_back_is_others_at_once(admissions: Admissions) -> None:
    share(admissions, "one", Limit(10), present=9, demand=5.0)
    admissions.give_back("one")
    assert share(admissions, "other", Limit(10)) == Share(10, None)


def test_what_a_process_holds_stays_its_own_until_it_gives_it_up(admissions: Admissions) -> None:
    deal(admissions, "one", Limit(1), held=NOTHING)
    idle = deal(admissions, "two", Limit(1))
    first = deal(admissions, "one", Limit(1), held=Share(1, None))
    assert (idle.share, first.share, first.due) == (Share(0, None), Share(1, None), Share(0, None))
    assert deal(admissions, "two", Limit(1), demand=5.0).share == Share(0, None)
    deal(admissions, "one", Limit(1), held=Share(0, None))
    assert deal(admissions, "two", Limit(1), demand=5.0).share == Share(1, None)


def test_calls_above_the_limit_that_have_come_back_let_nobody_else_in(admissions: Admissions) -> None:
    share(admissions, "one", Limit(3), present=5)
    assert share(admissions, "other", Limit(3), present=1) == Share(0, None)


def test_a_demand_that_has_all_but_faded_is_none(admissions: Admissions) -> None:
    share(admissions, "one", Limit(3), demand=2.0)
    assert share(admissions, "other", Limit(3), demand=5e-324) == Share(0, None)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(0, 12),
    steps=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.floats(0, 40)), max_size=20),
)
def test_all_shares_together_are_never_more_than_the_limit(
    admissions: Admissions, limit: int, steps: list[tuple[str, int, float]]
) -> None:
    shares = dict.fromkeys("abc", NOTHING)
    dues = dict(shares)
    for process in shares:
        admissions.give_back(process)
    for process, wanted, demand in steps:
        held, due = shares[process], dues[process]
        present = min(wanted, held.calls or 0)
        lowered = Share(
            min(held.calls or 0, max(present, due.calls or 0)),
            min(held.per_second or 0.0, due.per_second or 0.0),
        )
        dealt = deal(admissions, process, Limit(limit, 7.5), present, demand, lowered)
        assert (dealt.share.calls or 0) >= (lowered.calls or 0), "what it may be using just now stays its own"
        shares[process], dues[process] = dealt.share, dealt.due
        assert sum(each.calls or 0 for each in shares.values()) <= limit
        assert sum(each.per_second or 0.0 for each in shares.values()) <= 7.5 + 1e-9


def test_processes_that_ask_at_once_are_given_no_call_twice(admissions: Admissions) -> None:
    shares = at_once(*(lambda n=n: share(admissions, f"p{n}", Limit(5), demand=9.0) for n in range(6)))
    assert sum(each.calls for each in shares) <= 5


def test_limits_of_contact_centers_are_read_with_their_numbers_and_signalled(
    center: Center, admissions: Admissions
) -> None:
    signals, heard = Signals(center.database), []
    signals.start()
    signals.subscribe(TOPIC, lambda key, row: heard.append(key))
    until(lambda: heard == [None])
    limit = Limit(20, 2.5, Treatment("message", "USER_BUSY", "", "closed"))
    admissions.set_limit("blue", limit)
    until(lambda: len(heard) > 1)
    [found] = admissions.limits()
    assert (found.contact_center_id, found.limit, found.numbers) == ("blue", limit, ("8005550100",))
    admissions.lift_limit("blue")
    assert admissions.limits() == []
    signals.stop()


def test_refusals_are_written_by_number_with_its_contact_center(
    center: Center, admissions: Admissions
) -> None:
    key = ("8005550100", SITE, Why.CALLS, "busy")
    admissions.refused("home", [(key, 7), (("", SITE, Why.PER_SECOND, "busy"), 2)])
    rows = center.sql(
        "select contact_center_id, number_called, reason, calls from admission_refusal order by calls"
    )
    assert [tuple(row.values()) for row in rows] == [
        (None, "", "per_second", 2),
        ("blue", "8005550100", "calls", 7),
    ]


def test_the_status_has_limits_what_is_there_and_what_was_refused(admissions: Admissions) -> None:
    admissions.set_limit("green", Limit(3))
    share(admissions, "one", Limit(10, 5.0), present=4, demand=1.0)
    admissions.refused("home", [(("8005550100", SITE, Why.CALLS, "busy"), 7)])
    green, west = admissions.status()
    assert (green["scope"], green["calls"], green["present"], green["processes"]) == ("center:green", 3, 0, 0)
    assert (west["scope"], west["present"], west["per_second"], west["last_minute"]) == (SITE, 4, 5.0, 7)
