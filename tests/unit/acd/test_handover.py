"""The legs after a consultation, as commands to a switch that records them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from fsroute.acd import handover
from fsroute.acd.handover import Handover
from fsroute.store.store import Store
from tests.unit.acd.test_offer import Switch


class HandoverSwitch(Switch):
    """A switch that can be asked about channels, too."""

    def exists(self, uuid: str) -> bool:
        return True

    def variable(self, uuid: str, name: str) -> str:
        return ""


def legs(switch: HandoverSwitch) -> Handover:
    return Handover(cast(Store, SimpleNamespace()), switch)


def test_a_leg_is_not_joined_before_it_has_noticed_that_its_talk_is_over() -> None:
    switch = HandoverSwitch("CS_SOFT_EXECUTE", "CS_SOFT_EXECUTE", "CS_EXECUTE")
    legs(switch).await_end_of_talk("agent")
    assert switch.states == []


def test_nobody_waits_long_for_a_leg_that_does_not_notice() -> None:
    switch = HandoverSwitch(*["CS_EXCHANGE_MEDIA"] * 1000)
    legs(switch).await_end_of_talk("agent")
    looked = 1000 - len(switch.states)
    assert 1 < looked <= handover.NOTICE_LIMIT / handover.LOOK_AGAIN + 1
