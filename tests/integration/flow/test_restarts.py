"""Processes are killed and stopped under calls; calls, places and agents survive."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fsroute import resources
from fsroute.config import Role
from fsroute.demo.centers import EAST, WEST
from fsroute.switchsim import Answers, Caller, CallerCall, Network, NoAnswer, Press, WaitFor
from tests.integration.flow.processes import Apart, Process, Site, open_store, start
from tests.starving import Starvation
from tests.waiting import until

BACK_WITHIN = 2.0  # seconds from the moment that the new process serves
SITE_ROLES = (Role.CALLSERVER, Role.ACD)
ACME, GLOBEX = "8005550100", "8005550200"
SILENCE = 1.0  # seconds that a caller may hear nothing while a process dies, on a busy machine


@pytest.fixture
def apart(conninfo: str) -> Iterator[Apart]:
    sample = (resources.folder("sql") / "samples" / "two_sites.sql").read_text("utf-8")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sample.encode())
        connection.execute("update fsroute.agent set wrap_up = 0, set_aside = 5")
    network = Network(speed=20.0, media_timeout=0.3)
    west, east = (Site(each, network) for each in (WEST, EAST))
    apart = Apart(conninfo, network, west, east, looker=open_store(conninfo))  # type: ignore[arg-type]
    try:
        yield apart
    finally:
        for site in (west, east):
            for process in site.processes:
                process.send(signal.SIGKILL)
                process.wait(30.0)
            site.switch.stop()
        apart.store.signals.stop()
        apart.store.database.close()


def caller(apart: Apart, number: int, called: str = ACME, *steps: Any, **values: Any) -> CallerCall:
    script = steps or (WaitFor("main_menu"), Press("2"))
    return apart.place(Caller(f"+1415555{number:04}", f"Caller {number}", called, script, **values))


def waits(apart: Apart, number: int) -> CallerCall:
    """A caller of the contact center whose agents are busy or away."""
    call = caller(apart, number, GLOBEX)
    until(lambda: apart.state_of(call) == "queued" and "fsroute" in call.timeline.now, 10)
    return call


def talks(apart: Apart, number: int, agent: str) -> CallerCall:
    apart.log_on(agent, Answers(after=0.1))
    call = caller(apart, number)
    until(lambda: call.is_talking and apart.state_of(call) == "bridged", 15)
    assert call.talked_with == agent
    return call


def rings(apart: Apart, number: int, agent: str) -> CallerCall:
    """The agent's phone rings, and so does the network leg."""
    apart.log_on(agent, NoAnswer())
    call = caller(apart, number)
    until(lambda: {"agent_ringing", "network_leg_present"} <= set(apart.kinds_of(call)), 10)
    return call


def converse(*calls: CallerCall) -> None:
    """Talk long enough that both have heard it."""
    until(lambda: all(call.is_talking for call in calls), 10)
    dead_for(0.05)


def ends_as(apart: Apart, call: CallerCall, outcome: str) -> None:
    until(lambda: apart.outcome_of(call) is not None, 10)
    assert apart.outcome_of(call) == outcome


def music_was_never_off(call: CallerCall) -> None:
    assert call.timeline.silences(SILENCE) == [], str(call.timeline)


def one_conversation(call: CallerCall) -> None:
    talks = [heard for heard in call.timeline.stretches() if heard.what.startswith("talking")]
    assert len(talks) == 1, str(call.timeline)


def dead_for(seconds: float) -> None:
    """Let a process be dead for some time: that is the situation, not a guess at how long something takes."""
    time.sleep(seconds)


@contextmanager
def coming_back(process: Process, calls: int) -> Iterator[None]:
    """The process begins to serve, or is left alone with the calls, and has so many back as soon as is promised.

    By its own clock, less what other programs have kept it and the switch from the processor.
    """
    starvation = Starvation(lambda: [os.getpid(), process.pid] if process.runs() else [os.getpid()])
    before, began = process.came_back(), time.time()
    yield
    served = max([moment for moment in process.moments("fsroute serves") if moment > began] or [time.time()])
    until(lambda: process.came_back() >= before + calls, BACK_WITHIN)
    starvation.stop()
    back = process.moments("call came back")[-1]
    late = back - served - starvation.between(served, back)
    assert late < BACK_WITHIN, f"back after {back - served:.2f} s, {late:.2f} s of them by its own doing"


def everything_is_in_order(apart: Apart) -> None:
    apart.assert_nothing_left(SILENCE)
    apart.assert_nothing_violated()


