"""How fast the coordinator's core decides, and how that grows with agents and waiting contacts.

    python -m tests.benchmarks.coordinator_core

What is timed is `apply` alone, from an event to the reservation it leads to; rows are made before the clock
runs, each anew as if it had just been read. *Freed*: contacts wait, and an agent who becomes idle takes the first
that the agent may serve. *Arrived*: agents are idle, and a contact that is requested gets the first by its
strategy. A *contact* is everything the core hears of one: requested, queued or offered, accepted, joined, ended,
and the agent's row after it. The clock counts the process's own time, for the machine may be busy besides; each
figure is the median of several windows, after one that warms up.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median
from time import process_time

from fsroute.coordinator.actions import AgentChanged, CallChanged, Event, RatesChanged, Reserve
from fsroute.coordinator.state import Coordinator
from fsroute.coordinator.strategies import BUILT_IN
from fsroute.model.agent import Agent, AgentStatus, Authorization
from fsroute.model.contact import Demand, Lead
from fsroute.model.proxy_call import AgentLeg, NetworkLeg, ProxyCall, State
from fsroute.routing.eligibility import Qualification

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SKILLS = ("sales", "billing", "repair", "english", "french")
SITES = ("east", "west")
CENTERS = 20
WINDOWS = 7
DECISIONS = 400  # in each window


@dataclass(frozen=True)
class Size:
    """What a contact center is made of."""

    agents: int
    groups: int
    classes: int
    waiting: int


FULL = Size(10_000, 500, 200, 5_000)


def demands(size: Size) -> list[Demand]:
    """`classes` different demands: each a contact center, a skill and a level."""
    kinds = [(skill, level) for level in (1, 2) for skill in SKILLS]
    return [
        Demand(f"center-{number % CENTERS}", "voice", (kinds[number // CENTERS % len(kinds)],))
        for number in range(size.classes)
    ]


def agents(size: Size, random: Random) -> list[Agent]:
    """Agents in `groups` groups; each serves four contact centers with five demands of each: twenty classes."""
    qualifications = [
        (
            tuple(f"center-{center}" for center in random.sample(range(CENTERS), 4)),
            dict(zip(random.sample(SKILLS, 3), (2, 2, 1), strict=True)),
        )
        for _ in range(size.groups)
    ]
    return [agent(number, *qualifications[number % size.groups]) for number in range(size.agents)]


def agent(number: int, centers: tuple[str, ...], skills: dict[str, int]) -> Agent:
    return Agent(
        agent_id=f"agent-{number}",
        name="",
        site_id=SITES[number % 2],
        switch_id=f"switch-{number % 2}",
        address="user/1",
        skills=skills,
        authorizations=tuple(Authorization(center, "voice", LONG_AGO) for center in centers),
        status=AgentStatus.AVAILABLE,
        available_from=LONG_AGO,
        idle_since=BEGIN + timedelta(milliseconds=number),
        rate=number % 7 / 10,
        contacts_served=number % 11,
    )


def read_anew(agent: Agent) -> Agent:
    """The same row out of another reading: nothing in it is the same object."""
    return replace(
        agent,
        skills=dict(agent.skills),
        authorizations=tuple(replace(one) for one in agent.authorizations),
    )


def requested(number: int, demand: Demand, strategy: str) -> ProxyCall:
    return ProxyCall(
        proxy_call_id=number,
        contact_id=str(number),
        contact_center_id=demand.contact_center_id,
        contact_center_name="",
        queue="main",
        demand=replace(demand),
        priority=0,
        arrived_at=BEGIN + timedelta(milliseconds=number),
        queued_at=None,
        switch_id="switch-0",
        channel_uuid="",
        caller_number="",
        caller_name="",
        state=State.REQUESTED,
        agent_leg=AgentLeg.NONE,
        network_leg=NetworkLeg.NONE,
        strategy=strategy,
        lead=Lead(),
        hold_music="",
        offer_timeout=20.0,
        network_leg_timeout=10.0,
        network_leg_tries=3,
        network_leg_failures=0,
        longest_wait=36_000.0,
        refuse_when="no_agent_authorized",
        caller_site_id=SITES[number % 2],
        preferred_agent_id=f"agent-{number % 100}",
        version=1,
    )


def queued(call: ProxyCall) -> ProxyCall:
    return replace(
        call, state=State.QUEUED, demand=replace(call.demand), queued_at=call.arrived_at, version=2
    )


class Bench:
    """A core of one size, and a clock that runs only while it decides."""

    def __init__(self, size: Size, strategy: str = "longest_idle", busy: bool = False) -> None:
        self.size = size
        self.strategy = strategy
        self.random = Random(size.agents)
        self.core = Coordinator()
        self.now = (BEGIN + timedelta(hours=1)).timestamp()
        self.spent = 0.0
        status = AgentStatus.ON_BREAK if busy else AgentStatus.AVAILABLE
        self.agents = {one.agent_id: replace(one, status=status) for one in agents(size, self.random)}
        groups = {Qualification.of(one, self.now) for one in self.agents.values()}
        self.demands = [one for one in demands(size) if any(group.may_serve(one) for group in groups)]
        self.calls: dict[int, ProxyCall] = {}
        self.as_of = 1
        for _ in range(size.waiting if busy else 0):
            self.make()
        gc.collect()
        began = process_time()
        self.core.begin(self.agents.values(), self.calls.values(), self.now, self.as_of)
        self.beginning = process_time() - began
        self.core.apply(RatesChanged({(one, other): 1.0 for one in SITES for other in SITES}), self.now)

    def make(self) -> ProxyCall:
        call = requested(len(self.calls) + 1, self.random.choice(self.demands), self.strategy)
        self.calls[call.proxy_call_id] = queued(call)
        return call

    def tell(self, event: Event) -> list[Reserve]:
        began = process_time()
        actions = self.core.apply(event, self.now)
        self.spent += process_time() - began
        return [one for one in actions if isinstance(one, Reserve)]

    def read(self, agent_id: str, **changes: object) -> list[Reserve]:
        self.as_of += 1
        row = replace(self.agents[agent_id], **changes)  # type: ignore[arg-type]
        self.agents[agent_id] = read_anew(row)
        return self.tell(AgentChanged(self.agents[agent_id], self.as_of))

    def arrives(self) -> list[Reserve]:
        call = self.make()
        claims = self.tell(CallChanged(call))
        return claims or self.tell(CallChanged(self.calls[call.proxy_call_id]))

    def serve(self, claim: Reserve) -> None:
        """From the reservation to the end of the talk, without the agent's row."""
        at = datetime.fromtimestamp(self.now, UTC)
        call = self.calls[claim.proxy_call_id]
        leg = f"leg-{call.proxy_call_id}"
        offered = replace(
            call, state=State.OFFERED, agent_id=claim.agent_id, agent_leg_uuid=leg, reserved_at=at, version=3
        )
        ready = replace(offered, state=State.READY, accepted_at=at, version=4)
        bridged = replace(ready, state=State.BRIDGED, bridged_at=at, version=5)
        ended = replace(call, state=State.ENDED, bridged_at=at, version=6)
        for row in (offered, ready, bridged, ended):
            self.tell(CallChanged(row))

    def window(self, decide: Callable[[Bench], float]) -> tuple[float, float]:
        """Seconds for one decision, and for all that the core hears of one contact."""
        self.spent = deciding = 0.0
        for _ in range(DECISIONS):
            deciding += decide(self)
        return deciding / DECISIONS, self.spent / DECISIONS


