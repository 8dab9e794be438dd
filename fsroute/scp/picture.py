"""What is known of every site at this moment, indexed so that a selection looks at heads only: pure.

An agent who is idle stands, for each demand that calls have had so far, in the list of its place (a switch) in the
order that a policy wants. A change of one agent is a bisection in each list that the agent belongs to; a selection
looks at the heads of some fifty places. Moments in seconds since the epoch, by the database's clock.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf

from fsroute.model.contact import Demand
from fsroute.model.direct import Policy
from fsroute.routing.eligibility import Qualification

MOST_POOLS = 500  # demands remembered, each with an order; the one not asked for longest is forgotten

NOT_TAKEN = (0.0, inf, 0)

Key = tuple[float, ...]
Entry = tuple[Key, str]
"""Where an agent stands in a list: the smallest is the first."""


@dataclass(frozen=True, slots=True)
class Seat:
    """An agent as a selection sees it.

    `own`: one of fsroute's, reserved by the same constraint as for any contact; others are known by activity alone, and
    `address` is what reaches them. `idle_from`: from then on there is room for a call; ``inf``: no end is known.
    Of two of one agent that with the greater `version` is of a newer row; 0: it has none.
    """

    name: str
    qualification: Qualification
    idle_from: float = inf
    idle_since: float = 0.0
    rate: float = 0.0  # per minute
    own: bool = True
    address: str = ""
    version: int = 0

    @property
    def place(self) -> str:
        return self.qualification.switch_id

    @property
    def site(self) -> str:
        return self.qualification.site_id


@dataclass(frozen=True, slots=True)
class Place:
    """A switch. `seen_at`: the last sign of life from it; `linked`: it can be reached by calls."""

    switch_id: str
    site_id: str
    seen_at: float = 0.0
    linked: bool = True


@dataclass(frozen=True, slots=True)
class Site:
    """A site. `waits`: the expected wait by contact center, in seconds; `capacity` None: without a limit.

    `reported_at` is the moment of the activity that says so.
    """

    site_id: str
    capacity: int | None = None
    in_progress: int = 0
    waits: Mapping[str, float] = field(default_factory=dict)
    reported_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Door:
    """Where a site takes calls of a contact center whichever agent serves them: its own ACD, or its number.

    `address` is a SIP address (``sip:…``), what `place` can be called by.
    """

    site_id: str
    contact_center_id: str
    place: str
    address: str


@dataclass(slots=True)
class Pool:
    """The idle agents who may serve a demand, by place, in the order of a policy.

    A place is in `places` where anybody may serve, idle or not.
    """

    demand: Demand
    policy: Policy
    may: dict[Qualification, bool] = field(default_factory=dict)
    places: dict[str, list[Entry]] = field(default_factory=dict)
    where: dict[str, tuple[str, Entry]] = field(default_factory=dict)

    def admits(self, seat: Seat) -> bool:
        known = self.may.get(seat.qualification)
        if known is None:
            known = self.may[seat.qualification] = seat.qualification.may_serve(self.demand)
        return known

    def put(self, seat: Seat) -> None:
        entry = (_key(self.policy, seat, self.demand), seat.name)
        insort(self.places.setdefault(seat.place, []), entry)
        self.where[seat.name] = (seat.place, entry)

    def remove(self, name: str) -> None:
        found = self.where.pop(name, None)
        if found is not None:
            place, entry = found
            entries = self.places[place]
            del entries[bisect_left(entries, entry)]


def _key(policy: Policy, seat: Seat, demand: Demand) -> Key:
    if policy is Policy.COST:
        return (seat.rate, seat.idle_since)
    if policy is Policy.SKILL_MATCH:
        levels = seat.qualification.levels
        asked = sum(levels.get(skill, 0) for skill, _ in demand.skills)
        return (float(-asked), float(len(levels)), seat.idle_since)
    return (seat.idle_since,)


_ORDERS = {Policy.COST: Policy.COST, Policy.SKILL_MATCH: Policy.SKILL_MATCH}
"""Policies with an order of agents of their own; with all others the longest idle is the first."""


class Picture:
    """Sites, places, doors and agents, as they are known now."""

    def __init__(self) -> None:
        self.sites: dict[str, Site] = {}
        self.places: dict[str, Place] = {}
        self.doors: dict[str, dict[str, Door]] = {}  # by contact center, then by site
        self.rates: dict[tuple[str, str], float] = {}  # of the network, per minute, from site to site
        self._seats: dict[str, Seat] = {}
        self._idle: set[str] = set()
        self._taken: dict[str, tuple[float, float, int]] = {}  # since when, until when, which version
        self._later: list[tuple[float, str]] = []
        self._pools: OrderedDict[tuple[Demand, Policy], Pool] = OrderedDict()
        self._directed: dict[str, list[float]] = {}

    # What is known ---------------------------------------------------------------------------------------

    def seat(self, name: str) -> Seat | None:
        return self._seats.get(name)

    def seats(self) -> Iterator[Seat]:
        return iter(self._seats.values())

    def put(self, seat: Seat, now: float) -> None:
        """An agent as known now. One who was taken and is busy, or idle since a later moment, has had the call.

        So has one of a newer row: what came between the two, nobody need have read. A claim that is under way while
        the row changes for another reason is safe by the database.
        """
        taken = self._taken.get(seat.name)
        if taken is not None and (
            seat.idle_from > now or seat.idle_since > taken[0] or seat.version > taken[2]
        ):
            del self._taken[seat.name]
        self._seats[seat.name] = seat
        self._place(seat, now)
        for pool in self._pools.values():
            if seat.place not in pool.places and pool.admits(seat):
                pool.places[seat.place] = []

    def drop(self, name: str) -> None:
        """There is no such agent any more."""
        if self._seats.pop(name, None) is not None:
            self._taken.pop(name, None)
            self._remove(name)

    def take(self, name: str, at: float, until: float) -> None:
        """A call is on its way to this agent since `at`: not idle until a change confirms it, or until then."""
        seat = self._seats.get(name)
        self._taken[name] = at, until, 0 if seat is None else seat.version
        heapq.heappush(self._later, (until, name))
        self._remove(name)

    def release(self, name: str, now: float) -> None:
        """The call does not go there after all."""
        if self._taken.pop(name, None) is not None and (seat := self._seats.get(name)) is not None:
            self._place(seat, now)

    def advance(self, now: float) -> None:
        """Pauses that are over, and times for which agents counted as taken."""
        while self._later and self._later[0][0] <= now:
            _, name = heapq.heappop(self._later)
            if self._taken.get(name, NOT_TAKEN)[1] <= now:
                del self._taken[name]
            seat = self._seats.get(name)
            if seat is not None:
                self._place(seat, now)

    def report(self, site: Site) -> None:
        """A site's activity; calls directed there a second and more before are in it."""
        self.sites[site.site_id] = site
        directed = self._directed.get(site.site_id)
        if directed:
            self._directed[site.site_id] = [moment for moment in directed if moment > site.reported_at - 1.0]

    def sent(self, site_id: str, moments: Iterable[float]) -> None:
        """The calls that went to this site lately, and that its activity does not know of yet."""
        self._directed[site_id] = list(moments)

    def calls(self, site_id: str, now: float, confirm: float) -> int:
        """Calls in progress at a site, with those on their way for `confirm` seconds at most."""
        site = self.sites.get(site_id)
        known = 0 if site is None else site.in_progress
        directed = self._directed.get(site_id)
        return known + sum(moment > now - confirm for moment in directed) if directed else known

    # What selections look at ------------------------------------------------------------------------------

    def pool(self, demand: Demand, policy: Policy) -> Pool:
        """The idle agents who may serve, ready made after the first time."""
        key = (demand, _ORDERS.get(policy, Policy.LONGEST_IDLE))
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = self._new_pool(*key)
            if len(self._pools) > MOST_POOLS:
                self._pools.popitem(last=False)
        else:
            self._pools.move_to_end(key)
        return pool

    def _new_pool(self, demand: Demand, policy: Policy) -> Pool:
        pool = Pool(demand, policy)
        for seat in self._seats.values():
            if pool.admits(seat):
                pool.places.setdefault(seat.place, [])
                if seat.name in self._idle:
                    pool.put(seat)
        return pool

    def _place(self, seat: Seat, now: float) -> None:
        """Into each list that the agent belongs to, or out of them."""
        self._remove(seat.name)
        taken = self._taken.get(seat.name)
        if taken is not None and taken[1] > now:
            return
        if seat.idle_from > now:
            if seat.idle_from < inf:
                heapq.heappush(self._later, (seat.idle_from, seat.name))
            return
        self._idle.add(seat.name)
        for pool in self._pools.values():
            if pool.admits(seat):
                pool.put(seat)

    def _remove(self, name: str) -> None:
        if name in self._idle:
            self._idle.discard(name)
            for pool in self._pools.values():
                pool.remove(name)
