"""How long things take, and when contacts arrive: distributions that draw from a random source given to them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

# How long -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exponential:
    """Memoryless; `mean` in seconds."""

    mean: float

    def draw(self, random: Random) -> float:
        return random.expovariate(1.0 / self.mean)


@dataclass(frozen=True, slots=True)
class Lognormal:
    """As measured talk times mostly are; `mean` and standard `deviation` in seconds."""

    mean: float
    deviation: float

    def draw(self, random: Random) -> float:
        spread = math.log1p((self.deviation / self.mean) ** 2)
        return random.lognormvariate(math.log(self.mean) - spread / 2.0, math.sqrt(spread))


@dataclass(frozen=True, slots=True)
class Constant:
    """Always `mean` seconds."""

    mean: float

    def draw(self, random: Random) -> float:
        return self.mean


@dataclass(frozen=True, slots=True)
class Recorded:
    """One of the `values` that were measured, in seconds; there is at least one."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / len(self.values)

    def draw(self, random: Random) -> float:
        return random.choice(self.values)


Duration = Exponential | Lognormal | Constant | Recorded

# When -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Poisson:
    """At random: `rates` are contacts per second, each for `every` seconds in turn, then from the first again."""

    rates: tuple[float, ...]
    every: float = 3600.0

    @property
    def rate(self) -> float:
        """Contacts per second, on average."""
        return math.fsum(self.rates) / len(self.rates)

    @property
    def is_steady(self) -> bool:
        return len(set(self.rates)) == 1

    def times(self, random: Random, until: float) -> Iterator[float]:
        """Moments in ascending order, in seconds from the beginning, below `until`."""
        if not any(self.rates):
            return
        period, begin = 0, 0.0
        work = random.expovariate(1.0)  # expected contacts before the next one comes
        while begin < until:
            rate, end = self.rates[period % len(self.rates)], (period + 1) * self.every
            if rate > 0.0 and begin + work / rate < end:
                begin += work / rate
                if begin < until:
                    yield begin
                work = random.expovariate(1.0)
            else:
                work -= rate * (end - begin)
                period, begin = period + 1, end


@dataclass(frozen=True, slots=True)
class Listed:
    """At the `moments` of a list, in ascending order, in seconds from the beginning."""

    moments: tuple[float, ...]

    def times(self, random: Random, until: float) -> Iterator[float]:
        """Those below `until`."""
        yield from (moment for moment in self.moments if moment < until)


Arrivals = Poisson | Listed
