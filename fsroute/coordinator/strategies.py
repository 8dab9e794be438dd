"""Strategies: who of the idle agents gets a contact, and which class a freed agent turns to. Pure, save `load`.

A strategy is a value. Up to four functions make the order of agents, the smallest first:

`rank(agent, load)`
    from the agent's row alone, as a tuple of numbers; `load` is what the agent's contacts weigh. It is asked
    once when an agent becomes idle, and orders the idle of one group; a choice looks only at each group's first.
`fit(qualification, demand)`
    how well a group suits a demand, from what they are alone: asked once for each pair. Groups are ordered by
    it before their first agents are by rank.
`weigh(crews, heads, call, house)`
    the same, asked anew for every choice: a number or tuple for each of `crews`, of which `heads` are the first
    agents' ranks (with the agent's name at the end). Costs time for each group with an idle agent.

`surcharge(site_id, call, house)`
    what agents at a site cost beside the first number of their rank, which is a cost, too; the sum comes first. It
    is asked for each site with an idle agent, of whom only the first by rank is looked at. A strategy has this or
    `weigh`.

`prefers_last_agent` puts the call's `preferred_agent_id` before all others. `imbalance(line, house)` orders the
classes that a freed agent may turn to, the largest first, among contacts of equal priority.

A plug-in is an entry point of the group ``fsroute.strategy``, named as the rules name it, that is a `Strategy`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

from fsroute.errors import FsrouteError
from fsroute.model.agent import Agent
from fsroute.model.contact import Demand
from fsroute.model.proxy_call import ProxyCall
from fsroute.routing.eligibility import Qualification

log = logging.getLogger(__name__)

GROUP = "fsroute.strategy"
"""The entry points' group."""

Turn = tuple[Any, ...]
"""An idle agent's rank with the agent's name at the end: no two are equal."""


class FaultyStrategy(FsrouteError):
    """An entry point of `GROUP` cannot be loaded or is no strategy."""


class UnknownStrategy(FsrouteError):
    """No strategy has this name."""


class Crew(Protocol):
    """A group of interchangeable agents, as a strategy sees it."""

    qualification: Qualification
    site_id: str
    on_duty: int
    idle_count: int


class Line(Protocol):
    """A class of waiting contacts, as a strategy sees it; `arrivals` counts lately."""

    demand: Demand
    arrivals: float
    waiting_count: int


class House(Protocol):
    """All crews and lines of one medium together, and what a network leg costs from site to site."""

    idle: int
    on_duty: int
    waiting: int
    arrivals: float
    rates: Mapping[tuple[str, str], float]


Rank = Callable[[Agent, int], tuple[float, ...]]
Fit = Callable[[Qualification, Demand], Any]
Weigh = Callable[[Sequence[Crew], Sequence[Turn], ProxyCall, House], Sequence[Any]]
Surcharge = Callable[[str, ProxyCall, House], float]
Imbalance = Callable[[Line, House], float]


# The order of agents -------------------------------------------------------------------------------


def by_idle_time(agent: Agent, load: int) -> tuple[float, ...]:
    return (load, agent.idle_since.timestamp())


def by_contacts_served(agent: Agent, load: int) -> tuple[float, ...]:
    return (load, agent.contacts_served, agent.idle_since.timestamp())


def by_last_reservation(agent: Agent, load: int) -> tuple[float, ...]:
    last = agent.last_reserved_at
    return (load, 0.0 if last is None else last.timestamp(), agent.idle_since.timestamp())


def by_rate(agent: Agent, load: int) -> tuple[float, ...]:
    return (agent.rate, load, agent.idle_since.timestamp())


def highest_level(qualification: Qualification, demand: Demand) -> float:
    """Minus the sum of the levels in what is asked for."""
    return -float(sum(qualification.levels[skill] for skill, _ in demand.skills))


def least_skilled(qualification: Qualification, demand: Demand) -> tuple[int, int]:
    """The fewest skills suffice; of equally many, the lowest levels."""
    return (len(qualification.levels), sum(qualification.levels.values()))


def network_leg(site_id: str, call: ProxyCall, house: House) -> float:
    """What it costs per minute from the caller's site to this one."""
    return house.rates.get((call.caller_site_id, site_id), 0.0)


