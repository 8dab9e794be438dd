from __future__ import annotations

from random import Random

import pytest

from fsroute.simulation.estimates import Estimate, percentile, ratio, statistic, student_t


@pytest.mark.parametrize(
    ("freedom", "expected"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (9, 2.262), (19, 2.093), (30, 2.042), (1000, 1.962)],
)
def test_student_s_quantiles_are_those_of_the_tables(freedom: int, expected: float) -> None:
    assert student_t(freedom) == pytest.approx(expected, rel=5e-3)


def test_a_ratio_has_the_interval_of_a_mean_where_what_it_is_divided_by_does_not_vary() -> None:
    estimate = ratio([(10.0, 5.0), (20.0, 5.0), (30.0, 5.0)])
    assert estimate is not None
    assert estimate.value == 4.0
    assert estimate.half_width == pytest.approx(student_t(2) * 2.0 / 3**0.5)


def test_a_ratio_that_is_the_same_in_every_sample_is_certain() -> None:
    assert ratio([(2.0, 1.0), (8.0, 4.0)]) == Estimate(2.0, 0.0)


def test_of_nothing_nothing_is_said_and_of_one_sample_no_interval() -> None:
    assert ratio([]) is None
    assert ratio([(3.0, 0.0)]) is None
    assert ratio([(3.0, 2.0)]) == Estimate(1.5)
    assert statistic([[], []], max) is None
    assert statistic([[3.0, 4.0], []], max) == Estimate(4.0)


def test_a_percentile_lies_between_two_values() -> None:
    assert percentile(0.5)([4.0, 1.0, 2.0, 3.0]) == 2.5
    assert percentile(0.9)([7.0]) == 7.0
    assert percentile(1.0)([1.0, 2.0]) == 2.0


def test_the_interval_of_a_percentile_holds_the_true_one() -> None:
    random = Random(1)
    estimate = statistic([[random.random() for _ in range(500)] for _ in range(10)], percentile(0.9))
    assert estimate is not None
    assert estimate.covers(0.9)
    assert not estimate.covers(0.95)
