"""Classes of waiting contacts: those that ask for the same, in the order of the queue. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from sortedcontainers import SortedList

from fsroute.coordinator.estimates import UNKNOWN, WAIT_FINENESS, Entered, Handling, Pace, pace
from fsroute.coordinator.strategies import Strategy, Turn
from fsroute.model.contact import Demand, Lead, LeadKind
from fsroute.model.proxy_call import ProxyCall

if TYPE_CHECKING:
    from fsroute.coordinator.groups import AgentGroup

FINENESS = 20  # a position is told again when it has changed by more than this part of it
ERROR_FINENESS = 0.05  # its error when it has grown by more than this
PACE_KEPT = 1.0  # seconds for which the pace of a class is not computed anew

Place = tuple[int, float, int]
"""The total order of a queue: (minus priority, arrival in seconds since the epoch, sequence)."""


def place_of(call: ProxyCall) -> Place:
    return (-call.priority, call.arrived_at.timestamp(), call.proxy_call_id)


class Medium:
    """All groups and classes of one medium together: a `House`."""

    def __init__(self, rates: Mapping[tuple[str, str], float]) -> None:
        self.idle = 0
        self.on_duty = 0
        self.waiting = 0
        self.arrivals = 0.0
        self.rates = rates
        self.where_idle: dict[str, AgentGroup] = {}


class DemandClass:
    """Contacts that ask for the same by the same strategy, in the order of the queue.

    `groups` may serve them now, `idle_groups` are those of them with somebody idle, with the first one's turn in the
    order of the class, which has the number `order`; `prospects` will when an
    authorization begins. `on_duty` agents of the groups are logged on; `alone_since` is set while none is.
    """

    def __init__(self, number: int, demand: Demand, strategy: Strategy, medium: Medium, order: int) -> None:
        self.number = number
        self.order = order
        self.demand = demand
        self.strategy = strategy
        self.medium = medium
        self.is_balanced = strategy.imbalance is not None
        self.waiting: SortedList[Place] = SortedList()
        self.waiting_count = 0
        self.head: Place | None = None
        self.groups: dict[AgentGroup, None] = {}
        self.idle_groups: dict[AgentGroup, Turn] = {}
        self.prospects: dict[AgentGroup, None] = {}
        self.fits: dict[AgentGroup, object] = {}
        self.on_duty = 0
        self.alone_since: float | None = None
        self.arrivals = 0.0
        self.handling: Handling | None = None  # of this demand
        self.last: Entered | None = None
        self._leads: dict[Lead, int] = {}  # early leads among the waiting, with how many have them
        self._entered: dict[int, tuple[float, int]] = {}  # proxy call → when it came to which place
        self._told: dict[
            int, tuple[int, float | None, float | None]
        ] = {}  # position, wait and error last told of
        self._pace = UNKNOWN
        self._pace_at = 0.0

    def add(self, place: Place, lead: Lead, now: float) -> None:
        self.waiting.add(place)
        if self.head is None or place < self.head:
            self.head = place
        self.waiting_count += 1
        self.medium.waiting += 1
        self._entered[place[2]] = (now, self.waiting_count if self.waiting[-1] is place else 0)
        if lead.kind is LeadKind.POSITION or lead.kind is LeadKind.EXPECTED:
            self._leads[lead] = self._leads.get(lead, 0) + 1

    def remove(self, place: Place, lead: Lead) -> None:
        if place == self.head:
            self.waiting.pop(0)
            self.head = self.waiting[0] if self.waiting else None
        else:
            self.waiting.remove(place)
        self.waiting_count -= 1
        self.medium.waiting -= 1
        self._entered.pop(place[2], None)
        self._told.pop(place[2], None)
        if lead in self._leads:
            self._leads[lead] -= 1
            if not self._leads[lead]:
                del self._leads[lead]

    def imbalance(self) -> float:
        assert self.strategy.imbalance is not None
        return self.strategy.imbalance(self, self.medium)

    def likely_switch(self) -> str | None:
        """The switch with most agents on duty for this class: where the next one will probably be free."""
        on_duty: dict[str, int] = {}
        for group in self.groups:
            if group.on_duty:
                switch_id = group.qualification.switch_id
                on_duty[switch_id] = on_duty.get(switch_id, 0) + group.on_duty
        return max(sorted(on_duty), key=on_duty.__getitem__) if on_duty else None

    # How long it will take ---------------------------------------------------------------------------

    def note_handling(self, seconds: float) -> None:
        self.handling = (self.handling or Handling(seconds, 0)).and_one_of(seconds)
        self._pace_at = 0.0

    def note_service(self, place: Place, now: float) -> None:
        """A contact enters service; what it waited says something only if it came to a known place."""
        at, ahead = self._entered.get(place[2], (now, 0))
        if ahead and now > at:
            self.last = Entered(now - at, ahead, now)

    def changed_hands(self) -> None:
        """Agents came or went: what was computed of them holds no longer."""
        self._pace_at = 0.0

    def pace(self, now: float) -> Pace:
        """Seconds from one contact served to the next."""
        if not self._pace_at <= now < self._pace_at + PACE_KEPT:
            head = None
            if self.head is not None and (entered := self._entered.get(self.head[2])) and entered[1]:
                head = Entered(now - entered[0], entered[1], now)
            self._pace = pace(self.handling, self.on_duty, self._working_here(), self.last, head, now)
            self._pace_at = now
        return self._pace

    def _working_here(self) -> float:
        """Agents on duty, each divided among the contacts that wait and that the agent may serve."""
        mine = self.waiting_count
        if not mine:
            return float(self.on_duty)
        return sum(group.on_duty * mine / group.backlog() for group in self.groups if group.on_duty)

    def reach(self, lead: Lead, now: float) -> float:
        """Down to which position of this class `lead` has come."""
        if lead.kind is LeadKind.POSITION:
            return lead.limit
        seconds = self.pace(now).seconds if lead.kind is LeadKind.EXPECTED else None
        return lead.limit / seconds if seconds else 0.0

    def early(self, now: float) -> Iterator[tuple[int, Place]]:
        """(position, place) of those near enough to the head that their lead may have come."""
        if self._leads:
            reach = int(min(max(self.reach(lead, now) for lead in self._leads), len(self.waiting)))
            yield from enumerate(list(self.waiting[:reach]), 1)

    def has_leads(self) -> bool:
        return bool(self._leads)

    def news(self, now: float) -> Iterator[tuple[int, int, float | None, str | None, float | None]]:
        """(proxy call, position, expected wait in seconds, basis, error) of each that changed enough to tell."""
        known = self.pace(now)
        for position, (_, _, proxy_call_id) in enumerate(self.waiting, 1):
            wait, error = known.wait(position), known.error(position)
            told = self._told.get(proxy_call_id)
            moved = told is None or abs(told[0] - position) * FINENESS > position
            if told is None or moved or _differs(told[1], wait) or _is_worse(told[2], error):
                self._told[proxy_call_id] = (position, wait, error)
                yield proxy_call_id, position, wait, known.basis, error


def _differs(told: float | None, wait: float | None) -> bool:
    if told is None or wait is None:
        return told is not wait
    return abs(told - wait) > WAIT_FINENESS * told


def _is_worse(told: float | None, error: float | None) -> bool:
    return told is not None and error is not None and error > told + ERROR_FINENESS


def most_imbalanced(first: DemandClass, among: Iterable[DemandClass]) -> DemandClass:
    """Of the classes in balance with `first`, that with the largest imbalance; of equal ones the first in order."""
    assert first.head is not None
    best, most, priority = first, first.imbalance(), first.head[0]
    for demand in among:
        head = demand.head
        if demand.is_balanced and head is not None and head[0] == priority:
            imbalance = demand.imbalance()
            if imbalance > most or (imbalance == most and best.head is not None and head < best.head):
                best, most = demand, imbalance
    return best
