"""A switch that is driven and answers is not away for longer than it takes to say so, whatever was written late."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import gevent.event
import pytest

from fsroute.coordinator.loop import CoordinatorRole
from fsroute.demo.centers import Center
from fsroute.switchsim import Answers
from tests.integration.flow.conftest import World
from tests.waiting import until


def hearts_stand_still(world: World) -> None:
    """No beat of a link says that its switch is back."""
    for center in (world.west, world.east):
        assert center.app is not None
        assert center.app.link is not None
        assert center.app.link._greenlet is not None
        center.app.link._greenlet.kill()


def answers(center: Center) -> bool:
    """The acd has looked at it."""
    return center.app is not None and center.app.acd is not None and bool(center.app.acd._core_uuid)


def is_away(world: World) -> bool:
    return bool(world.query("select 1 from switch where switch_id = 'east-1' and away_since is not null"))


def said(world: World, kind: str) -> int:
    rows = world.query(f"select 1 from agent_event where agent_id = 'ann' and kind = '{kind}'")
    return len(rows)


def leader(world: World) -> CoordinatorRole:
    def leading() -> list[CoordinatorRole]:
        roles = [center.app.coordinator for center in (world.west, world.east) if center.app is not None]
        return [role for role in roles if role is not None and role.is_leader]

    until(leading, 10)
    return leading()[0]


@pytest.fixture
def idle(world: World) -> World:
    """Both switches answer, and ann is there."""
    world.log_on("ann", Answers(after=0.1))
    until(lambda: all(answers(center) for center in (world.west, world.east)), 10)
    until(lambda: not world.query("select 1 from switch where away_since is not null"), 10)
    hearts_stand_still(world)
    return world


def assert_ann_is_served_to(world: World) -> None:
    call = world.call_for_an_agent()
    until(lambda: call.talked_with == "ann", 10)
    call.hang_up()
    world.wait_for_outcomes("served")


def test_a_switch_that_the_leader_took_for_driven_by_nobody_a_moment_too_late_is_back_at_once(
    idle: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody begins to drive it between the leader's look and what it writes of it."""
    before = said(idle, "switch_away")
    with monkeypatch.context() as patch:
        patch.setattr(leader(idle)._store.agents, "unattended_switches", lambda: ["east-1"])
        until(lambda: said(idle, "switch_away") > before, 10)
    until(lambda: not is_away(idle), 10)
    assert_ann_is_served_to(idle)


def test_a_switch_that_came_back_before_it_was_written_to_be_away_is_back_at_once(
    idle: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert idle.east.app is not None
    assert idle.east.app.acd is not None
    agents = idle.east.app.acd._store.agents
    away, back, answers = agents.switch_away, agents.switch_back, gevent.event.Event()
    late: list[bool] = []

    def written_late(switch_id: str, reason: str) -> bool:
        answers.wait(60)
        late.append(away(switch_id, reason))
        return late[-1]

    def written(switch_id: str) -> bool:
        try:
            return back(switch_id)
        finally:
            answers.set()

    monkeypatch.setattr(agents, "switch_away", written_late)
    monkeypatch.setattr(agents, "switch_back", written)
    restarted(idle.east)
    until(lambda: late, 10)
    until(lambda: not is_away(idle), 10)
    assert_ann_is_served_to(idle)


def restarted(center: Center) -> None:
    crash: Callable[[], object] = center.switch.crash
    crash()
    center.switch.restart()
