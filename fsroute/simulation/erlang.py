"""Erlang B, C and A: what one pool of agents does in the long run, when everybody may serve everybody.

Contacts arrive by a Poisson process, handling times are exponential, and so is patience where there is any
(M/M/n and M/M/n+M). Nothing here subtracts what nearly cancels, or forms a factorial or a power: everything is
a sum of positive terms, each made from the one before.

Sources: the recursion of Erlang B is that of R. B. Cooper, *Introduction to Queueing Theory* (2nd ed. 1981,
ch. 3); Erlang C follows from B as there. Erlang A is C. Palm's model; its states are summed as in
O. Garnett, A. Mandelbaum and M. Reiman, "Designing a Call Center with Impatient Customers", M&SOM 4 (2002)
208-227; the density of the wait offered is that of S. Zeltyn and A. Mandelbaum, "Call Centers with Impatient
Customers: Many-Server Asymptotics of the M/M/n+G Queue", Queueing Systems 51 (2005) 361-402.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

ENOUGH = 1e-16  # a term this small beside the sum ends it
TOO_LARGE = 1e200  # what has grown beyond this is scaled down
STEPS = 2000  # of Simpson's rule


def erlang_b(agents: int, load: float) -> float:
    """Share of contacts that find all `agents` busy where nobody waits; `load` is in erlangs."""
    inverse = 1.0
    for number in range(1, agents + 1):
        inverse = 1.0 + inverse * number / load if load > 0.0 else math.inf
    return 1.0 / inverse


def erlang_c(agents: int, load: float) -> float:
    """Share of contacts that must wait where everybody waits as long as it takes; 1 from full load on."""
    if load >= agents:
        return 1.0
    blocked = erlang_b(agents, load)
    return blocked / (1.0 - load / agents * (1.0 - blocked))


@dataclass(frozen=True, slots=True)
class SteadyState:
    """One pool in the long run; times in seconds, `mean_wait` that of all contacts, answered or not."""

    agents: int
    rate: float  # contacts per second
    handling: float  # mean
    patience: float | None  # mean; None: for ever
    must_wait: float  # share of contacts
    mean_wait: float  # infinite where the load is more than the agents and nobody gives up
    abandoned: float  # share of contacts

    @property
    def load(self) -> float:
        """In erlangs."""
        return self.rate * self.handling

    @property
    def occupancy(self) -> float:
        """Share of the agents' time that is handling."""
        return min(1.0, self.load * (1.0 - self.abandoned) / self.agents)

    def answered_within(self, seconds: float) -> float:
        """Share of all contacts that an agent answers within `seconds`."""
        if math.isinf(self.mean_wait):
            return 0.0
        if self.patience is None:
            drain = self.agents / self.handling - self.rate
            return 1.0 - self.must_wait * math.exp(-drain * seconds)
        return min(1.0, 1.0 - self.must_wait + self._answered_late(seconds, self.patience))

    def _answered_late(self, seconds: float, patience: float) -> float:
        """Integral over the wait offered, from 0 to `seconds`, of its density times the share still there."""
        _, _, log_all_busy = _queue_of_erlang_a(self.agents, self.rate, self.handling, patience)
        out = self.agents / self.handling

        def density(wait: float) -> float:
            arrived = self.rate * patience * -math.expm1(-wait / patience)
            return math.exp(log_all_busy + math.log(out) + arrived - out * wait - wait / patience)

        return _simpson(density, seconds)


def steady_state(agents: int, rate: float, handling: float, patience: float | None = None) -> SteadyState:
    """Erlang C, or Erlang A where there is patience.

    Args:
        agents: at least 1.
        rate: contacts per second, above 0.
        handling: mean seconds that a contact takes an agent.
        patience: mean seconds after which a waiting contact gives up; None: never.

    Raises:
        ValueError: one of them is not above 0.
    """
    if agents < 1 or min(rate, handling) <= 0.0 or (patience is not None and patience <= 0.0):
        raise ValueError("agents, rate, handling and patience must be above 0")
    load = rate * handling
    if patience is None:
        waits = erlang_c(agents, load)
        mean = waits * handling / (agents - load) if load < agents else math.inf
        return SteadyState(agents, rate, handling, None, waits, mean, 0.0)
    waits, queue, _ = _queue_of_erlang_a(agents, rate, handling, patience)
    return SteadyState(agents, rate, handling, patience, waits, queue / rate, queue / rate / patience)


def _queue_of_erlang_a(
    agents: int, rate: float, handling: float, patience: float
) -> tuple[float, float, float]:
    """(share that must wait, mean number waiting, logarithm of the share of time with nobody waiting but
    all agents busy).

    The weight of that last state is 1 to begin with; each further one waiting multiplies by the rate in over
    the rate out.
    """
    blocked = erlang_b(agents, rate * handling)
    fewer = 1.0 / blocked - 1.0 if blocked > 0.0 else math.inf
    if math.isinf(fewer):
        return 0.0, 0.0, -math.inf
    term, total, waiting, number, log_scale = 1.0, 1.0, 0.0, 0, 0.0
    while True:
        number += 1
        step = rate / (agents / handling + number / patience)
        term *= step
        total += term
        waiting += number * term
        if step < 1.0 and number * term < ENOUGH * (1.0 - step) * total:
            break
        if term > TOO_LARGE:
            term, total, waiting = term / TOO_LARGE, total / TOO_LARGE, waiting / TOO_LARGE
            fewer /= TOO_LARGE
            log_scale += math.log(TOO_LARGE)
    whole = fewer + total
    return total / whole, waiting / whole, -math.log(whole) - log_scale


def _simpson(function: Callable[[float], float], end: float) -> float:
    """Integral from 0 to `end`."""
    width = end / STEPS
    ends = function(0.0) + function(end)
    inner = math.fsum((4 if step % 2 else 2) * function(step * width) for step in range(1, STEPS))
    return (ends + inner) * width / 3.0
