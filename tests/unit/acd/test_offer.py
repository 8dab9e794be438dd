from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import gevent
import pytest

from fsroute.acd.legs import Settings
from fsroute.acd.offer import Offer
from fsroute.acd.serving import Agent, Legs
from fsroute.acd.standing import Leg, Where
from fsroute.esl.errors import CommandTimeout
from fsroute.esl.messages import Event
from fsroute.model.proxy_call import AgentLeg, NetworkLeg, ProxyCall, State
from fsroute.store.store import Store
from tests.unit.rows import NOON, proxy_call


class Switch:
    """Does all that it is told; channels are in these `states`, each time that it is asked."""

    def __init__(self, *states: str) -> None:
        self.commands: list[str] = []
        self.states = list(states)

    def api(self, command: str) -> str:
        self.commands.append(command)
        return "+OK"

    def execute(self, uuid: str, application: str, argument: str = "") -> None:
        self.commands.append(f"{application} {uuid} {argument}")

    def state(self, uuid: str) -> str:
        return self.states.pop(0) if self.states else "CS_PARK"

    def bgapi(self, command: str, job_uuid: str | None = None) -> str:
        return self.api(command)

    def draft(self, command: str) -> None:
        self.commands.append(f"draft {command}")

    def perform_draft(self, command: str) -> None:
        self.commands.append(f"end {command}")


def store_with(*reservations: ProxyCall | None) -> Store:
    """Where the agent's leg is found, each time that it is asked for."""
    found = iter(reservations)
    rows = SimpleNamespace(of_agent_leg=lambda uuid: next(found))
    return cast(Store, SimpleNamespace(now=NOON.timestamp, proxy_calls=rows))


def test_whose_talk_was_handed_over_ends_no_leg_of_who_handed_it_over() -> None:
    consultation = proxy_call(
        State.BRIDGED, NetworkLeg.NOT_NEEDED, agent_leg=AgentLeg.JOINED, channel_uuid="leg of the first agent"
    )
    talk = proxy_call(State.BRIDGED, NetworkLeg.JOINED, agent_leg=AgentLeg.JOINED, proxy_call_id=8)
    over = replace(talk, state=State.ENDED, agent_leg_uuid=None, version=talk.version + 1)
    switch = Switch()
    offer = Offer(store_with(talk, None), switch, Settings("b", "{address}"), consultation, lambda _: None)
    offer.adopt(
        Legs(
            offer.agent_leg_uuid,
            NOON.timestamp(),
            agent=Agent.ANSWERED,
            network_uuid="leg of the first agent",
            joined=True,
        )
    )
    offer.inbox.put(replace(consultation, state=State.ENDED, agent_leg_uuid=None, version=9))
    offer.inbox.put(over)
    with gevent.Timeout(5):
        offer.run()
    killed = [command.split(None, 1)[1] for command in switch.commands if command.startswith("uuid_kill")]
    assert killed == ["agent-leg NORMAL_CLEARING", "network-leg NORMAL_CLEARING"]


def parked(uuid: str) -> Event:
    return Event.plain(f"Event-Name: CHANNEL_PARK\nUnique-ID: {uuid}\n\n".encode())


class Standing:
    """A leg that stands."""

    leg = Leg(Where.UP, "standing", parked=True)

    def taken(self) -> None:
        return

    def come_back(self) -> None:
        return


@pytest.mark.parametrize(
    ("state", "left"), [("CS_EXCHANGE_MEDIA", False), ("CS_HIBERNATE", False), ("CS_PARK", True), ("", True)]
)
def test_news_of_a_park_that_was_followed_by_a_join_ends_no_talk(state: str, left: bool) -> None:
    talk = proxy_call(State.BRIDGED, NetworkLeg.NOT_NEEDED, agent_leg=AgentLeg.JOINED)
    reported: list[str] = []
    rows = SimpleNamespace(
        get=lambda _: replace(talk, state=State.ENDED, agent_leg_uuid=None, version=9),
    )
    left_by = lambda call, uuid, cause, _: reported.append(cause)  # noqa: E731
    store = cast(Store, SimpleNamespace(now=NOON.timestamp, proxy_calls=rows, agent_left=left_by))
    offer = Offer(store, Switch(state), Settings("b", "{address}"), talk, lambda _: None, Standing())
    offer.adopt(replace(offer.legs, joined=True))
    offer.inbox.put(parked("standing"))
    offer.inbox.put(None)
    with gevent.Timeout(5):
        offer.run()
    assert reported == (["NORMAL_CLEARING"] if left else [])


class Mute(Switch):
    """Takes the command that dials, and does not answer."""

    def bgapi(self, command: str, job_uuid: str | None = None) -> str:
        super().bgapi(command, job_uuid)
        raise CommandTimeout("no reply to bgapi within 5 s")


def test_an_agent_whose_dialling_goes_unanswered_is_hung_up() -> None:
    """The phone may ring all the same, for an offer that is over."""
    switch = Mute()
    reserved = proxy_call(State.OFFERED, NetworkLeg.NONE, agent_leg=AgentLeg.DIALLING)
    offer = Offer(store_with(), switch, Settings("b", "{address}"), reserved, lambda _: None)
    offer._dial()
    dialled, ended = switch.commands
    assert dialled.startswith("originate ")
    assert ended.startswith(f"uuid_kill {offer.agent_leg_uuid} ")
    assert offer.legs.agent is Agent.GONE
