"""Figures with their 95 % confidence intervals, from samples that are independent or nearly so."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, and how far the true one may be from it on either side (None: that cannot be told)."""

    value: float
    half_width: float | None = None

    def covers(self, truth: float) -> bool:
        return self.half_width is not None and abs(truth - self.value) <= self.half_width


def ratio(pairs: Sequence[tuple[float, float]]) -> Estimate | None:
    """The sum of the first over the sum of the second; None when that sum is 0.

    The interval is that of a ratio of means (the delta method; A. M. Law, *Simulation Modeling and Analysis*,
    on ratio estimators in regenerative and batched output).
    """
    below = math.fsum(second for _, second in pairs)
    if below == 0.0:
        return None
    value = math.fsum(first for first, _ in pairs) / below
    if len(pairs) < 2:
        return Estimate(value)
    residuals = [first - value * second for first, second in pairs]
    spread = math.sqrt(math.fsum(each * each for each in residuals) / (len(pairs) - 1))
    return Estimate(value, student_t(len(pairs) - 1) * spread * math.sqrt(len(pairs)) / below)


def statistic(samples: Sequence[Sequence[float]], of: Callable[[Sequence[float]], float]) -> Estimate | None:
    """A figure such as a percentile: of all values together, its interval from the samples one by one."""
    values = [value for sample in samples for value in sample]
    if not values:
        return None
    each = [of(sample) for sample in samples if sample]
    if len(each) < 2:
        return Estimate(of(values))
    return Estimate(of(values), student_t(len(each) - 1) * stdev(each) / math.sqrt(len(each)))


def percentile(share: float) -> Callable[[Sequence[float]], float]:
    """The value below which `share` of the values lie, interpolated between two of them."""

    def of(values: Sequence[float]) -> float:
        ordered = sorted(values)
        place = share * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (place - low) * (ordered[high] - ordered[low])

    return of


def mean(values: Sequence[float]) -> float:
    return fmean(values)


def student_t(freedom: int, level: float = LEVEL) -> float:
    """The two-sided quantile of Student's distribution; exact for 1 and 2 degrees of freedom.

    From 3 on by the expansion of Abramowitz and Stegun 26.7.5, which is within 0.5 % there.
    """
    upper = (1.0 + level) / 2.0
    if freedom == 1:
        return math.tan(math.pi * (upper - 0.5))
    if freedom == 2:
        return (2.0 * upper - 1.0) * math.sqrt(2.0 / (4.0 * upper * (1.0 - upper)))
    z = NormalDist().inv_cdf(upper)
    terms = (
        z,
        (z**3 + z) / 4.0,
        (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0,
        (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0,
        (79.0 * z**9 + 776.0 * z**7 + 1482.0 * z**5 - 1920.0 * z**3 - 945.0 * z) / 92160.0,
    )
    return math.fsum(term / freedom**power for power, term in enumerate(terms))
