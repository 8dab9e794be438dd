"""A tiny contact center for tests of the core: rows that change as the database's do, and the news of them.

`Database` answers claims truthfully; `Center` puts the core over it and hears everything at once, in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from fsroute.coordinator import actions as act
from fsroute.coordinator.moves import move_of
from fsroute.coordinator.state import Coordinator
from fsroute.coordinator.strategies import Strategies
from fsroute.model.agent import ONE_AT_A_TIME, Agent, AgentStatus, Authorization, Held, MediumSlots
from fsroute.model.contact import HEAD_PRIORITY, Demand, Lead
from fsroute.model.proxy_call import LIVE, WAITING, AgentLeg, CallerLeg, NetworkLeg, ProxyCall, State
from fsroute.model.routing import TimeLineStep
from fsroute.routing.eligibility import may_serve

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SET_ASIDE = 30.0  # seconds
BEGIN = 1_800_000_000.0  # seconds since the epoch: second 0 of every test


def moment(second: float) -> datetime:
    """A second of the test as a moment."""
    return datetime.fromtimestamp(BEGIN + second, UTC)


def demand(center: str = "a", medium: str = "voice", **skills: int) -> Demand:
    return Demand(center, medium, tuple(sorted(skills.items())))


def authorized(
    center: str = "a", begins: float | None = None, ends: float | None = None, medium: str = "voice"
) -> Authorization:
    return Authorization(
        center,
        medium,
        LONG_AGO if begins is None else moment(begins),
        None if ends is None else moment(ends),
    )


class Database:
    """Proxy calls and agents, changed only by what the real database would allow. Moments in test seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: dict[int, ProxyCall] = {}
        self.agents: dict[str, Agent] = {}
        self.news: list[ProxyCall] = []  # every row of a call that was written

    def hire(
        self,
        agent_id: str,
        *authorizations: Authorization,
        switch_id: str = "s2",
        status: AgentStatus = AgentStatus.AVAILABLE,
        idle_since: float = 0.0,
        wrap_up: float = 0.0,
        site_id: str = "x",
        team: str | None = None,
        rate: float = 0.0,
        contacts_served: int = 0,
        last_reserved: float | None = None,
        media: Mapping[str, MediumSlots] | None = None,
        **skills: int,
    ) -> Agent:
        self.agents[agent_id] = Agent(
            agent_id=agent_id,
            name=agent_id.title(),
            site_id=site_id,
            switch_id=switch_id,
            address=f"user/{agent_id}",
            skills=skills,
            authorizations=authorizations or (authorized(),),
            status=status,
            available_from=LONG_AGO,
            idle_since=moment(idle_since),
            wrap_up=wrap_up,
            team=team,
            rate=rate,
            contacts_served=contacts_served,
            last_reserved_at=None if last_reserved is None else moment(last_reserved),
            media=media or {},
        )
        return self.agents[agent_id]

    def request(
        self,
        proxy_call_id: int,
        wanted: Demand | None = None,
        *,
        priority: int = 0,
        arrived: float | None = None,
        lead: str = "offered",
        longest_wait: float | None = None,
        refuse_when: str = "never",
        strategy: str = "longest_idle",
        preferred: str | None = None,
        longest_queue: int | None = None,
        time_line: tuple[TimeLineStep, ...] = (),
        caller_site: str = "x",
    ) -> ProxyCall:
        wanted = wanted or demand()
        return self._write(
            ProxyCall(
                proxy_call_id=proxy_call_id,
                contact_id=f"contact-{proxy_call_id}",
                contact_center_id=wanted.contact_center_id,
                contact_center_name=wanted.contact_center_id.upper(),
                queue="main",
                demand=wanted,
                priority=priority,
                arrived_at=moment(self.now if arrived is None else arrived),
                queued_at=None,
                switch_id="s1",
                channel_uuid=f"caller-{proxy_call_id}",
                caller_number="",
                caller_name="",
                state=State.REQUESTED,
                agent_leg=AgentLeg.NONE,
                network_leg=NetworkLeg.NONE,
                strategy=strategy,
                lead=Lead.parse(lead),
                hold_music="local_stream://moh",
                offer_timeout=20.0,
                network_leg_timeout=10.0,
                network_leg_tries=3,
                network_leg_failures=0,
                longest_wait=longest_wait,
                refuse_when=refuse_when,
                preferred_agent_id=preferred,
                longest_queue=longest_queue,
                time_line=time_line,
                caller_site_id=caller_site,
            )
        )

    def take(self, proxy_call_id: int) -> ProxyCall | None:
        return self._move(proxy_call_id, (State.REQUESTED,), state=State.QUEUED, queued_at=moment(self.now))

    def reserve(self, proxy_call_id: int, agent_id: str) -> ProxyCall | None:
        """The claim: None when contact or agent is not to be had."""
        call, agent = self.calls[proxy_call_id], self.agents.get(agent_id)
        if agent is None or agent.status is not AgentStatus.AVAILABLE:
            return None
        medium = call.demand.medium
        if agent.available_from > moment(self.now) or not self.eligible(agent, call):
            return None
        if not agent.has_room(medium):
            return None
        taken = {held.slot for held in agent.reservations if held.medium == medium}
        slot = min(set(range(1, len(taken) + 2)) - taken)
        row = self._move(
            proxy_call_id,
            (State.REQUESTED, *WAITING),
            state=State.OFFERED,
            queued_at=call.queued_at or moment(self.now),
            agent_leg=AgentLeg.DIALLING,
            network_leg=NetworkLeg.NOT_NEEDED if agent.switch_id == call.switch_id else NetworkLeg.WANTED,
            caller_leg=CallerLeg.WANTED if call.caller_leg is CallerLeg.ABSENT else call.caller_leg,
            agent_id=agent_id,
            agent_switch_id=agent.switch_id,
            agent_leg_uuid=f"leg-{proxy_call_id}-{call.version}",
            reserved_at=moment(self.now),
            held_until=None,
        )
        if row is not None:
            held = Held(proxy_call_id, medium, slot, agent.media.get(medium, ONE_AT_A_TIME).weight)
            self.agents[agent_id] = replace(agent, reservations=(*agent.reservations, held))
        return row

    def eligible(self, agent: Agent, call: ProxyCall) -> bool:
        return may_serve(agent, call.demand, BEGIN + self.now)

    def accept(self, proxy_call_id: int) -> ProxyCall | None:
        return self._move(
            proxy_call_id, (State.OFFERED,),
            state=State.READY, agent_leg=AgentLeg.ACCEPTED, accepted_at=moment(self.now),
        )  # fmt: skip

    def join(self, proxy_call_id: int) -> ProxyCall | None:
        if self.calls[proxy_call_id].caller_leg is not CallerLeg.PRESENT:
            return None
        return self._move(proxy_call_id, (State.READY,), state=State.BRIDGED, bridged_at=moment(self.now))

    def fail(self, proxy_call_id: int, pause: float = SET_ASIDE, hold: float = 0.0) -> ProxyCall | None:
        """The agent did not come to serve, or (pause 0) the network leg did not."""
        return self._release(
            proxy_call_id, (State.OFFERED, State.READY), State.QUEUED, pause,
            held_until=moment(self.now + hold) if hold else None,
        )  # fmt: skip

    def lose(self, proxy_call_id: int) -> ProxyCall | None:
        """The conversation was lost."""
        former = self.calls[proxy_call_id].agent_id or self.calls[proxy_call_id].preferred_agent_id
        return self._release(
            proxy_call_id,
            (State.BRIDGED,),
            State.QUEUED,
            0.0,
            priority=HEAD_PRIORITY,
            preferred_agent_id=former,
            queued_at=moment(self.now),
        )

    def leave(self, proxy_call_id: int) -> ProxyCall | None:
        """The agent hung up; the caller is still there."""
        return self._release(proxy_call_id, (State.BRIDGED,), State.BRIDGED, None)

    def hang_up(self, proxy_call_id: int) -> ProxyCall | None:
        """The caller is gone."""
        bridged = self.calls[proxy_call_id].state is State.BRIDGED
        live = tuple(LIVE)
        target = State.ENDED if bridged else State.ABANDONED
        return self._release(proxy_call_id, live, target, None if bridged else 0.0)

    def overflow(self, proxy_call_id: int) -> ProxyCall | None:
        return self._move(proxy_call_id, (State.REQUESTED, State.QUEUED), state=State.OVERFLOWED)

    def refuse(self, proxy_call_id: int) -> ProxyCall | None:
        return self._move(
            proxy_call_id, (State.REQUESTED, State.QUEUED, State.CALLBACK), state=State.REFUSED
        )  # fmt: skip

    def step(self, action: act.Step) -> ProxyCall | None:
        """The time line goes on, as the coordinator's loop writes it."""
        call = self.calls[action.proxy_call_id]
        move = move_of(action, call)
        if move is None:
            return None
        changes = dict(move.set)
        parts = {name: changes.pop(name) for name in ("skills", "sites", "teams") if name in changes}
        if "skills" in parts:
            parts["skills"] = [tuple(pair) for pair in parts["skills"]]  # type: ignore[attr-defined]
        if "treatment" in changes:
            changes["treatment"] = call.time_line[action.number]
            changes["treatment_number"] = call.treatment_number + 1
        wanted = call.demand.with_(**{name: tuple(value) for name, value in parts.items()})  # type: ignore[arg-type]
        return self._move(action.proxy_call_id, tuple(WAITING), demand=wanted, **changes)

    def choose_callback(self, proxy_call_id: int) -> ProxyCall | None:
        """The caller hangs up and keeps the place."""
        return self._move(
            proxy_call_id, (State.QUEUED,),
            state=State.CALLBACK, caller_leg=CallerLeg.ABSENT, network_leg=NetworkLeg.NONE, treatment=None,
        )  # fmt: skip

    def want_caller(self, proxy_call_id: int) -> ProxyCall | None:
        if self.calls[proxy_call_id].caller_leg is not CallerLeg.ABSENT:
            return None
        return self._move(proxy_call_id, (State.CALLBACK,), caller_leg=CallerLeg.WANTED)

    def dial_caller(self, proxy_call_id: int) -> ProxyCall | None:
        if self.calls[proxy_call_id].caller_leg is not CallerLeg.WANTED:
            return None
        sources = (State.CALLBACK, State.OFFERED, State.READY)
        return self._move(proxy_call_id, sources, caller_leg=CallerLeg.DIALLING)

    def caller_back(self, proxy_call_id: int) -> ProxyCall | None:
        call = self.calls[proxy_call_id]
        if call.caller_leg is not CallerLeg.DIALLING:
            return None
        state = State.QUEUED if call.state is State.CALLBACK else call.state
        sources = (State.CALLBACK, State.OFFERED, State.READY)
        return self._move(proxy_call_id, sources, state=state, caller_leg=CallerLeg.PRESENT)

    def caller_unreached(self, proxy_call_id: int) -> ProxyCall | None:
        call = self.calls[proxy_call_id]
        if call.caller_leg is not CallerLeg.DIALLING:
            return None
        return self._release(
            proxy_call_id,
            (State.CALLBACK, State.OFFERED, State.READY),
            State.CALLBACK,
            0.0,
            caller_leg=CallerLeg.ABSENT,
            callback_failures=call.callback_failures + 1,
            held_until=moment(self.now + call.callback.retry_after),
        )

    def give_up_callback(self, proxy_call_id: int) -> ProxyCall | None:
        if self.calls[proxy_call_id].caller_leg is CallerLeg.PRESENT:
            return None
        sources = (State.CALLBACK, State.OFFERED, State.READY)
        return self._release(proxy_call_id, sources, State.UNREACHED, 0.0)

    def transfer(self, proxy_call_id: int, wanted: Demand) -> ProxyCall | None:
        """The agent sends the caller on to others, with the place by arrival and priority."""
        return self._release(
            proxy_call_id, (State.BRIDGED,), State.QUEUED, None, demand=wanted, queued_at=moment(self.now)
        )  # fmt: skip

    def expire(self, proxy_call_id: int, agent_leg_uuid: str) -> ProxyCall | None:
        return (
            None if self.calls[proxy_call_id].agent_leg_uuid != agent_leg_uuid else self.fail(proxy_call_id)
        )

    def raise_early(self, proxy_call_id: int, switch_id: str) -> ProxyCall | None:
        if self.calls[proxy_call_id].network_leg is not NetworkLeg.NONE:
            return None
        return self._move(
            proxy_call_id, (State.QUEUED,), network_leg=NetworkLeg.WANTED, network_switch_id=switch_id
        )  # fmt: skip

    def declare(self, agent_id: str, status: AgentStatus) -> None:
        agent = self.agents[agent_id]
        back = agent.status is not status and status is AgentStatus.AVAILABLE
        at = moment(self.now)
        self.agents[agent_id] = replace(
            agent, status=status, idle_since=at if back else agent.idle_since,
            available_from=at if back else agent.available_from,
        )  # fmt: skip

    def _release(self, proxy_call_id: int, sources: tuple[State, ...], target: State, pause: float | None,
                 **changes: object) -> ProxyCall | None:  # fmt: skip
        """Pause None: the agent's wrap-up."""
        before = self.calls[proxy_call_id]
        agent_id = before.agent_id
        if target is State.QUEUED and before.caller_leg is not CallerLeg.PRESENT:
            target = State.CALLBACK
            changes.setdefault("caller_leg", CallerLeg.ABSENT)
        row = self._move(
            proxy_call_id,
            sources,
            state=target,
            agent_id=None,
            agent_switch_id=None,
            agent_leg_uuid=None,
            reserved_at=None,
            accepted_at=None,
            agent_leg=AgentLeg.NONE,
            network_leg=NetworkLeg.NONE,
            **changes,
        )
        if row is not None and agent_id is not None:
            agent = self.agents[agent_id]
            until = moment(self.now + (agent.wrap_up if pause is None else pause))
            since = agent.idle_since if pause == 0.0 else until
            self.agents[agent_id] = replace(
                agent,
                reservations=tuple(one for one in agent.reservations if one.proxy_call_id != proxy_call_id),
                available_from=until,
                idle_since=since,
                last_reserved_at=before.reserved_at,
                contacts_served=agent.contacts_served + (before.state is State.BRIDGED),
            )
        return row

    def _move(self, proxy_call_id: int, sources: tuple[State, ...], **changes: object) -> ProxyCall | None:
        call = self.calls[proxy_call_id]
        if call.state not in sources:
            return None
        return self._write(replace(call, version=call.version + 1, **changes))  # type: ignore[arg-type]

    def _write(self, call: ProxyCall) -> ProxyCall:
        self.calls[call.proxy_call_id] = call
        self.news.append(call)
        return call


