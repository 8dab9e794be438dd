from __future__ import annotations

import random

import pytest

from fsroute.coordinator import actions as act
from fsroute.coordinator.estimates import OBSERVATION_KEPT, UNKNOWN, Entered, Handling, pace
from fsroute.model.agent import AgentStatus
from tests.unit.coordinator.center import BEGIN, Center, demand
from tests.unit.coordinator.scenario import play

NOW = 1000.0


def test_nothing_known_makes_no_estimate() -> None:
    assert pace(None, 5, 5.0, None, None, NOW) == UNKNOWN
    assert UNKNOWN.wait(3) is None


def test_a_head_that_waits_says_how_long_at_least_but_not_how_long() -> None:
    assert pace(None, 5, 5.0, None, Entered(60.0, 1, NOW), NOW) == UNKNOWN


def test_the_modelled_pace_is_handling_time_over_agents() -> None:
    known = pace(Handling(184.0, 57), 12, 12.0, None, None, NOW)
    assert known.seconds == pytest.approx(184 / 12)
    assert known.wait(3) == pytest.approx(46.0)
    assert known.basis == "12 agents, 184 s handling time over 57 contacts"


def test_agents_shared_with_other_demands_count_by_their_share() -> None:
    known = pace(Handling(100.0, 1), 10, 4.0, None, None, NOW)
    assert known.seconds == 25.0
    expected = "10 agents (4.0 after the share of other demands), 100 s handling time over 1 contact"
    assert known.basis == expected


def test_the_last_to_enter_service_counts_by_the_place_it_came_from() -> None:
    known = pace(None, 3, 3.0, Entered(43.0, 5, NOW - 10), None, NOW)
    assert known.wait(10) == pytest.approx(86.0)
    assert known.basis == "last to enter service waited 43 s from place 5"


def test_of_two_sources_the_mean_is_taken() -> None:
    known = pace(Handling(100.0, 8), 10, 10.0, Entered(60.0, 3, NOW - 10), None, NOW)
    assert known.seconds == 15.0
    assert known.basis is not None
    assert known.basis.count(";") == 1


def test_an_observation_of_long_ago_says_nothing() -> None:
    assert pace(None, 3, 3.0, Entered(43.0, 5, NOW - OBSERVATION_KEPT - 1), None, NOW) == UNKNOWN


def test_a_head_that_has_waited_longer_corrects_the_estimate() -> None:
    known = pace(Handling(100.0, 8), 10, 10.0, None, Entered(60.0, 2, NOW), NOW)
    assert known.seconds == 30.0
    assert known.basis == "the first has waited 60 s; 10 agents, 100 s handling time over 8 contacts"


def test_without_agents_there_is_no_pace() -> None:
    assert pace(Handling(100.0, 8), 0, 0.0, Entered(60.0, 2, NOW), None, NOW) == UNKNOWN


def test_the_mean_is_exact_for_few_and_smoothed_for_many() -> None:
    known = Handling(100.0, 0)
    for seconds in (100.0, 200.0, 300.0):
        known = known.and_one_of(seconds)
    assert known.mean == pytest.approx(200.0)
    assert known.count == 3
    assert Handling(100.0, 50).and_one_of(200.0).mean == pytest.approx(110.0)


def test_contacts_of_other_demands_take_their_share_of_the_agents() -> None:
    """One agent for both demands, two contacts of each: each demand has half an agent."""
    center = play("""
        0    agent anna sales=1 |
        0    call 1 | 1 to anna
        1    accept 1 |
        2    join 1 |
        100  on_break anna |
        100  hang up 1 |
        101  call 2 |
        102  call 3 sales=1 |
        103  call 4 |
        104  call 5 sales=1 |
    """)
    told = {number: (position, wait) for number, position, wait, *_ in center.core.progress()}
    assert told == {2: (1, 200.0), 4: (2, 400.0), 3: (1, None), 5: (2, None)}


def test_an_agent_who_leaves_is_told_to_those_who_wait() -> None:
    center = play("""
        0    agent anna |
        0    call 1 | 1 to anna
        1    accept 1 |
        2    join 1 |
        50   agent boris status=on_break |
        100  on_break anna |
        100  hang up 1 |
        101  call 2 |
    """)
    assert [entry[:3] for entry in center.core.progress()] == [(2, 1, 50.0)]
    center.database.declare("boris", AgentStatus.LOGGED_OUT)
    center.read("boris")
    assert [entry[:3] for entry in center.core.progress()] == [(2, 1, 100.0)]