def by_idleness(crews: Sequence[Crew], heads: Sequence[Turn], call: ProxyCall, house: House) -> list[float]:
    """Minus each crew's idle agents beyond its share of all idle ones; shares are those of agents on duty."""
    idle = house.idle / house.on_duty if house.on_duty else 0.0
    return [crew.on_duty * idle - crew.idle_count for crew in crews]


def queue_imbalance(line: Line, house: House) -> float:
    """Contacts that wait beyond the line's share of all that wait.

    Shares are those of arrivals, so that by Little's law the waits become equal.
    """
    return line.waiting_count - (house.waiting * line.arrivals / house.arrivals if house.arrivals else 0.0)


@dataclass(frozen=True, slots=True)
class Strategy:
    """See the head of this file."""

    name: str
    rank: Rank = by_idle_time
    fit: Fit | None = None
    weigh: Weigh | None = None
    prefers_last_agent: bool = False
    imbalance: Imbalance | None = None
    surcharge: Surcharge | None = None


LONGEST_IDLE = Strategy("longest_idle")
HIGHEST_LEVEL = Strategy("highest_level", fit=highest_level)
LEAST_SKILLED = Strategy("least_skilled", fit=least_skilled)
FEWEST_CONTACTS = Strategy("fewest_contacts", rank=by_contacts_served)
ROUND_ROBIN = Strategy("round_robin", rank=by_last_reservation)
COST = Strategy("cost", rank=by_rate, surcharge=network_leg)
LAST_AGENT = Strategy("last_agent", prefers_last_agent=True)
# I. Gurvich and W. Whitt, Queue-and-Idleness-Ratio Controls in Many-Server Service Systems, Mathematics of
# Operations Research 34 (2009): the pool with the largest idleness imbalance, the queue with the largest
# queue imbalance.
QUEUE_IDLENESS_RATIO = Strategy("queue_idleness_ratio", weigh=by_idleness, imbalance=queue_imbalance)

BUILT_IN = {
    strategy.name: strategy
    for strategy in (
        LONGEST_IDLE,
        HIGHEST_LEVEL,
        LEAST_SKILLED,
        FEWEST_CONTACTS,
        ROUND_ROBIN,
        COST,
        LAST_AGENT,
        QUEUE_IDLENESS_RATIO,
    )
}


@dataclass(frozen=True)
class Strategies:
    """Those that there are, by name."""

    known: Mapping[str, Strategy] = field(default_factory=lambda: BUILT_IN)
    _warned: set[str] = field(default_factory=set, compare=False)

    def __getitem__(self, name: str) -> Strategy:
        """For rules that are checked.

        Raises:
            UnknownStrategy: there is none of this name.
        """
        try:
            return self.known[name]
        except KeyError:
            there = ", ".join(sorted(self.known))
            raise UnknownStrategy(f"there is no strategy {name!r}, only {there}") from None

    def or_longest_idle(self, name: str) -> Strategy:
        """For contacts that are to be served whatever their rule says; warns once for each unknown name."""
        strategy = self.known.get(name)
        if strategy is not None:
            return strategy
        if name not in self._warned:
            self._warned.add(name)
            log.warning("there is no strategy %r: the longest idle are chosen instead", name)
        return LONGEST_IDLE


def load(points: Iterable[EntryPoint] | None = None) -> Strategies:
    """The built-in strategies and those of installed packages.

    Raises:
        FaultyStrategy: names the entry point that is none.
    """
    points = entry_points(group=GROUP) if points is None else points
    return Strategies(BUILT_IN | {point.name: _loaded(point) for point in points})


def _loaded(point: EntryPoint) -> Strategy:
    where = f"the entry point {point.name} = {point.value} of {GROUP}"
    try:
        strategy = point.load()
    except Exception as error:  # another's module may fail in any way
        raise FaultyStrategy(f"{where} cannot be loaded: {error!r}") from error
    if not isinstance(strategy, Strategy):
        raise FaultyStrategy(f"{where} is {type(strategy).__name__}, not a Strategy")
    return strategy if strategy.name == point.name else replace(strategy, name=point.name)
