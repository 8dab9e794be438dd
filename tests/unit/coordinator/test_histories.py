"""Random histories: the database answers truthfully, but late, out of order, twice, and at times refuses.

After every step the core's decisions are held against what it has been told (I1, I4, I7: no agent twice, the
order kept, only who may serve) and nobody waits while somebody who may serve is idle (I3). Whenever all news
has arrived, the same is held against the database itself: nothing is stuck (I3, I6), nothing goes on after
its end (I2).
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fsroute.coordinator import actions as act
from fsroute.coordinator.demands import place_of
from fsroute.coordinator.queues import OFFER_GRACE, OVER_KEPT
from fsroute.coordinator.state import CLAIM_PAUSE, Coordinator
from fsroute.model.agent import Agent, AgentStatus
from fsroute.model.contact import Demand
from fsroute.model.proxy_call import LIVE, ProxyCall, State
from fsroute.routing.eligibility import is_idle
from tests.unit.coordinator.center import BEGIN, Database, authorized, demand, moment, write

DEMANDS = [demand("a"), demand("a", sales=1), demand("a", sales=2), demand("b"), demand("b", sales=1)]


@dataclass(frozen=True)
class Reading:
    """A reading of an agent's row that has begun."""

    agent_id: str
    as_of: int


Job = act.Action | Reading


class Heard:
    """What the core has been told, put together the slow way."""

    def __init__(self) -> None:
        self.calls: dict[int, ProxyCall] = {}
        self.agents: dict[str, tuple[int, Agent | None]] = {}
        self.overflowing: set[int] = set()  # the limit has passed; the row has not come back
        self.claims: dict[int, tuple[str, int]] = {}  # agent, and the version of the call's row
        self.unread: set[str] = set()  # agents whose row is to be read again before it says anything

    def take(self, event: act.Event) -> None:
        if isinstance(event, act.CallChanged):
            self._call(event.call)
        elif isinstance(event, act.AgentChanged):
            self._agent(event.agent.agent_id, event.agent, event.as_of)
        elif isinstance(event, act.AgentRemoved):
            self._agent(event.agent_id, None, event.as_of)
        elif isinstance(event, act.ReservationLost):
            claim = self.claims.get(event.proxy_call_id)
            if claim is not None and claim[0] == event.agent_id:
                del self.claims[event.proxy_call_id]
            self._agent(event.agent_id, event.agent, event.as_of)
            if event.call is not None:
                self._call(event.call)

    def _call(self, call: ProxyCall) -> None:
        known = self.calls.get(call.proxy_call_id)
        claim = self.claims.get(call.proxy_call_id)
        if claim is not None and call.agent_id == claim[0] and call.version > claim[1]:
            del self.claims[call.proxy_call_id]
        if known is None or known.version <= call.version:
            self.calls[call.proxy_call_id] = call
            self.overflowing.discard(call.proxy_call_id)

    def _agent(self, agent_id: str, agent: Agent | None, as_of: int) -> None:
        if as_of >= self.agents.get(agent_id, (0, None))[0]:
            self.agents[agent_id] = (as_of, agent)
            self.unread.discard(agent_id)

    def engaged(self) -> set[str]:
        reserved = {call.agent_id for call in self.calls.values() if call.agent_id is not None}
        return reserved | self.unread | {agent_id for agent_id, _ in self.claims.values()}