class Center:
    """The core over a database whose news it hears at once. `said` is what it decided, in words.

    Claims wait for `answer` while `slow` is set.
    """

    def __init__(self, strategies: Strategies | None = None) -> None:
        self.database = Database()
        self.core = Coordinator(strategies)
        self.said: list[str] = []
        self.slow = False
        self.claims: list[act.Reserve] = []
        self._readings = 0

    @property
    def now(self) -> float:
        return BEGIN + self.database.now

    def until(self, second: float) -> None:
        """Let time pass, waking the core when it asks for it."""
        while (due := self.core.deadline()) is not None and due <= BEGIN + second:
            self.database.now = max(self.database.now, due - BEGIN)
            self.tell(act.Tick())
        self.database.now = second
        self.tell(act.Tick())

    def read(self, agent_id: str) -> None:
        self._readings += 1
        agent = self.database.agents.get(agent_id)
        gone = act.AgentRemoved(agent_id, self._readings)
        self.tell(gone if agent is None else act.AgentChanged(agent, self._readings))

    def tell(self, event: act.Event) -> None:
        for action in self.core.apply(event, self.now):
            self.said += words(action)
            if isinstance(action, act.Reserve) and self.slow:
                self.claims.append(action)
            else:
                self.perform(action)
        self.hear()

    def hear(self) -> None:
        while self.database.news:
            self.tell(act.CallChanged(self.database.news.pop(0)))

    def answer(self) -> None:
        """The database answers the claims that are under way."""
        claims, self.claims = self.claims, []
        for claim in claims:
            self.perform(claim)
        self.hear()

    def perform(self, action: act.Action) -> None:
        database = self.database
        if isinstance(action, act.Reserve):
            if database.reserve(action.proxy_call_id, action.agent_id) is None:
                self._lost(action)
        elif isinstance(action, act.Refresh):
            self.read(action.agent_id)
        else:
            write(database, action)

    def take_over(self) -> None:
        """Another process leads from now on, and begins with what the rows say."""
        self.core = Coordinator(self.core._strategies)
        self._readings += 1
        live = [call for call in self.database.calls.values() if call.is_live]
        self.database.news.clear()
        for action in self.core.begin(self.database.agents.values(), live, self.now, self._readings):
            self.said += words(action)
            self.perform(action)
        self.hear()

    def _lost(self, claim: act.Reserve) -> None:
        self._readings += 1
        call = self.database.calls.get(claim.proxy_call_id)
        agent = self.database.agents.get(claim.agent_id)
        self.tell(act.ReservationLost(claim.proxy_call_id, claim.agent_id, call, agent, self._readings))