def test_a_lead_by_expected_wait_is_looked_at_again_when_agents_come() -> None:
    play("""
        0    agent anna |
        0    call 1 | 1 to anna
        1    accept 1 |
        2    join 1 |
        100  on_break anna |
        100  hang up 1 |
        101  call 2 lead=expected:60 |
        102  agent boris status=on_break | raise 2 at s2
    """)


def test_handling_times_of_before_a_takeover_are_learned() -> None:
    center = Center()
    database = center.database
    database.hire("anna")
    database.declare("anna", AgentStatus.ON_BREAK)
    database.request(1)
    row = database.take(1)
    assert row is not None
    actions = center.core.begin(
        database.agents.values(), [row], BEGIN, 1, handling={demand(): Handling(180.0, 40)}
    )
    assert actions == []
    (told,) = center.core.progress()
    assert told[:4] == (1, 1, 180.0, "1 agent, 180 s handling time over 40 contacts")


def test_a_conversation_that_ends_is_in_the_next_estimate() -> None:
    center = play("""
        0    agent anna |
        0    agent boris |
        0    call 1 | 1 to anna
        0    call 2 | 2 to boris
        1    accept 1 |
        1    accept 2 |
        2    join 1 |
        2    join 2 |
        10   call 3 |
        99   on_break anna |
        99   on_break boris |
        100  hang up 1 |
        100  hang up 2 |
    """)
    (told,) = center.core.progress()
    assert told[:4] == (3, 1, 50.0, "2 agents, 100 s handling time over 2 contacts")


def test_who_was_served_at_once_says_nothing_of_waits() -> None:
    center = play("""
        0  agent anna |
        1  call 1 | 1 to anna
        2  call 2 |
    """)
    assert center.core.progress() == [(2, 1, None, None, None)]


def test_a_wait_that_was_observed_is_told_to_those_behind() -> None:
    center = play("""
        0   agent anna status=on_break |
        10  call 1 |
        11  call 2 |
        12  call 3 |
        50  available anna | 1 to anna
    """)
    waits = {number: (position, wait) for number, position, wait, *_ in center.core.progress()}
    assert waits == {2: (1, 40.0), 3: (2, 80.0)}


def test_a_tick_alone_tells_nothing_new() -> None:
    center = play("0 call 1 |")
    center.core.progress()
    center.tell(act.Tick())
    assert center.core.progress() == []


# How far the wait may be off ---------------------------------------------------------------------------------


def test_the_band_is_wide_at_the_head_and_narrow_far_back() -> None:
    known = pace(Handling(100.0, 50, 20_000.0), 10, 10.0, None, None, NOW)
    errors = [known.error(position) for position in (1, 5, 20, 80)]
    assert errors == sorted(errors, reverse=True)  # type: ignore[type-var]
    assert errors[0] is not None
    assert errors[0] > 1.6, "nobody knows when the next agent will be free"
    assert errors[-1] is not None
    assert errors[-1] < 0.6


def test_even_handling_times_by_one_agent_make_a_narrow_band() -> None:
    even = pace(Handling(100.0, 50, 10_100.0), 1, 1.0, None, None, NOW).error(4)
    uneven = pace(Handling(100.0, 50, 20_000.0), 1, 1.0, None, None, NOW).error(4)
    assert even is not None
    assert uneven is not None
    assert even < 0.3 < 0.9 < uneven


def test_few_observations_and_sources_that_differ_widen_the_band() -> None:
    many = pace(Handling(100.0, 50), 10, 10.0, None, None, NOW).error(50)
    few = pace(Handling(100.0, 2), 10, 10.0, None, None, NOW).error(50)
    differ = pace(Handling(100.0, 50), 10, 10.0, Entered(900.0, 30, NOW), None, NOW).error(50)
    assert many is not None
    assert few is not None
    assert differ is not None
    assert many < few
    assert many < differ


def test_without_an_estimate_there_is_no_band() -> None:
    assert UNKNOWN.error(3) is None


@pytest.mark.parametrize("agents", [1, 4, 25])
@pytest.mark.parametrize("position", [12, 30, 60])
def test_the_promised_band_holds(agents: int, position: int) -> None:
    """Nine of ten waits end in it, with exponential handling times and a mean that twenty contacts have shown."""
    chance = random.Random(agents * 1000 + position)
    kept, rounds = 0, 1500
    for _ in range(rounds):
        handling = Handling(0.0, 0)
        for _ in range(25):
            handling = handling.and_one_of(chance.expovariate(1 / 180.0))
        known = pace(handling, agents, float(agents), None, None, NOW)
        wait, error = known.wait(position), known.error(position)
        assert wait is not None
        assert error is not None
        actual = sum(chance.expovariate(agents / 180.0) for _ in range(position))
        kept += abs(actual - wait) <= error * wait
    assert kept / rounds >= 0.87