class Histories(RuleBasedStateMachine):
    """The core, a database, and a network that delivers when it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.database = Database()
        self.core = Coordinator()
        self.heard = Heard()
        self.jobs: list[Job] = []  # begun, not yet done by the database
        self.mail: list[act.Event] = []  # done, not yet heard by the core
        self.readings = 0
        self.ended: dict[int, State] = {}
        self.settled_at = 0.0

    # What people do ------------------------------------------------------------------------------------

    @initialize(
        agents=st.lists(
            st.tuples(
                st.sampled_from(["a", "b", "ab"]),
                st.integers(0, 2),
                st.sampled_from(["s1", "s2"]),
                st.sampled_from([None, 40.0, 200.0]),
                st.sampled_from([None, 90.0, 300.0]),
            ),
            min_size=1,
            max_size=4,
        )
    )
    def begin(self, agents: list[tuple[str, int, str, float | None, float | None]]) -> None:
        for index, (centers, level, switch_id, begins, ends) in enumerate(agents):
            windows = [authorized(center, begins, ends) for center in centers]
            self.database.hire(
                f"agent-{index}", *windows, switch_id=switch_id, wrap_up=5.0 * (index % 2), sales=level
            )
            self._begin_reading(f"agent-{index}")

    @rule(
        wanted=st.sampled_from(DEMANDS),
        priority=st.integers(0, 1),
        late=st.floats(0, 5),
        limit=st.sampled_from([None, 60.0]),
        lead=st.sampled_from(["offered", "position:2", "expected:30"]),
    )
    def call_arrives(
        self, wanted: Demand, priority: int, late: float, limit: float | None, lead: str
    ) -> None:
        arrived = self.database.now - late
        number = len(self.database.calls) + 1
        self.database.request(
            number, wanted, priority=priority, arrived=arrived, longest_wait=limit, lead=lead
        )  # fmt: skip

    @precondition(lambda self: self.database.calls)
    @rule(
        what=st.sampled_from(["accept", "join", "fail", "hold", "leave", "lose", "hang_up", "hang_up"]),
        which=st.integers(0, 1000),
    )
    def a_call_goes_on(self, what: str, which: int) -> None:
        live = [number for number, call in self.database.calls.items() if call.is_live]
        if not live:
            return
        number = live[which % len(live)]
        if what == "hold":
            self.database.fail(number, pause=0.0, hold=5.0)
        elif not (what == "leave" and self.database.calls[number].agent_id is None):
            getattr(self.database, what)(number)

    @rule(status=st.sampled_from(list(AgentStatus)), which=st.integers(0, 1000))
    def an_agent_declares(self, status: AgentStatus, which: int) -> None:
        agent_id = sorted(self.database.agents)[which % len(self.database.agents)]
        self.database.declare(agent_id, status)
        self._begin_reading(agent_id)

    @rule(seconds=st.sampled_from([0.01, 1.0, 5.0, 25.0]))
    def time_passes(self, seconds: float) -> None:
        if self.database.now + seconds - self.settled_at > OVER_KEPT:  # news is late, but not for ever
            self._settle()
        self._until(self.database.now + seconds)

    # What the network does -------------------------------------------------------------------------------

    @precondition(lambda self: self.jobs)
    @rule(which=st.integers(0, 1000), refused=st.integers(0, 9))
    def the_database_does(self, which: int, refused: int) -> None:
        self._perform(self.jobs.pop(which % len(self.jobs)), refused == 0)

    @precondition(lambda self: self.mail)
    @rule(which=st.integers(0, 1000), again=st.booleans())
    def news_arrives(self, which: int, again: bool) -> None:
        event = self.mail[which % len(self.mail)]
        if not (again and isinstance(event, act.CallChanged)):
            self.mail.remove(event)
        self._tell(event)

    @rule()
    def everything_arrives(self) -> None:
        """What the audit would find, were it to look now."""
        self._settle()
        self._until(self.database.now + CLAIM_PAUSE)  # who was refused without a reason is tried again
        self._settle()
        self._nothing_is_stuck()

    def teardown(self) -> None:
        if self.database.agents:
            self.everything_arrives()

    def _settle(self) -> None:
        for _ in range(1000):
            if self.jobs:
                self._perform(self.jobs.pop(0), False)
            elif self.mail:
                self._tell(self.mail.pop(0))
            elif not self.database.news:
                self.settled_at = self.database.now
                return
            self._post()
        raise AssertionError("the core does not come to rest")

    def _until(self, second: float) -> None:
        while (due := self.core.deadline()) is not None and due <= BEGIN + second:
            self.database.now = max(self.database.now, due - BEGIN)
            self._tell(act.Tick())
        self.database.now = second
        self._tell(act.Tick())

    def _begin_reading(self, agent_id: str) -> None:
        self.readings += 1
        self.jobs.append(Reading(agent_id, self.readings))

    def _perform(self, job: Job, refused: bool) -> None:
        if isinstance(job, Reading):
            self._read(job)
        elif isinstance(job, act.Refresh):
            self._begin_reading(job.agent_id)
        elif isinstance(job, act.Reserve):
            if refused or self.database.reserve(job.proxy_call_id, job.agent_id) is None:
                self._lost(job)
        else:
            self._write(job)
        self._post()

    def _read(self, job: Reading) -> None:
        agent = self.database.agents.get(job.agent_id)
        gone = act.AgentRemoved(job.agent_id, job.as_of)
        self.mail.append(gone if agent is None else act.AgentChanged(agent, job.as_of))

    def _write(self, action: act.Action) -> None:
        assert not isinstance(action, act.Reserve | act.Refresh)
        self._post()
        if write(self.database, action) is None:
            self.mail.append(act.CallChanged(self.database.calls[action.proxy_call_id]))

    def _lost(self, claim: act.Reserve) -> None:
        self.readings += 1
        call, agent = self.database.calls[claim.proxy_call_id], self.database.agents.get(claim.agent_id)
        self.mail.append(
            act.ReservationLost(claim.proxy_call_id, claim.agent_id, call, agent, self.readings)
        )  # fmt: skip

    def _post(self) -> None:
        """Rows that were written become news."""
        for call in self.database.news:
            before = self.ended.setdefault(call.proxy_call_id, call.state) if not call.is_live else None
            assert before in (None, call.state), "a call ended twice"
            self.mail.append(act.CallChanged(call))
        self.database.news.clear()

    # What must hold ----------------------------------------------------------------------------------------

    def _tell(self, event: act.Event) -> None:
        self.heard.take(event)
        decided = self.core.apply(event, BEGIN + self.database.now)
        for action in decided:
            if isinstance(action, act.Reserve):
                self._claimed(action)
            elif isinstance(action, act.Refresh):
                self.heard.unread.add(action.agent_id)
            elif isinstance(action, act.Overflow):
                self.heard.overflowing.add(action.proxy_call_id)
        self._order_was_kept([action for action in decided if isinstance(action, act.Reserve)])
        self.jobs += decided
        self._post()

    def _claimed(self, claim: act.Reserve) -> None:
        assert claim.agent_id not in self.heard.engaged(), "I1: an agent is given away twice"
        assert claim.proxy_call_id not in self.heard.claims, "I1: a contact is given away twice"
        call, agent = self.heard.calls[claim.proxy_call_id], self.core.agent(claim.agent_id)
        assert call.state in (State.REQUESTED, State.QUEUED)
        assert agent is not None
        assert is_idle(agent, BEGIN + self.database.now)
        assert self._eligible(agent, call), "I7: the agent may not serve this contact"
        self.heard.claims[claim.proxy_call_id] = (claim.agent_id, call.version)

    def _order_was_kept(self, claims: list[act.Reserve]) -> None:
        for claim in claims:
            call, agent = self.heard.calls[claim.proxy_call_id], self.core.agent(claim.agent_id)
            assert agent is not None
            for other in self._waiting():
                passed_over = place_of(other) < place_of(call) and self._eligible(agent, other)
                assert not passed_over, "I4: a contact before it could have been served"
            for idle in self._idle():
                longer = idle.idle_since < agent.idle_since and self._eligible(idle, call)
                assert not longer, "I4: somebody who may serve it has been idle longer"

    @invariant()
    def nobody_waits_while_somebody_is_idle(self) -> None:
        for call in self._waiting():
            for agent in self._idle():
                assert not self._eligible(agent, call), "I3: a contact waits beside an idle agent"

    def _waiting(self) -> list[ProxyCall]:
        """Calls in a queue, by what the core has heard."""
        return [
            call
            for number, call in self.heard.calls.items()
            if call.state is State.QUEUED
            and number not in self.heard.claims
            and number not in self.heard.overflowing
            and (call.held_until is None or call.held_until <= moment(self.database.now))
        ]

    def _idle(self) -> list[Agent]:
        known = map(self.core.agent, self.core.agents() - self.heard.engaged())
        return [agent for agent in known if agent is not None and is_idle(agent, BEGIN + self.database.now)]

    def _eligible(self, agent: Agent, call: ProxyCall) -> bool:
        return self.database.eligible(agent, call)

    def _nothing_is_stuck(self) -> None:
        now = self.database.now
        live = {number: call for number, call in self.database.calls.items() if call.state in LIVE}
        assert self.core.calls() == set(live), "I2: the core takes ended calls for live"
        queued = [
            call
            for call in live.values()
            if call.state is State.QUEUED and (call.held_until is None or call.held_until <= moment(now))
        ]
        assert self.core.waiting() == len(queued)
        assert not [call for call in live.values() if call.state is State.REQUESTED]
        for agent in self.database.agents.values():
            if is_idle(agent, BEGIN + now):
                assert not [call for call in queued if self._eligible(agent, call)], "I3: stuck"
        for call in queued:
            late = call.longest_wait is not None and call.queued_at is not None
            assert not (late and (moment(now) - call.queued_at).total_seconds() >= call.longest_wait)  # type: ignore[operator]
        for call in live.values():
            if call.state is State.OFFERED and call.reserved_at is not None:
                rings = (moment(now) - call.reserved_at).total_seconds()
                assert rings <= call.offer_timeout + OFFER_GRACE, "I6: an agent stays reserved"


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def history(seed: int, steps: int) -> None:
    """One history by the same rules, drawn the quick way; the seed names it."""
    random = Random(seed)
    machine = Histories()
    centers, windows = ["a", "b", "ab"], [None, 40.0, 200.0]
    machine.begin(
        agents=[
            (
                random.choice(centers),
                random.randint(0, 2),
                random.choice(["s1", "s2"]),
                random.choice(windows),
                random.choice([None, 90.0, 300.0]),
            )
            for _ in range(random.randint(1, 4))
        ]
    )
    changes = ["accept", "join", "fail", "hold", "leave", "lose", "hang_up", "hang_up"]
    for _ in range(steps):
        which = random.randrange(1000)
        match random.choices(range(7), weights=[3, 4, 1, 2, 6, 6, 0.5])[0]:
            case 0:
                machine.call_arrives(
                    wanted=random.choice(DEMANDS),
                    priority=random.randint(0, 1),
                    late=random.uniform(0, 5),
                    limit=random.choice([None, 60.0]),
                    lead=random.choice(["offered", "position:2", "expected:30"]),
                )
            case 1 if machine.database.calls:
                machine.a_call_goes_on(what=random.choice(changes), which=which)
            case 2:
                machine.an_agent_declares(status=random.choice(list(AgentStatus)), which=which)
            case 3:
                machine.time_passes(seconds=random.choice([0.01, 1.0, 5.0, 25.0]))
            case 4 if machine.jobs:
                machine.the_database_does(which=which, refused=random.randrange(10))
            case 5 if machine.mail:
                machine.news_arrives(which=which, again=random.random() < 0.2)
            case 6:
                machine.everything_arrives()
        machine.nobody_waits_while_somebody_is_idle()
    machine.teardown()


@pytest.mark.parametrize("first", range(0, 3000, 500))
def test_thousands_of_histories(first: int) -> None:
    for seed in range(first, first + 500):
        try:
            history(seed, 60)
        except AssertionError as error:
            raise AssertionError(f"history {seed}") from error
