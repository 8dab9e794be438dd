"""The coordinator's core: ``apply(event, now) -> actions``. No I/O, no clock, no random source.

Waiting contacts with the same demand and strategy share a *class*, ordered by (priority, arrival, sequence).
Agents with the same skills and authorizations at one site and switch share a *group* for each medium, its idle
agents ordered as the strategies in use want it. Groups and classes are joined once, when either appears. A
decision looks only at the heads of what has just changed: the first contact that can be served gets the agent
whom its strategy puts first among those who may serve it. So one thing holds after every event: where a contact
waits, no agent who may serve it is idle.

News comes in any order. Of two rows of one proxy call the higher version counts; of two rows of one agent the
one whose reading began later. A claim is under way until the database has answered it, by a row that names
the agent or by `ReservationLost`; until then neither its contact nor the agent's slot is given to anybody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import inf

from fsroute.coordinator.actions import (
    Action,
    AgentChanged,
    AgentLeaves,
    AgentRemoved,
    CallChanged,
    CenterChanged,
    Event,
    Expire,
    Overflow,
    RatesChanged,
    Refresh,
    Refuse,
    ReservationLost,
    Reserve,
    Step,
    Take,
)
from fsroute.coordinator.admission import Admission
from fsroute.coordinator.demands import DemandClass, place_of
from fsroute.coordinator.estimates import Handling
from fsroute.coordinator.matching import Matching
from fsroute.coordinator.queues import (
    Lengths,
    Over,
    Progress,
    Queues,
    next_step,
    offer_ends,
    overflows,
    unreached,
)
from fsroute.coordinator.roster import Roster
from fsroute.coordinator.strategies import Strategies, Turn
from fsroute.coordinator.timers import Timers
from fsroute.model.agent import Agent
from fsroute.model.contact import Demand
from fsroute.model.proxy_call import ProxyCall, State

CLAIM_PAUSE = 0.05  # seconds before an agent is claimed again who was refused though no row has changed
REFUSE_GRACE = (
    5.0  # seconds between the last agent's leaving and the refusal of those who wait: one may come back
)


@dataclass(frozen=True, slots=True)
class Claim:
    """An agent asked of the database for the proxy call's row of this version."""

    agent_id: str
    version: int


