"""The process of the agent's switch is killed between the two halves of a join."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsroute.config import Role
from fsroute.switchsim.api import APIS
from fsroute.switchsim.people import Answers
from fsroute.switchsim.switch import Switch
from tests.integration.flow.processes import Apart, Process, start
from tests.integration.flow.test_restarts import (
    apart,
    caller,
    converse,
    ends_as,
    everything_is_in_order,
    music_was_never_off,
    one_conversation,
)
from tests.waiting import until

__all__ = ["apart"]


def dies_after(api: str, containing: str, process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first such command is done, and who gave it is killed before the answer."""
    do = APIS[api]

    def dies(switch: Switch, argument: str) -> str:
        said = do(switch, argument)
        if containing in argument and process.runs():
            process.kill()
        return said

    monkeypatch.setitem(APIS, api, dies)


@pytest.mark.parametrize(
    ("agent", "api", "containing"),
    [("ann", "uuid_answer", ""), ("dee", "uuid_setvar", "socket_resume false")],
    ids=["over a network leg", "on one switch"],
)
def test_an_acd_that_dies_amid_a_join_leaves_nobody_unjoined(
    apart: Apart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agent: str, api: str, containing: str
) -> None:
    others = tuple(role for role in Role if role is not Role.ACD)
    west = apart.west_site.add(tmp_path, apart.conninfo, others)
    site = apart.east_site if agent == "ann" else apart.west_site
    acd = site.add(tmp_path, apart.conninfo, (Role.ACD,))
    start(west, acd)
    dies_after(api, containing, acd, monkeypatch)
    apart.log_on(agent, Answers(after=0.1))
    call = caller(apart, 1)
    until(lambda: not acd.runs(), 15)
    converse(call)  # the switch goes on with what it was told, and there is nobody yet to tell it anything
    assert call.talked_with == agent
    acd.start()
    until(lambda: apart.state_of(call) == "bridged", 10)
    call.hang_up()
    ends_as(apart, call, "served")
    one_conversation(call)
    music_was_never_off(call)
    everything_is_in_order(apart)
