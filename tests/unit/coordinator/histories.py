"""A core, a database, and a network that delivers when it likes; leaders die and others take over.

After every step the core's decisions are held against what it has been told (`Heard`: I1, I4, I7, I8) and nobody
waits while somebody who may serve is idle (I3). Whenever all news has arrived, the same is held against the
database itself: nothing is stuck (I3, I6), nothing goes on after its end (I2).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from fsroute.coordinator import actions as act
from fsroute.coordinator.demands import place_of
from fsroute.coordinator.queues import OVER_KEPT, next_step, offer_ends, overflows
from fsroute.coordinator.state import CLAIM_PAUSE, Coordinator
from fsroute.coordinator.strategies import BUILT_IN
from fsroute.model.agent import AgentStatus, MediumSlots
from fsroute.model.contact import Demand
from fsroute.model.proxy_call import LIVE, WAITING, State
from fsroute.model.routing import TimeLineStep
from tests.unit.coordinator.center import BEGIN, Database, authorized, demand, moment, write
from tests.unit.coordinator.heard import RATES, Heard, idle_at

DEMANDS = [
    demand("a"),
    demand("a", sales=1),
    demand("a", sales=2),
    demand("b"),
    demand("b", sales=1),
    demand("a", "chat"),
    demand("b", "chat", sales=1),
    demand("a", sales=1).with_(teams=("red",)),
    demand("a").with_(sites=("y",)),
    demand("a", sales=9),
    demand("a").with_(agent_id="agent-0"),
]
SLOTS = [
    {},
    {"voice": MediumSlots(1, 100), "chat": MediumSlots(2, 50)},
    {"voice": MediumSlots(1, 60), "chat": MediumSlots(3, 20)},
]
LINES: list[tuple[TimeLineStep, ...]] = [
    (),
    (),
    (TimeLineStep(10.0, "skill", skill="sales", level=1), TimeLineStep(40.0, "skill", skill="sales")),
    (TimeLineStep(5.0, "announce"), TimeLineStep(30.0, "priority", priority=2)),
    (TimeLineStep(20.0, "teams"), TimeLineStep(20.0, "sites", names=("x", "y"))),
]
STRATEGIES = ["longest_idle", "longest_idle", *BUILT_IN]
LEADS = ["offered", "offered", "position:2", "expected:30"]
REFUSALS = ["never", "never", "no_agent_authorized", "no_agent_logged_on"]
CHANGES = [
    "accept", "accept", "accept", "join", "join", "join", "fail", "hold", "leave", "lose", "hang_up", "hang_up",
    "hang_up", "choose_callback", "dial_caller", "caller_back", "caller_unreached", "give_up_callback", "transfer",
]  # fmt: skip
_OFFER, _TALK = (State.OFFERED, State.READY), (State.BRIDGED,)
HAPPENS_IN = {
    "accept": (State.OFFERED,),
    "join": (State.READY,),
    "fail": _OFFER,
    "hold": _OFFER,
    "leave": _TALK,
    "lose": _TALK,
    "transfer": _TALK,
    "choose_callback": (State.QUEUED,),
}
PAUSES = [0.01, 1.0, 5.0, 25.0]
CENTERS = ["a", "b", "ab"]


@dataclass(frozen=True)
class Hired:
    """What an agent is: all of it is drawn at the beginning."""

    centers: str
    level: int
    switch_id: str
    begins: float | None
    ends: float | None
    slots: int
    team: str | None
    site_id: str


@dataclass(frozen=True)
class Reading:
    """A reading of an agent's row that has begun."""

    agent_id: str
    as_of: int


Job = act.Action | Reading


