"""The queues: which contact stands where, how long they are, and who is served next. Pure."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from operator import itemgetter

from fsroute.coordinator.actions import RaiseNetworkLeg, WantCaller
from fsroute.coordinator.demands import DemandClass, Place, most_imbalanced, place_of
from fsroute.coordinator.matching import Matching
from fsroute.coordinator.roster import Freed, Roster
from fsroute.coordinator.strategies import Turn
from fsroute.model.contact import Demand, Lead
from fsroute.model.proxy_call import CallerLeg, NetworkLeg, ProxyCall, State

OVER_KEPT = 600.0  # seconds for which late news of a proxy call that is over is known as such
OFFER_GRACE = 4.0  # seconds that an offer may outlast its time-out before the coordinator ends it itself
OTHER_ACD_GRACE = 60.0  # seconds, where another ACD offers: how long its agents' phones ring is its affair
UNREACHED = 180.0  # seconds after which who is in no queue of the other ACD waits for it in vain

Progress = tuple[int, int, float | None, str | None, float | None]
"""(proxy call, position, expected wait in seconds, what it rests on, its error as `Pace.error` gives it)."""

Decision = tuple[DemandClass, ProxyCall, Turn]
"""The first of this class gets the agent with whose name the key ends."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a contact stands in which queue."""

    demand: DemandClass
    place: Place
    lead: Lead


class Queues:
    """All contacts that wait and may be served now. `arrived` are those of them who were not looked at yet."""

    def __init__(self, matching: Matching, roster: Roster, calls: Mapping[int, ProxyCall]) -> None:
        self.standings: dict[int, Standing] = {}
        self.arrived: dict[int, Standing] = {}
        self.touched: dict[DemandClass, None] = {}  # by this event: a lead may have come
        self.spent: dict[DemandClass, None] = {}  # nobody waits in them, it may be, and they may go
        self._changed: dict[DemandClass, None] = {}  # since the last `news`
        self._matching = matching
        self._roster = roster
        self._calls = calls

    def stand(self, call: ProxyCall, demand: DemandClass) -> None:
        """The contact waits in this class; it keeps its place where it stands already."""
        number, place = call.proxy_call_id, place_of(call)
        known = self.standings.get(number)
        if known is not None:
            if known.demand is demand and known.place == place and known.lead == call.lead:
                self.touch(demand)
                return
            self.leave(number)
        self.standings[number] = self.arrived[number] = Standing(demand, place, call.lead)

    def leave(self, number: int) -> None:
        standing = self.standings.pop(number, None)
        if standing is None:
            return
        demand = standing.demand
        if self.arrived.pop(number, None) is None:
            demand.remove(standing.place, standing.lead)
            self.touch(demand)
        if demand.demand.agent_id is not None or self._matching.is_full:
            self.spent[demand] = None

    def touch(self, demand: DemandClass) -> None:
        self._changed[demand] = None
        if demand.has_leads():
            self.touched[demand] = None

    def forget(self, demand: DemandClass) -> None:
        self._changed.pop(demand, None)
        self.touched.pop(demand, None)

    def news(self, now: float) -> list[Progress]:
        """Each contact with news of its position or wait since the last call."""
        news = [entry for demand in self._changed for entry in demand.news(now)]
        self._changed.clear()
        return news

    def leads_come(self, raised: set[int], now: float) -> Iterator[RaiseNetworkLeg | WantCaller]:
        """Whose lead has come while still queued; `raised` are those for whom it was said before."""
        for demand in self.touched:
            for position, (_, _, number) in demand.early(now):
                call = self._calls[number]
                if number in raised or position > demand.reach(call.lead, now):
                    continue
                action = _lead_comes(call, demand)
                if action is not None:
                    raised.add(number)
                    yield action
        self.touched.clear()

    # Decisions -----------------------------------------------------------------------------------------

    def match(self, now: float) -> Iterator[Decision]:
        """Serve in order all who can be served now that something has changed.

        Whoever takes a decision carries it out before the next: contact and agent leave their places. Nearly
        always one agent or one contact is all that is new, and then the other side is known without
        looking: of two sides that waited for each other one would have been served before.
        """
        freed, arrived = self._roster.freed, self.arrived
        if len(freed) == 1 and not arrived:
            (member,) = freed.values()
            if len(member.free) == 1:
                group, load = member.free[0]
                demand = self._matching.first(group)
                if demand is None or demand.head is None:
                    self._roster.index(member)
                else:
                    call = self._calls[demand.head[2]]
                    yield demand, call, self._matching.key_of(demand, call, group, member.agent, load)
                return
        elif len(arrived) == 1 and not freed:
            ((number, standing),) = arrived.items()
            if standing.demand.head is None and standing.demand.idle_groups:
                call = self._calls[number]
                yield standing.demand, call, self._matching.choose(standing.demand, call)
                return
        yield from self._match_all(now)

    def turn(self, freed: Freed) -> Decision | None:
        """Whom this agent would turn to, were all that is known of the agent true already; changes nothing.

        Where somebody waits for the agent nobody else is idle who may serve them: `match` has seen to that.
        """
        heads = [
            (demand.head, group, load)
            for group, load in freed.free
            if (demand := self._matching.earliest(group)) is not None and demand.head is not None
        ]
        if not heads:
            return None
        _, group, load = min(heads, key=itemgetter(0))
        demand = self._matching.first(group)
        assert demand is not None
        assert demand.head is not None
        call = self._calls[demand.head[2]]
        return demand, call, self._matching.key_of(demand, call, group, freed.agent, load)

    def _match_all(self, now: float) -> Iterator[Decision]:
        hopeful: dict[int, DemandClass] = {}
        heads: list[tuple[Place, int]] = []
        while True:
            if self.arrived or self._roster.freed:  # a claimed agent may have another slot
                for number, demand in self._enter(now).items():
                    if demand.head is not None:
                        hopeful[number] = demand
                        heapq.heappush(heads, (demand.head, number))
            if not heads:
                return
            place, number = heapq.heappop(heads)
            first = hopeful[number]
            if first.head == place and first.idle_groups:
                yield self._decide(first, place)
            if first.head is not None and first.idle_groups:
                heapq.heappush(heads, (first.head, number))

    def _decide(self, first: DemandClass, head: Place) -> Decision:
        """An agent for this class; where classes are balanced the agent turns to another that needs it more."""
        call = self._calls[head[2]]
        key = self._matching.choose(first, call)
        if not first.is_balanced:
            return first, call, key
        agent_id = key[-1]
        group = self._roster.members[agent_id].posts[first.demand.medium]
        demand = most_imbalanced(first, group.classes)
        if demand is first or demand.head is None:
            return first, call, key
        agent, load, _ = group.idle[agent_id]
        call = self._calls[demand.head[2]]
        return demand, call, self._matching.key_of(demand, call, group, agent, load)

    def _enter(self, now: float) -> dict[int, DemandClass]:
        """All that is new takes its place; returns the classes, by number, whose head may now be served."""
        hopeful: dict[int, DemandClass] = {}
        for standing in self.arrived.values():
            standing.demand.add(standing.place, standing.lead, now)
            hopeful[standing.demand.number] = standing.demand
            self.touch(standing.demand)
        self.arrived.clear()
        for member in list(self._roster.freed.values()):
            for group, _ in member.free:
                hopeful.update((demand.number, demand) for demand in group.classes if demand.head is not None)
            self._roster.index(member)
        return hopeful


