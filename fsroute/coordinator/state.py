"""The coordinator's core: ``apply(event, now) -> actions``. No I/O, no clock, no random source.

Waiting contacts with the same demand share a *class*, ordered by (priority, arrival, sequence). Agents with the
same skills and authorizations at one switch share a *group*, its idle agents ordered by how long they are idle.
Groups and classes are joined once, when either appears; a decision then looks at the heads only: an agent who
becomes idle takes the first head among the classes of the group, a contact that arrives takes the longest idle
head among the groups of its class.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from sortedcontainers import SortedList

from fsroute.coordinator.actions import (
    Action,
    AgentChanged,
    AgentRemoved,
    CallChanged,
    Event,
    Expire,
    Overflow,
    RaiseNetworkLeg,
    Refresh,
    Refuse,
    ReservationLost,
    Reserve,
    Take,
)
from fsroute.model.agent import Agent, AgentStatus
from fsroute.model.contact import Demand, LeadKind
from fsroute.model.proxy_call import NetworkLeg, ProxyCall, State
from fsroute.routing.eligibility import Qualification, is_idle

OFFER_GRACE = 3.0  # seconds that an offer may outlast its time-out before the coordinator ends it itself

Place = tuple[int, float, int]
"""The total order of a queue: (minus priority, arrival in seconds since the epoch, sequence)."""


def place_of(call: ProxyCall) -> Place:
    return (-call.priority, call.arrived_at.timestamp(), call.proxy_call_id)


class DemandClass:
    """Contacts that ask for the same: their places in order, and the groups that could serve them."""

    def __init__(self, demand: Demand) -> None:
        self.demand = demand
        self.waiting: SortedList[Place] = SortedList()
        self.groups: list[AgentGroup] = []
        self.handling_time: float | None = None  # seconds, exponentially smoothed
        self.written: dict[int, int] = {}  # the positions last written, by proxy call

    def note_handling(self, seconds: float) -> None:
        known = self.handling_time
        self.handling_time = seconds if known is None else known + 0.1 * (seconds - known)

    def expected_wait(self, position: int) -> float | None:
        """Seconds until the contact at `position` is served: the work before it, shared by the agents on duty."""
        serving = sum(group.on_duty for group in self.groups)
        if self.handling_time is None or not serving:
            return None
        return position * self.handling_time / serving


class AgentGroup:
    """Agents who are interchangeable: the idle ones by how long they are idle."""

    def __init__(self, qualification: Qualification) -> None:
        self.qualification = qualification
        self.idle: SortedList[tuple[float, str]] = SortedList()
        self.members: set[str] = set()
        self.on_duty = 0
        self.classes: list[DemandClass] = []


class Coordinator:
    """Queues and agents in memory; every change goes through `apply`."""

    def __init__(self) -> None:
        self._calls: dict[int, ProxyCall] = {}
        self._agents: dict[str, Agent] = {}
        self._classes: dict[Demand, DemandClass] = {}
        self._groups: dict[Qualification, AgentGroup] = {}
        self._idle: dict[str, tuple[AgentGroup, tuple[float, str]]] = {}
        self._queued: dict[int, tuple[DemandClass, Place]] = {}
        self._reserving: dict[int, str] = {}  # claims that the database has not answered yet
        self._claimed: set[str] = set()  # the agents of these claims
        self._serving: dict[int, tuple[str, float]] = {}  # proxy call → agent, since
        self._busy: set[str] = set()  # the agents of these
        self._asked: set[int] = set()  # taken, refused, overflowed or raised early; the row has not come back
        self._timers: list[tuple[float, str, object]] = []
        self._changed: set[Demand] = set()

    # What others may ask ---------------------------------------------------------------------------

    def deadline(self) -> float | None:
        """When `Tick` is due, in seconds since the epoch; None if nothing waits for time."""
        return self._timers[0][0] if self._timers else None

    def waiting(self) -> int:
        return len(self._queued)

    def call(self, proxy_call_id: int) -> ProxyCall | None:
        return self._calls.get(proxy_call_id)

    def agent(self, agent_id: str) -> Agent | None:
        return self._agents.get(agent_id)

    def progress(self) -> list[tuple[int, int, float | None]]:
        """(proxy call, position, expected wait) of each contact whose position changed since the last call."""
        changes: list[tuple[int, int, float | None]] = []
        for demand in self._changed:
            group = self._classes[demand]
            now_at = {place[2]: index for index, place in enumerate(group.waiting, 1)}
            changes += [
                (proxy_call_id, position, group.expected_wait(position))
                for proxy_call_id, position in now_at.items()
                if group.written.get(proxy_call_id) != position
            ]
            group.written = now_at
        self._changed.clear()
        return changes

    # What happens ------------------------------------------------------------------------------------

    def apply(self, event: Event, now: float) -> list[Action]:
        """Take one event and say what is to be done. `now` is in seconds since the epoch, by the database's clock."""
        if isinstance(event, CallChanged):
            return [*self._call_changed(event.call, now), *self._due(now)]
        if isinstance(event, AgentChanged):
            return [*self._agent_changed(event.agent, now), *self._due(now)]
        if isinstance(event, ReservationLost):
            return [*self._reservation_lost(event, now), *self._due(now)]
        if isinstance(event, AgentRemoved):
            self._forget_agent(event.agent_id)
        return list(self._due(now))

    def _call_changed(self, call: ProxyCall, now: float) -> Iterator[Action]:
        known = self._calls.get(call.proxy_call_id)
        if known is not None and known.version > call.version:
            return  # news that came late
        self._asked.discard(call.proxy_call_id)
        self._leave_queue(call.proxy_call_id)
        self._note_serving(call, now)
        if known is not None and known.agent_id is not None and known.agent_id != call.agent_id:
            yield Refresh(known.agent_id)
        if not call.is_live:
            self._calls.pop(call.proxy_call_id, None)
            return
        self._calls[call.proxy_call_id] = call
        if call.state is State.REQUESTED:
            yield from self._take(call, now)
        elif call.state is State.QUEUED and call.proxy_call_id not in self._reserving:
            yield from self._enqueue(call, now)
        elif call.state in (State.OFFERED, State.READY):
            self._at(_offer_ends(call, now), "offer", call.proxy_call_id)

    def _take(self, call: ProxyCall, now: float) -> Iterator[Action]:
        self._asked.add(call.proxy_call_id)
        reason = self._reason_to_refuse(call, now)
        yield Take(call.proxy_call_id) if reason is None else Refuse(call.proxy_call_id, reason)

    def _reason_to_refuse(self, call: ProxyCall, now: float) -> str | None:
        groups = [group for group in self._class_of(call.demand).groups if group.members]
        if call.refuse_when != "never" and not groups:
            return "no_agent_authorized"
        if call.refuse_when == "no_agent_logged_on" and not any(group.on_duty for group in groups):
            return "no_agent_logged_on"
        return None

    def _enqueue(self, call: ProxyCall, now: float) -> Iterator[Action]:
        if call.longest_wait is not None and call.queued_at is not None:
            self._at(call.queued_at.timestamp() + call.longest_wait, "overflow", call.proxy_call_id)
        held_until = call.held_until.timestamp() if call.held_until is not None else 0.0
        if held_until > now:
            self._at(held_until, "held", call.proxy_call_id)
            return
        demand = self._class_of(call.demand)
        place = place_of(call)
        demand.waiting.add(place)
        self._queued[call.proxy_call_id] = (demand, place)
        self._changed.add(call.demand)
        if demand.waiting[0] == place:
            yield from self._serve_head(demand, now)
        yield from self._raise_by_lead(demand, now)

    def _leave_queue(self, proxy_call_id: int) -> None:
        entry = self._queued.pop(proxy_call_id, None)
        if entry is not None:
            demand, place = entry
            demand.waiting.remove(place)
            self._changed.add(demand.demand)

    def _note_serving(self, call: ProxyCall, now: float) -> None:
        if call.agent_id is not None:
            self._drop_claim(call.proxy_call_id)
            self._serving.setdefault(call.proxy_call_id, (call.agent_id, now))
            self._busy.add(call.agent_id)
            self._leave_idle(call.agent_id)
            return
        served = self._serving.pop(call.proxy_call_id, None)
        if served is not None:
            self._busy.discard(served[0])
        if served is not None and call.bridged_at is not None:
            self._class_of(call.demand).note_handling(now - served[1])

    # Agents ------------------------------------------------------------------------------------------

    def _agent_changed(self, agent: Agent, now: float) -> Iterator[Action]:
        if agent.agent_id in self._claimed:
            self._agents[agent.agent_id] = agent
            return  # the answer to the claim brings the row again
        self._forget_agent(agent.agent_id)
        self._agents[agent.agent_id] = agent
        group = self._group_of(agent, now)
        group.members.add(agent.agent_id)
        group.on_duty += agent.status is not AgentStatus.LOGGED_OUT
        if is_idle(agent, now):
            yield from self._serve_with(agent, group, now)
        elif agent.status is AgentStatus.AVAILABLE and not agent.reserved:
            self._at(agent.available_from.timestamp(), "agent", agent.agent_id)

    def _forget_agent(self, agent_id: str) -> None:
        self._leave_idle(agent_id)
        agent = self._agents.pop(agent_id, None)
        if agent is None:
            return
        group = self._groups.get(Qualification.of(agent))
        if group is not None and agent_id in group.members:
            group.members.remove(agent_id)
            group.on_duty -= agent.status is not AgentStatus.LOGGED_OUT

    def _leave_idle(self, agent_id: str) -> None:
        entry = self._idle.pop(agent_id, None)
        if entry is not None:
            entry[0].idle.remove(entry[1])

    def _reservation_lost(self, event: ReservationLost, now: float) -> Iterator[Action]:
        self._drop_claim(event.proxy_call_id)
        if event.agent is not None:
            yield from self._agent_changed(event.agent, now)
        if event.call is not None:
            yield from self._call_changed(event.call, now)

    def _drop_claim(self, proxy_call_id: int) -> None:
        agent_id = self._reserving.pop(proxy_call_id, None)
        if agent_id is not None:
            self._claimed.discard(agent_id)

    # Decisions ---------------------------------------------------------------------------------------

    def _serve_with(self, agent: Agent, group: AgentGroup, now: float) -> Iterator[Action]:
        """An agent became idle: the first contact among the classes that the group may serve now."""
        heads = [
            demand.waiting[0]
            for demand in group.classes
            if demand.waiting and group.qualification.is_authorized(demand.demand, now)
        ]
        if heads:
            yield from self._reserve(min(heads)[2], agent.agent_id, "first_of_classes")
            return
        key = (agent.idle_since.timestamp(), agent.agent_id)
        group.idle.add(key)
        self._idle[agent.agent_id] = (group, key)

    def _serve_head(self, demand: DemandClass, now: float) -> Iterator[Action]:
        """A contact is first of its class: the longest idle agent among the groups that may serve it now."""
        while demand.waiting:
            idle = [
                group.idle[0]
                for group in demand.groups
                if group.idle and group.qualification.is_authorized(demand.demand, now)
            ]
            if not idle:
                return
            yield from self._reserve(demand.waiting[0][2], min(idle)[1], "longest_idle")

    def _reserve(self, proxy_call_id: int, agent_id: str, why: str) -> Iterator[Action]:
        call = self._calls[proxy_call_id]
        place = place_of(call)
        waiting = len(self._class_of(call.demand).waiting)
        self._leave_queue(proxy_call_id)
        self._leave_idle(agent_id)
        self._reserving[proxy_call_id] = agent_id
        self._claimed.add(agent_id)
        order = (("strategy", call.strategy), ("why", why), ("place", list(place)), ("waiting", waiting))
        yield Reserve(proxy_call_id, agent_id, order)

    def _raise_by_lead(self, demand: DemandClass, now: float) -> Iterator[Action]:
        for position, place in enumerate(demand.waiting, 1):
            call = self._calls[place[2]]
            if not _lead_has_come(call, position, demand.expected_wait(position)):
                return
            if call.network_leg is NetworkLeg.NONE and call.proxy_call_id not in self._asked:
                switch_id = self._likely_switch(demand, now)
                if switch_id is not None and switch_id != call.switch_id:
                    self._asked.add(call.proxy_call_id)
                    yield RaiseNetworkLeg(call.proxy_call_id, switch_id)

    def _likely_switch(self, demand: DemandClass, now: float) -> str | None:
        """The switch with most agents on duty for the class: where the next one will probably be free."""
        on_duty: dict[str, int] = {}
        for group in demand.groups:
            if group.on_duty and group.qualification.is_authorized(demand.demand, now):
                switch_id = group.qualification.switch_id
                on_duty[switch_id] = on_duty.get(switch_id, 0) + group.on_duty
        return max(sorted(on_duty), key=on_duty.__getitem__) if on_duty else None

    # Time --------------------------------------------------------------------------------------------

    def _at(self, when: float, what: str, subject: object) -> None:
        heapq.heappush(self._timers, (when, what, subject))

    def _due(self, now: float) -> Iterator[Action]:
        while self._timers and self._timers[0][0] <= now:
            _, what, subject = heapq.heappop(self._timers)
            if what == "agent":
                yield from self._agent_due(str(subject), now)
            elif what == "authorization":
                yield from self._serve_all(now)
            else:
                yield from self._call_due(what, self._calls.get(subject), now)  # type: ignore[call-overload]
        for demand in tuple(self._changed):
            yield from self._raise_by_lead(self._classes[demand], now)

    def _agent_due(self, agent_id: str, now: float) -> Iterator[Action]:
        agent = self._agents.get(agent_id)
        if agent is None or agent_id in self._idle or agent_id in self._claimed:
            return
        if is_idle(agent, now) and agent_id not in self._busy:
            yield from self._serve_with(agent, self._group_of(agent, now), now)

    def _call_due(self, what: str, call: ProxyCall | None, now: float) -> Iterator[Action]:
        if call is None or call.proxy_call_id in self._reserving:
            return
        if what == "offer" and call.state in (State.OFFERED, State.READY) and call.agent_leg_uuid:
            if _offer_ends(call, now) <= now and call.proxy_call_id not in self._asked:
                self._asked.add(call.proxy_call_id)
                yield Expire(call.proxy_call_id, call.agent_leg_uuid)
            return
        if call.state is not State.QUEUED:
            return
        if what == "overflow" and call.proxy_call_id not in self._asked:
            self._leave_queue(call.proxy_call_id)
            self._asked.add(call.proxy_call_id)
            yield Overflow(call.proxy_call_id)
        elif what == "held" and call.proxy_call_id not in self._queued:
            yield from self._enqueue(call, now)

    def _serve_all(self, now: float) -> Iterator[Action]:
        for demand in tuple(self._classes.values()):
            yield from self._serve_head(demand, now)

    # Classes and groups --------------------------------------------------------------------------------

    def _class_of(self, demand: Demand) -> DemandClass:
        known = self._classes.get(demand)
        if known is None:
            known = self._classes[demand] = DemandClass(demand)
            for group in self._groups.values():
                _join(group, known)
        return known

    def _group_of(self, agent: Agent, now: float) -> AgentGroup:
        qualification = Qualification.of(agent)
        known = self._groups.get(qualification)
        if known is None:
            known = self._groups[qualification] = AgentGroup(qualification)
            for demand in self._classes.values():
                _join(known, demand)
            for moment in qualification.boundaries():
                if moment > now:
                    self._at(moment, "authorization", 0)
        return known


def _join(group: AgentGroup, demand: DemandClass) -> None:
    if group.qualification.could_serve(demand.demand):
        group.classes.append(demand)
        demand.groups.append(group)


def _offer_ends(call: ProxyCall, now: float) -> float:
    """When an offer must be over, in seconds since the epoch."""
    if call.state is State.READY and call.accepted_at is not None:
        return call.accepted_at.timestamp() + call.network_leg_timeout + OFFER_GRACE
    began = call.reserved_at.timestamp() if call.reserved_at is not None else now
    return began + call.offer_timeout + OFFER_GRACE


def _lead_has_come(call: ProxyCall, position: int, expected_wait: float | None) -> bool:
    if call.lead.kind is LeadKind.POSITION:
        return position <= call.lead.limit
    if call.lead.kind is LeadKind.EXPECTED:
        return expected_wait is not None and expected_wait <= call.lead.limit
    return False
