"""Who waits and who could serve them: classes of contacts, groups of agents, and what joins the two. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sortedcontainers import SortedList

from fsroute.model.agent import CAPACITY
from fsroute.model.contact import Demand
from fsroute.monitoring.events import Event, Place
from fsroute.monitoring.qualified import Qualification


@dataclass(slots=True)
class Wait:
    """A contact waits since `since`, for `event` happened; a held one begins later."""

    proxy_call_id: int
    since: float
    event: Event
    place: Place
    demand: DemandClass
    strategy: str = ""
    reported: bool = False


@dataclass(slots=True)
class DemandClass:
    """Contacts that ask for the same: by how long they wait, and by place."""

    demand: Demand
    waiting: dict[int, Wait] = field(default_factory=dict)
    places: SortedList[Place] = field(default_factory=SortedList)
    groups: list[Group] = field(default_factory=list)

    def add(self, wait: Wait) -> None:
        self.waiting[wait.proxy_call_id] = wait
        self.places.add(wait.place)

    def remove(self, wait: Wait) -> None:
        del self.waiting[wait.proxy_call_id]
        self.places.remove(wait.place)


@dataclass(slots=True)
class Group:
    """Agents with the same qualification, for one medium; those who have room for it by how long, with the event."""

    qualification: Qualification
    medium: str
    idle: dict[str, tuple[float, Event | None]] = field(default_factory=dict)
    classes: list[DemandClass] = field(default_factory=list)


@dataclass(slots=True)
class Duty:
    """What decides whether an agent is idle: declared available, reachable, room for a medium, no pause.

    `standing_leg` is whether the agent's standing leg is up, if there is to be one; `held` are the live
    reservations: proxy call to (medium, weight).
    """

    groups: list[Group]
    available: bool
    event: Event | None = None  # the latest that decided
    held: dict[int, tuple[str, int]] = field(default_factory=dict)
    free_from: float = float("-inf")
    standing_leg: bool = False
    switch_away: bool = False

    @property
    def is_there(self) -> bool:
        """Available, and to be reached."""
        return (
            self.available
            and not self.switch_away
            and (self.standing_leg or not any(group.qualification.standing for group in self.groups))
        )

    def has_room(self, group: Group, besides: int = 0) -> bool:
        """A slot of the group's medium is free, and its weight fits; proxy call `besides` is not counted."""
        held = self.held
        if not held or (besides in held and len(held) == 1):
            return True
        slots = group.qualification.slots_of(group.medium)
        others = [each for number, each in held.items() if number != besides]
        taken = sum(medium == group.medium for medium, _ in others)
        return taken < slots.slots and sum(weight for _, weight in others) + slots.weight <= CAPACITY


class Pools:
    """All classes and groups, joined once, when either appears."""

    def __init__(self) -> None:
        self._classes: dict[Demand, DemandClass] = {}
        self._groups: dict[tuple[Qualification, str], Group] = {}

    def class_of(self, demand: Demand) -> DemandClass:
        known = self._classes.get(demand)
        if known is None:
            known = self._classes[demand] = DemandClass(demand)
            _join(self._groups.values(), [known])
        return known

    def groups_of(self, qualification: Qualification) -> list[Group]:
        """One for each medium that the agent is ever authorized for."""
        return [self._group_of(qualification, medium) for medium in sorted(qualification.media)]

    def _group_of(self, qualification: Qualification, medium: str) -> Group:
        known = self._groups.get((qualification, medium))
        if known is None:
            known = self._groups[qualification, medium] = Group(qualification, medium)
            _join([known], self._classes.values())
        return known


def _join(groups: Iterable[Group], classes: Iterable[DemandClass]) -> None:
    for group in groups:
        for known in classes:
            if may_ever_serve(group, known.demand):
                known.groups.append(group)
                group.classes.append(known)


def may_ever_serve(group: Group, demand: Demand) -> bool:
    """Whether a demand that asks for one agent only asks for this one is for the asker to see."""
    known = group.qualification
    return group.medium == demand.medium and known.is_trained(demand) and bool(known.windows(demand))