def freed(bench: Bench) -> float:
    """Seconds from an agent's becoming idle to the reservation."""
    while True:
        agent_id = bench.random.choice(list(bench.agents))
        before = bench.spent
        claims = bench.read(agent_id, status=AgentStatus.AVAILABLE)
        took = bench.spent - before
        if claims:
            bench.serve(claims[0])
            bench.arrives()
        bench.read(agent_id, status=AgentStatus.ON_BREAK)
        if claims:
            return took


def arrived(bench: Bench) -> float:
    """Seconds from a contact's request to the reservation."""
    bench.now += 0.01
    before = bench.spent
    (claim,) = bench.arrives()
    took = bench.spent - before
    bench.serve(claim)
    bench.read(claim.agent_id, idle_since=datetime.fromtimestamp(bench.now, UTC))
    return took


def speed(name: str, bench: Bench, decide: Callable[[Bench], float]) -> None:
    windows = [bench.window(decide) for _ in range(WINDOWS + 1)][1:]
    decision, contact = (median(column) for column in zip(*windows, strict=True))
    print(
        f"{name:8} {bench.strategy:20} {1 / decision:7,.0f} decisions/s ({decision * 1e6:4.1f} us)"
        f", {1 / contact:7,.0f} contacts/s",
        flush=True,
    )


def growth(name: str, few: Bench, many: Bench, decide: Callable[[Bench], float]) -> None:
    """How much longer a decision takes, by windows that take turns."""
    pairs = [(few.window(decide)[0], many.window(decide)[0]) for _ in range(WINDOWS + 1)][1:]
    ratio = median(long / short for short, long in pairs)
    short, long = (median(column) for column in zip(*pairs, strict=True))
    made_of = (
        f"{few.size.agents} agents {short * 1e6:4.1f} us, {many.size.agents:,} agents {long * 1e6:4.1f} us"
    )
    print(f"{name:8} {few.size.waiting:5} and {many.size.waiting:5} waiting: {made_of}: {ratio:.2f} times")


def main() -> None:
    size = FULL
    print(
        f"{size.agents:,} agents in {size.groups} groups, {size.classes} demand classes, 20 classes per agent, "
        f"{size.waiting:,} waiting"
    )
    for strategy in ("longest_idle", "queue_idleness_ratio"):
        bench = Bench(size, strategy, busy=True)
        speed("freed", bench, freed)
        if strategy == "longest_idle":
            print(f"         to begin with all of it takes {bench.beginning:.2f} s of CPU")
    for strategy in BUILT_IN:
        speed("arrived", Bench(size, strategy), arrived)
    few, many = Size(100, 50, 40, 5_000), Size(10_000, 50, 40, 5_000)
    growth("freed", Bench(few, busy=True), Bench(many, busy=True), freed)
    fewer = replace(few, waiting=50)
    growth("freed", Bench(fewer, busy=True), Bench(many, busy=True), freed)
    growth("arrived", Bench(few), Bench(many), arrived)


if __name__ == "__main__":
    main()
