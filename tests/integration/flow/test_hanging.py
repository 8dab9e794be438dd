"""An acd that hangs: it neither works nor dies, and whoever else could drive its switch is to hear of it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from fsroute.acd.legs import LegCommands
from fsroute.config import Role
from fsroute.switchsim.people import Answers
from tests.integration.flow.conftest import World
from tests.integration.flow.processes import Apart, Process, start
from tests.integration.flow.test_restarts import (
    apart,
    caller,
    converse,
    ends_as,
    everything_is_in_order,
    one_conversation,
    talks,
)
from tests.waiting import until

__all__ = ["apart"]

LEASE = 2.0  # seconds


def acd_of_east(apart: Apart, folder: Path, name: str = "acd") -> Process:
    """It goes on to have the lease for so long after it has hung."""
    site = apart.east_site
    process = Process(
        folder,
        f"east-{name}",
        site.settings,
        site.switch,
        apart.conninfo,
        (Role.ACD,),
        lease=LEASE,
    )
    site.processes.append(process)
    return process


def is_away(apart: Apart) -> bool:
    [(away,)] = apart.query("select away_since is not null from switch where switch_id = 'east-1'")
    return bool(away)


def told_of(apart: Apart, agent: str) -> list[tuple[str, str]]:
    """The ledger's lines of an agent's switch, with the reason."""
    return apart.query(
        "select kind, coalesce(data ->> 'reason', '') from agent_event"
        f" where agent_id = '{agent}' and kind in ('switch_away', 'switch_back') order by event_id"
    )


def others(apart: Apart, folder: Path) -> Process:
    roles = tuple(role for role in Role if role is not Role.ACD)
    return apart.west_site.add(folder, apart.conninfo, roles)


def test_the_switch_of_an_acd_that_hangs_is_away_until_it_goes_on(apart: Apart, tmp_path: Path) -> None:
    west, acd = others(apart, tmp_path), acd_of_east(apart, tmp_path)
    start(west, acd)
    talking = talks(apart, 1, "bob")
    apart.log_on("ann", Answers(after=0.1))
    until(lambda: not is_away(apart))
    before = told_of(apart, "ann")

    acd.send(signal.SIGSTOP)
    until(lambda: is_away(apart), 30)
    assert told_of(apart, "ann")[len(before) :] == [("switch_away", "nobody drives it")]
    assert talking.is_talking, "the switch itself goes on"
    waiting = caller(apart, 2)
    until(lambda: apart.state_of(waiting) == "queued", 10)
    until(lambda: "local_stream" in waiting.timeline.now, 10)
    assert "agent_reserved" not in apart.kinds_of(waiting), "its agents are offered nothing"

    acd.send(signal.SIGCONT)
    until(lambda: not is_away(apart), 15)
    assert told_of(apart, "ann")[len(before) + 1 :] == [("switch_back", "")]
    until(lambda: waiting.talked_with == "ann", 15)
    converse(talking, waiting)
    for call in (talking, waiting):
        call.hang_up()
        ends_as(apart, call, "served")
        one_conversation(call)
    everything_is_in_order(apart)


def test_a_standby_drives_the_switch_of_an_acd_that_hangs_and_goes_on_doing_so(
    apart: Apart, tmp_path: Path
) -> None:
    west, acd, standby = (
        others(apart, tmp_path),
        acd_of_east(apart, tmp_path),
        acd_of_east(apart, tmp_path, "next"),
    )
    start(west, acd)
    start(standby)
    talking = talks(apart, 1, "bob")

    acd.send(signal.SIGSTOP)
    until(lambda: "leads switch:east-1" in standby.log(), 30)
    until(lambda: not is_away(apart), 15)
    apart.log_on("ann", Answers(after=0.1))
    waiting = caller(apart, 2)
    until(lambda: waiting.talked_with == "ann", 15)

    acd.send(signal.SIGCONT)
    until(lambda: "lost switch:east-1" in acd.log(), 15)
    converse(talking, waiting)
    talking.hang_up()
    ends_as(apart, talking, "served")
    again = caller(apart, 3)
    until(lambda: again.talked_with == "bob", 15)
    converse(again, waiting)
    for call in (waiting, again):
        call.hang_up()
        ends_as(apart, call, "served")
        one_conversation(call)
    everything_is_in_order(apart)


def test_an_acd_that_has_lost_its_switch_lets_go_of_the_talks_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another process has done with the legs meanwhile is not to be undone by one that hung."""
    world.log_on("ann", Answers(after=0.1))
    call = world.call_for_an_agent()
    until(lambda: call.is_talking and world.states() == ["bridged"], 10)
    assert world.east.app is not None
    acd = world.east.app.acd
    assert acd is not None
    assert acd.offers() == 1
    told: list[str] = []

    def tell(_: LegCommands, command: str) -> bool:
        told.append(command)
        return True

    monkeypatch.setattr(LegCommands, "tell", tell)
    world.query(
        "update lease set holder = 'another', epoch = epoch + 1, expires_at = clock_timestamp() + interval '1 s'"
        " where name = 'switch:east-1' returning 1"
    )
    assert not acd._lease.renew()
    until(lambda: acd.offers() == 0, 5)
    assert (told, call.is_talking) == ([], True)
    monkeypatch.undo()
    until(lambda: acd.leads and acd.offers() == 1, 30)
    call.hang_up()
    world.wait_for_outcomes("served")
    world.assert_nothing_left()
