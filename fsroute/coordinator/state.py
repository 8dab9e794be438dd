"""The coordinator's core: ``apply(event, now) -> actions``. No I/O, no clock, no random source.

Waiting contacts with the same demand share a *class*, ordered by (priority, arrival, sequence). Agents with
the same skills and authorizations at one switch share a *group*, its idle agents ordered by how long they are
idle. Groups and classes are joined once, when either appears. A decision looks only at the heads of what has
just changed: the first contact that can be served gets the longest idle of the agents who may serve it. So
one thing holds after every event: where a contact waits, no agent who may serve it is idle.

News comes in any order. Of two rows of one proxy call the higher version counts; of two rows of one agent the
one whose reading began later. A claim is under way until the database has answered it, by a row that names
the agent or by `ReservationLost`; until then neither its contact nor its agent is given to anybody else.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

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
from fsroute.coordinator.matching import AgentGroup, DemandClass, Matching, Place, Turn, place_of
from fsroute.model.agent import CAPACITY, Agent, AgentStatus, Held
from fsroute.model.contact import Lead
from fsroute.model.proxy_call import NetworkLeg, ProxyCall, State
from fsroute.routing.eligibility import Qualification, is_idle, next_boundary

OFFER_GRACE = 4.0  # seconds that an offer may outlast its time-out before the coordinator ends it itself
OVER_KEPT = 600.0  # seconds for which late news of a proxy call that is over is known as such
ENGAGED = (Held(0, "", 1, CAPACITY),)  # takes no contact until the row has been read again
CLAIM_PAUSE = 0.05  # seconds before an agent is claimed again who was refused though no row has changed


@dataclass(slots=True)
class Member:
    """An agent in a group, and the agent's turn among the idle."""

    agent: Agent
    group: AgentGroup
    turn: Turn | None = None

    @property
    def on_duty(self) -> bool:
        return self.agent.status is not AgentStatus.LOGGED_OUT


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a contact stands in which queue."""

    demand: DemandClass
    place: Place
    lead: Lead


@dataclass(frozen=True, slots=True)
class Claim:
    """An agent asked of the database for the proxy call's row of this version."""

    agent_id: str
    version: int


