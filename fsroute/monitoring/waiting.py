"""I3 and I4: who waits, who is idle, and who is served first: pure.

I3 is judged in pairs: no contact may wait, and no agent who may serve it have room for it, at the same time for
longer than 100 ms. Of all pairs that end at a moment the one that began first lasted longest, so one look at
the heads is enough. I4 allows 100 ms each way for what was under way at once: claims of two agents commit in
any order, and a decision cannot know of a contact that has only just come. The order is that of the places,
save between classes of one priority whose strategies order classes by their imbalance: there the decision's event
says how large it was, and only within a class the place counts.

A contact waits by its demand at the time: when the time line changes it, a new wait begins. One that is to be
called back waits like any other, save while it is held back until it is tried again.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fsroute.acd.proxy_call import On
from fsroute.model.agent import CAPACITY, AgentStatus
from fsroute.model.contact import Demand
from fsroute.model.proxy_call import FINAL, WAITING, State
from fsroute.monitoring.events import Event, Place, Present, Step, Violation
from fsroute.monitoring.gaps import Answering
from fsroute.monitoring.pools import DemandClass, Duty, Group, Pools, Wait
from fsroute.monitoring.qualified import QUALIFIED, Qualification

LIMIT = 0.1  # seconds (I3)
UNSERVED = WAITING | {State.REQUESTED}
STANDING_LEG = {"standing_leg_up": True, "standing_leg_lost": False, "moved": False}
SWITCH = {"switch_away": True, "switch_back": False}
DECIDE = ("status", "pause", "reserved", "released", QUALIFIED, *STANDING_LEG, *SWITCH)
"""The agents' events after which an agent may be idle, or may not be any more."""


@dataclass(frozen=True, slots=True)
class Decision:
    """An agent was reserved for a contact at a place, and might have had those of `groups`."""

    step: Step
    place: Place
    demand: Demand
    groups: tuple[Group, ...]


