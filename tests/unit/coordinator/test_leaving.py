"""An agent is about to hang up: what comes next is decided before the agent is free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from fsroute.coordinator import actions as act
from fsroute.coordinator.state import Coordinator
from fsroute.model.agent import AgentStatus, MediumSlots
from fsroute.model.proxy_call import ProxyCall, State
from tests.unit.coordinator.center import BEGIN, Database, demand, moment


class Talk:
    """ann talks with 1, 2 and 3 wait; what the core says is told second by second."""

    def __init__(self, wrap_up: float = 0.0, media: Mapping[str, MediumSlots] | None = None) -> None:
        self.core = Coordinator()
        self.database = Database()
        self.database.hire("ann", wrap_up=wrap_up, media=media)
        for number in (1, 2, 3):
            self.database.request(number, arrived=float(number))
        self.read("ann", 1)
        self.hear()
        self.database.reserve(1, "ann")
        self.database.accept(1)
        self.database.join(1)
        self.read("ann", 2)
        self.database.take(2)
        self.database.take(3)
        self.hear()

    def tell(self, event: act.Event) -> list[act.Action]:
        return self.core.apply(event, BEGIN + self.database.now)

    def read(self, agent_id: str, as_of: int) -> list[act.Action]:
        return self.tell(act.AgentChanged(self.database.agents[agent_id], as_of))

    def hear(self) -> list[act.Action]:
        said: list[act.Action] = []
        while self.database.news:
            said += self.tell(act.CallChanged(self.database.news.pop(0)))
        return said

    def leaves(self, number: int = 1) -> list[act.Action]:
        return self.tell(act.AgentLeaves("ann", number))

    def row(self, number: int) -> ProxyCall:
        return self.database.calls[number]


def test_the_first_who_waits_is_claimed_for_an_agent_who_is_about_to_be_free() -> None:
    talk = Talk()
    talk.database.now = 60.0
    (claim,) = talk.leaves()
    assert isinstance(claim, act.Reserve)
    assert (claim.proxy_call_id, claim.agent_id, claim.leaving) == (2, "ann", 1)
    why = dict(claim.why)
    assert (why["place"], why["waiting"], why["idle_since"]) == ((0, BEGIN + 2, 2), 2, BEGIN + 60)
    assert talk.core.waiting() == 1


def test_the_news_of_both_changes_nothing_more() -> None:
    talk = Talk()
    talk.leaves()
    talk.database.leave(1)
    talk.database.reserve(2, "ann")
    assert talk.hear() == [act.Refresh("ann")]
    assert talk.read("ann", 3) == []
    assert talk.core.waiting() == 1


def test_the_news_of_both_may_come_in_any_order() -> None:
    talk = Talk()
    talk.leaves()
    talk.database.leave(1)
    free = talk.database.agents["ann"]
    talk.database.reserve(2, "ann")
    talk.database.news.reverse()
    assert talk.hear() == [act.Refresh("ann")]
    assert talk.tell(act.AgentChanged(free, 3)) == [], "a row from between the two frees nobody"


def test_an_agent_is_asked_for_only_once() -> None:
    talk = Talk()
    assert len(talk.leaves()) == 1
    assert talk.leaves() == []


def test_who_is_free_meanwhile_gets_the_one_after() -> None:
    talk = Talk()
    talk.leaves()
    talk.database.hire("bob")
    (claim,) = talk.read("bob", 4)
    assert isinstance(claim, act.Reserve)
    assert (claim.proxy_call_id, claim.agent_id) == (3, "bob")


def test_a_contact_goes_on_from_its_place_when_the_agent_is_not_to_be_had() -> None:
    talk = Talk()
    talk.leaves()
    talk.database.leave(1)
    talk.database.declare("ann", AgentStatus.ON_BREAK)
    assert talk.database.reserve(2, "ann") is None
    talk.tell(act.ReservationLost(2, "ann", talk.row(2), talk.database.agents["ann"], 3))
    assert talk.core.waiting() == 2
    talk.database.hire("bob")
    (claim,) = talk.read("bob", 4)
    assert isinstance(claim, act.Reserve)
    assert (claim.proxy_call_id, claim.agent_id) == (2, "bob")


def test_an_agent_whose_claimed_contact_hung_up_gets_the_one_after() -> None:
    talk = Talk()
    talk.leaves()
    talk.database.hang_up(2)
    talk.database.leave(1)
    assert talk.hear() == [act.Refresh("ann")]
    assert talk.read("ann", 3) == [], "the claim has not been answered"
    (claim,) = talk.tell(act.ReservationLost(2, "ann", talk.row(2), talk.database.agents["ann"], 4))
    assert isinstance(claim, act.Reserve)
    assert (claim.proxy_call_id, claim.agent_id, claim.leaving) == (3, "ann", None)


def test_an_agent_who_wraps_up_is_not_expected() -> None:
    assert Talk(wrap_up=5.0).leaves() == []
    assert Talk(media={"voice": MediumSlots(wrap_up=5.0)}).leaves() == []
    assert len(Talk(wrap_up=5.0, media={"voice": MediumSlots(wrap_up=0.0)}).leaves()) == 1


@pytest.mark.parametrize("status", [AgentStatus.ON_BREAK, AgentStatus.LOGGED_OUT])
def test_an_agent_who_takes_no_more_is_not_expected(status: AgentStatus) -> None:
    talk = Talk()
    talk.database.declare("ann", status)
    talk.read("ann", 3)
    assert talk.leaves() == []


def test_an_agent_who_is_to_rest_is_not_expected() -> None:
    talk = Talk()
    ann = talk.database.agents["ann"]
    talk.database.agents["ann"] = replace(ann, available_from=moment(99.0))
    talk.read("ann", 3)
    assert talk.leaves() == []


def test_who_is_not_in_a_talk_leaves_none() -> None:
    talk = Talk()
    assert talk.leaves(2) == []
    assert talk.leaves(77) == []
    assert talk.tell(act.AgentLeaves("nobody", 1)) == []
    talk.database.leave(1)
    talk.hear()
    assert talk.leaves() == []
    assert talk.row(1).state is State.BRIDGED


def test_nobody_is_claimed_whom_the_agent_may_not_serve() -> None:
    talk = Talk()
    for number in (2, 3):
        talk.database.hang_up(number)
    talk.database.request(4, demand("a", sales=1))
    talk.database.take(4)
    talk.hear()
    assert talk.leaves() == []