class Coordinator:
    """Queues and agents in memory; every change goes through `apply`."""

    def __init__(self) -> None:
        self._matching = Matching()
        self._calls: dict[int, ProxyCall] = {}
        self._over: set[int] = set()
        self._queued: dict[int, Standing] = {}
        self._members: dict[str, Member] = {}
        self._as_of: dict[str, int] = {}  # agent → when the reading of the agent's row began, as a number
        self._claims: dict[int, Claim] = {}
        self._engaged: dict[str, int] = {}  # agent → proxy call: claimed for it or reserved
        self._asked: set[int] = set()  # take, refuse, overflow or expire is under way
        self._raised: set[int] = set()  # an early network leg was asked for; the row has not come back
        self._timers: list[tuple[float, str, int | str]] = []
        self._boundaries: dict[str, float] = {}  # agent → when an authorization begins or ends next
        self._hopeful: dict[DemandClass, None] = {}  # by this event: its head may find an agent now
        self._touched: dict[DemandClass, None] = {}  # by this event: a lead may have come
        self._changed: dict[DemandClass, None] = {}  # since the last `progress`

    # What others may ask ---------------------------------------------------------------------------

    def deadline(self) -> float | None:
        """When `Tick` is due, in seconds since the epoch; None if nothing waits for time."""
        return self._timers[0][0] if self._timers else None

    def waiting(self) -> int:
        """How many contacts stand in queues."""
        return len(self._queued)

    def call(self, proxy_call_id: int) -> ProxyCall | None:
        return self._calls.get(proxy_call_id)

    def calls(self) -> set[int]:
        """The proxy calls that the core takes for live."""
        return set(self._calls)

    def agent(self, agent_id: str) -> Agent | None:
        known = self._members.get(agent_id)
        return None if known is None else known.agent

    def agents(self) -> set[str]:
        return set(self._members)

    def progress(self) -> list[tuple[int, int, float | None, str | None]]:
        """(proxy call, position, expected wait in seconds, its basis) of each contact with news since the last call.

        A place far back is told more coarsely: nobody minds being 412th or 413th.
        """
        news = [entry for demand in self._changed for entry in demand.news()]
        self._changed.clear()
        return news

    # What happens ------------------------------------------------------------------------------------

    def apply(self, event: Event, now: float) -> list[Action]:
        """Take one event in; `now` is in seconds since the epoch, by the database's clock.

        What fell due comes first: an authorization that has ended serves nobody, whatever wakes the core.
        """
        actions = [*self._due(now), *self._happened(event, now), *self._due(now), *self._match()]
        for demand in self._touched:
            actions += self._raise_early(demand)
        self._touched.clear()
        return actions

    def _happened(self, event: Event, now: float) -> Iterator[Action]:
        if isinstance(event, CallChanged):
            yield from self._call_changed(event.call, now)
        elif isinstance(event, AgentChanged):
            self._agent_changed(event.agent, event.as_of, now)
        elif isinstance(event, ReservationLost):
            yield from self._reservation_lost(event, now)
        elif isinstance(event, AgentRemoved):
            self._forget_agent(event.agent_id, event.as_of)

    # Calls -------------------------------------------------------------------------------------------

    def _call_changed(self, call: ProxyCall, now: float) -> Iterator[Action]:
        answered = self._answers_claim(call)
        known = self._calls.get(call.proxy_call_id)
        if call.proxy_call_id in self._over or (known is not None and known.version > call.version):
            if answered and call.agent_id is not None:  # late news: the reservation came and went
                yield self._let_go(call.agent_id, call.proxy_call_id)
        else:
            self._asked.discard(call.proxy_call_id)
            self._raised.discard(call.proxy_call_id)
            yield from self._released(known, call, now)
            self._adopt(call, now)
            known = call
        if known is not None:
            yield from self._place(known, now)

    def _answers_claim(self, call: ProxyCall) -> bool:
        claim = self._claims.get(call.proxy_call_id)
        if claim is None or call.agent_id != claim.agent_id or call.version <= claim.version:
            return False
        del self._claims[call.proxy_call_id]
        return True

    def _released(self, known: ProxyCall | None, call: ProxyCall, now: float) -> Iterator[Action]:
        """The reservation that was known of is over: the agent's row says what comes now."""
        if known is None or known.agent_id is None or known.agent_id == call.agent_id:
            return
        if known.state is State.BRIDGED and known.reserved_at is not None:
            demand = self._matching.class_of(call.demand)
            demand.note_handling(now - known.reserved_at.timestamp())
            self._touched[demand] = None
        yield self._let_go(known.agent_id, known.proxy_call_id)

    def _adopt(self, call: ProxyCall, now: float) -> None:
        if not call.is_live:
            self._calls.pop(call.proxy_call_id, None)
            self._over.add(call.proxy_call_id)
            self._at(now + OVER_KEPT, "over", call.proxy_call_id)
            return
        self._calls[call.proxy_call_id] = call
        if call.agent_id is not None:
            self._engage(call.agent_id, call.proxy_call_id)

    def _place(self, call: ProxyCall, now: float) -> Iterator[Action]:
        """Put a call where its row says it belongs, unless the answer to something asked is awaited."""
        if call.proxy_call_id in self._asked or call.proxy_call_id in self._claims:
            return
        if call.state is State.QUEUED:
            self._enqueue(call, now)
            return
        self._leave_queue(call.proxy_call_id)
        if call.state is State.REQUESTED:
            yield from self._take(call)
        elif call.state in (State.OFFERED, State.READY):
            self._at(_offer_ends(call), "offer", call.proxy_call_id)

    def _take(self, call: ProxyCall) -> Iterator[Action]:
        self._asked.add(call.proxy_call_id)
        reason = self._reason_to_refuse(call)
        yield Take(call.proxy_call_id) if reason is None else Refuse(call.proxy_call_id, reason)

    def _reason_to_refuse(self, call: ProxyCall) -> str | None:
        demand = self._matching.class_of(call.demand)
        if call.refuse_when != "never" and not (demand.groups or demand.prospects):
            return "no_agent_authorized"
        if call.refuse_when == "no_agent_logged_on" and not any(group.on_duty for group in demand.groups):
            return "no_agent_logged_on"
        return None

    def _enqueue(self, call: ProxyCall, now: float) -> None:
        if (limit := _overflows(call)) is not None:
            self._at(limit, "overflow", call.proxy_call_id)
        if call.held_until is not None and call.held_until.timestamp() > now:
            self._leave_queue(call.proxy_call_id)
            self._at(call.held_until.timestamp(), "held", call.proxy_call_id)
            return
        standing = Standing(self._matching.class_of(call.demand), place_of(call), call.lead)
        demand, place = standing.demand, standing.place
        if self._queued.get(call.proxy_call_id) != standing:
            self._leave_queue(call.proxy_call_id)
            self._queued[call.proxy_call_id] = standing
            demand.add(place, call.lead)
        self._touched[demand] = self._changed[demand] = None
        if demand.head() == place:
            self._hopeful[demand] = None

    def _leave_queue(self, proxy_call_id: int) -> None:
        standing = self._queued.pop(proxy_call_id, None)
        if standing is not None:
            standing.demand.remove(standing.place, standing.lead)
            self._touched[standing.demand] = self._changed[standing.demand] = None

    # Agents ------------------------------------------------------------------------------------------

    def _agent_changed(self, agent: Agent, as_of: int, now: float) -> None:
        if as_of >= self._as_of.get(agent.agent_id, 0):
            self._as_of[agent.agent_id] = as_of
            self._enter(agent, now)
        self._settle(agent.agent_id, now)

    def _enter(self, agent: Agent, now: float) -> None:
        """An agent's row decides the agent's group, until an authorization begins or ends."""
        group = self._matching.enter(Qualification.of(agent, now), agent.status is not AgentStatus.LOGGED_OUT)
        self._leave(agent.agent_id)
        self._members[agent.agent_id] = Member(agent, group)
        boundary = next_boundary(agent, now)
        if boundary is not None and self._boundaries.get(agent.agent_id) != boundary:
            self._boundaries[agent.agent_id] = boundary
            self._at(boundary, "agent", agent.agent_id)

    def _leave(self, agent_id: str) -> None:
        self._leave_idle(agent_id)
        member = self._members.pop(agent_id, None)
        if member is not None:
            self._matching.leave(member.group, member.on_duty)

    def _forget_agent(self, agent_id: str, as_of: int) -> None:
        if as_of >= self._as_of.get(agent_id, 0):
            self._as_of[agent_id] = as_of
            self._leave(agent_id)

    def _settle(self, agent_id: str, now: float) -> None:
        """An idle agent has a turn; one who will be idle is looked at again then."""
        self._leave_idle(agent_id)
        member = self._members.get(agent_id)
        if member is None or agent_id in self._engaged:
            return
        agent = member.agent
        if is_idle(agent, now):
            member.turn = (agent.idle_since.timestamp(), agent_id)
            member.group.add_idle(member.turn)
            self._hopeful.update((demand, None) for demand in member.group.classes if demand.waiting)
        elif agent.status is AgentStatus.AVAILABLE and not agent.reserved:
            self._at(agent.available_from.timestamp(), "agent", agent_id)

    def _leave_idle(self, agent_id: str) -> None:
        member = self._members.get(agent_id)
        if member is not None and member.turn is not None:
            member.group.remove_idle(member.turn)
            member.turn = None

    def _engage(self, agent_id: str, proxy_call_id: int) -> None:
        self._engaged[agent_id] = proxy_call_id
        self._leave_idle(agent_id)

    def _disengage(self, agent_id: str, proxy_call_id: int) -> None:
        if self._engaged.get(agent_id) == proxy_call_id:
            del self._engaged[agent_id]

    def _let_go(self, agent_id: str, proxy_call_id: int) -> Action:
        """A reservation has ended: what the agent does now is known when the agent's row has been read."""
        self._disengage(agent_id, proxy_call_id)
        member = self._members.get(agent_id)
        if member is not None:
            self._leave_idle(agent_id)
            member.agent = replace(member.agent, reservations=ENGAGED)
        return Refresh(agent_id)

    # Decisions -----------------------------------------------------------------------------------------

    def _match(self) -> Iterator[Action]:
        """Serve in order all who can be served now that something has changed."""
        heads = [(place, demand) for demand in self._hopeful if (place := demand.head()) is not None]
        self._hopeful.clear()
        heapq.heapify(heads)
        while heads:
            _, demand = heapq.heappop(heads)
            turn = demand.longest_idle()
            if turn is not None:
                yield self._reserve(demand, turn)
                if (place := demand.head()) is not None:
                    heapq.heappush(heads, (place, demand))

    def _reserve(self, demand: DemandClass, turn: Turn) -> Action:
        """Claim the longest idle for the head; the order that was goes with the decision."""
        place, (idle_since, agent_id) = demand.waiting[0], turn
        call = self._calls[place[2]]
        order = (
            ("strategy", call.strategy),
            ("place", place),
            ("waiting", len(demand.waiting)),
            ("idle_since", idle_since),
        )
        self._leave_queue(call.proxy_call_id)
        self._claims[call.proxy_call_id] = Claim(agent_id, call.version)
        self._engage(agent_id, call.proxy_call_id)
        return Reserve(call.proxy_call_id, agent_id, order)

    def _reservation_lost(self, event: ReservationLost, now: float) -> Iterator[Action]:
        """Go on from what is true now."""
        claim = self._claims.get(event.proxy_call_id)
        answered = claim is not None and claim.agent_id == event.agent_id
        if answered:
            del self._claims[event.proxy_call_id]
            self._disengage(event.agent_id, event.proxy_call_id)
        if event.agent is None:
            self._forget_agent(event.agent_id, event.as_of)
        else:
            known = (self.agent(event.agent_id), self.call(event.proxy_call_id))
            unseen = answered and known == (event.agent, event.call)  # clocks that differ by a little
            agent = _paused(event.agent, now) if unseen else event.agent
            self._agent_changed(agent, event.as_of, now)
        if event.call is not None:
            yield from self._call_changed(event.call, now)

    # Network legs raised early -------------------------------------------------------------------------

    def _raise_early(self, demand: DemandClass) -> Iterator[Action]:
        for position, (_, _, proxy_call_id) in demand.early():
            call = self._calls[proxy_call_id]
            if (
                call.network_leg is NetworkLeg.NONE
                and proxy_call_id not in self._raised
                and position <= demand.reach(call.lead)
            ):
                switch_id = demand.likely_switch()
                if switch_id is not None and switch_id != call.switch_id:
                    self._raised.add(proxy_call_id)
                    yield RaiseNetworkLeg(proxy_call_id, switch_id)

    # Time --------------------------------------------------------------------------------------------

    def _at(self, when: float, what: str, subject: int | str) -> None:
        heapq.heappush(self._timers, (when, what, subject))

    def _due(self, now: float) -> Iterator[Action]:
        while self._timers and self._timers[0][0] <= now:
            _, what, subject = heapq.heappop(self._timers)
            if isinstance(subject, str):
                self._agent_due(subject, now)
            elif what == "over":
                self._over.discard(subject)
            elif subject in self._calls and subject not in self._claims and subject not in self._asked:
                yield from self._call_due(what, self._calls[subject], now)

    def _agent_due(self, agent_id: str, now: float) -> None:
        """Wrap-up or a set-aside has ended, or an authorization has begun or ended."""
        member = self._members.get(agent_id)
        if member is not None:
            self._enter(member.agent, now)
            self._settle(agent_id, now)

    def _call_due(self, what: str, call: ProxyCall, now: float) -> Iterator[Action]:
        if what == "offer" and call.state in (State.OFFERED, State.READY):
            if call.agent_leg_uuid is not None and _offer_ends(call) <= now:
                self._asked.add(call.proxy_call_id)
                yield Expire(call.proxy_call_id, call.agent_leg_uuid)
        elif what == "overflow" and call.state is State.QUEUED:
            if (limit := _overflows(call)) is not None and limit <= now:
                self._leave_queue(call.proxy_call_id)
                self._asked.add(call.proxy_call_id)
                yield Overflow(call.proxy_call_id)
        elif what == "held" and call.state is State.QUEUED:
            self._enqueue(call, now)


def _offer_ends(call: ProxyCall) -> float:
    """When an offer must be over, accepted or not, in seconds since the epoch."""
    return (call.reserved_at or call.arrived_at).timestamp() + call.offer_timeout + OFFER_GRACE


def _overflows(call: ProxyCall) -> float | None:
    if call.longest_wait is None or call.queued_at is None:
        return None
    return call.queued_at.timestamp() + call.longest_wait


def _paused(agent: Agent, now: float) -> Agent:
    return replace(agent, available_from=datetime.fromtimestamp(now + CLAIM_PAUSE, UTC))