class Coordinator:
    """Queues and agents in memory; every change goes through `apply`, a beginning through `begin`."""

    def __init__(self, strategies: Strategies | None = None) -> None:
        self._strategies = strategies or Strategies()
        self._matching = Matching()
        self._timers = Timers()
        self._roster = Roster(self._matching, self._timers)
        self._calls: dict[int, ProxyCall] = {}
        self._over = Over()
        self._lengths = Lengths()
        self._queues = Queues(self._matching, self._roster, self._calls)
        self._admission = Admission(self._matching, self._timers, self._queues, self._class_of)
        self._claims: dict[int, Claim] = {}
        self._untaken: list[int] = []  # stand in their queue before they are taken, for this event only
        self._asked: set[int] = set()  # take, refuse, overflow or expire is under way
        self._raised: set[int] = (
            set()
        )  # an early network leg or caller was asked for; the row has not come back
        self._stepping: set[int] = set()  # a step of the time line is under way
        self._now = 0.0
        self._out: list[Action] = []

    # What others may ask ---------------------------------------------------------------------------

    def deadline(self) -> float | None:
        """When `Tick` is due, in seconds since the epoch; None if nothing waits for time."""
        return self._timers.next()

    def waiting(self) -> int:
        """How many contacts stand in queues."""
        return len(self._queues.standings)

    def call(self, proxy_call_id: int) -> ProxyCall | None:
        return self._calls.get(proxy_call_id)

    def is_over(self, proxy_call_id: int) -> bool:
        """Whether its end was heard of, lately."""
        return proxy_call_id in self._over

    def calls(self) -> set[int]:
        """The proxy calls that the core takes for live."""
        return set(self._calls)

    def agent(self, agent_id: str) -> Agent | None:
        known = self._roster.members.get(agent_id)
        return None if known is None else known.agent

    def agents(self) -> set[str]:
        return set(self._roster.members)

    def closed_centers(self) -> set[str]:
        return set(self._admission.closed)

    def progress(self) -> list[Progress]:
        """Each contact with news since the last call.

        A place far back is told more coarsely: nobody minds being 412th or 413th.
        """
        return self._queues.news(self._now)

    # What happens ------------------------------------------------------------------------------------

    def begin(
        self,
        agents: Iterable[Agent],
        calls: Iterable[ProxyCall],
        now: float,
        as_of: int = 0,
        closed: Mapping[str, bool] | None = None,
        rates: Mapping[tuple[str, str], float] | None = None,
        handling: Mapping[Demand, Handling] | None = None,
    ) -> list[Action]:
        """Take in everything that there is, and decide once; for a core that has heard of nothing yet.

        Args:
            agents: all of them.
            calls: the live ones, read before the agents.
            now: in seconds since the epoch, by the database's clock.
            as_of: the number of the agents' reading, see `AgentChanged`; 0: each row's version.
            closed: contact centers closed at once; True: who waits there is kept waiting.
            rates: see `RatesChanged`.
            handling: handling times of the recent past, so that estimates do not begin anew.
        """
        out = self._out = []
        self._now = now
        self._admission.closed.update(closed or {})
        self._matching.rates.update(rates or {})
        self._matching.learn(handling or {})
        for agent in agents:
            self._roster.read(agent, as_of or agent.version, now)
        for agent_id in self._roster.members:
            self._roster.settle(agent_id, now)
        for call in sorted(calls, key=place_of):
            self._call_changed(call)
        self._finish()
        return out

    def apply(self, event: Event, now: float) -> list[Action]:
        """Take one event in; `now` is in seconds since the epoch, by the database's clock.

        What fell due comes first: an authorization that has ended serves nobody, whatever wakes the core.
        """
        out = self._out = []
        self._now = now
        if self._timers.earliest <= now:
            self._fall_due()
        if isinstance(event, CallChanged):
            self._call_changed(event.call)
        elif isinstance(event, AgentChanged):
            self._agent_changed(event.agent, event.as_of)
        elif isinstance(event, AgentLeaves):
            self._agent_leaves(event)
        elif isinstance(event, ReservationLost):
            self._reservation_lost(event)
        elif isinstance(event, AgentRemoved):
            self._roster.forget(event.agent_id, event.as_of)
        elif isinstance(event, CenterChanged):
            self._center_changed(event)
        elif isinstance(event, RatesChanged):
            self._matching.rates.clear()
            self._matching.rates.update(event.rates)
        self._finish()
        return out

    def _finish(self) -> None:
        """Whatever an event has made possible is decided."""
        if self._timers.earliest <= self._now:
            self._fall_due()
        if self._matching.shaken:
            self._admission.look_who_is_left(self._now)
        while self._queues.arrived or self._roster.freed or self._queues.spent:
            for demand, call, key in self._queues.match(self._now):
                self._reserve(demand, call, key)
            if self._queues.spent:
                self._forget_classes()
        while self._untaken:
            self._take_after_all(self._untaken.pop())
        if self._queues.touched:
            self._out += self._queues.leads_come(self._raised, self._now)

    def _agent_changed(self, agent: Agent, as_of: int) -> None:
        self._roster.read(agent, as_of, self._now)
        self._roster.settle(agent.agent_id, self._now)

    # Calls -------------------------------------------------------------------------------------------

    def _call_changed(self, call: ProxyCall) -> None:
        number = call.proxy_call_id
        answered = self._answers_claim(call)
        known = self._calls.get(number)
        if number in self._over or (known is not None and known.version > call.version):
            if answered and call.agent_id is not None:  # late news: the reservation came and went
                self._let_go(call.agent_id, number)
            if known is not None:
                self._place(known)
            return
        self._asked.discard(number)
        self._raised.discard(number)
        self._stepping.discard(number)
        if known is not None and known.agent_id is not None and known.agent_id != call.agent_id:
            self._released(known, known.agent_id)
        self._adopt(call)
        self._place(call)

    def _answers_claim(self, call: ProxyCall) -> bool:
        claim = self._claims.get(call.proxy_call_id)
        if claim is None or call.agent_id != claim.agent_id or call.version <= claim.version:
            return False
        del self._claims[call.proxy_call_id]
        return True

    def _released(self, known: ProxyCall, agent_id: str) -> None:
        """The reservation that was known of is over: the agent's row says what comes now."""
        if known.state is State.BRIDGED and known.reserved_at is not None:
            demand = self._class_of(known.demand, known.strategy)
            demand.note_handling(self._now - known.reserved_at.timestamp())
            self._queues.touch(demand)
        self._let_go(agent_id, known.proxy_call_id)

    def _let_go(self, agent_id: str, proxy_call_id: int) -> None:
        self._roster.let_go(agent_id, proxy_call_id)
        self._out.append(Refresh(agent_id))

    def _adopt(self, call: ProxyCall) -> None:
        number = call.proxy_call_id
        if not call.is_live:
            self._end(number)
            return
        self._calls[number] = call
        if call.is_waiting:
            self._lengths.add(call)
        elif call.state is not State.REQUESTED:
            self._lengths.remove(number)
        if call.agent_id is not None:
            self._roster.engage(call.agent_id, number, call.demand.medium, self._now)

    def _end(self, number: int) -> None:
        self._calls.pop(number, None)
        self._lengths.remove(number)
        self._timers.drop(("call", number))
        self._over.add(number, self._now)

    def _place(self, call: ProxyCall) -> None:
        """Put a call where its row says it belongs, unless the answer to something asked is awaited."""
        number = call.proxy_call_id
        if number in self._asked or number in self._claims:
            return
        if call.is_waiting:
            self._enqueue(call)
            return
        if number in self._queues.standings:
            self._queues.leave(number)
        if call.state is State.REQUESTED:
            self._take(call)
        elif call.state in (State.OFFERED, State.READY):
            self._timers.set(offer_ends(call), ("call", number))

    def _take(self, call: ProxyCall) -> None:
        if call.acd is not None:
            self._take_for_another(call)
            return
        number, demand = call.proxy_call_id, self._class_of(call.demand, call.strategy)
        self._asked.add(number)
        reason = self._admission.why_not_enter(call, demand)
        if reason is not None:
            self._out.append(Refuse(number, reason))
        elif self._lengths.are_reached(call) and not demand.idle_groups:
            self._out.append(Overflow(number, "longest_queue"))
        else:
            self._lengths.add(call)
            self._matching.count_arrival(demand)
            if demand.idle_groups or self._roster.freed:  # an agent's reservation takes it, too
                self._asked.discard(number)
                self._untaken.append(number)
                self._enqueue(call, demand)
            else:
                self._out.append(Take(number))

    def _take_for_another(self, call: ProxyCall) -> None:
        """Another ACD serves it, with agents who are not known here."""
        number = call.proxy_call_id
        self._asked.add(number)
        if call.contact_center_id in self._admission.closed:
            self._out.append(Refuse(number, "center_closed"))
        elif self._lengths.are_reached(call):
            self._out.append(Overflow(number, "longest_queue"))
        else:
            self._lengths.add(call)
            self._out.append(Take(number))

    def _take_after_all(self, number: int) -> None:
        """Those before it have had the agents who were idle."""
        if number in self._queues.standings:
            self._queues.leave(number)
            self._asked.add(number)
            self._out.append(Take(number))

    def _class_of(self, demand: Demand, strategy: str) -> DemandClass:
        how = self._strategies.or_longest_idle(strategy)
        agent_id = demand.agent_id
        if agent_id is None:
            made = self._matching.class_of(demand, how)
            if self._matching.is_full:
                self._queues.spent[made] = None
            return made
        stood_alone = agent_id in self._matching.alone
        made = self._matching.class_of(demand, how)
        if not stood_alone:
            self._roster.look_again(agent_id, self._now)
        self._queues.spent[made] = None
        return made

    def _enqueue(self, call: ProxyCall, demand: DemandClass | None = None) -> None:
        """`demand` is its class if that is known already."""
        number, now = call.proxy_call_id, self._now
        if not self._admission.may_stay(call):
            self._refuse(number, "center_closed")
            return
        self._wake_for(call)
        if call.acd is not None:
            self._queues.leave(number)  # it may have stood here before
            return
        if call.held_until is not None and call.held_until.timestamp() > now:
            self._queues.leave(number)
            return
        demand = demand or self._class_of(call.demand, call.strategy)
        self._queues.stand(call, demand)
        self._admission.look_after(demand, now)

    def _refuse(self, number: int, reason: str) -> None:
        self._queues.leave(number)
        self._asked.add(number)
        self._out.append(Refuse(number, reason))

    # Contact centers and agents who come and go ----------------------------------------------------------

    def _center_changed(self, event: CenterChanged) -> None:
        if not event.closed:
            self._admission.closed.pop(event.contact_center_id, None)
            return
        self._admission.closed[event.contact_center_id] = event.keep_waiting
        if event.keep_waiting:
            return
        for call in self._calls.values():
            if call.contact_center_id == event.contact_center_id and call.is_waiting:
                self._place(call)

    def _forget_classes(self) -> None:
        """An agent who was asked for alone goes back among the others when nobody asks any more."""
        spent, self._queues.spent = self._queues.spent, {}
        for demand in spent:
            if demand.head is None and self._matching.numbered(demand.number) is demand:
                self._matching.forget_class(demand)
                self._queues.forget(demand)
                agent_id = demand.demand.agent_id
                if agent_id is not None and agent_id not in self._matching.alone:
                    self._roster.look_again(agent_id, self._now)
        self._matching.shaken.clear()

    # Decisions -----------------------------------------------------------------------------------------

    def _agent_leaves(self, event: AgentLeaves) -> None:
        """The contact that the agent turns to next is claimed before the agent is free, where that is sure to follow.

        Until the database has answered the claim keeps the contact from others, as every claim does: should the agent
        not become free, or not at once, it is refused, and the contact goes on from its place.
        """
        known = self._calls.get(event.proxy_call_id)
        if known is None or known.state is not State.BRIDGED or known.agent_id != event.agent_id:
            return
        freed = self._roster.free_without(event.agent_id, known, self._now)
        decision = None if freed is None else self._queues.turn(freed)
        if freed is not None and decision is not None:
            self._reserve(*decision, agent=freed.agent, leaving=event.proxy_call_id)

    def _reserve(
        self,
        demand: DemandClass,
        call: ProxyCall,
        key: Turn,
        agent: Agent | None = None,
        leaving: int | None = None,
    ) -> None:
        """Claim the chosen agent; the order that was goes with the decision."""
        number, agent_id = call.proxy_call_id, key[-1]
        agent = agent or self._roster.members[agent_id].agent
        place = self._queues.standings[number].place
        why: list[tuple[str, object]] = [
            ("strategy", demand.strategy.name),
            ("place", place),
            ("waiting", demand.waiting_count + (number in self._queues.arrived)),
            ("key", key),
            ("idle_since", agent.idle_since.timestamp()),
        ]
        if agent_id == call.preferred_agent_id:
            why.append(("preferred", True))
        if demand.is_balanced:
            why.append(("imbalance", demand.imbalance()))
        demand.note_service(place, self._now)
        self._queues.leave(number)
        self._claims[number] = Claim(agent_id, call.version)
        self._roster.engage(agent_id, number, call.demand.medium, self._now)
        self._out.append(Reserve(number, agent_id, tuple(why), leaving))

    def _reservation_lost(self, event: ReservationLost) -> None:
        """Go on from what is true now."""
        claim = self._claims.get(event.proxy_call_id)
        answered = claim is not None and claim.agent_id == event.agent_id
        if answered:
            del self._claims[event.proxy_call_id]
            self._roster.disengage(event.agent_id, event.proxy_call_id)
        if event.agent is None:
            self._roster.forget(event.agent_id, event.as_of)
        else:
            known = (self.agent(event.agent_id), self.call(event.proxy_call_id))
            unseen = answered and known == (event.agent, event.call)  # clocks that differ by a little
            self._agent_changed(_paused(event.agent, self._now) if unseen else event.agent, event.as_of)
        if event.call is not None:
            self._call_changed(event.call)

    # Time --------------------------------------------------------------------------------------------

    def _fall_due(self) -> None:
        for what, subject in self._timers.come(self._now):
            if what == "agent":
                self._roster.look_again(str(subject), self._now)
            elif what == "class":
                for number, reason in self._admission.left_alone(int(subject), self._calls.__getitem__):
                    self._refuse(number, reason)
            elif subject in self._calls and subject not in self._claims and subject not in self._asked:
                self._call_due(self._calls[subject])

    def _wake_for(self, call: ProxyCall) -> None:
        """The next time at which something falls due for a waiting contact."""
        when = overflows(call)
        if call.proxy_call_id not in self._stepping:
            when = min(when, next_step(call))
        if call.held_until is not None and self._now < (held := call.held_until.timestamp()) < when:
            when = held
        if when < inf:
            self._timers.set(when, ("call", call.proxy_call_id))

    def _call_due(self, call: ProxyCall) -> None:
        number = call.proxy_call_id
        if call.is_waiting:
            if overflows(call) <= self._now:
                self._queues.leave(number)
                self._asked.add(number)
                reason = "acd_unreachable" if unreached(call) <= self._now else "longest_wait"
                self._out.append(Overflow(number, reason))
                return
            if number not in self._stepping and next_step(call) <= self._now:
                self._stepping.add(number)
                self._out.append(Step(number, call.time_line_done))
            self._enqueue(call)
        elif call.state in (State.OFFERED, State.READY) and _attempt(call) is not None:
            if offer_ends(call) <= self._now:
                self._asked.add(number)
                self._out.append(Expire(number, _attempt(call) or ""))
            else:
                self._timers.set(offer_ends(call), ("call", number))


def _attempt(call: ProxyCall) -> str | None:
    """What an offer is known by: the agent's leg, or where another ACD offers, the channel that waits there."""
    return call.agent_leg_uuid if call.acd is None else call.acd_entry_uuid


def _paused(agent: Agent, now: float) -> Agent:
    until = datetime.fromtimestamp(now + CLAIM_PAUSE, UTC)
    return replace(agent, available_from=max(agent.available_from, until))