class History:
    """What may happen, as methods; whoever drives it draws the order."""

    def __init__(self) -> None:
        self.database = Database()
        self.core = Coordinator()
        self.heard = Heard()
        self.jobs: list[Job] = []  # begun, not yet done by the database
        self.mail: list[act.Event] = []  # done, not yet heard by the core
        self.readings = 0
        self.ended: dict[int, State] = {}
        self.settled_at = 0.0
        self.closed: dict[str, bool] = {}
        self.expected = 0  # decisions that came before their agent was free
        self.own: set[tuple[int, int]] = set()  # rows that the leader wrote: their news needs no connection

    # What people do ------------------------------------------------------------------------------------

    def hire(self, agents: Sequence[Hired]) -> None:
        for index, one in enumerate(agents):
            slots = SLOTS[one.slots]
            windows = [
                authorized(center, one.begins, one.ends, medium)
                for center in one.centers
                for medium in (slots or ["voice"])
            ]
            self.database.hire(
                f"agent-{index}", *windows, switch_id=one.switch_id, wrap_up=5.0 * (index % 2), site_id=one.site_id,
                team=one.team, rate=float(index % 3), media=slots, sales=one.level,
            )  # fmt: skip
            self.begin_reading(f"agent-{index}")
        self.tell(act.RatesChanged(RATES))

    def arrive(
        self,
        wanted: Demand,
        priority: int,
        late: float,
        limit: float | None,
        lead: str,
        strategy: str,
        line: tuple[TimeLineStep, ...],
        refuse: str,
        full: int | None,
        site: str,
    ) -> None:
        number = len(self.database.calls) + 1
        self.database.request(
            number, wanted, priority=priority, arrived=self.database.now - late, longest_wait=limit, lead=lead,
            strategy=strategy, time_line=line, refuse_when=refuse, longest_queue=full, caller_site=site,
            preferred=f"agent-{number % 3}",
        )  # fmt: skip

    def go_on(self, what: str, which: int) -> None:
        states = HAPPENS_IN.get(what, tuple(LIVE))
        live = [number for number, call in self.database.calls.items() if call.state in states]
        if not live:
            return
        number = live[which % len(live)]
        if what == "hold":
            self.database.fail(number, pause=0.0, hold=5.0)
        elif what == "transfer":
            self.database.transfer(number, DEMANDS[which % len(DEMANDS)])
        elif not (what == "leave" and self.database.calls[number].agent_id is None):
            getattr(self.database, what)(number)

    def everybody_talks(self) -> None:
        """Offers are accepted and joined at once, and all of it is heard."""
        self.settle()
        for call in list(self.database.calls.values()):
            if call.state is State.OFFERED:
                self.database.accept(call.proxy_call_id)
                self.database.join(call.proxy_call_id)
        self.settle()

    def leave(self, which: int) -> None:
        """An agent hangs up, and the leader is asked what comes next before the database hears of it."""
        talks = [
            call
            for call in self.database.calls.values()
            if call.state is State.BRIDGED and call.agent_id is not None
        ]
        if talks:
            talk = talks[which % len(talks)]
            assert talk.agent_id is not None
            leaves = act.AgentLeaves(talk.agent_id, talk.proxy_call_id)
            decides = self.once_it_has_left(leaves)
            before = len(self.jobs)
            self.tell(leaves)
            early = [one for one in self.jobs[before:] if isinstance(one, act.Reserve) and one.leaving]
            assert list(map(plain, early)) == list(map(plain, decides)), (
                "the core decides otherwise once the agent has left"
            )
            self.expected += len(early)
            if not early:
                self.database.leave(talk.proxy_call_id)

    def once_it_has_left(self, event: act.AgentLeaves) -> list[act.Reserve]:
        """What a core that knows the same would decide, were the agent free by the rows, as of the early decision."""
        call, agent = self.core.call(event.proxy_call_id), self.core.agent(event.agent_id)
        if (
            call is None
            or agent is None
            or call.agent_id != event.agent_id
            or call.state is not State.BRIDGED
        ):
            return []
        rests = agent.wrap_up or agent.available_from > moment(self.database.now)
        if rests or event.agent_id in self.heard.unread:
            return []
        other = deepcopy(self.core)
        at = moment(self.database.now)
        other.apply(act.Tick(), self.now)
        other.apply(act.CallChanged(replace(call, agent_id=None, version=call.version + 1)), self.now)
        reservations = tuple(one for one in agent.reservations if one.proxy_call_id != call.proxy_call_id)
        row = replace(
            agent, reservations=reservations, available_from=at, idle_since=at, last_reserved_at=call.reserved_at,
            contacts_served=agent.contacts_served + 1,
        )  # fmt: skip
        decided = other.apply(act.AgentChanged(row, self.readings + 1), self.now)
        mine = [one for one in decided if isinstance(one, act.Reserve) and one.agent_id == event.agent_id]
        return [replace(one, leaving=call.proxy_call_id) for one in mine[:1]]

    def declare(self, status: AgentStatus, which: int) -> None:
        agent_id = sorted(self.database.agents)[which % len(self.database.agents)]
        self.database.declare(agent_id, status)
        self.begin_reading(agent_id)

    def retrain(self, level: int, team: str | None, which: int) -> None:
        agent_id = sorted(self.database.agents)[which % len(self.database.agents)]
        agent = self.database.agents[agent_id]
        self.database.agents[agent_id] = replace(agent, skills={"sales": level}, team=team)
        self.begin_reading(agent_id)

    def close(self, center: str, keep: bool) -> None:
        self.closed[center] = keep
        self.mail.append(act.CenterChanged(center, True, keep))

    def open(self, center: str) -> None:
        self.closed.pop(center, None)
        self.mail.append(act.CenterChanged(center, False))

    def pass_time(self, seconds: float) -> None:
        if self.database.now + seconds - self.settled_at > OVER_KEPT:  # news is late, but not for ever
            self.settle()
        self.until(self.database.now + seconds)

    # What the network does -------------------------------------------------------------------------------

    def do_job(self, which: int, refused: int) -> None:
        if self.jobs:
            self.perform(self.jobs.pop(which % len(self.jobs)), refused == 0)

    def deliver(self, which: int, again: bool) -> None:
        if not self.mail:
            return
        event = self.mail[which % len(self.mail)]
        if not isinstance(event, act.CallChanged):
            if isinstance(event, act.CenterChanged):  # one reading after the other
                event = next(one for one in self.mail if isinstance(one, act.CenterChanged))
            again = False
        if not again:
            self.mail.remove(event)
        self.tell(event)

    def lose_signals(self) -> None:
        """The connection broke: what others said of calls is lost, and everything is read anew."""
        self.post()
        self.mail = [
            event
            for event in self.mail
            if not isinstance(event, act.CallChanged)
            or (event.call.proxy_call_id, event.call.version) in self.own
        ]
        live = [call for call in self.database.calls.values() if call.is_live]
        for agent_id in self.database.agents:
            self.begin_reading(agent_id)
        gone = self.core.calls() - {call.proxy_call_id for call in live}
        for call in sorted([*live, *(self.database.calls[number] for number in gone)], key=place_of):
            self.tell(act.CallChanged(call))

    def take_over(self) -> None:
        """The leader dies with all that it had begun; another begins with the rows."""
        self.post()
        self.jobs.clear()
        self.mail = [  # what is heard in the meantime may be heard once more
            event
            for event in self.mail
            if isinstance(event, act.CallChanged) and self.database.calls[event.call.proxy_call_id].is_live
        ]
        self.core, self.heard = Coordinator(), Heard()
        self.readings += 1
        live = [call for call in self.database.calls.values() if call.is_live]
        agents = list(self.database.agents.values())
        for call in live:
            self.heard.take(act.CallChanged(call), self.now)
        for agent in agents:
            self.heard.take(act.AgentChanged(agent, self.readings), self.now)
        self.heard.closed = dict(self.closed)
        self.check(self.core.begin(agents, live, self.now, self.readings, self.closed, RATES))

    def settle(self) -> None:
        for _ in range(3000):
            if self.jobs:
                self.perform(self.jobs.pop(0), False)
            elif self.mail:
                self.tell(self.mail.pop(0))
            elif not self.database.news:
                self.settled_at = self.database.now
                return
            self.post()
        raise AssertionError("the core does not come to rest")

    def everything_arrives(self) -> None:
        """What the audit would find, were it to look now."""
        self.settle()
        self.until(self.database.now + CLAIM_PAUSE)  # who was refused without a reason is tried again
        self.settle()
        self.nothing_is_stuck()

    @property
    def now(self) -> float:
        return BEGIN + self.database.now

    def until(self, second: float) -> None:
        while (due := self.core.deadline()) is not None and due <= BEGIN + second:
            self.database.now = max(self.database.now, due - BEGIN)
            self.tell(act.Tick())
        self.database.now = second
        self.tell(act.Tick())

    def begin_reading(self, agent_id: str) -> None:
        self.readings += 1
        self.jobs.append(Reading(agent_id, self.readings))

    def perform(self, job: Job, refused: bool) -> None:
        self.post()
        self.do(job, refused)
        self.own |= {(call.proxy_call_id, call.version) for call in self.database.news}
        self.post()

    def do(self, job: Job, refused: bool) -> None:
        if isinstance(job, Reading):
            self.mail.append(act.AgentChanged(self.database.agents[job.agent_id], job.as_of))
        elif isinstance(job, act.Refresh):
            self.begin_reading(job.agent_id)
        elif isinstance(job, act.Reserve):
            if job.leaving is not None and self.database.calls[job.leaving].agent_id == job.agent_id:
                self.database.leave(job.leaving)
            if refused or self.database.reserve(job.proxy_call_id, job.agent_id) is None:
                self.lost(job)
        elif write(self.database, job) is None:
            self.mail.append(act.CallChanged(self.database.calls[job.proxy_call_id]))

    def lost(self, claim: act.Reserve) -> None:
        self.readings += 1
        call, agent = self.database.calls[claim.proxy_call_id], self.database.agents.get(claim.agent_id)
        self.mail.append(act.ReservationLost(claim.proxy_call_id, claim.agent_id, call, agent, self.readings))

    def post(self) -> None:
        """Rows that were written become news."""
        for call in self.database.news:
            before = self.ended.setdefault(call.proxy_call_id, call.state) if not call.is_live else None
            assert before in (None, call.state), "I2: a call ended twice"
            self.mail.append(act.CallChanged(call))
        self.database.news.clear()

    # What must hold ----------------------------------------------------------------------------------------

    def tell(self, event: act.Event) -> None:
        self.heard.take(event, self.now)
        self.check(self.core.apply(event, self.now))

    def check(self, decided: list[act.Action]) -> None:
        for action in decided:
            self.heard.decided(action)
        self.heard.contacts_order([action for action in decided if isinstance(action, act.Reserve)])
        self.heard.nobody_waits_in_vain()
        self.jobs += decided
        self.post()

    def nothing_is_stuck(self) -> None:
        now = self.now
        live = {number: call for number, call in self.database.calls.items() if call.state in LIVE}
        assert self.core.calls() == set(live), "I2: the core takes ended calls for live"
        queued = [
            call
            for call in live.values()
            if call.state in WAITING
            and (call.held_until is None or call.held_until <= moment(self.database.now))
        ]
        assert self.core.waiting() == len(queued)
        assert not [call for call in live.values() if call.state is State.REQUESTED]
        for call in queued:
            idle = [one for one in self.database.agents.values() if idle_at(one, call, now)]
            assert not idle, "I3: stuck"
            assert overflows(call) > now, "it waited longer than its rule allows"
            assert self.closed.get(call.contact_center_id) is not False, "its contact center is closed"
        for call in live.values():
            if call.state in WAITING:
                assert next_step(call) > now, "a step of the time line was missed"
            if call.state in (State.OFFERED, State.READY):
                assert offer_ends(call) > now, "I6: an agent stays reserved"
        told = self.core.progress()
        assert all(position >= 1 for _, position, *_ in told)
        assert {number for number, *_ in told} <= {call.proxy_call_id for call in queued}


