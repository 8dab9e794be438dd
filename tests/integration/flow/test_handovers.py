"""The process of an agent's switch is killed between the rows and the legs of a completed consultation."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from fsroute.switchsim import CallerCall
from fsroute.switchsim.api import APIS
from fsroute.switchsim.switch import Switch
from fsroute.switchsim.telephones import AgentCall
from tests.integration.flow.processes import Apart, Process, start
from tests.integration.flow.test_restarts import SITE_ROLES, apart
from tests.integration.flow.test_standing_legs import leave, log_on_standing, stands
from tests.integration.flow.test_transfers import (
    SITES,
    assert_all_is_well,
    colleague,
    consulting,
    hears,
    telephone,
)
from tests.starving import Starvation
from tests.waiting import until

__all__ = ["apart"]

JOINED_WITHIN = 3.0  # seconds from the moment that the new process serves


def processes(apart: Apart, folder: Path, name: str) -> tuple[Process, Process]:
    """Both centers serve; the process of this agent's switch, and the other one."""
    west = apart.west_site.add(folder, apart.conninfo, SITE_ROLES)
    east = apart.east_site.add(folder, apart.conninfo)
    start(east, west)
    return (west, east) if name == "dee" else (east, west)


def killed_at_the_join(apart: Apart, process: Process, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The agent completes; the rows are written, and the command that joins the legs is the last one, not done."""
    join = APIS["uuid_bridge"]

    def dies(switch: Switch, argument: str) -> str:
        process.kill()
        return "-ERR nobody hears this\n"

    monkeypatch.setitem(APIS, "uuid_bridge", dies)
    apart.store.transfers.ask(name, "complete", {})
    until(lambda: not process.runs(), 10)
    monkeypatch.setitem(APIS, "uuid_bridge", join)
    assert "consultation_completed" in apart.kinds()


def taken_over(process: Process, call: CallerCall, what: str) -> None:
    """The next process joins the caller as soon as is promised, by what it and the switch could have the processor."""
    starvation = Starvation(lambda: [os.getpid(), process.pid] if process.runs() else [os.getpid()])
    process.start()
    hears(call, what)
    heard = time.time()
    starvation.stop()
    served = process.moments("fsroute serves")[-1]
    late = heard - served - starvation.between(served, heard)
    assert late < JOINED_WITHIN, f"joined after {heard - served:.2f} s, {late:.2f} s of them by its own doing"


@pytest.mark.parametrize(("name", "other"), SITES)
def test_whoever_was_consulted_is_joined_with_the_caller_by_the_next_process(
    apart: Apart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, other: str
) -> None:
    process, _ = processes(apart, tmp_path, name)
    call, phone, second = consulting(apart, name, other)
    killed_at_the_join(apart, process, monkeypatch, name)
    hears(call, "local_stream")
    taken_over(process, call, f"talking with {other}")
    hears(second, "talking with Ada")
    until(lambda: phone.over.is_set(), 5)
    assert apart.query("select agent_id from reservation where ended_at is null") == [(other,)]
    call.hang_up()
    until(lambda: second.over.is_set() and len(apart.outcomes()) == 2, 10)
    assert apart.outcomes() == ["served", "served"]
    assert_all_is_well(apart)


@pytest.mark.parametrize(("name", "other"), SITES)
def test_a_caller_whom_nobody_is_left_for_is_next_in_the_queue(
    apart: Apart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, other: str
) -> None:
    process, _ = processes(apart, tmp_path, name)
    call, _, second = consulting(apart, name, other)
    killed_at_the_join(apart, process, monkeypatch, name)
    second.hang_up()
    until(second.over.is_set, 5)
    process.start()
    until(lambda: apart.kinds().count("joined") == 3, 10)
    hears(call, f"talking with {name}")
    assert "conversation_lost" in apart.kinds()
    call.hang_up()
    until(lambda: apart.outcomes() == ["served", "served"], 10)
    assert_all_is_well(apart)


@pytest.mark.parametrize(("name", "other"), SITES)
def test_the_leg_that_stands_of_who_had_consulted_is_there_for_the_next(
    apart: Apart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, other: str
) -> None:
    process, _ = processes(apart, tmp_path, name)
    stood = log_on_standing(apart, name)
    call, second = standing_consultation(apart, stood, name, other)
    killed_at_the_join(apart, process, monkeypatch, name)
    taken_over(process, call, f"talking with {other}")
    hears(second, "talking with Ada")
    until(lambda: stands(apart, name), 10)
    call.hang_up()
    until(lambda: apart.outcomes() == ["served", "served"], 10)
    assert not stood.over.is_set()
    leave(apart, name)
    assert_all_is_well(apart)


def standing_consultation(
    apart: Apart, stood: AgentCall, name: str, other: str
) -> tuple[CallerCall, AgentCall]:
    """An agent on a standing leg and a colleague, who talk while the caller is held."""
    call = apart.call_for_an_agent()
    until(lambda: call.talked_with == name and call.is_talking, 10)
    until(lambda: stood.channel is not None and stood.channel.digit_actions is not None, 5)
    colleague(apart, other)
    stood.press("**2")
    stood.press("77#")
    second = telephone(apart, other)
    hears(second, f"talking with {name}")
    until(lambda: apart.states() == ["bridged", "bridged"], 5)
    until(lambda: second.channel is not None, 5)
    return call, second
