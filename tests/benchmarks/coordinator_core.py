"""How fast the coordinator's core decides, and how that grows with agents and waiting contacts.

    python -m tests.benchmarks.coordinator_core

Rows are made before the clock runs; what is timed is `apply` alone. *Busy*: contacts wait, and an agent who
becomes idle takes the first that the agent may serve. *Idle*: agents wait, and a contact that arrives gets
the longest idle. A *contact* is everything the core hears of one: requested, queued, offered, accepted,
joined, ended, and the agent's row after it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from time import perf_counter

from fsroute.coordinator.actions import AgentChanged, CallChanged, Event, Reserve
from fsroute.coordinator.state import Coordinator
from fsroute.model.agent import Agent, AgentStatus, Authorization
from fsroute.model.contact import Demand, Lead
from fsroute.model.proxy_call import AgentLeg, NetworkLeg, ProxyCall, State
from fsroute.routing.eligibility import Qualification

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SKILLS = ("sales", "billing", "repair", "english", "french")
CENTERS = 20
DECISIONS = 3000


@dataclass(frozen=True)
class Size:
    """What a contact center is made of."""

    agents: int
    groups: int
    classes: int
    waiting: int


def demands(size: Size) -> list[Demand]:
    """`classes` different demands: each a contact center, a skill and a level."""
    kinds = [(skill, level) for level in (1, 2) for skill in SKILLS]
    return [
        Demand(f"center-{number % CENTERS}", "voice", (kinds[number // CENTERS % len(kinds)],))
        for number in range(size.classes)
    ]


def agents(size: Size, random: Random) -> list[Agent]:
    """Agents in `groups` groups; each group serves three contact centers with three skills."""
    qualifications = [
        (
            tuple(f"center-{center}" for center in random.sample(range(CENTERS), 3)),
            {skill: random.randint(1, 2) for skill in random.sample(SKILLS, 3)},
        )
        for _ in range(size.groups)
    ]
    return [agent(number, *qualifications[number % size.groups]) for number in range(size.agents)]


def agent(number: int, centers: tuple[str, ...], skills: dict[str, int]) -> Agent:
    return Agent(
        agent_id=f"agent-{number}",
        name="",
        site_id="x",
        switch_id=f"switch-{number % 2}",
        address="user/1",
        skills=skills,
        authorizations=tuple(Authorization(center, "voice", LONG_AGO) for center in centers),
        status=AgentStatus.AVAILABLE,
        available_from=LONG_AGO,
        idle_since=BEGIN + timedelta(milliseconds=number),
    )


def requested(number: int, demand: Demand) -> ProxyCall:
    return ProxyCall(
        proxy_call_id=number,
        contact_id=str(number),
        contact_center_id=demand.contact_center_id,
        contact_center_name="",
        queue="main",
        demand=demand,
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
        strategy="longest_idle",
        lead=Lead(),
        hold_music="",
        offer_timeout=20.0,
        network_leg_timeout=10.0,
        network_leg_tries=3,
        network_leg_failures=0,
        longest_wait=36_000.0,
        refuse_when="no_agent_authorized",
        version=1,
    )


def queued(call: ProxyCall) -> ProxyCall:
    return replace(call, state=State.QUEUED, queued_at=call.arrived_at, version=2)


class Bench:
    """A core of one size, and a clock that runs only while it decides."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.random = Random(size.agents)
        self.core = Coordinator()
        self.now = (BEGIN + timedelta(hours=1)).timestamp()
        self.spent = 0.0
        self.agents = {one.agent_id: one for one in agents(size, self.random)}
        groups = {Qualification.of(one, self.now) for one in self.agents.values()}
        self.demands = [one for one in demands(size) if any(group.may_serve(one) for group in groups)]
        self.calls: dict[int, ProxyCall] = {}
        self.as_of = 0

    def tell(self, event: Event) -> list[Reserve]:
        began = perf_counter()
        actions = self.core.apply(event, self.now)
        self.spent += perf_counter() - began
        return [one for one in actions if isinstance(one, Reserve)]

    def read(self, agent_id: str, **changes: object) -> list[Reserve]:
        self.as_of += 1
        self.agents[agent_id] = replace(self.agents[agent_id], **changes)  # type: ignore[arg-type]
        return self.tell(AgentChanged(self.agents[agent_id], self.as_of))

    def arrives(self) -> list[Reserve]:
        call = requested(len(self.calls) + 1, self.random.choice(self.demands))
        self.calls[call.proxy_call_id] = queued(call)
        self.tell(CallChanged(call))
        return self.tell(CallChanged(self.calls[call.proxy_call_id]))

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


def busy(size: Size) -> tuple[float, float]:
    """Seconds for one decision while contacts wait, and for all that the core hears of one contact."""
    bench = Bench(size)
    for agent_id in bench.agents:
        bench.read(agent_id, status=AgentStatus.ON_BREAK)
    for _ in range(size.waiting):
        bench.arrives()
    names = list(bench.agents)
    bench.spent = deciding = 0.0
    decisions = 0
    while decisions < DECISIONS:
        agent_id = bench.random.choice(names)
        before = bench.spent
        claims = bench.read(agent_id, status=AgentStatus.AVAILABLE)
        if claims:
            deciding += bench.spent - before
            decisions += 1
            bench.serve(claims[0])
            bench.arrives()
        bench.read(agent_id, status=AgentStatus.ON_BREAK)
    return deciding / decisions, bench.spent / decisions


def idle(size: Size) -> tuple[float, float]:
    """The same while agents wait."""
    bench = Bench(size)
    for agent_id in bench.agents:
        bench.read(agent_id)
    bench.spent = deciding = 0.0
    decisions = 0
    while decisions < DECISIONS:
        before = bench.spent
        claims = bench.arrives()
        bench.now += 0.01
        if claims:
            deciding += bench.spent - before
            decisions += 1
            bench.serve(claims[0])
            bench.read(claims[0].agent_id, idle_since=datetime.fromtimestamp(bench.now, UTC))
    return deciding / decisions, bench.spent / decisions


def report(name: str, measure: Callable[[Size], tuple[float, float]], size: Size) -> float:
    gc.collect()
    decision, contact = measure(size)
    made_of = (
        f"{size.agents:6} agents {size.groups:4} groups {size.classes:4} classes {size.waiting:5} waiting"
    )
    speed = f"{1 / decision:7,.0f} decisions/s ({decision * 1e6:4.1f} us), {1 / contact:7,.0f} contacts/s"
    print(f"{name} {made_of}: {speed}")
    return decision


def main() -> None:
    report("busy", busy, Size(10_000, 500, 200, 5_000))
    report("idle", idle, Size(10_000, 500, 200, 0))
    for name, measure in (("busy", busy), ("idle", idle)):
        few = report(name, measure, Size(100, 50, 40, 50 if measure is busy else 0))
        many = report(name, measure, Size(10_000, 50, 40, 5_000 if measure is busy else 0))
        print(f"{name}: a hundred times the agents cost {many / few:.2f} times as much per decision")


if __name__ == "__main__":
    main()