def write(database: Database, action: act.Action) -> ProxyCall | None:
    """Perform an action that is one transition of one call."""
    if isinstance(action, act.Take):
        return database.take(action.proxy_call_id)
    if isinstance(action, act.Refuse):
        return database.refuse(action.proxy_call_id)
    if isinstance(action, act.Overflow):
        return database.overflow(action.proxy_call_id)
    if isinstance(action, act.Step):
        return database.step(action)
    if isinstance(action, act.WantCaller):
        return database.want_caller(action.proxy_call_id)
    if isinstance(action, act.Expire):
        return database.expire(action.proxy_call_id, action.agent_leg_uuid)
    assert isinstance(action, act.RaiseNetworkLeg)
    return database.raise_early(action.proxy_call_id, action.switch_id)


def words(action: act.Action) -> Iterator[str]:
    """A decision in words; taking a call and reading an agent decide nothing."""
    if isinstance(action, act.Reserve):
        yield f"{action.proxy_call_id} to {action.agent_id}"
    elif isinstance(action, act.Refuse):
        yield f"refuse {action.proxy_call_id}: {action.reason}"
    elif isinstance(action, act.Overflow):
        full = ": queue full" if action.reason == "longest_queue" else ""
        yield f"overflow {action.proxy_call_id}{full}"
    elif isinstance(action, act.Step):
        yield f"step {action.proxy_call_id}: {action.number}"
    elif isinstance(action, act.WantCaller):
        yield f"call back {action.proxy_call_id}"
    elif isinstance(action, act.Expire):
        yield f"expire {action.proxy_call_id}"
    elif isinstance(action, act.RaiseNetworkLeg):
        yield f"raise {action.proxy_call_id} at {action.switch_id}"
