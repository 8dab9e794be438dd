"""What the core has been told, put together the slow way, and what must hold of its decisions by that.

Everything here is computed anew from rows, without classes, groups or indexes: the core is held against it.
"""

from __future__ import annotations

from collections.abc import Iterator

from fsroute.coordinator import actions as act
from fsroute.coordinator.demands import Place, place_of
from fsroute.coordinator.state import CLAIM_PAUSE
from fsroute.model.agent import CAPACITY, ONE_AT_A_TIME, Agent, AgentStatus
from fsroute.model.contact import HEAD_PRIORITY, LeadKind
from fsroute.model.proxy_call import WAITING, CallerLeg, NetworkLeg, ProxyCall, State
from fsroute.routing.eligibility import is_idle, may_serve

BALANCED = "queue_idleness_ratio"
RATES = {("x", "x"): 0.0, ("x", "y"): 3.0, ("y", "x"): 4.0, ("y", "y"): 1.0}


class Heard:
    """Rows as the core has heard of them, its claims that are unanswered, and what it has asked for."""

    def __init__(self) -> None:
        self.calls: dict[int, ProxyCall] = {}
        self.agents: dict[str, tuple[int, Agent | None]] = {}
        self.leaving: set[int] = set()  # refused, expired or overflowing; the row has not come back
        self.stepping: set[int] = set()
        self.claims: dict[int, tuple[str, int]] = {}  # agent, and the version of the call's row
        self.unread: set[str] = set()  # agents whose row is to be read again before it says anything
        self.paused: dict[str, float] = {}  # agents refused without a reason: until when they may rest
        self.closed: dict[str, bool] = {}
        self.now = 0.0  # seconds since the epoch

    # Events ----------------------------------------------------------------------------------------------

    def take(self, event: act.Event, now: float) -> None:
        self.now = now
        if isinstance(event, act.CallChanged):
            self._call(event.call)
        elif isinstance(event, act.AgentChanged):
            self._agent(event.agent.agent_id, event.agent, event.as_of)
        elif isinstance(event, act.AgentRemoved):
            self._agent(event.agent_id, None, event.as_of)
        elif isinstance(event, act.CenterChanged):
            self.closed.pop(event.contact_center_id, None)
            if event.closed:
                self.closed[event.contact_center_id] = event.keep_waiting
        elif isinstance(event, act.ReservationLost):
            claim = self.claims.get(event.proxy_call_id)
            if claim is not None and claim[0] == event.agent_id:
                del self.claims[event.proxy_call_id]
            self.paused[event.agent_id] = now + CLAIM_PAUSE
            self._agent(event.agent_id, event.agent, event.as_of)
            if event.call is not None:
                self._call(event.call)

    def _call(self, call: ProxyCall) -> None:
        number = call.proxy_call_id
        known = self.calls.get(number)
        claim = self.claims.get(number)
        if claim is not None and call.agent_id == claim[0] and call.version > claim[1]:
            del self.claims[number]
        if known is None or known.version <= call.version:
            self.calls[number] = call
            self.leaving.discard(number)
            self.stepping.discard(number)

    def _agent(self, agent_id: str, agent: Agent | None, as_of: int) -> None:
        if as_of >= self.agents.get(agent_id, (0, None))[0]:
            self.agents[agent_id] = (as_of, agent)
            self.unread.discard(agent_id)

    # What is so ------------------------------------------------------------------------------------------

    def known(self) -> Iterator[Agent]:
        return (agent for _, agent in self.agents.values() if agent is not None)

    def held(self, agent: Agent) -> dict[int, tuple[str, int]]:
        """Proxy call → medium and weight of all that the agent has, by whatever source."""
        held = {one.proxy_call_id: (one.medium, one.weight) for one in agent.reservations}
        mine = [number for number, (agent_id, _) in self.claims.items() if agent_id == agent.agent_id]
        mine += [number for number, call in self.calls.items() if call.agent_id == agent.agent_id]
        for number in mine:
            medium = self.calls[number].demand.medium
            held[number] = (medium, agent.media.get(medium, ONE_AT_A_TIME).weight)
        return held

    def load(self, agent: Agent) -> int:
        return sum(weight for _, weight in self.held(agent).values())

    def has_room(self, agent: Agent, medium: str, leaving: int | None = None) -> bool:
        """`leaving` is a proxy call that the agent has, and is not counted."""
        if agent.agent_id in self.unread or agent.status is not AgentStatus.AVAILABLE:
            return False
        if agent.available_from.timestamp() > self.now:
            return False
        held, slots = self.held(agent), agent.media.get(medium, ONE_AT_A_TIME)
        if leaving is not None:
            held.pop(leaving, None)
        taken = [one for one, _ in held.values() if one == medium]
        load = sum(weight for _, weight in held.values())
        return len(taken) < slots.slots and load + slots.weight <= CAPACITY

    def eligible(self, agent: Agent, call: ProxyCall) -> bool:
        return may_serve(agent, call.demand, self.now)

    def idle_for(self, call: ProxyCall) -> list[Agent]:
        return [
            agent
            for agent in self.known()
            if self.eligible(agent, call)
            and self.has_room(agent, call.demand.medium)
            and self.paused.get(agent.agent_id, 0.0) <= self.now
        ]

    def waiting(self) -> list[ProxyCall]:
        return [
            call
            for number, call in self.calls.items()
            if call.state in WAITING
            and number not in self.claims
            and number not in self.leaving
            and (call.held_until is None or call.held_until.timestamp() <= self.now)
        ]

    # What must hold of a decision -------------------------------------------------------------------------

    def decided(self, action: act.Action) -> None:
        """Check a decision against what was known when it was made, and remember it."""
        if isinstance(action, act.Reserve):
            self._reserve(action)
        elif isinstance(action, act.Refresh):
            self.unread.add(action.agent_id)
        elif isinstance(action, act.Step):
            self._step(action)
        elif isinstance(action, act.RaiseNetworkLeg | act.WantCaller):
            self._lead(action)
        elif isinstance(action, act.Refuse):
            self._refuse(action)
        elif isinstance(action, act.Overflow | act.Expire):
            self.leaving.add(action.proxy_call_id)

    def _reserve(self, claim: act.Reserve) -> None:
        number, agent = claim.proxy_call_id, self.agents[claim.agent_id][1]
        call = self.calls[number]
        assert number not in self.claims, "I1: a contact is given away twice"
        assert call.state in (State.REQUESTED, *WAITING)
        assert agent is not None
        assert self.eligible(agent, call), "I7: the agent may not serve this contact"
        assert self.has_room(agent, call.demand.medium, claim.leaving), (
            "I1: an agent's slot is given away twice"
        )
        if claim.leaving is not None:
            left = self.calls[claim.leaving]
            assert (left.state, left.agent_id) == (State.BRIDGED, agent.agent_id), "the agent leaves no talk"
        assert self.closed.get(call.contact_center_id) is not False, "its contact center is closed"
        self._agents_order(call, agent)
        self.claims[number] = (claim.agent_id, call.version)

    def _agents_order(self, call: ProxyCall, chosen: Agent) -> None:
        """I4: nobody who was idle for it comes before the chosen one."""
        idle = self.idle_for(call)
        if call.strategy == "last_agent" or call.priority >= HEAD_PRIORITY:
            if chosen.agent_id == call.preferred_agent_id:
                return
            preferred = [agent for agent in idle if agent.agent_id == call.preferred_agent_id]
            assert not preferred, "I4: the former agent is idle"
        if call.strategy != BALANCED:
            mine = self.key(chosen, call)
            assert all(self.key(agent, call) >= mine for agent in idle), "I4: another agent comes first"

    def key(self, agent: Agent, call: ProxyCall) -> tuple[float, ...]:
        load, since = self.load(agent), agent.idle_since.timestamp()
        last = 0.0 if agent.last_reserved_at is None else agent.last_reserved_at.timestamp()
        level = sum(agent.skills[skill] for skill, _ in call.demand.skills)
        cost = RATES[call.caller_site_id, agent.site_id] + agent.rate
        return {
            "highest_level": (-level, load, since),
            "least_skilled": (len(agent.skills), sum(agent.skills.values()), load, since),
            "fewest_contacts": (load, agent.contacts_served, since),
            "round_robin": (load, last, since),
            "cost": (cost, agent.rate, load, since),
        }.get(call.strategy, (load, since))

    def contacts_order(self, claims: list[act.Reserve]) -> None:
        """I4: of those who still wait, nobody whom one of these agents may serve comes before whom they got."""
        waiting = self.waiting()
        for claim in claims:
            call, agent = self.calls[claim.proxy_call_id], self.agents[claim.agent_id][1]
            assert agent is not None
            rivals = [one for one in waiting if self._rival(one, call) and self.eligible(agent, one)]
            first = self._stands_at(call, rivals)
            for other in rivals:
                if other.strategy == call.strategy == BALANCED and other.demand != call.demand:
                    assert other.priority <= call.priority, "I4: priority comes before balance"
                elif other.demand == call.demand and other.strategy == call.strategy:
                    assert place_of(other) > place_of(call), "I4: a contact of its class was before it"
                else:
                    assert place_of(other) > first, "I4: a contact before it could have been served"

    @staticmethod
    def _rival(other: ProxyCall, call: ProxyCall) -> bool:
        return other.demand.medium == call.demand.medium

    @staticmethod
    def _stands_at(call: ProxyCall, rivals: list[ProxyCall]) -> Place:
        """Balanced classes stand together where the first of them stands."""
        if call.strategy != BALANCED:
            return place_of(call)
        equals = [one for one in rivals if one.strategy == BALANCED and one.priority == call.priority]
        return min(map(place_of, [call, *equals]))

    def _step(self, step: act.Step) -> None:
        call = self.calls[step.proxy_call_id]
        assert call.state in WAITING
        assert step.number == call.time_line_done, "steps are done in order"
        assert call.queued_at is not None
        assert call.queued_at.timestamp() + call.time_line[step.number].after <= self.now
        assert step.proxy_call_id not in self.stepping, "a step is done twice"
        self.stepping.add(step.proxy_call_id)

    def _lead(self, action: act.RaiseNetworkLeg | act.WantCaller) -> None:
        """I8: nothing is raised outside of the lead."""
        call = self.calls[action.proxy_call_id]
        assert call.lead.kind in (LeadKind.POSITION, LeadKind.EXPECTED)
        assert call.network_leg is NetworkLeg.NONE
        if isinstance(action, act.WantCaller):
            assert call.state is State.CALLBACK
            assert call.caller_leg is CallerLeg.ABSENT
        else:
            assert call.state is State.QUEUED
        if call.lead.kind is LeadKind.POSITION:
            before = [
                one
                for one in self.waiting()
                if (one.demand, one.strategy) == (call.demand, call.strategy)
                and place_of(one) <= place_of(call)
            ]
            assert len(before) <= call.lead.limit, "I8: its lead has not come"

    def _refuse(self, action: act.Refuse) -> None:
        call = self.calls[action.proxy_call_id]
        if action.reason == "center_closed":
            assert call.contact_center_id in self.closed
        else:
            assert call.refuse_when != "never"
            left = [agent for agent in self.known() if agent.status is not AgentStatus.LOGGED_OUT]
            assert not [agent for agent in left if self.eligible(agent, call)], "somebody may serve it"
        self.leaving.add(action.proxy_call_id)

    def nobody_waits_in_vain(self) -> None:
        for call in self.waiting():
            assert self.closed.get(call.contact_center_id) is not False, "its contact center is closed"
            assert not self.idle_for(call), "I3: a contact waits beside an idle agent"


def idle_at(agent: Agent, call: ProxyCall, now: float) -> bool:
    """By the rows alone."""
    return is_idle(agent, now, call.demand.medium) and may_serve(agent, call.demand, now)
