"""I3 and I4: who waits, who is idle, and who is served first: pure.

I3 is judged in pairs: no contact may wait, and no agent who may serve it be idle, at the same time for
longer than 100 ms. Of all pairs that end at a moment the one that began first lasted longest, so one look
at the heads is enough. I4 allows 100 ms each way for what was under way at once: claims of two agents
commit in any order, and a decision cannot know of a contact that has only just come.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sortedcontainers import SortedList

from fsroute.acd.proxy_call import On
from fsroute.model.agent import Agent, AgentStatus, Authorization
from fsroute.model.contact import Demand
from fsroute.model.proxy_call import State
from fsroute.monitoring.events import Event, Place, Present, Step, Violation
from fsroute.monitoring.gaps import Answering

LIMIT = 0.1  # seconds (I3)
WAITING = (State.REQUESTED, State.QUEUED)


@dataclass(slots=True)
class Wait:
    """A contact waits since `since`, for `event` happened; a held one begins later."""

    proxy_call_id: int
    since: float
    event: Event
    place: Place
    demand: DemandClass
    reported: bool = False


@dataclass(slots=True)
class DemandClass:
    """Contacts that ask for the same: by how long they wait, and by place."""

    demand: Demand
    waiting: dict[int, Wait] = field(default_factory=dict)
    places: SortedList[Place] = field(default_factory=SortedList)
    groups: list[Group] = field(default_factory=list)


@dataclass(slots=True)
class Group:
    """Agents with the same skills and authorizations; the idle ones by how long they are, with the event."""

    example: Agent
    idle: dict[str, tuple[float, Event | None]] = field(default_factory=dict)
    classes: list[DemandClass] = field(default_factory=list)


@dataclass(slots=True)
class Duty:
    """What decides whether an agent is idle: declared available, not reserved, no pause."""

    group: Group
    available: bool
    event: Event | None = None  # the latest that decided
    reserved: bool = False
    free_from: float = float("-inf")


class Waiting:
    """Waiting contacts and idle agents at the event read last.

    Args:
        agents: as their rows are now.
        undeclared: agents without any event of their status: it has always been what the row says.
    """

    def __init__(self, agents: Mapping[str, Agent], answering: Answering, undeclared: frozenset[str]) -> None:
        self._answering = answering
        self._classes: dict[Demand, DemandClass] = {}
        self._groups: dict[object, Group] = {}
        self._waits: dict[int, Wait] = {}
        self._held: dict[int, Wait] = {}
        self._pending: deque[tuple[Step, Place]] = deque()
        self._timers: list[tuple[float, int, str]] = []  # moment, proxy call or 0, agent or ""
        self._duties: dict[str, Duty] = {}
        for agent_id, agent in agents.items():
            available = agent_id in undeclared and agent.status is AgentStatus.AVAILABLE
            duty = self._duties[agent_id] = Duty(self._group_of(agent), available)
            self._begin_idle(agent_id, duty, duty.free_from)

    def prime(self, event: Event) -> None:
        """An agent's last status, reservation or release from before the first event to be read."""
        for _ in self.feed(event):
            pass

    def advance(self, now: float) -> Iterator[Violation]:
        """Time has come to `now`: pauses and holds end, and what was under way has happened."""
        while self._timers and self._timers[0][0] <= now:
            when, proxy_call_id, agent_id = heapq.heappop(self._timers)
            held = self._held.get(proxy_call_id)
            if held is not None and held.since == when:
                self._begin_wait(self._held.pop(proxy_call_id))
            duty = self._duties.get(agent_id)
            if duty is not None and duty.free_from == when:
                self._begin_idle(agent_id, duty, when)
        while self._pending and self._pending[0][0].event.at + LIMIT <= now:
            yield from self._in_order(*self._pending.popleft())

    def feed(self, event: Event) -> Iterator[Violation]:
        """Take the next event of the agents' ledger."""
        agent_id = event.agent_id or ""
        duty = self._duties.get(agent_id)
        if duty is None or event.kind not in ("status", "reserved", "released"):
            return
        available = event.data.get("status") == AgentStatus.AVAILABLE
        if event.kind == "status" and available and duty.available:
            return  # only the reason changed
        yield from self._end_idle(agent_id, duty, event)
        duty.event = event
        if event.kind == "status":
            duty.available = available
            duty.free_from = event.at
        elif event.kind == "reserved":
            duty.reserved = True
        else:
            duty.reserved = False
            duty.free_from = event.at + float(event.data.get("pause_s") or 0.0)
        self._begin_idle(agent_id, duty, event.at)

    def follow(self, step: Step) -> Iterator[Violation]:
        """Take a step of a proxy call."""
        call, event = step.call, step.event
        if step.on is On.AGENT_RESERVED and event.data.get("place") is not None:
            yield from self._decided(step)
        if step.before in WAITING and call.state in WAITING and "held_for_s" not in event.data:
            return
        wait = self._waits.pop(call.proxy_call_id, None)
        self._held.pop(call.proxy_call_id, None)
        if wait is not None:
            yield from self._end_wait(wait, event)
        if call.state in WAITING:
            since = event.at + float(event.data.get("held_for_s", 0.0))
            self._begin_wait_at(
                Wait(call.proxy_call_id, since, event, call.place, self._class_of(call.demand))
            )

    def finish(self, present: Present) -> Iterator[Violation]:
        """Judge those who wait still."""
        yield from self.advance(present.now)
        for wait in self._waits.values():
            for group in wait.demand.groups:
                yield from self._pair(wait, group, present.now)

    # Who waits ------------------------------------------------------------------------------------------

    def _begin_wait_at(self, wait: Wait) -> None:
        if wait.since > wait.event.at:
            self._held[wait.proxy_call_id] = wait
            heapq.heappush(self._timers, (wait.since, wait.proxy_call_id, ""))
        else:
            self._begin_wait(wait)

    def _begin_wait(self, wait: Wait) -> None:
        self._waits[wait.proxy_call_id] = wait
        wait.demand.waiting[wait.proxy_call_id] = wait
        wait.demand.places.add(wait.place)

    def _end_wait(self, wait: Wait, event: Event) -> Iterator[Violation]:
        for group in wait.demand.groups:
            yield from self._pair(wait, group, event.at, event)
        del wait.demand.waiting[wait.proxy_call_id]
        wait.demand.places.remove(wait.place)

    # Who is idle ------------------------------------------------------------------------------------------

    def _begin_idle(self, agent_id: str, duty: Duty, now: float) -> None:
        if not duty.available or duty.reserved:
            return
        if duty.free_from > now:
            heapq.heappush(self._timers, (duty.free_from, 0, agent_id))
        else:
            duty.group.idle[agent_id] = (now, duty.event)

    def _end_idle(self, agent_id: str, duty: Duty, event: Event) -> Iterator[Violation]:
        if agent_id not in duty.group.idle:
            return
        for demand in duty.group.classes:
            wait = next(iter(demand.waiting.values()), None)
            if wait is not None:
                yield from self._pair(wait, duty.group, event.at, event, agent_id)
        del duty.group.idle[agent_id]

    # I3 ---------------------------------------------------------------------------------------------------

    def _pair(
        self, wait: Wait, group: Group, now: float, event: Event | None = None, agent_id: str = ""
    ) -> Iterator[Violation]:
        """Judge a wait against an agent's idleness: the given one's, or the one's who is idle longest."""
        agent_id = agent_id or next(iter(group.idle), "")
        if wait.reported or not agent_id:
            return
        since, free = group.idle[agent_id]
        lasted = self._common(wait, group, max(wait.since, since), now)
        if lasted > LIMIT:
            wait.reported = True
            text = (
                f"contact {wait.event.contact_id}: waited {lasted:.3f} s while agent {agent_id} was available"
            )
            events = sorted((each for each in (wait.event, free, event) if each), key=lambda each: each.at)
            yield Violation("I3", now, text, tuple(events))

    def _common(self, wait: Wait, group: Group, begin: float, end: float) -> float:
        """The longest time between two moments in which the agents were authorized and a leader answered."""
        if end - begin <= LIMIT:
            return 0.0
        longest = 0.0
        for authorization in group.example.authorizations:
            if _fits(authorization, wait.demand.demand):
                since, until = _validity(authorization)
                longest = max(longest, self._answering.longest(max(begin, since), min(end, until)))
        return longest

    # I4 ---------------------------------------------------------------------------------------------------

    def _decided(self, step: Step) -> Iterator[Violation]:
        first, arrived_at, sequence = step.event.data["place"]
        place = (float(first), float(arrived_at), int(sequence))
        own = step.call.place
        if place[0] != own[0] or abs(place[1] - own[1]) > 1e-6 or place[2] != own[2]:
            text = f"contact {step.call.contact_id}: served at place {list(place)}, its own is {list(own)}"
            yield Violation("I4", step.event.at, text, (step.event,))
        self._pending.append((step, own))

    def _in_order(self, step: Step, place: Place) -> Iterator[Violation]:
        """Does a contact still wait that was there long enough, comes first, and might have had the agent?"""
        event = step.event
        duty = self._duties.get(event.agent_id or "")
        if duty is None or self._answering.total(event.at - LIMIT, event.at + LIMIT) < 2 * LIMIT - 1e-6:
            return
        for demand in duty.group.classes:
            if demand.places and demand.places[0] < place:
                passed = self._passed_over(demand, place, event.at)
                if passed is not None and self._common_at(duty.group, demand.demand, event.at):
                    text = f"contact {passed.event.contact_id}: passed over by agent {event.agent_id}"
                    yield Violation("I4", event.at, text, (passed.event, event))

    def _passed_over(self, demand: DemandClass, place: Place, at: float) -> Wait | None:
        for other in demand.places:
            if other >= place:
                return None
            wait = demand.waiting[other[2]]
            if wait.since <= at - LIMIT:
                return wait
        return None

    @staticmethod
    def _common_at(group: Group, demand: Demand, at: float) -> bool:
        return any(
            _fits(authorization, demand) and _validity(authorization)[0] <= at < _validity(authorization)[1]
            for authorization in group.example.authorizations
        )

    # Classes and groups -----------------------------------------------------------------------------------

    def _class_of(self, demand: Demand) -> DemandClass:
        known = self._classes.get(demand)
        if known is None:
            known = self._classes[demand] = DemandClass(demand)
            for group in self._groups.values():
                if _may_serve(group.example, demand):
                    known.groups.append(group)
                    group.classes.append(known)
        return known

    def _group_of(self, agent: Agent) -> Group:
        key = (frozenset(agent.skills.items()), frozenset(agent.authorizations))
        return self._groups.setdefault(key, Group(agent))


def _may_serve(agent: Agent, demand: Demand) -> bool:
    return agent.is_trained(demand) and any(_fits(each, demand) for each in agent.authorizations)


def _fits(authorization: Authorization, demand: Demand) -> bool:
    return (authorization.contact_center_id, authorization.medium) == (
        demand.contact_center_id,
        demand.medium,
    )


def _validity(authorization: Authorization) -> tuple[float, float]:
    until = authorization.valid_until
    return authorization.valid_from.timestamp(), float("inf") if until is None else until.timestamp()