def _lead_comes(call: ProxyCall, demand: DemandClass) -> RaiseNetworkLeg | WantCaller | None:
    if call.state is State.CALLBACK:
        return WantCaller(call.proxy_call_id) if call.caller_leg is CallerLeg.ABSENT else None
    if call.network_leg is not NetworkLeg.NONE:
        return None
    switch_id = demand.likely_switch()
    if switch_id is None or switch_id == call.switch_id:
        return None
    return RaiseNetworkLeg(call.proxy_call_id, switch_id)


class Over:
    """Proxy calls that are over, for as long as late news of them may come."""

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._until: deque[tuple[float, int]] = deque()

    def __contains__(self, number: int) -> bool:
        return number in self._known

    def add(self, number: int, now: float) -> None:
        if number not in self._known:
            self._known.add(number)
            self._until.append((now + OVER_KEPT, number))
        while self._until[0][0] <= now:
            self._known.discard(self._until.popleft()[1])


class Lengths:
    """How many wait in each queue of a contact center, or are being taken into it."""

    def __init__(self) -> None:
        self._lengths: dict[tuple[str, str], int] = {}
        self._counted: dict[int, tuple[str, str]] = {}

    def add(self, call: ProxyCall) -> None:
        key = (call.contact_center_id, call.queue)
        known = self._counted.get(call.proxy_call_id)
        if known != key:
            self.remove(call.proxy_call_id)
            self._counted[call.proxy_call_id] = key
            self._lengths[key] = self._lengths.get(key, 0) + 1

    def remove(self, number: int) -> None:
        key = self._counted.pop(number, None)
        if key is not None:
            self._lengths[key] -= 1

    def are_reached(self, call: ProxyCall) -> bool:
        """As many others wait in the contact's queue as its rule allows."""
        if call.longest_queue is None:
            return False
        key = (call.contact_center_id, call.queue)
        others = self._lengths.get(key, 0) - (self._counted.get(call.proxy_call_id) == key)
        return others >= call.longest_queue


# Times of one contact, in seconds since the epoch ----------------------------------------------------


def offer_ends(call: ProxyCall) -> float:
    """When an offer must be over, accepted or not; who is to be called back has to be dialled first."""
    begun = (call.reserved_at or call.acd_since or call.arrived_at).timestamp()
    dialling = 0.0 if call.caller_leg is CallerLeg.PRESENT else call.callback.ring
    grace = OFFER_GRACE if call.acd is None else OTHER_ACD_GRACE
    return begun + call.offer_timeout + dialling + grace


def overflows(call: ProxyCall) -> float:
    """When it has waited as long as its rule allows; who has hung up to be called back waits without a limit."""
    if call.queued_at is None or call.state is not State.QUEUED:
        return inf
    longest = inf if call.longest_wait is None else call.queued_at.timestamp() + call.longest_wait
    return min(longest, unreached(call))


def unreached(call: ProxyCall) -> float:
    """When who is to be entered at another ACD has waited for that long enough: nobody there does it."""
    moments = [moment for moment in (call.queued_at, call.acd_since, call.held_until) if moment is not None]
    if call.acd is None or call.acd_entry_uuid is not None or not moments:
        return inf
    return max(moments).timestamp() + UNREACHED


def widened(call: ProxyCall) -> Iterator[Demand]:
    """The demands that the time line still leads to; a contact for one agent waits for that agent."""
    demand = call.demand
    if demand.agent_id is None:
        for step in call.time_line[call.time_line_done :]:
            if (changed := step.changed(demand)) != demand:
                demand = changed
                yield demand


def next_step(call: ProxyCall) -> float:
    """When the next step of its time line is due."""
    if call.time_line_done >= len(call.time_line) or call.queued_at is None:
        return inf
    return call.queued_at.timestamp() + call.time_line[call.time_line_done].after
