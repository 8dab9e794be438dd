"""Which destinations a call gets that nobody has answered yet, and why: pure.

``select(call, terms, picture, now, ...) -> Decision``. A destination is an agent, or a site as a whole where it has
a door (its own ACD, its number). Sites that are stale, full or cut off are left out, each with its reason.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from math import inf

from fsroute.model.contact import Demand
from fsroute.model.direct import Direct, Otherwise, Policy
from fsroute.scp.picture import Door, Key, Picture, Place, Pool, Seat
from fsroute.scp.shares import Shares

UNKNOWN_WAIT = 3600.0  # seconds: what is not known counts as long
MOST_TOLD = 5  # sites whose reason stands in the line of a decision


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds: without a sign of life for `stale`, a site is; a call on its way counts for `confirm`."""

    stale: float = 10.0
    confirm: float = 5.0


@dataclass(frozen=True, slots=True)
class Call:
    """A call to be routed. `from_site` is where it came in; `tried` are the destinations that failed already.

    `left_out` are sites that the database has refused for it, each with the reason.
    """

    demand: Demand
    from_site: str = ""
    tried: frozenset[str] = frozenset()
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a call may go: to `agent`, or through the door of the site. `why` is for people."""

    site: str
    place: str
    agent: Seat | None = None
    door: Door | None = None
    why: str = ""

    @property
    def name(self) -> str:
        """What a failed try is known by."""
        return self.agent.name if self.agent is not None else f"site {self.site}"

    @property
    def uri(self) -> str:
        """The SIP address; empty for an agent of fsroute's, who is reached by a token."""
        if self.agent is not None:
            return self.agent.address
        return "" if self.door is None else self.door.address

    def __str__(self) -> str:
        return f"{self.name} at {self.site}" if self.agent is not None else self.name


@dataclass(frozen=True, slots=True)
class Skipped:
    """A site that might have served and is left out."""

    site: str
    why: str

    def __str__(self) -> str:
        return f"{self.site}: {self.why}"


@dataclass(frozen=True, slots=True)
class Decision:
    """Destinations in order; without one the call goes `otherwise`.

    `shares` are the credits if the first takes it, of the sites that are `able` to, each with its percent.
    """

    policy: Policy
    destinations: tuple[Destination, ...]
    skipped: tuple[Skipped, ...]
    otherwise: Otherwise
    shares: Shares
    able: Mapping[str, float] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """Why, in one line."""
        told = [str(each) for each in self.skipped[:MOST_TOLD]]
        if len(self.skipped) > MOST_TOLD:
            told.append(f"and {len(self.skipped) - MOST_TOLD} more")
        left_out = f"; left out {', '.join(told)}" if told else ""
        if not self.destinations:
            return f"{self.policy}: nobody, so {self.otherwise}{left_out}"
        first, *others = self.destinations
        then = f"; then {', '.join(map(str, others))}" if others else ""
        return f"{self.policy}: {first}, {first.why}{then}{left_out}"


_Candidate = tuple[Key, str, Place, Door | None]
"""A destination with where it stands: the smallest is the first; names differ."""


def select(
    call: Call, direct: Direct, picture: Picture, now: float, limits: Limits, shares: Shares
) -> Decision:
    """The best `direct.tries` destinations by its policy, of what `picture` shows at `now`."""
    pool = picture.pool(call.demand, direct.policy)
    skipped: dict[str, str] = {}
    places = _usable(pool, call, picture, now, limits, skipped)
    doors = _doors(call, picture, now, limits, skipped)
    credits = shares
    able: dict[str, float] = {}
    if direct.policy is Policy.SHARE:
        found, credits, able = _by_shares(call, direct, pool, places, doors, shares)
    else:
        agents = _agents(call, direct, picture, pool, places)
        found = heapq.nsmallest(direct.tries, [*agents, *_entries(call, direct.policy, picture, doors)])
    destinations = tuple(_destination(each, direct.policy, call, picture, now) for each in found)
    chosen = {each.site for each in destinations}
    left_out = tuple(Skipped(site, why) for site, why in sorted(skipped.items()) if site not in chosen)
    return Decision(direct.policy, destinations, left_out, direct.otherwise, credits, able)


# Which places count -------------------------------------------------------------------------------------------


def _usable(
    pool: Pool, call: Call, picture: Picture, now: float, limits: Limits, skipped: dict[str, str]
) -> list[Place]:
    """The places with idle agents that may be sent something."""
    found = []
    for switch_id, entries in pool.places.items():
        place = picture.places.get(switch_id)
        if place is None:
            continue
        why = _why_not(place, call, picture, now, limits) or ("" if entries else "nobody idle")
        if why:
            skipped.setdefault(place.site_id, why)
        else:
            found.append(place)
    return found


def _doors(
    call: Call, picture: Picture, now: float, limits: Limits, skipped: dict[str, str]
) -> list[tuple[Door, Place]]:
    """The sites that take the call whoever serves it there, and may be asked for."""
    usable: list[tuple[Door, Place]] = []
    for site, door in picture.doors.get(call.demand.contact_center_id, {}).items():
        if call.demand.sites and site not in call.demand.sites:
            continue
        place = picture.places.get(door.place)
        why = "not known" if place is None else _why_not(place, call, picture, now, limits)
        if why:
            skipped[site] = why
        elif place is not None and f"site {site}" not in call.tried:
            usable.append((door, place))
    return usable