class Waiting:
    """Waiting contacts and idle agents at the event read last.

    Args:
        qualifications: what agents may serve at the first event.
        available: agents without any event of their status who are available by their row.
        limit: seconds for which a contact may wait beside an idle agent.
    """

    def __init__(
        self,
        qualifications: Mapping[str, Qualification],
        answering: Answering,
        available: frozenset[str],
        limit: float = LIMIT,
    ) -> None:
        self._answering = answering
        self._limit = limit
        self._pools = Pools()
        self._waits: dict[int, Wait] = {}
        self._held: dict[int, Wait] = {}
        self._elsewhere: set[int] = set()  # proxy calls that another ACD serves
        self._pending: deque[Decision] = deque()
        self._balanced: set[str] = set()  # strategies that order classes by their imbalance
        self._timers: list[tuple[float, int, str]] = []  # moment, proxy call or 0, agent or ""
        self._duties: dict[str, Duty] = {}
        for agent_id, known in qualifications.items():
            duty = self._duties[agent_id] = Duty(self._pools.groups_of(known), agent_id in available)
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
        while self._pending and self._pending[0].step.event.at + self._limit <= now:
            yield from self._in_order(self._pending.popleft())

    def feed(self, event: Event) -> Iterator[Violation]:
        """Take the next event of the agents' ledger."""
        if event.kind not in DECIDE:
            return
        agent_id, available = event.agent_id or "", event.data.get("status") == AgentStatus.AVAILABLE
        duty = self._duties.get(agent_id)
        if duty is None:
            duty = self._duties[agent_id] = Duty([], available=False)
        if event.kind == "status" and available and duty.available:
            return  # only the reason changed
        before = duty.groups
        self._note(duty, event)
        idle = duty.is_there and duty.free_from <= event.at
        for group in before:
            if agent_id in group.idle and not (idle and group in duty.groups and duty.has_room(group)):
                yield from self._end_idle(agent_id, group, event)
        duty.event = event
        self._begin_idle(agent_id, duty, event.at)

    def _note(self, duty: Duty, event: Event) -> None:
        """What an event changes of an agent's duty."""
        data = event.data
        if event.kind == "status":
            duty.available = data.get("status") == AgentStatus.AVAILABLE
            duty.free_from = event.at
        elif event.kind == "pause":  # wrap-up or a set-aside ends now, or later than it was to
            duty.free_from = event.at + float(data.get("pause_s") or 0.0)
        elif event.kind == "reserved":
            held = (str(data.get("medium", "voice")), int(data.get("weight", CAPACITY)))
            duty.held[int(data.get("proxy_call_id", 0))] = held
        elif event.kind == "released":
            duty.held.pop(int(data.get("proxy_call_id", 0)), None)
            duty.free_from = max(duty.free_from, event.at + float(data.get("pause_s") or 0.0))
        elif (
            event.kind == "moved" and "proxy_call_id" in data
        ):  # after a consultation, from one call to another
            number = int(data.get("from_proxy_call_id", 0))
            if number in duty.held:
                duty.held[int(data["proxy_call_id"])] = duty.held.pop(number)
        elif event.kind in STANDING_LEG:  # who logs on elsewhere has none there yet
            duty.standing_leg = STANDING_LEG[event.kind]
        elif event.kind in SWITCH:
            duty.switch_away = SWITCH[event.kind]
        else:
            duty.groups = self._pools.groups_of(Qualification.load(data))

    def follow(self, step: Step) -> Iterator[Violation]:
        """Take a step of a proxy call."""
        call, event = step.call, step.event
        if step.on is On.AGENT_RESERVED and event.data.get("place") is not None:
            yield from self._decided(step)
        wait = self._waits.get(call.proxy_call_id)
        if call.acd is not None:  # it waits for agents who are not fsroute's
            self._elsewhere.add(call.proxy_call_id)
            self._held.pop(call.proxy_call_id, None)
            if wait is not None:
                del self._waits[call.proxy_call_id]
                yield from self._end_wait(wait, event)
            if call.state in FINAL:
                self._elsewhere.discard(call.proxy_call_id)
            return
        anew = call.proxy_call_id in self._elsewhere
        self._elsewhere.discard(call.proxy_call_id)
        if wait is not None and call.state in UNSERVED and "held_for_s" not in event.data:
            if wait.place == call.place and wait.demand.demand == call.demand:
                return
        elif (
            step.before in UNSERVED and call.state in UNSERVED and not anew and "held_for_s" not in event.data
        ):
            return  # it is held still
        self._held.pop(call.proxy_call_id, None)
        if wait is not None:
            del self._waits[call.proxy_call_id]
            yield from self._end_wait(wait, event)
        if call.state in UNSERVED:
            since = event.at + float(event.data.get("held_for_s", 0.0))
            demand = self._pools.class_of(call.demand)
            self._begin_wait_at(Wait(call.proxy_call_id, since, event, call.place, demand, call.strategy))

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
        wait.demand.add(wait)

    def _end_wait(self, wait: Wait, event: Event) -> Iterator[Violation]:
        for group in wait.demand.groups:
            yield from self._pair(wait, group, event.at, event)
        wait.demand.remove(wait)

    # Who is idle ------------------------------------------------------------------------------------------

    def _begin_idle(self, agent_id: str, duty: Duty, now: float) -> None:
        if not duty.is_there:
            return
        if duty.free_from > now:
            heapq.heappush(self._timers, (duty.free_from, 0, agent_id))
            return
        for group in duty.groups:
            if agent_id not in group.idle and duty.has_room(group):
                group.idle[agent_id] = (now, duty.event)

    def _end_idle(self, agent_id: str, group: Group, event: Event) -> Iterator[Violation]:
        for demand in group.classes:
            wait = next(iter(demand.waiting.values()), None)
            if wait is not None and demand.demand.agent_id in (None, agent_id):
                yield from self._pair(wait, group, event.at, event, agent_id)
        del group.idle[agent_id]

    # I3 ---------------------------------------------------------------------------------------------------

    def _pair(
        self, wait: Wait, group: Group, now: float, event: Event | None = None, agent_id: str = ""
    ) -> Iterator[Violation]:
        """Judge a wait against an agent's idleness: the given one's, or the one's who is idle longest."""
        agent_id = agent_id or wait.demand.demand.agent_id or next(iter(group.idle), "")
        if wait.reported or agent_id not in group.idle:
            return
        since, free = group.idle[agent_id]
        lasted = self._common(wait, group, max(wait.since, since), now)
        if lasted > self._limit:
            wait.reported = True
            text = (
                f"contact {wait.event.contact_id}: waited {lasted:.3f} s while agent {agent_id} was available"
            )
            events = sorted((each for each in (wait.event, free, event) if each), key=lambda each: each.at)
            yield Violation("I3", now, text, tuple(events), lasted)

    def _common(self, wait: Wait, group: Group, begin: float, end: float) -> float:
        """The longest time between two moments in which the agents were authorized and a leader answered."""
        if end - begin <= self._limit:
            return 0.0
        return max(
            (
                self._answering.longest(max(begin, since), min(end, until))
                for since, until in group.qualification.windows(wait.demand.demand)
            ),
            default=0.0,
        )

    # I4 ---------------------------------------------------------------------------------------------------

    def _decided(self, step: Step) -> Iterator[Violation]:
        first, arrived_at, sequence = step.event.data["place"]
        place = (float(first), float(arrived_at), int(sequence))
        own = step.call.place
        if place[0] != own[0] or abs(place[1] - own[1]) > 1e-6 or place[2] != own[2]:
            text = f"contact {step.call.contact_id}: served at place {list(place)}, its own is {list(own)}"
            yield Violation("I4", step.event.at, text, (step.event,))
        duty = self._duties.get(step.event.agent_id or "")
        if duty is not None:
            room = tuple(each for each in duty.groups if duty.has_room(each, step.call.proxy_call_id))
            self._pending.append(Decision(step, own, step.call.demand, room))
        if "imbalance" in step.event.data:
            self._balanced.add(step.event.data.get("strategy", step.call.strategy))

    def _in_order(self, decision: Decision) -> Iterator[Violation]:
        """Does a contact still wait that was there long enough, comes first, and might have had the agent?"""
        event = decision.step.event
        if self._answering.total(event.at - self._limit, event.at + self._limit) < 2 * self._limit - 1e-6:
            return
        for group in decision.groups:
            for demand in group.classes:
                if demand.places and demand.places[0] < decision.place:
                    yield from self._judge(decision, group, demand)

    def _judge(self, decision: Decision, group: Group, demand: DemandClass) -> Iterator[Violation]:
        event, asked = decision.step.event, demand.demand
        if asked.agent_id not in (None, event.agent_id) or not _is_authorized(group, asked, event.at):
            return
        passed = self._passed_over(demand, decision)
        if passed is not None:
            text = f"contact {passed.event.contact_id}: passed over by agent {event.agent_id}"
            yield Violation("I4", event.at, text, (passed.event, event))

    def _passed_over(self, demand: DemandClass, decision: Decision) -> Wait | None:
        for other in demand.places:
            if other >= decision.place:
                return None
            wait = demand.waiting[other[2]]
            if wait.since <= decision.step.event.at - self._limit and not self._is_balanced(wait, decision):
                return wait
        return None

    def _is_balanced(self, wait: Wait, decision: Decision) -> bool:
        """The imbalance of the two classes decided, not the places."""
        return (
            "imbalance" in decision.step.event.data
            and wait.strategy in self._balanced
            and wait.place[0] == decision.place[0]
            and wait.demand.demand != decision.demand
        )


def _is_authorized(group: Group, demand: Demand, at: float) -> bool:
    return group.qualification.is_authorized(demand, at)
