from __future__ import annotations

from dataclasses import replace

import pytest

from fsroute.model.agent import Authorization, MediumSlots
from fsroute.model.routing import TimeLineStep
from fsroute.simulation.durations import Constant, Exponential
from fsroute.simulation.sample import End
from fsroute.simulation.scenario import pooled, with_strategy
from fsroute.simulation.simulator import simulate
from tests.unit.simulation.scenes import agent, agents, day, listed, only, queue, steady, tally, waits


def test_contacts_are_served_in_the_order_of_their_arrival() -> None:
    assert waits(day(listed(0.0, 10.0, 20.0), agents=agents(1))) == [0.0, 90.0, 180.0]


def test_wrap_up_is_work_and_the_next_contact_waits_for_its_end() -> None:
    sample = only(day(listed(0.0, 10.0), agents=(agent("ann", wrap_up=15.0),)))
    assert list(sample.tallies[0].answered) == pytest.approx([0.0, 105.0])
    assert sum(sample.busy.values()) == pytest.approx(230.0)


def test_the_longest_idle_agent_is_taken() -> None:
    """Ann is free at 100, Bob at 110: so at 120 it is Ann's turn, who would be free at 220, and Bob's at 130."""
    scenario = day(listed(0.0, 10.0, 120.0, 130.0, 140.0), agents=agents(2))
    assert waits(scenario) == [0.0, 0.0, 0.0, 0.0, 80.0]


def test_who_loses_patience_leaves_and_the_next_moves_up() -> None:
    scenario = day(listed(0.0, 10.0, 50.0, patience=Constant(60.0)), agents=agents(1))
    found = tally(scenario)
    assert found.ends == {End.ANSWERED: 2, End.ABANDONED: 1}
    assert list(found.unanswered) == pytest.approx([60.0])
    assert list(found.answered) == pytest.approx([0.0, 50.0])


def test_who_may_lose_patience_does_not_while_talking() -> None:
    assert tally(day(listed(0.0, patience=Constant(5.0)), agents=agents(1))).ends == {End.ANSWERED: 1}


def test_the_queue_s_longest_wait_ends_a_wait() -> None:
    limited = replace(queue(), longest_wait=30.0)
    found = tally(day(listed(0.0, 10.0, queue=limited), agents=agents(1)))
    assert found.ends == {End.ANSWERED: 1, End.OVERFLOWED: 1}
    assert list(found.unanswered) == pytest.approx([30.0])


def test_whom_nobody_could_serve_is_refused_at_once() -> None:
    found = tally(day(listed(0.0, queue=queue(french=1)), agents=agents(1)))
    assert (found.ends, found.contacts) == ({End.REFUSED: 1}, 1)


def test_who_is_never_served_is_counted_as_waiting() -> None:
    stubborn = replace(queue(french=1), refuse_when="never")
    assert tally(day(listed(5.0, queue=stubborn), agents=agents(1))).ends == {End.WAITING: 1}


def test_the_time_until_the_join_is_part_of_the_wait_and_of_the_work() -> None:
    sample = only(day(listed(0.0, 1.0, setup=Constant(4.0)), agents=agents(1)))
    assert list(sample.tallies[0].answered) == pytest.approx([4.0, 107.0])
    assert sum(sample.busy.values()) == pytest.approx(208.0)


def test_an_agent_who_does_not_answer_is_set_aside_and_the_contact_keeps_its_place() -> None:
    """The set-up takes longer than the offer may: nobody ever answers, and the two agents take turns."""
    scenario = day(
        listed(0.0, setup=Constant(25.0), patience=Constant(65.0)), agents=agents(2), set_aside=45.0
    )
    sample = only(scenario)
    assert sample.tallies[0].ends == {End.ABANDONED: 1}
    assert sum(sample.busy.values()) == pytest.approx(20.0 + 20.0)  # until 20 and 40; free again from 65 on


def test_an_abandoned_offer_leaves_the_agent_free_at_once() -> None:
    scenario = day(
        listed(0.0, setup=Constant(15.0), patience=Constant(5.0)),
        listed(6.0, queue=queue("second")),
        agents=agents(1),
    )
    assert tally(scenario).ends == {End.ABANDONED: 1}
    assert waits(scenario, 1) == [0.0]


def test_a_share_of_offers_is_not_taken() -> None:
    scenario = day(replace(steady(2.0), no_answer=0.3), agents=agents(8), duration=36_000.0, set_aside=5.0)
    found = tally(scenario)
    asked_again = sum(wait >= 20.0 for wait in found.answered) / found.contacts
    assert asked_again == pytest.approx(0.3, abs=0.08)


def test_priority_comes_before_arrival() -> None:
    scenario = day(listed(0.0, 10.0), listed(20.0, queue=queue("urgent", priority=5)), agents=agents(1))
    assert waits(scenario, 1) == [80.0]
    assert waits(scenario) == [0.0, 190.0]


def test_skills_and_authorizations_decide_who_serves() -> None:
    scenario = day(
        listed(0.0, 1.0, queue=queue(french=2)),
        agents=(agent("ann", french=2), agent("bob", french=1), agent("eve", center="other", french=3)),
    )
    assert waits(scenario) == [0.0, 99.0]


