"""Who is taken of the calls that come, by this process's share of the limits."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.callserver.admission import MOST_NUMBERS, Gate
from fsroute.model.admission import Dealt, Limit, Refusal, Share, Treatment, Why

SITE, ACME = "site:west", "center:acme"
MESSAGE = Treatment("message", "USER_BUSY", prompt="closed")


def gate(**limits: Limit) -> Gate:
    made = Gate()
    made.set_limits({{"site": SITE, "acme": ACME}[name]: limit for name, limit in limits.items()}, 0.0)
    return made


def dealt(calls: int | None, rate: float | None, due: Share | None = None) -> Dealt:
    return Dealt(SITE, Share(calls, rate), due or Share(calls, rate))


def test_what_is_due_to_others_is_given_up_with_the_report_and_no_sooner() -> None:
    shared = gate(site=Limit(10, 10.0))
    assert shared.dealt([dealt(10, 10.0, due=Share(1, 2.0))], 0.0)
    assert [shared.enter(name, [SITE], 0.0) for name in "abc"] == [None] * 3
    (use,) = shared.report(1.0)
    assert use.held == Share(3, 2.0), "calls that are there keep their room"
    assert shared.enter("d", [SITE], 1.0) is not None
    assert not shared.dealt([dealt(4, 2.0)], 1.0)


def test_a_call_above_the_limit_is_refused_with_the_limits_treatment() -> None:
    full = gate(site=Limit(2), acme=Limit(1, treatment=MESSAGE))
    assert full.enter("a", [SITE, ACME], 0.0) is None
    assert full.enter("b", [SITE, ACME], 0.0) == Refusal(ACME, Why.CALLS, MESSAGE)
    assert full.enter("c", [SITE], 0.0) is None
    assert full.enter("d", [SITE], 0.0) == Refusal(SITE, Why.CALLS, Treatment())


def test_a_refused_call_takes_no_room_in_any_scope() -> None:
    full = gate(site=Limit(2), acme=Limit(0))
    full.enter("a", [SITE, ACME], 0.0)
    assert full.present(SITE) == 0


def test_who_leaves_makes_room_once() -> None:
    full = gate(site=Limit(1))
    full.enter("a", [SITE], 0.0)
    full.left("a")
    full.left("a")
    full.left("nobody")
    assert (full.present(SITE), full.enter("b", [SITE], 0.0)) == (0, None)


def test_a_call_that_comes_back_is_taken_whatever_the_limits_are_and_counts_once() -> None:
    full = gate(site=Limit(1, 1.0))
    for _ in range(2):
        assert full.enter("a", [SITE], 0.0, taken=True) is None
        assert full.enter("b", [SITE], 0.0, taken=True) is None
    assert full.present(SITE) == 2


def test_new_calls_are_taken_in_a_burst_of_one_second_at_most() -> None:
    full = gate(site=Limit(None, 3.0))
    at_once = [full.enter(f"a{index}", [SITE], 10.0) for index in range(5)]
    assert at_once.count(None) == 3
    assert full.enter("later", [SITE], 10.34) is None
    assert full.enter("too soon", [SITE], 10.35) == Refusal(SITE, Why.PER_SECOND, Treatment())


def test_a_limit_below_one_call_per_second_lets_calls_in() -> None:
    slow = gate(site=Limit(None, 0.5))
    taken = [at for at in range(10) if slow.enter(f"{at}", [SITE], float(at)) is None]
    assert taken == [0, 2, 4, 6, 8]


def test_the_share_counts_not_the_limit() -> None:
    shared = gate(site=Limit(10, 10.0))
    shared.dealt([dealt(1, 10.0)], 0.0)
    assert shared.enter("a", [SITE], 0.0) is None
    refusal = shared.enter("b", [SITE], 0.0)
    assert refusal is not None
    assert shared.may_ask(refusal)
    shared.dealt([dealt(10, 10.0)], 0.0)
    assert shared.enter("b", [SITE], 0.0, again=True) is None


def test_a_limit_that_is_used_up_by_this_process_alone_is_not_asked_for_again() -> None:
    full = gate(site=Limit(1))
    full.enter("a", [SITE], 0.0)
    refusal = full.enter("b", [SITE], 0.0)
    assert refusal is not None
    assert not full.may_ask(refusal)


def test_a_lower_limit_holds_at_once_and_ends_no_call() -> None:
    full = gate(site=Limit(10))
    for channel in "abc":
        full.enter(channel, [SITE], 0.0)
    full.set_limits({SITE: Limit(2)}, 1.0)
    full.left("a")
    assert (full.present(SITE), full.enter("d", [SITE], 1.0) is None) == (2, False)


def test_of_a_new_limit_nothing_is_taken_before_a_share_is_dealt_unless_none_can_be_had() -> None:
    new = Gate()
    new.set_limits({SITE: Limit(2, 5.0)}, 0.0, alone=False)
    refusal = new.enter("a", [SITE], 0.0)
    assert refusal is not None
    assert new.may_ask(refusal)
    new.dealt([dealt(1, 5.0)], 0.0)
    assert new.enter("a", [SITE], 0.0, again=True) is None
    new.assume_alone()
    assert new.enter("b", [SITE], 0.0) is not None, "what was dealt stands"
    away = Gate()
    away.set_limits({SITE: Limit(1)}, 0.0, alone=False)
    away.assume_alone()
    assert away.enter("a", [SITE], 0.0) is None


def test_a_limit_that_is_set_counts_who_is_there_already() -> None:
    open_gate = gate()
    open_gate.enter("a", [SITE], 0.0)
    open_gate.set_limits({SITE: Limit(1)}, 1.0)
    assert open_gate.enter("b", [SITE], 1.0) is not None


def test_the_report_has_what_is_there_and_what_wanted_to_be() -> None:
    full = gate(site=Limit(1))
    full.report(0.0)
    for channel in "abcd":
        full.enter(channel, [SITE], 0.5)
    (use,) = full.report(2.0)
    assert (use.scope, use.present, use.demand) == (SITE, 1, 2.0)
    assert full.report(3.0)[0].demand == 1.0, "it fades"


def test_refusals_are_counted_by_number_up_to_a_limit() -> None:
    full = gate(site=Limit(0))
    refusal = full.enter("a", [SITE], 0.0)
    assert refusal is not None
    for index in range(MOST_NUMBERS + 50):
        full.note(f"{index}", refusal)
    counts = full.take_refused()
    assert (sum(counts.values()), len(counts)) == (MOST_NUMBERS + 50, MOST_NUMBERS + 1)
    assert counts["", SITE, Why.CALLS, "busy"] == 50


def test_refusals_that_could_not_be_written_are_counted_with_the_next() -> None:
    full = gate(site=Limit(0))
    refusal = full.enter("a", [SITE], 0.0)
    assert refusal is not None
    full.note("800", refusal)
    taken = full.take_refused()
    full.note("800", refusal)
    full.put_back(taken)
    assert full.take_refused() == {("800", SITE, Why.CALLS, "busy"): 2}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["enter", "left", "share", "limit"]), st.integers(0, 4))
    )
)
def test_who_is_there_is_never_more_than_the_share_that_let_them_in(
    steps: list[tuple[int, str, int]],
) -> None:
    full = gate(site=Limit(4))
    there: set[str] = set()
    for channel, what, number in steps:
        name = f"c{channel}"
        if what == "enter":
            share = full._scopes[SITE].share.calls or 0
            if full.enter(name, [SITE], 0.0) is None and name not in there:
                assert len(there) < share
                there.add(name)
        elif what == "left":
            full.left(name)
            there.discard(name)
        elif what == "share":
            full.dealt([dealt(number, None)], 0.0)
        else:
            full.set_limits({SITE: Limit(number)}, 0.0)
        assert full.present(SITE) == len(there)
