"""A process whose coordinator does not lead hears of agents and rows late: a replay has them when they were."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fsroute.acd.proxy_call import On
from fsroute.coordinator.actions import AgentChanged, CallChanged
from fsroute.model.agent import Agent, AgentStatus
from fsroute.model.proxy_call import AgentLeg, NetworkLeg, ProxyCall, State
from fsroute.model.routing import TimeLineStep
from fsroute.replay.journal import Entry, Event
from fsroute.replay.rewriting import Past, past
from fsroute.replay.script import Moved, Others, Told
from tests.unit.replay.captured import ANN
from tests.unit.rows import proxy_call

BEGAN = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
QUEUED = replace(
    proxy_call(), contact_id="a", version=2, state=State.QUEUED, agent_leg=AgentLeg.NONE,
    network_leg=NetworkLeg.NONE, agent_id=None, reserved_at=None, time_line=(), time_line_done=0,
)  # fmt: skip
OFFERED = replace(
    QUEUED, version=3, state=State.OFFERED, agent_leg=AgentLeg.DIALLING, network_leg=NetworkLeg.WANTED,
    agent_id="ann", reserved_at=BEGAN + timedelta(seconds=2),
)  # fmt: skip
FREE = replace(ANN, status=AgentStatus.AVAILABLE, available_from=BEGAN, idle_since=BEGAN)


def heard(
    *events: tuple[float, Event], agents: tuple[Agent, ...] = (), closed_at: float | None = None
) -> Past:
    """What is made of events so many seconds after the beginning, with a call that was queued before."""
    began = BEGAN.timestamp()
    entries = [Entry(n, began + at, event) for n, (at, event) in enumerate(events, 1)]
    return past(entries, "a", [QUEUED], {agent.agent_id: agent for agent in agents}, began, closed_at)


def told(found: Past) -> list[Agent]:
    return [
        item.entry.event.agent
        for item in found.items
        if isinstance(item, Told) and isinstance(item.entry.event, AgentChanged)
    ]


def offered(call: ProxyCall = OFFERED) -> tuple[float, Event]:
    return 2.2, CallChanged(call)


def test_a_reservation_comes_when_it_was_committed() -> None:
    found = heard(offered(), agents=(FREE,))
    assert [(item.at, item.on) for item in found.items if isinstance(item, Moved)] == [
        (2.0, On.AGENT_RESERVED)
    ]
    assert told(found) == []


def test_an_agent_who_was_reserved_before_the_journal_knew_of_the_log_on_was_free() -> None:
    busy_then = replace(FREE, available_from=BEGAN + timedelta(seconds=60))
    found = heard(offered(), (2.3, AgentChanged(busy_then, 5)))
    free, later = told(found)
    assert free.available_from == OFFERED.reserved_at
    assert free.skills == ANN.skills
    assert later == busy_then
    assert [item.at for item in found.items] == [2.0, 2.0, 2.3]


def test_an_agent_whom_the_journal_never_knew_could_serve_just_this() -> None:
    (free,) = told(heard(offered()))
    assert free.agent_id == "ann"
    assert free.skills == dict(QUEUED.demand.skills)
    assert free.authorizations[0].covers(QUEUED.demand, BEGAN + timedelta(seconds=3))


def test_a_contact_that_the_session_closed_is_closed_though_the_row_came_later() -> None:
    (closed,) = heard(closed_at=4.0).items
    assert isinstance(closed, Moved)
    assert (closed.at, closed.on) == (4.0, On.CALLER_GONE)


def test_a_step_that_is_in_no_time_line_was_somebodys_hand() -> None:
    step = replace(QUEUED, version=3, time_line_done=1, treatment=TimeLineStep(0.0, "announce"))
    (item,) = heard((1.0, CallChanged(step))).items
    assert isinstance(item, Others)
    planned = replace(step, time_line=(TimeLineStep(0.0, "announce"),))
    (item,) = heard((1.0, CallChanged(planned))).items
    assert isinstance(item, Moved)
