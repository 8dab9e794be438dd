from __future__ import annotations

from itertools import pairwise
from random import Random
from statistics import fmean, stdev

import pytest

from fsroute.simulation.durations import Constant, Duration, Exponential, Listed, Lognormal, Poisson, Recorded


@pytest.mark.parametrize(
    ("duration", "deviation"),
    [
        (Exponential(180.0), 180.0),
        (Lognormal(180.0, 90.0), 90.0),
        (Constant(180.0), 0.0),
        (Recorded((90.0, 270.0)), 90.0),
    ],
)
def test_a_duration_has_the_mean_and_the_deviation_that_it_says(duration: Duration, deviation: float) -> None:
    random = Random(1)
    drawn = [duration.draw(random) for _ in range(20_000)]
    assert duration.mean == pytest.approx(180.0)
    assert fmean(drawn) == pytest.approx(180.0, rel=0.03)
    assert stdev(drawn) == pytest.approx(deviation, rel=0.05)


def test_steady_arrivals_come_as_often_as_they_should_and_at_random() -> None:
    times = list(Poisson((0.1,)).times(Random(1), 100_000.0))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) == pytest.approx(10_000, rel=0.03)
    assert stdev(gaps) == pytest.approx(10.0, rel=0.05)


def test_rates_take_turns() -> None:
    arrivals = Poisson((0.0, 0.2, 0.05), every=1000.0)
    counts = [0, 0, 0]
    for time in arrivals.times(Random(1), 300_000.0):
        counts[int(time / 1000) % 3] += 1
    assert counts[0] == 0
    assert counts[1] == pytest.approx(20_000, rel=0.03)
    assert counts[2] == pytest.approx(5_000, rel=0.05)
    assert arrivals.rate == pytest.approx(0.25 / 3)
    assert not arrivals.is_steady


def test_nobody_comes_at_a_rate_of_nothing() -> None:
    assert list(Poisson((0.0,)).times(Random(1), 1e9)) == []


def test_a_list_ends_with_the_simulation() -> None:
    assert list(Listed((0.0, 5.0, 10.0)).times(Random(1), 10.0)) == [0.0, 5.0]