def test_what_comes_in_the_warm_up_is_not_counted_but_keeps_agents_busy() -> None:
    sample = only(day(listed(0.0, 60.0), agents=agents(1), warm_up=50.0, duration=100.0))
    assert list(sample.tallies[0].answered) == pytest.approx([40.0])
    assert sum(sample.busy.values()) == pytest.approx(100.0)


def test_the_same_seed_gives_the_same_result_and_another_one_another() -> None:
    scenario = day(replace(steady(4.0), patience=Exponential(60.0), no_answer=0.1), agents=agents(5))
    first, again, other = (simulate(scenario, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_cut_into_stretches_it_is_the_same_run() -> None:
    scenario = day(steady(4.0), agents=agents(5))
    (whole,) = simulate(scenario, 1)
    parts = simulate(scenario, 1, 6)
    assert [wait for part in parts for wait in part.tallies[0].answered] == pytest.approx(
        list(whole.tallies[0].answered)
    )
    assert sum(sum(part.busy.values()) for part in parts) == pytest.approx(sum(whole.busy.values()))


def test_under_another_rule_the_same_contacts_come() -> None:
    """They talk as long as before: all that is pooled is who may serve them."""
    scenario = day(
        steady(3.0, name="one", one=1), steady(3.0, name="two", two=1),
        agents=(*agents(4, one=1), *(agent(f"b{number}", two=1) for number in range(4))),
    )  # fmt: skip
    apart, together = only(scenario).tallies, only(pooled(scenario)).tallies
    assert [one.contacts for one in apart] == [one.contacts for one in together]
    assert sum(map(sum, (one.answered for one in together))) < sum(map(sum, (one.answered for one in apart)))


# Rules --------------------------------------------------------------------------------------------------


def test_the_time_line_widens_what_is_asked_for() -> None:
    strict = replace(queue(french=3), refuse_when="never")
    lowered = TimeLineStep(30.0, "skill", skill="french", level=1)
    assert waits(day(listed(0.0, queue=strict, time_line=(lowered,)), agents=agents(1, french=1))) == [30.0]
    dropped = TimeLineStep(20.0, "skill", skill="french")
    assert waits(day(listed(0.0, queue=strict, time_line=(dropped,)), agents=agents(1))) == [20.0]


def test_the_time_line_raises_the_priority() -> None:
    """Who came first has been served at 100; then the second, had not the third become urgent."""
    first = listed(0.0, 10.0)
    urgent = listed(20.0, queue=queue("urgent"), time_line=(TimeLineStep(5.0, "priority", priority=1),))
    assert waits(day(first, urgent, agents=agents(1)), 0) == [0.0, 190.0]
    assert waits(day(first, urgent, agents=agents(1)), 1) == [80.0]


def test_the_time_line_may_end_the_wait() -> None:
    step = TimeLineStep(30.0, "voice_message")
    found = tally(day(listed(0.0, 10.0, time_line=(step,)), agents=agents(1)))
    assert found.ends == {End.ANSWERED: 1, End.OVERFLOWED: 1}
    assert list(found.unanswered) == pytest.approx([30.0])


def test_who_is_called_back_keeps_the_place_and_the_patience() -> None:
    """The second hangs up at 40, and is still before the third."""
    step = TimeLineStep(30.0, "offer_callback")
    traffic = listed(0.0, 10.0, 90.0, time_line=(step,), callback=1.0, patience=Constant(150.0))
    found = tally(day(traffic, agents=agents(1)))
    assert found.ends == {End.ANSWERED: 1, End.CALLED_BACK: 2}
    assert list(found.unanswered) == pytest.approx([30.0, 30.0])
    assert list(found.callbacks) == pytest.approx([90.0, 110.0])
    declined = replace(traffic, callback=0.0)
    assert tally(day(declined, agents=agents(1))).ends == {End.ANSWERED: 3}


def test_a_queue_that_is_full_takes_nobody() -> None:
    found = tally(day(listed(0.0, 10.0, 20.0, longest_queue=1), agents=agents(1)))
    assert found.ends == {End.ANSWERED: 2, End.OVERFLOWED: 1}


def test_an_agent_may_have_several_contacts_at_a_time() -> None:
    chat = replace(queue(), demand=replace(queue().demand, medium="chat"))
    ann = replace(
        agent("ann"),
        media={"chat": MediumSlots(2, 50)},
        authorizations=(Authorization("acme", "chat", agent("ann").authorizations[0].valid_from),),
    )
    scenario = day(listed(0.0, 10.0, 20.0, queue=chat), agents=(ann,))
    assert waits(scenario) == [0.0, 0.0, 80.0]
    assert sum(only(scenario).busy.values()) == pytest.approx(200.0)


def test_a_strategy_is_chosen_by_its_name() -> None:
    """Of two idle agents the one who suffices; the other stays free for whom only he can serve."""
    both, one = replace(agent("a"), skills={"x": 1, "y": 1}), replace(agent("b"), skills={"x": 1})
    scenario = day(
        listed(0.0, queue=queue("x", x=1)), listed(10.0, queue=queue("y", y=1)), agents=(both, one)
    )
    assert waits(scenario, 1) == [90.0]
    assert waits(with_strategy(scenario, "least_skilled"), 1) == [0.0]
