"""An agent who goes on: the offer begins with the reservation, whatever is heard of the contact next."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import gevent
import pytest

from fsroute.acd.legs import LegCommands, Settings
from fsroute.acd.onward import Onward
from fsroute.acd.role import AcdRole
from fsroute.model.proxy_call import AgentLeg, NetworkLeg, State
from fsroute.store.store import Store
from fsroute.switchlink import SwitchLink
from tests.unit.acd.test_offer import Switch
from tests.unit.rows import proxy_call


class Lease:
    is_overdue = False


class Reserved:
    """An acd that drives switch b, and an agent's next contact, reserved for the agent at `switch_id`."""

    def __init__(self, switch_id: str = "b") -> None:
        self.switch = Switch()
        self.row = proxy_call(
            State.OFFERED, agent_leg=AgentLeg.DIALLING, network_leg=NetworkLeg.NOT_NEEDED, agent_id="ann",
            agent_switch_id=switch_id, agent_leg_uuid="leg-7", agent_address="user/ann", version=3,
        )  # fmt: skip
        rows = SimpleNamespace(get=lambda number: self.row, of_agent_leg=lambda uuid: None)
        agents = SimpleNamespace(announcement=lambda center: "", standing=lambda switch: [])
        signals: Any = SimpleNamespace(subscribe=lambda topic, callback: None)
        store = SimpleNamespace(proxy_calls=rows, agents=agents, signals=signals, now=lambda: 1000.0)
        link: Any = self.switch
        link.client = SimpleNamespace(connected=True, busy=False)
        self.role = AcdRole(
            cast(Store, store), cast(SwitchLink, link), Settings("b", "{address}"), cast(Any, Lease())
        )
        self.role._leads = True
        self.onward = self.role._onward

    def said(self) -> list[str]:
        """The first words of what the switch was told."""
        gevent.sleep(0)
        gevent.sleep(0)
        return [command.split()[0] for command in self.switch.commands]


def test_the_offer_begins_with_the_reservation_and_has_the_answer() -> None:
    house = Reserved()
    house.onward.begin(house.row)
    house.onward.reserved(house.row)
    assert house.role.offers() == 1
    assert house.said()[:3] == ["draft", "end", "originate"]
    house.role._row(house.row)
    assert house.role.offers() == 1, "its signal begins no other"


def test_who_gives_up_before_the_signal_of_the_reservation_is_heard_leaves_no_telephone_ringing() -> None:
    house = Reserved()
    house.onward.begin(house.row)
    house.onward.reserved(house.row)
    house.row = replace(
        house.row, state=State.ABANDONED, agent_leg=AgentLeg.NONE, agent_leg_uuid=None, version=4
    )
    house.role._row(house.row)  # of two signals of one row the newer alone is heard
    said = []
    with gevent.Timeout(10):
        while "uuid_kill" not in said:
            gevent.sleep(0.01)
            said = house.said()
    assert said[:3] == ["draft", "end", "originate"]


@pytest.mark.parametrize("leads", [True, False])
def test_an_agent_of_another_switch_or_of_another_process_is_not_dialled_from_here(leads: bool) -> None:
    house = Reserved("b" if not leads else "elsewhere")
    house.role._leads = leads
    house.onward.begin(house.row)
    house.onward.reserved(house.row)
    assert house.role.offers() == 0
    assert house.said() == ["draft"]


def test_a_leg_that_does_not_dial_is_not_dialled() -> None:
    switch = Switch()
    onward = Onward(LegCommands(switch, Settings("b", "{address}")), lambda call: False)
    onward.reserved(Reserved().row)
    assert switch.commands == []
