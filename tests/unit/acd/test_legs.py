"""What is said to the agent's switch about the legs of an offer, and what becomes of its answers."""

from __future__ import annotations

import pytest

from fsroute.acd.legs import LegCommands, Settings
from fsroute.acd.serving import Legs
from fsroute.errors import SwitchError
from fsroute.model.proxy_call import NetworkLeg, ProxyCall, State
from tests.unit.acd.test_offer import Switch
from tests.unit.rows import NOON, proxy_call

LEGS = Legs("agent-leg", NOON.timestamp())
OVER_A_LEG = proxy_call(State.READY, NetworkLeg.PRESENT)
HERE = proxy_call(State.READY, NetworkLeg.NOT_NEEDED, channel_uuid="caller")


class Says(Switch):
    """Answers with `text`."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def api(self, command: str) -> str:
        super().api(command)
        return self.text


@pytest.mark.parametrize(
    ("call", "other", "told"),
    [
        (OVER_A_LEG, "network", "eval ${uuid_answer(network)}${uuid_bridge(network agent-leg)}"),
        (HERE, "caller", "eval ${uuid_setvar(caller socket_resume false)}${uuid_bridge(caller agent-leg)}"),
    ],
    ids=["over a network leg", "on one switch"],
)
def test_a_join_is_one_command(call: ProxyCall, other: str, told: str) -> None:
    switch = Says("+OK\n+OK agent-leg")
    LegCommands(switch, Settings("b", "{address}")).join(call, LEGS, other)
    assert switch.commands == [told]


@pytest.mark.parametrize(
    "said", ["+OK\n-ERR Invalid uuid", "-ERROR\n-ERR Invalid uuid", "-ERROR\n+OK agent-leg"]
)
def test_a_join_of_which_half_failed_has_failed(said: str) -> None:
    commands = LegCommands(Says(said), Settings("b", "{address}"))
    with pytest.raises(SwitchError, match="-ERR"):
        commands.join(OVER_A_LEG, LEGS, "network")


def test_a_channel_whose_name_the_switch_would_expand_is_not_joined() -> None:
    switch = Says("+OK\n+OK agent-leg")
    with pytest.raises(SwitchError):
        LegCommands(switch, Settings("b", "{address}")).join(OVER_A_LEG, LEGS, "${system(id)}")
    assert switch.commands == []


def test_a_caller_who_was_not_joined_here_comes_back_if_the_process_dies() -> None:
    switch = Says("+OK\n-ERR Invalid uuid")
    with pytest.raises(SwitchError):
        LegCommands(switch, Settings("b", "{address}")).join(HERE, LEGS, "caller")
    assert switch.commands[1:] == ["uuid_setvar caller socket_resume true"]
