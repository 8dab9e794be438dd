"""News that comes late, twice or not at all; each was found by a random history or could be found by none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fsroute.coordinator import actions as act
from fsroute.coordinator.state import CLAIM_PAUSE, Coordinator
from fsroute.model.agent import AgentStatus
from fsroute.model.contact import Lead
from fsroute.model.proxy_call import ProxyCall, State
from tests.unit.coordinator.center import BEGIN, Database, demand, moment


class Desk:
    """A core that is told by hand."""

    def __init__(self) -> None:
        self.core = Coordinator()
        self.database = Database()

    def tell(self, event: act.Event, second: float = 0.0) -> list[act.Action]:
        return self.core.apply(event, BEGIN + second)

    def call(self, row: ProxyCall | None, second: float = 0.0) -> list[act.Action]:
        assert row is not None
        return self.tell(act.CallChanged(row), second)

    def agent(self, agent_id: str, as_of: int, second: float = 0.0) -> list[act.Action]:
        return self.tell(act.AgentChanged(self.database.agents[agent_id], as_of), second)

    def queued(self, number: int) -> ProxyCall:
        self.database.request(number)
        row = self.database.take(number)
        assert row is not None
        return row


@pytest.fixture
def desk() -> Desk:
    return Desk()


def claims(actions: list[act.Action]) -> list[tuple[int, str]]:
    return [(one.proxy_call_id, one.agent_id) for one in actions if isinstance(one, act.Reserve)]


def test_an_older_row_of_a_call_changes_nothing(desk: Desk) -> None:
    first = desk.database.request(1)
    desk.call(desk.database.take(1))
    assert desk.call(first) == []
    assert desk.core.waiting() == 1


def test_a_row_of_a_call_that_is_over_changes_nothing(desk: Desk) -> None:
    row = desk.queued(1)
    desk.call(desk.database.hang_up(1))
    assert desk.call(row) == []
    assert desk.core.waiting() == 0
    assert desk.core.call(1) is None


def test_of_two_readings_of_an_agent_the_one_begun_later_counts(desk: Desk) -> None:
    desk.database.hire("anna", status=AgentStatus.ON_BREAK)
    before = desk.database.agents["anna"]
    desk.database.declare("anna", AgentStatus.AVAILABLE)
    desk.agent("anna", as_of=2)
    desk.tell(act.AgentChanged(before, 1))
    assert claims(desk.call(desk.queued(1))) == [(1, "anna")]


def test_an_agent_read_before_being_dismissed_stays_dismissed(desk: Desk) -> None:
    anna = desk.database.hire("anna")
    desk.tell(act.AgentRemoved("anna", 2))
    desk.tell(act.AgentChanged(anna, 1))
    assert claims(desk.call(desk.queued(1))) == []


def test_a_reservation_that_is_over_before_it_is_heard_of_frees_contact_and_agent(desk: Desk) -> None:
    desk.database.hire("anna")
    desk.agent("anna", 1)
    desk.call(desk.queued(1))
    offered = desk.database.reserve(1, "anna")
    back = desk.database.fail(1, pause=0.0)
    assert desk.call(back) == []  # the claim is still unanswered
    assert act.Refresh("anna") in desk.call(offered)
    assert claims(desk.agent("anna", 2)) == [(1, "anna")]


def test_a_reservation_heard_of_after_the_caller_hung_up_frees_the_agent(desk: Desk) -> None:
    desk.database.hire("anna")
    desk.agent("anna", 1)
    desk.call(desk.queued(1))
    offered = desk.database.reserve(1, "anna")
    desk.call(desk.database.hang_up(1))
    assert desk.call(offered) == [act.Refresh("anna")]
    desk.agent("anna", 2)
    assert claims(desk.call(desk.queued(2))) == [(2, "anna")]


def test_an_old_offer_heard_of_again_does_not_answer_a_new_claim(desk: Desk) -> None:
    desk.database.hire("anna")
    desk.agent("anna", 1)
    desk.call(desk.queued(1))
    old = desk.database.reserve(1, "anna")
    desk.call(old)
    desk.call(desk.database.fail(1, pause=0.0))
    assert claims(desk.agent("anna", 2)) == [(1, "anna")]
    assert desk.call(old) == []
    assert desk.core.waiting() == 0


def test_a_lost_claim_heard_of_twice_does_not_answer_a_new_one(desk: Desk) -> None:
    desk.database.hire("anna", idle_since=-9)
    desk.database.hire("boris")
    desk.agent("anna", 1)
    desk.agent("boris", 2)
    row = desk.queued(1)
    desk.call(row)
    desk.database.declare("anna", AgentStatus.ON_BREAK)
    lost = act.ReservationLost(1, "anna", row, desk.database.agents["anna"], 3)
    assert claims(desk.tell(lost)) == [(1, "boris")]
    assert desk.tell(lost) == []
    assert desk.core.waiting() == 0


def test_a_claim_refused_though_no_row_changed_is_tried_again_a_little_later(desk: Desk) -> None:
    anna = desk.database.hire("anna")
    desk.agent("anna", 1)
    row = desk.queued(1)
    desk.call(row)
    assert claims(desk.tell(act.ReservationLost(1, "anna", row, anna, 2))) == []
    due = desk.core.deadline()
    assert due is not None
    assert BEGIN < due <= BEGIN + CLAIM_PAUSE + 0.001
    assert claims(desk.core.apply(act.Tick(), due)) == [(1, "anna")]


def test_a_lost_claim_gives_the_contact_its_place_back_before_the_agent_is_given_away(desk: Desk) -> None:
    anna = desk.database.hire("anna")
    desk.agent("anna", 1)
    row = desk.queued(1)
    desk.call(row)
    desk.call(desk.queued(2))
    changed = replace(anna, wrap_up=5.0)
    assert claims(desk.tell(act.ReservationLost(1, "anna", row, changed, 2))) == [(1, "anna")]


def test_news_of_a_contact_while_its_claim_is_under_way_is_kept_for_later(desk: Desk) -> None:
    anna = desk.database.hire("anna")
    desk.agent("anna", 1)
    before = desk.queued(1)
    desk.call(before)
    desk.call(desk.database.raise_early(1, "s2"))
    away = replace(anna, status=AgentStatus.ON_BREAK)
    desk.tell(
        act.ReservationLost(1, "anna", before, away, 2)
    )  # the row was read before the leg was asked for
    assert desk.core.waiting() == 1


def test_an_agent_engaged_for_one_call_is_not_freed_by_the_end_of_an_older_one(desk: Desk) -> None:
    anna = desk.database.hire("anna")
    desk.tell(act.AgentChanged(anna, 1))
    for number in (1, 2):
        desk.queued(number)
        desk.database.agents["anna"] = anna  # as a leader that begins in between may read it
        desk.call(desk.database.reserve(number, "anna"))
    desk.call(desk.database.hang_up(1))
    desk.tell(act.AgentChanged(anna, 2))
    assert claims(desk.call(desk.queued(3))) == []


def test_the_same_row_again_repeats_what_was_asked(desk: Desk) -> None:
    row = desk.database.request(1)
    assert desk.call(row) == [act.Take(1)]
    assert desk.call(row) == [act.Take(1)], "the first may have failed"


def test_an_early_leg_is_asked_for_once_until_its_row_comes(desk: Desk) -> None:
    desk.database.hire("anna", status=AgentStatus.ON_BREAK)
    desk.agent("anna", 1)
    desk.database.request(1, lead="position:3")
    assert act.RaiseNetworkLeg(1, "s2") in desk.call(desk.database.take(1))
    assert desk.call(desk.queued(2)) == []
    row = desk.database.raise_early(1, "s2")
    assert desk.call(row) == []


def test_a_leader_that_begins_takes_over_offers_and_talks(desk: Desk) -> None:
    database = desk.database
    for agent_id, number in (("anna", 1), ("boris", 2)):
        database.hire(agent_id)
        desk.queued(number)
        database.reserve(number, agent_id)
    database.accept(2)
    database.join(2)
    desk.agent("anna", 1)
    desk.agent("boris", 1)
    desk.call(database.calls[1])
    desk.call(database.calls[2])
    assert desk.core.deadline() == BEGIN + 24.0
    assert claims(desk.call(desk.queued(3))) == []
    assert desk.call(database.hang_up(2)) == [act.Refresh("boris")]
    assert claims(desk.agent("boris", 2)) == [(3, "boris")]


def test_the_core_knows_what_it_takes_for_live(desk: Desk) -> None:
    desk.database.hire("anna")
    desk.agent("anna", 1)
    desk.call(desk.queued(1))
    assert desk.core.calls() == {1}
    assert desk.core.agents() == {"anna"}
    call, agent = desk.core.call(1), desk.core.agent("anna")
    assert call is not None
    assert call.state is State.QUEUED
    assert agent is not None
    assert agent.name == "Anna"


def test_a_decision_says_what_the_order_was(desk: Desk) -> None:
    desk.database.hire("anna", idle_since=-5)
    desk.call(desk.queued(1))
    desk.call(desk.queued(2))
    (reserve,) = desk.agent("anna", 1)
    assert isinstance(reserve, act.Reserve)
    assert dict(reserve.why) == {
        "strategy": "longest_idle",
        "place": (0, BEGIN, 1),
        "waiting": 2,
        "key": (0, BEGIN - 5, "anna"),
        "idle_since": BEGIN - 5,
    }


def test_an_agents_row_that_changes_often_leaves_no_trail_of_timers(desk: Desk) -> None:
    anna = desk.database.hire("anna")
    (always,) = anna.authorizations
    ends = replace(always, valid_until=moment(9000.0))
    for as_of in range(100):
        desk.tell(act.AgentChanged(replace(anna, authorizations=(ends,)), as_of))
    assert len(desk.core._timers) == 1


def test_groups_of_agents_who_left_are_forgotten(desk: Desk) -> None:
    desk.call(desk.queued(1))
    for level in range(50):
        desk.tell(
            act.AgentChanged(desk.database.hire("anna", status=AgentStatus.ON_BREAK, skill=level), level)
        )
    assert len(desk.core._matching._groups) == 1
    desk.tell(act.AgentRemoved("anna", 99))
    assert not desk.core._matching._groups
    assert not desk.core._matching.class_of(demand()).groups


def test_leads_differ_within_a_class(desk: Desk) -> None:
    desk.database.hire("anna", status=AgentStatus.ON_BREAK)
    desk.agent("anna", 1)
    for number, lead in enumerate(("offered", "position:1", "position:3"), 1):
        desk.database.request(number, lead=lead)
        desk.call(desk.database.take(number))
    legs = {number: call.lead for number in (1, 2, 3) if (call := desk.core.call(number)) is not None}
    assert legs[2] == Lead.parse("position:1")
    assert act.RaiseNetworkLeg(2, "s2") in desk.call(desk.database.hang_up(1))
