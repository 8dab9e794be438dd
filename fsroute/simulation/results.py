"""What a simulation tells: service level, waits, abandonment, occupancy, and how far from the optimum."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fsroute.coordinator.strategies import Strategies
from fsroute.simulation.estimates import Estimate, percentile, ratio, statistic
from fsroute.simulation.sample import End, Sample, Tally
from fsroute.simulation.scenario import Bound, Scenario, group_names, pooled, pooled_bound
from fsroute.simulation.simulator import simulate

PERCENTILES = (50, 90, 95, 99)
STRETCHES = 20  # that one run is cut into where there are no replications: batch means
CURVE = (0, 1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800, 3600)  # seconds


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """One queue, or all of them. Shares are of the contacts that arrived; times in seconds.

    A *wait* is a contact's time until it is joined with an agent, or gives up, or overflows. `percentiles` are
    those of the waits of all who waited. `mean_callback` is the time from the arrival to the talk of those who were
    called back.
    """

    name: str
    contacts: int
    ends: dict[str, int]
    service_level: Estimate | None
    mean_wait: Estimate | None
    mean_wait_answered: Estimate | None
    percentiles: dict[int, Estimate | None]
    abandoned: Estimate | None
    mean_callback: Estimate | None = None


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """Agents who are interchangeable; `occupancy` is the share of their time that is set-up, talk and wrap-up."""

    name: str
    agents: int
    occupancy: Estimate | None


@dataclass(frozen=True, slots=True)
class Point:
    """Share of contacts answered within `seconds`: simulated, and by the pooled bound (None without one)."""

    seconds: float
    share: float
    bound: float | None


@dataclass(frozen=True, slots=True)
class Results:
    """All figures of a simulation; `basis` says what the intervals come from.

    `ratio` is that of the mean wait to the pooled Erlang bound, `pooled_ratio` that to the mean wait of the
    same contacts where every agent may serve everybody, if that was simulated too.
    """

    scenario: Scenario
    seed: int
    replications: int
    basis: str
    queues: list[QueueFigures]
    total: QueueFigures
    groups: list[GroupFigures]
    curve: list[Point]
    bound: Bound | None
    ratio: Estimate | None
    pooled_ratio: Estimate | None = None


def run(
    scenario: Scenario,
    seed: int = 1,
    replications: int = 10,
    with_pooled: bool = False,
    progress: Callable[[int], object] = lambda done: None,
    strategies: Strategies | None = None,
) -> Results:
    """Simulate and evaluate.

    The same `seed` gives the same results. `replications` are independent runs; 1 cuts its run into batches.
    `with_pooled` simulates besides what one pool of all agents would do with the same contacts. `progress` is
    told how many runs are done. `strategies` are the built-in ones unless given.
    """
    stretches = STRETCHES if replications == 1 else 1
    samples: list[Sample] = []
    twins: list[Sample] = []
    for number in range(replications):
        samples += simulate(scenario, f"{seed} {number}", stretches, strategies)
        if with_pooled:
            twins += simulate(pooled(scenario), f"{seed} {number}", stretches)
        progress(number + 1)
    return evaluate(scenario, samples, seed, replications, twins)


def evaluate(
    scenario: Scenario, samples: Sequence[Sample], seed: int, replications: int, twins: Sequence[Sample] = ()
) -> Results:
    """The figures of samples; `twins` are those of one pool, parallel to them, or none."""
    bound = pooled_bound(scenario)
    every = [merged(sample.tallies) for sample in samples]
    basis = f"{replications} replications" if replications > 1 else f"{len(samples)} batches of one run"
    return Results(
        scenario=scenario,
        seed=seed,
        replications=replications,
        basis=basis,
        queues=[
            _queue(traffic.name, [sample.tallies[number] for sample in samples], scenario.answer_within)
            for number, traffic in enumerate(scenario.traffic)
        ],
        total=_queue("all", every, scenario.answer_within),
        groups=_groups(scenario, samples),
        curve=_curve(every, bound),
        bound=bound,
        ratio=_ratio_to_bound(every, bound),
        pooled_ratio=_ratio_to_twins(every, [merged(twin.tallies) for twin in twins]),
    )


def merged(tallies: Iterable[Tally]) -> Tally:
    """Several queues as one."""
    whole = Tally()
    for tally in tallies:
        whole.answered.extend(tally.answered)
        whole.unanswered.extend(tally.unanswered)
        whole.callbacks.extend(tally.callbacks)
        whole.ends.update(tally.ends)
    return whole


def _queue(name: str, tallies: Sequence[Tally], answer_within: float) -> QueueFigures:
    waits = [_waits(tally) for tally in tallies]
    ends: Counter[End] = sum((tally.ends for tally in tallies), Counter())
    return QueueFigures(
        name=name,
        contacts=ends.total(),
        ends={str(end): ends[end] for end in End if ends[end]},
        service_level=ratio([(_within(tally, answer_within), tally.contacts) for tally in tallies]),
        mean_wait=ratio([_sum_and_count(each) for each in waits]),
        mean_wait_answered=ratio([_sum_and_count(tally.answered) for tally in tallies]),
        percentiles={each: statistic(waits, percentile(each / 100)) for each in PERCENTILES},
        abandoned=ratio([(tally.ends[End.ABANDONED], tally.contacts) for tally in tallies]),
        mean_callback=ratio([_sum_and_count(tally.callbacks) for tally in tallies]),
    )


def _waits(tally: Tally) -> Sequence[float]:
    return tally.answered + tally.unanswered


def _within(tally: Tally, seconds: float) -> float:
    return float(sum(wait <= seconds for wait in tally.answered))


def _sum_and_count(waits: Sequence[float]) -> tuple[float, float]:
    return math.fsum(waits), float(len(waits))


def _groups(scenario: Scenario, samples: Sequence[Sample]) -> list[GroupFigures]:
    return [
        GroupFigures(
            name, agents, ratio([(sample.busy.get(name, 0.0), sample.length * agents) for sample in samples])
        )
        for name, agents in sorted(Counter(group_names(scenario).values()).items())
    ]


def _curve(tallies: Sequence[Tally], bound: Bound | None) -> list[Point]:
    """Up to where the curves have come close to their ends."""
    whole = merged(tallies)
    points: list[Point] = []
    for seconds in CURVE:
        share = _within(whole, seconds) / max(1, whole.contacts)
        points.append(Point(seconds, share, None if bound is None else bound.answered_within(seconds)))
        if share >= 0.999 * len(whole.answered) / max(1, whole.contacts):
            break
    return points


def _ratio_to_bound(tallies: Sequence[Tally], bound: Bound | None) -> Estimate | None:
    if bound is None or not 0.0 < bound.mean_wait < math.inf:
        return None
    optimum = bound.mean_wait
    sums = [_sum_and_count(_waits(tally)) for tally in tallies]
    return ratio([(total, count * optimum) for total, count in sums])


def _ratio_to_twins(tallies: Sequence[Tally], twins: Sequence[Tally]) -> Estimate | None:
    if not twins:
        return None
    return ratio(
        [
            (math.fsum(_waits(tally)), math.fsum(_waits(twin)))
            for tally, twin in zip(tallies, twins, strict=True)
        ]
    )
