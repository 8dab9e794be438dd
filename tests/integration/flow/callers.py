"""Callers who are offered a callback, and the same people at home when their telephone rings."""

from __future__ import annotations

import json
from typing import Any

from fsroute.acd.proxy_call import On
from fsroute.model.proxy_call import ProxyCall
from fsroute.model.routing import TimeLineStep
from fsroute.switchsim import Agent, Answers, Caller, CallerCall, Press, Wait, WaitFor
from fsroute.switchsim.people import Behaviour
from fsroute.switchsim.people import Step as Does
from fsroute.switchsim.telephones import AgentCall
from tests.integration.flow.conftest import World
from tests.waiting import until

HOME = "+14155550123"
TO_AN_AGENT = (WaitFor("main_menu"), Press("2"))
SLOWLY_CHOOSES = (
    WaitFor("callback_offer"), Press("1"), WaitFor("callback_confirm"), Wait(2), Press("1"),
)  # fmt: skip
CHOOSES = (WaitFor("callback_offer"), Press("1"), WaitFor("callback_confirm"), Press("1"))


def call_and(world: World, *does: Does, number: str = HOME, **values: Any) -> CallerCall:
    """Somebody calls, asks for an agent, and does what follows while waiting."""
    return world.place(Caller(number, "Ada", "8005550100", (*TO_AN_AGENT, *does), **values))


def row(world: World, nth: int = -1) -> ProxyCall:
    calls = world.query("select proxy_call_id from proxy_call order by proxy_call_id")
    call = world.store.proxy_calls.get(calls[nth][0])
    assert call is not None
    return call


def treat(world: World, step: TimeLineStep) -> None:
    """The time of a step has come for the last of the callers: what the coordinator does then."""
    until(lambda: len(world.states()) == len(world.calls) and world.states()[-1] == "queued", 10)
    document = step.dump()
    world.query(f"update proxy_call set time_line = '{json.dumps([document])}' returning 1")
    treatment = {"treatment": document, "time_line_done": 1}
    # again where something else has moved the row since it was read, as another ACD does
    until(lambda: world.store.move(row(world), On.TIME_LINE_STEP, set=treatment) is not None, 10)


def offer_callback(world: World) -> None:
    treat(world, TimeLineStep(0.0, "offer_callback"))


def at_home(world: World, *behaviours: Behaviour, number: str = HOME) -> None:
    """What the telephone does when it is called back."""
    address = f"sofia/gateway/carrier/{number}"
    world.network.add_agent(Agent(address, "Ada", behaviours or (Answers(after=0.1),)))


def calls_to(world: World, name: str = "Ada") -> list[AgentCall]:
    return [call for call in world.network.agent_calls if call.name == name]


def chose(world: World) -> CallerCall:
    """A caller who has chosen to be called back and has hung up."""
    call = call_and(world, *CHOOSES)
    offer_callback(world)
    until(lambda: call.over.is_set(), 10)
    return call


def want_caller(world: World) -> None:
    """The lead has come: what the coordinator does then."""
    assert world.store.move(row(world), On.CALLER_WANTED) is not None