def plain(claim: act.Reserve) -> tuple[object, ...]:
    """A decision to be compared; how many of a crew are idle counts the agent only where others might have been."""
    why = {**dict(claim.why), "key": None} if "imbalance" in dict(claim.why) else dict(claim.why)
    return claim.proxy_call_id, claim.agent_id, claim.leaving, why


@dataclass(frozen=True)
class Habits:
    """What is asked for in one history: the less there is of it, the more of it waits together."""

    demands: Sequence[Demand]
    strategies: Sequence[str]
    refusals: Sequence[str]


def habits(draw: Any) -> Habits:
    """By a function that picks one of several."""
    some = [draw(DEMANDS) for _ in range(draw([1, 2, 3]))]
    return Habits(
        draw([some, some, DEMANDS]),
        draw([["queue_idleness_ratio"], STRATEGIES, STRATEGIES[2:]]),
        draw([["never"], REFUSALS]),
    )


def arguments(draw: Any, habits: Habits) -> dict[str, Any]:
    """A contact."""
    return {
        "wanted": draw(habits.demands),
        "priority": draw([0, 0, 0, 1]),
        "late": draw([0.0, 0.3, 2.0, 5.0]),
        "limit": draw([None, None, 60.0]),
        "lead": draw(LEADS),
        "strategy": draw(habits.strategies),
        "line": draw(LINES),
        "refuse": draw(habits.refusals),
        "full": draw([None, None, None, 2]),
        "site": draw(["x", "y"]),
    }


def hired(draw: Any) -> Hired:
    return Hired(
        centers=draw(CENTERS),
        level=draw([0, 1, 2]),
        switch_id=draw(["s1", "s2"]),
        begins=draw([None, None, None, 40.0]),
        ends=draw([None, None, None, 90.0, 300.0]),
        slots=draw([0, 0, 1, 2]),
        team=draw([None, "red", "blue"]),
        site_id=draw(["x", "y"]),
    )