def test_a_call_that_is_offered_outlives_the_process_of_the_callers_switch(
    apart: Apart, tmp_path: Path
) -> None:
    west = apart.west_site.add(tmp_path, apart.conninfo, SITE_ROLES)
    east = apart.east_site.add(tmp_path, apart.conninfo)
    start(east, west)
    apart.query("update queue set offer_timeout = 8 returning 1")
    answered = rings(apart, 1, "ann")
    unanswered = rings(apart, 2, "bob")
    apart.log_on("dee", NoAnswer())
    gone = caller(apart, 3)
    until(lambda: "agent_ringing" in apart.kinds_of(gone), 10)

    west.kill()
    gone.hang_up()
    dead_for(0.5)
    apart.pick_up("ann")
    until(lambda: answered.is_talking, 5)
    start(west)
    ends_as(apart, gone, "abandoned")
    apart.log_on("dee", Answers(after=0.1, talk=10))
    until(lambda: unanswered.talked_with == "dee", 15)
    assert answered.is_talking
    answered.hang_up()
    for call in (answered, unanswered):
        ends_as(apart, call, "served")
        one_conversation(call)
        music_was_never_off(call)
    everything_is_in_order(apart)


def test_everything_is_killed_at_once(apart: Apart, tmp_path: Path) -> None:
    west = apart.west_site.add(tmp_path, apart.conninfo)
    east = apart.east_site.add(tmp_path, apart.conninfo)
    start(west, east)
    apart.query(
        "update queue set offer_timeout = 600 returning 1"
    )  # longer than any machine takes to start them again
    talking = talks(apart, 1, "bob")
    ringing = rings(apart, 2, "ann")
    waiting = waits(apart, 3)
    west.kill()
    east.kill()
    dead_for(0.5)
    with coming_back(west, 1):
        start(east, west)
    apart.log_on("cyd", Answers(after=0.1, talk=4))
    until(lambda: waiting.talked_with == "cyd", 10)
    assert talking.is_talking
    apart.pick_up("ann")
    converse(ringing)
    talking.hang_up()
    ringing.hang_up()
    for call in (talking, ringing, waiting):
        ends_as(apart, call, "served")
        one_conversation(call)
        music_was_never_off(call)
    everything_is_in_order(apart)


def test_sigterm_lets_present_calls_end_and_new_ones_go_to_the_other_call_server(
    apart: Apart, tmp_path: Path
) -> None:
    old = apart.west_site.add(tmp_path, apart.conninfo, drain=3.0)
    start(old)
    talking = talks(apart, 1, "dee")
    in_application = caller(apart, 2, ACME, WaitFor("main_menu"))
    waiting = waits(apart, 3)
    until(lambda: in_application.timeline.heard("main_menu"), 10)
    new = apart.west_site.add(tmp_path, apart.conninfo)
    start(new)
    old.send(signal.SIGTERM)
    until(lambda: "draining" in old.log(), 5)
    late = caller(apart, 4, ACME, WaitFor("main_menu"), Press("1"), WaitFor("order_number"), Press("12345"))
    until(lambda: late.timeline.heard("being_packed"), 10)
    assert "call arrived" in new.log()
    in_application.hang_up()
    ends_as(apart, in_application, "abandoned")
    with coming_back(new, 1):
        old.wait(10.0)
    assert talking.is_talking
    talking.hang_up()
    apart.log_on("dee", Answers(after=0.1))
    waiting.hang_up()
    late.hang_up()
    until(lambda: (apart.outcome_of(talking), apart.outcome_of(waiting)) == ("served", "abandoned"), 10)
    music_was_never_off(waiting)
    ends_as(apart, late, "self_served")
    everything_is_in_order(apart)


def test_a_call_that_no_call_server_takes_waits_with_music(apart: Apart, tmp_path: Path) -> None:
    west = apart.west_site.add(tmp_path, apart.conninfo)
    call = caller(apart, 1, ACME, WaitFor("main_menu"), Press("1"), WaitFor("order_number"), Press("12345"))
    until(lambda: "fsroute" in call.timeline.now, 5)
    start(west)
    until(lambda: call.timeline.heard("being_packed"), 10)
    call.hang_up()
    ends_as(apart, call, "self_served")
    everything_is_in_order(apart)


def test_calls_of_a_switch_that_stays_dead_are_lost_before_it_is_back(apart: Apart, tmp_path: Path) -> None:
    start(apart.west_site.add(tmp_path, apart.conninfo), apart.east_site.add(tmp_path, apart.conninfo))
    waiting = waits(apart, 1)
    ringing = rings(apart, 2, "ann")
    apart.west.switch.crash()
    ends_as(apart, waiting, "lost")
    ends_as(apart, ringing, "lost")
    until(lambda: not apart.east.switch.channels, 10)
    assert apart.query("select agent_id from reservation where ended_at is null") == []
    assert apart.query("select unavailable_reason from agent where agent_id = 'ann'") == [(None,)]
    apart.west.switch.restart()
    call = caller(apart, 3)
    until(lambda: apart.state_of(call) in ("queued", "offered"), 15)
    call.hang_up()
    ends_as(apart, call, "abandoned")
