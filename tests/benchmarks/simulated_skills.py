"""How near skills come to one pool, first come first served, at 95 % occupancy.

    python -m tests.benchmarks.simulated_skills [REPLICATIONS]

All chains are served by the longest idle; the long one by other strategies, too, with the same contacts.

The ratio is that of the mean wait to what one pool of all agents makes of the same contacts. The mean wait of that
pool is Erlang C's; the two are set in relation within each replication, for the wait at 95 % varies so much from run to
run that a ratio to Erlang's figure itself would need a hundred times as many contacts for the same interval. That the
pool agrees with Erlang C is printed beside it.

What is simulated: Poisson arrivals, as many for each skill; exponential talks of 180 s; no set-up, wrap-up or
abandonment; 400 talk times that count, after 60 that do not. In a *chain* each agent has two skills, the second
of one group being the first of the next; with *pairs* there is a group for each two skills.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from time import perf_counter

from fsroute.simulation.results import run
from fsroute.simulation.scenario import Scenario, with_strategy
from tests.unit.simulation.scenes import agent, day, steady

TALK = 180.0  # seconds
OCCUPANCY = 0.95
LENGTH = 400 * TALK
WARM_UP = 60 * TALK


def scenario(groups: Sequence[tuple[int, int]], skills: int, agents_each: int) -> Scenario:
    """Equal traffic for each skill, equally many agents in each group of two skills."""
    names = [f"skill{number}" for number in range(skills)]
    count = len(groups) * agents_each
    traffic = [steady(OCCUPANCY * count / skills, TALK, name, **{name: 1}) for name in names]
    staff = tuple(
        replace(agent(f"agent-{number:04}"), skills={names[one]: 1 for one in groups[number % len(groups)]})
        for number in range(count)
    )
    return day(*traffic, agents=staff, duration=LENGTH, warm_up=WARM_UP)


def chain(skills: int) -> list[tuple[int, int]]:
    return [(number, (number + 1) % skills) for number in range(skills)]


def pairs(skills: int) -> list[tuple[int, int]]:
    return list(combinations(range(skills), 2))


def measure(name: str, center: Scenario, replications: int) -> None:
    began = perf_counter()
    results = run(center, 1, replications, with_pooled=True)
    took = perf_counter() - began
    ratio, pool, wait = results.pooled_ratio, results.ratio, results.total.mean_wait
    assert ratio is not None and pool is not None and wait is not None and results.bound is not None  # noqa: PT018
    to_erlang = pool.value / ratio.value
    print(
        f"{name:10} {len(center.agents):4} agents  ratio {ratio.value:.3f} ± {ratio.half_width or 0:.3f}"
        f"  mean wait {wait.value:5.1f} ± {wait.half_width or 0:.1f} s"
        f"  (the simulated pool is at {to_erlang:.3f} of Erlang C's {results.bound.mean_wait:.1f} s)"
        f"  {2 * results.total.contacts / took:6.0f} contacts/s",
        flush=True,
    )


def main() -> None:
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    measure("chain of 2", scenario([(0, 1)], 2, 100), 2)
    measure("chain of 3", scenario(chain(3), 3, 33), replications)
    measure("chain of 4", scenario(chain(4), 4, 25), replications)
    measure("chain of 6", scenario(chain(6), 6, 16), replications)
    measure("pairs of 4", scenario(pairs(4), 4, 16), replications)
    for strategy in ("highest_level", "queue_idleness_ratio"):
        print(f"{strategy}:")
        measure("chain of 6", with_strategy(scenario(chain(6), 6, 16), strategy), replications)


if __name__ == "__main__":
    main()