def _why_not(place: Place, call: Call, picture: Picture, now: float, limits: Limits) -> str:
    """Why nothing may be sent there now; empty: it may."""
    if place.site_id in call.left_out:
        return call.left_out[place.site_id]
    age = now - place.seen_at
    if age > limits.stale:
        return f"stale, not seen for {age:.0f} s" if place.seen_at > 0 else "never seen"
    if not place.linked:
        return "no link"
    site = picture.sites.get(place.site_id)
    if site is None or site.capacity is None:
        return ""
    calls = picture.calls(place.site_id, now, limits.confirm)
    return f"full, {calls} of {site.capacity} calls" if calls >= site.capacity else ""


# Who is preferred ---------------------------------------------------------------------------------------------


def _agents(
    call: Call, direct: Direct, picture: Picture, pool: Pool, places: list[Place]
) -> Iterator[_Candidate]:
    """The first few of all places: of those whose own first is among the first few."""
    rated = direct.policy is Policy.COST
    network = [picture.rates.get((call.from_site, place.site_id), 0.0) if rated else 0.0 for place in places]
    heads = []
    for place, rate in zip(places, network, strict=True):
        for key, name in _first(pool.places[place.switch_id], 1, call.tried):
            heads.append((_ranked(key, rate, direct.policy), name, place, rate))
    for _, _, place, rate in heapq.nsmallest(direct.tries, heads):
        for key, name in _first(pool.places[place.switch_id], direct.tries, call.tried):
            yield _ranked(key, rate, direct.policy), name, place, None


def _ranked(key: Key, network: float, policy: Policy) -> Key:
    """An agent's key among those of all sites."""
    if policy is Policy.COST:
        return (key[0] + network, *key[1:])
    return (0.0, *key) if policy is Policy.LEAST_EXPECTED_WAIT else key


def _first(entries: list[tuple[Key, str]], most: int, tried: Collection[str]) -> Iterable[tuple[Key, str]]:
    if not tried:
        return entries[:most]
    return islice((entry for entry in entries if entry[1] not in tried), most)


def _entries(
    call: Call, policy: Policy, picture: Picture, doors: list[tuple[Door, Place]]
) -> Iterator[_Candidate]:
    """Doors come after every agent who is idle, save by cost, where they count by the network's rate."""
    for door, place in doors:
        wait = _wait(door, picture)
        if policy is Policy.LEAST_EXPECTED_WAIT:
            key: Key = (max(wait, 1e-9), 0.0)
        elif policy is Policy.COST:
            key = (picture.rates.get((call.from_site, door.site_id), 0.0), inf, wait)
        else:
            key = (inf, wait)
        yield key, f"site {door.site_id}", place, door


def _wait(door: Door, picture: Picture) -> float:
    """The expected wait behind a door; one that is not known counts as long."""
    site = picture.sites.get(door.site_id)
    return UNKNOWN_WAIT if site is None else site.waits.get(door.contact_center_id, UNKNOWN_WAIT)


def _by_shares(
    call: Call,
    direct: Direct,
    pool: Pool,
    places: list[Place],
    doors: list[tuple[Door, Place]],
    shares: Shares,
) -> tuple[list[_Candidate], Shares, dict[str, float]]:
    """One destination of each site, the site that is due most first: its longest idle agent, or its door."""
    best: dict[str, _Candidate] = {}
    for place in places:
        for key, name in _first(pool.places[place.switch_id], 1, call.tried):
            known = best.get(place.site_id)
            if known is None or (key, name) < known[:2]:
                best[place.site_id] = (key, name, place, None)
    for door, place in doors:
        best.setdefault(door.site_id, ((inf,), f"site {door.site_id}", place, door))
    order = shares.order(direct.shares, best)
    credits = shares.after(direct.shares, best, order[0]) if order else shares
    return [best[site] for site in order[: direct.tries]], credits, {site: direct.shares[site] for site in order}


def _destination(
    candidate: _Candidate, policy: Policy, call: Call, picture: Picture, now: float
) -> Destination:
    key, name, place, door = candidate
    if door is not None:
        wait = _wait(door, picture)
        why = f"expected wait {wait:.0f} s" if wait < UNKNOWN_WAIT else "expected wait not known"
        return Destination(door.site_id, place.switch_id, door=door, why=why)
    seat = picture.seat(name)
    assert seat is not None
    return Destination(place.site_id, place.switch_id, seat, why=_why(key, seat, policy, call, now))


def _why(key: Key, seat: Seat, policy: Policy, call: Call, now: float) -> str:
    idle = f"idle {max(0.0, now - seat.idle_since):.0f} s"
    if policy is Policy.COST:
        return f"{key[0]:g} a minute, {idle}"
    if policy is Policy.SKILL_MATCH:
        levels = seat.qualification.levels
        asked = " ".join(f"{skill} {levels.get(skill, 0)}" for skill, _ in call.demand.skills)
        return f"{asked or 'no skill asked for'}, {idle}"
    return f"its site is due, {idle}" if policy is Policy.SHARE else idle
