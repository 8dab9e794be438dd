"""Who may serve whom, joined once: classes of waiting contacts and groups of agents. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from sortedcontainers import SortedList

from fsroute.model.contact import Demand, Lead, LeadKind
from fsroute.model.proxy_call import ProxyCall
from fsroute.routing.eligibility import Qualification

FINENESS = 20  # a position is told again when it has changed by more than this part of it

Place = tuple[int, float, int]
"""The total order of a queue: (minus priority, arrival in seconds since the epoch, sequence)."""

Turn = tuple[float, str]
"""The order of idle agents: (idle since, agent); the longest idle comes first."""


def place_of(call: ProxyCall) -> Place:
    return (-call.priority, call.arrived_at.timestamp(), call.proxy_call_id)


class DemandClass:
    """Contacts that ask for the same, in the order of the queue.

    `groups` may serve them now, `idle_groups` are those of them with somebody idle; `prospects` will when an
    authorization begins.
    """

    def __init__(self, demand: Demand) -> None:
        self.demand = demand
        self.waiting: SortedList[Place] = SortedList()
        self.groups: dict[AgentGroup, None] = {}
        self.idle_groups: dict[AgentGroup, None] = {}
        self.prospects: dict[AgentGroup, None] = {}
        self._leads: dict[Lead, int] = {}  # early leads among the waiting, with how many have them
        self._handling_time: float | None = None  # seconds, exponentially smoothed
        self._told: dict[int, int] = {}  # the position last told of, by proxy call

    def add(self, place: Place, lead: Lead) -> None:
        self.waiting.add(place)
        if lead.kind in (LeadKind.POSITION, LeadKind.EXPECTED):
            self._leads[lead] = self._leads.get(lead, 0) + 1

    def remove(self, place: Place, lead: Lead) -> None:
        self.waiting.remove(place)
        self._told.pop(place[2], None)
        if lead in self._leads:
            self._leads[lead] -= 1
            if not self._leads[lead]:
                del self._leads[lead]

    def head(self) -> Place | None:
        return self.waiting[0] if self.waiting else None

    def longest_idle(self) -> Turn | None:
        """Who has been idle longest among those who may serve this class now."""
        return min(group.idle[0] for group in self.idle_groups) if self.idle_groups else None

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
        known = self._handling_time
        self._handling_time = seconds if known is None else known + 0.1 * (seconds - known)

    def pace(self) -> float | None:
        """Seconds from one contact served to the next, by the agents on duty; None while unknown."""
        serving = sum(group.on_duty for group in self.groups)
        return self._handling_time / serving if self._handling_time is not None and serving else None

    def reach(self, lead: Lead) -> float:
        """Down to which position of this class `lead` has come."""
        if lead.kind is LeadKind.POSITION:
            return lead.limit
        pace = self.pace() if lead.kind is LeadKind.EXPECTED else None
        return lead.limit / pace if pace else 0.0

    def early(self) -> Iterator[tuple[int, Place]]:
        """(position, place) of those near enough to the head that their lead may have come."""
        if self._leads:
            reach = int(min(max(map(self.reach, self._leads)), len(self.waiting)))
            yield from enumerate(list(self.waiting[:reach]), 1)

    def news(self) -> Iterator[tuple[int, int, float | None, str | None]]:
        """(proxy call, position, expected wait in seconds, its basis) of each whose position changed enough to tell."""
        pace = self.pace()
        for position, (_, _, proxy_call_id) in enumerate(self.waiting, 1):
            told = self._told.get(proxy_call_id)
            if told is None or abs(told - position) * FINENESS > position:
                self._told[proxy_call_id] = position
                yield proxy_call_id, position, None if pace is None else position * pace, None


class AgentGroup:
    """Agents who are interchangeable now; the idle ones by how long they are idle."""

    def __init__(self, qualification: Qualification) -> None:
        self.qualification = qualification
        self.idle: SortedList[Turn] = SortedList()
        self.members = 0
        self.on_duty = 0
        self.classes: list[DemandClass] = []

    def add_idle(self, turn: Turn) -> None:
        if not self.idle:
            for demand in self.classes:
                demand.idle_groups[self] = None
        self.idle.add(turn)

    def remove_idle(self, turn: Turn) -> None:
        self.idle.remove(turn)
        if not self.idle:
            for demand in self.classes:
                del demand.idle_groups[self]


class Matching:
    """All classes and groups, each class joined with the groups that may serve it."""

    def __init__(self) -> None:
        self._classes: dict[Demand, DemandClass] = {}
        self._groups: dict[Qualification, AgentGroup] = {}

    def class_of(self, demand: Demand) -> DemandClass:
        known = self._classes.get(demand)
        if known is None:
            known = self._classes[demand] = DemandClass(demand)
            for group in self._groups.values():
                _join(group, known)
        return known

    def enter(self, qualification: Qualification, on_duty: bool) -> AgentGroup:
        """One agent more of this qualification."""
        group = self._groups.get(qualification)
        if group is None:
            group = self._groups[qualification] = AgentGroup(qualification)
            for demand in self._classes.values():
                _join(group, demand)
        group.members += 1
        group.on_duty += on_duty
        return group

    def leave(self, group: AgentGroup, on_duty: bool) -> None:
        """One agent less; a group without members is forgotten."""
        group.members -= 1
        group.on_duty -= on_duty
        if not group.members:
            del self._groups[group.qualification]
            for demand in self._classes.values():
                demand.groups.pop(group, None)
                demand.prospects.pop(group, None)


def _join(group: AgentGroup, demand: DemandClass) -> None:
    if group.qualification.may_serve(demand.demand):
        group.classes.append(demand)
        demand.groups[group] = None
        if group.idle:
            demand.idle_groups[group] = None
    elif group.qualification.could_serve(demand.demand):
        demand.prospects[group] = None
