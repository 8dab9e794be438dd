from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.simulation.erlang import erlang_b, erlang_c, steady_state

LOADS = st.floats(0.01, 500.0)
AGENTS = st.integers(1, 300)


def _blocked(agents: int, load: int) -> Fraction:
    terms = [Fraction(load) ** number / math.factorial(number) for number in range(agents + 1)]
    return terms[-1] / sum(terms)


@pytest.mark.parametrize(("agents", "load"), [(1, 1), (10, 8), (40, 50), (100, 95)])
def test_erlang_b_is_its_textbook_formula(agents: int, load: int) -> None:
    assert erlang_b(agents, load) == pytest.approx(float(_blocked(agents, load)), rel=1e-12)


def test_erlang_c_is_what_tables_print() -> None:
    """Ten agents with 8 erlangs: 40.9 % must wait."""
    assert erlang_c(10, 8.0) == pytest.approx(0.409, abs=5e-4)
    assert erlang_c(1, 0.7) == pytest.approx(0.7)


@given(AGENTS, LOADS)
def test_both_are_shares_and_more_must_wait_than_would_be_turned_away(agents: int, load: float) -> None:
    assert 0.0 <= erlang_b(agents, load) <= erlang_c(agents, load) <= 1.0


def test_a_hundred_thousand_agents_are_not_too_many() -> None:
    """Beside the Poisson distribution, which fewer than 100,000 busy are all but certain in."""
    poisson = math.exp(100_000 * math.log(99_000) - 99_000 - math.lgamma(100_001))
    assert erlang_b(100_000, 99_000.0) == pytest.approx(poisson, rel=2e-3)
    assert erlang_b(1000, 0.001) == 0.0
    assert steady_state(100_000, 500.0, 199.0, 60.0).abandoned < 0.001


def test_a_pool_of_100_waits_a_tenth_of_what_four_of_25_wait() -> None:
    four = steady_state(25, 25 * 0.9 / 180, 180.0)
    one = steady_state(100, 100 * 0.9 / 180, 180.0)
    assert four.mean_wait == pytest.approx(36.6, abs=0.1)
    assert one.mean_wait == pytest.approx(3.9, abs=0.1)


def test_without_patience_a_pool_that_is_too_small_is_never_done() -> None:
    state = steady_state(10, 11.0 / 180, 180.0)
    assert (state.mean_wait, state.must_wait, state.answered_within(3600.0)) == (math.inf, 1.0, 0.0)


def _brute_force(agents: int, rate: float, handling: float, patience: float) -> tuple[float, float]:
    """(must wait, abandoned) from the stationary distribution, state by state, with exact fractions."""
    weights = [Fraction(1)]
    for busy in range(1, agents + 400):
        out = Fraction(min(busy, agents)) / Fraction(handling) + Fraction(max(0, busy - agents)) / Fraction(
            patience
        )
        weights.append(weights[-1] * Fraction(rate) / out)
    whole = sum(weights)
    waiting = sum(weight * (number - agents) for number, weight in enumerate(weights) if number > agents)
    return float(sum(weights[agents:]) / whole), float(waiting / whole / Fraction(patience) / Fraction(rate))


@pytest.mark.parametrize(("agents", "load", "patience"), [(1, 0.5, 60.0), (10, 9.0, 120.0), (20, 30.0, 64.0)])
def test_erlang_a_is_the_stationary_distribution(agents: int, load: float, patience: float) -> None:
    state = steady_state(agents, load / 128.0, 128.0, patience)
    must_wait, abandoned = _brute_force(agents, load / 128.0, 128.0, patience)
    assert state.must_wait == pytest.approx(must_wait)
    assert state.abandoned == pytest.approx(abandoned)


def test_with_endless_patience_erlang_a_is_erlang_c() -> None:
    patient, endless = steady_state(20, 0.1, 180.0, 1e9), steady_state(20, 0.1, 180.0)
    assert patient.mean_wait == pytest.approx(endless.mean_wait, rel=1e-4)
    assert patient.answered_within(20.0) == pytest.approx(endless.answered_within(20.0), rel=1e-4)


@pytest.mark.parametrize("load", [8.0, 10.0, 14.0, 60.0])
def test_who_does_not_give_up_is_answered_at_last(load: float) -> None:
    """Two ways to the same figure: the states summed, and the density of the wait integrated."""
    state = steady_state(10, load / 180, 180.0, 120.0)
    assert state.answered_within(3000.0) == pytest.approx(1.0 - state.abandoned, abs=1e-6)
    assert state.answered_within(0.0) == pytest.approx(1.0 - state.must_wait, abs=1e-12)


def test_an_overload_of_thousands_of_waiting_contacts_does_not_overflow() -> None:
    """In the fluid limit the share that gives up is what the agents cannot handle."""
    state = steady_state(100, 10.0, 180.0, 36_000.0)
    assert state.abandoned == pytest.approx(1.0 - 100 / 1800, rel=1e-6)
    assert state.occupancy == pytest.approx(1.0)


@given(AGENTS, LOADS, st.floats(1.0, 1000.0), st.floats(0.0, 600.0))
def test_every_figure_stays_within_its_range(agents: int, load: float, patience: float, wait: float) -> None:
    state = steady_state(agents, load / 180, 180.0, patience)
    assert 0.0 <= state.abandoned <= state.must_wait <= 1.0
    assert state.mean_wait >= 0.0
    assert 0.0 <= state.answered_within(wait) <= 1.0
    assert 0.0 <= state.occupancy <= 1.0


def test_nothing_is_said_of_a_pool_without_agents() -> None:
    with pytest.raises(ValueError, match="above 0"):
        steady_state(0, 1.0, 180.0)
