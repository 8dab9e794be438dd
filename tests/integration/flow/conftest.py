from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fsroute import resources
from fsroute.app import sample_folder
from fsroute.demo.centers import EAST, WEST, Center
from fsroute.ivr import load
from fsroute.model import AgentStatus
from fsroute.monitoring.audit import audit
from fsroute.store.store import Store
from fsroute.switchsim import Agent, Answers, Caller, CallerCall, Network, Options, Press, WaitFor
from fsroute.switchsim.people import Behaviour
from tests.fix_database import look
from tests.starving import starved
from tests.waiting import until

FAST = Options(event_latency=0.0, state_delay=0.001, heartbeat=1.0)
LATE = 1.0  # seconds: callers, agents, two switches and two programs share one process and its processor here
ADDRESSES = {
    "ann": "1001@127.0.0.1:6001",
    "bob": "1002@127.0.0.1:6002",
    "cyd": "1003@127.0.0.1:6003",
    "dee": "1004@127.0.0.1:6004",
}


@dataclass
class World:
    """Two centers, and what tests ask of them."""

    conninfo: str
    network: Network
    west: Center
    east: Center
    calls: list[CallerCall] = field(default_factory=list)
    starved_before: float = field(default_factory=starved)
    late: float = LATE

    @property
    def store(self) -> Store:
        assert self.west.app is not None
        return self.west.app.store

    def log_on(self, agent_id: str, *behaviours: Behaviour) -> None:
        address = f"sofia/fsroute_agents/{ADDRESSES[agent_id]}"
        self.network.add_agent(Agent(address, agent_id, behaviours or (Answers(after=0.1),)))
        self.declare(agent_id, AgentStatus.AVAILABLE)

    def declare(self, agent_id: str, status: AgentStatus) -> None:
        self.store.agents.set_status(agent_id, status)
        self.store.announce_agent(agent_id)

    def call_for_an_agent(self, number: str = "+14155550123", **values: Any) -> CallerCall:
        caller = Caller(number, "Ada", "8005550100", (WaitFor("main_menu"), Press("2")), **values)
        return self.place(caller)

    def place(self, caller: Caller) -> CallerCall:
        call = self.network.call(caller, self.west.switch)
        self.calls.append(call)
        return call

    def pick_up(self, agent_id: str) -> None:
        """The agent answers the phone that rings."""
        rings = (
            call for call in self.network.agent_calls if call.agent.name == agent_id and call.cause is None
        )
        phone = next(rings)
        assert phone.channel is not None
        phone.is_answered = True
        phone.channel.party_answers()

    def query(self, text: str) -> list[tuple[Any, ...]]:
        return look(self.conninfo, text)

    def states(self) -> list[str]:
        return [row[0] for row in self.query("select state from proxy_call order by proxy_call_id")]

    def outcomes(self) -> list[str]:
        return [
            row[0]
            for row in self.query(
                "select outcome from contact where ended_at is not null order by arrived_at"
            )
        ]

    def kinds(self) -> list[str]:
        return [row[0] for row in self.query("select kind from contact_event order by event_id")]

    def wait_for_outcomes(self, *outcomes: str, limit: float = 10.0) -> None:
        until(lambda: len(self.outcomes()) >= len(outcomes), limit)
        assert self.outcomes() == list(outcomes)

    def kinds_of(self, call: CallerCall) -> list[str]:
        """The kinds of events of the contact of a caller's number."""
        text = (
            "select kind from contact_event join contact_personal using (contact_id)"
            " where caller_number = '{}' order by event_id"
        )
        return [row[0] for row in self.query(text.format(call.caller.number))]

    def assert_nothing_violated(self) -> None:
        """What must always hold did; a wait beside an idle agent is judged as `late` says."""
        late = self.late + max(0.0, starved() - self.starved_before)
        found = [str(violation) for violation in audit(self.store.database, limit=late)]
        assert found == [], "\n".join(found)

    def assert_nothing_left(self, silence: float = 0.3) -> None:
        """No channel, no live reservation, nobody left in silence for longer than others kept the processor from us."""
        until(lambda: not self.west.switch.channels and not self.east.switch.channels)
        assert self.query("select * from reservation where ended_at is null") == []
        silence += max(0.0, starved() - self.starved_before)
        for call in self.calls:
            assert call.timeline.silences(silence) == [], str(call.timeline)


@pytest.fixture
def world(conninfo: str) -> Iterator[World]:
    sample = (resources.folder("sql") / "samples" / "two_sites.sql").read_text("utf-8")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sample.encode())
        connection.execute("update fsroute.agent set wrap_up = 0, set_aside = 5")
    network = Network(speed=20.0)
    application = load(Path(sample_folder()) / "orders")
    applications = {application.name: application}
    centers = [Center(each, conninfo, network, applications, FAST) for each in (WEST, EAST)]
    world = World(conninfo, network, centers[0], centers[1])
    try:
        for center in centers:
            center.start()
        yield world
    finally:
        for center in centers:
            center.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Any:
    report = (yield).get_result()
    world = getattr(item, "funcargs", {}).get("world") or getattr(item, "funcargs", {}).get("apart")
    if report.when == "call" and report.failed and world is not None:
        rows = world.query(
            "select at::time, kind, state, agent_id, data from contact_event order by event_id"
        )
        report.sections.append(("contact events", "\n".join(str(row) for row in rows)))
        for each in [*world.calls, *world.network.agent_calls]:
            report.sections.append((f"what {each.name} heard", str(each.timeline)))
        for process in [*getattr(world.west, "processes", ()), *getattr(world.east, "processes", ())]:
            report.sections.append((process.log_file.name, process.log()[-20_000:]))
