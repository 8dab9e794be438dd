"""Agents reserved before the answer, in SQL: under the same constraints as for a contact that waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from fsroute.acd.proxy_call import On
from fsroute.model.contact import CallerInformation, Demand, Outcome
from fsroute.model.proxy_call import AgentLeg, NetworkLeg, ProxyCall, State
from fsroute.model.routing import Routing
from fsroute.store.contacts import Contact
from fsroute.store.direct import DirectCalls, Leg
from fsroute.store.signals import Signals
from fsroute.store.store import Store
from tests.fix_center import ARRIVED_AT, Center, at_once, standing

ORDERS = Routing(
    "orders", Demand("blue", "voice", (("orders", 2),)), rule="early", rules_version=3, offer_timeout=12
)
Reserve = Callable[..., ProxyCall | None]


@pytest.fixture
def store(center: Center) -> Store:
    return Store(center.database, Signals(center.database))


@pytest.fixture
def direct(store: Store) -> DirectCalls:
    return DirectCalls(store)


@pytest.fixture
def reserve(direct: DirectCalls) -> Reserve:
    def reserve(
        agent_id: str = "ann", contact_id: str | None = None, redirected: bool = False, expires: float = 5.0,
        routing: Routing = ORDERS,
    ) -> ProxyCall | None:  # fmt: skip
        contact = Contact(
            contact_id=contact_id or str(uuid4()),
            contact_center_id="blue",
            medium="voice",
            switch_id="home",
            channel_uuid="" if redirected else f"channel-{uuid4()}",
            core_uuid=None,
            number_called="8005550100",
            application="orders",
            arrived_at=ARRIVED_AT,
        )
        caller = CallerInformation("+4930111", "Ms. Caller", "8005550100", ARRIVED_AT)
        leg = Leg(str(uuid4()), uuid4().hex * 2, 60.0, redirected, expires)
        return direct.reserve(
            contact, caller, routing, agent_id, str(uuid4()), leg, {"why": "longest_idle: ann"}
        )

    return reserve


def there(call: ProxyCall | None) -> ProxyCall:
    assert call is not None
    return call


def test_a_contact_is_opened_offered_and_has_its_network_leg_in_one(center: Center, reserve: Reserve) -> None:
    call = there(reserve("ann"))
    assert (call.state, call.agent_leg, call.network_leg) == (
        State.OFFERED,
        AgentLeg.DIALLING,
        NetworkLeg.RAISING,
    )
    assert (call.agent_id, call.agent_switch_id, call.network_switch_id) == ("ann", "away", "away")
    assert call.network_address == "10.0.0.2:5080"
    assert (call.rule, call.rules_version, call.demand.agent_id) == ("early", 3, "ann")
    assert center.kinds(call.contact_id) == [
        "arrived", "requested", "taken", "agent_reserved", "network_leg_raised", "decided",
    ]  # fmt: skip
    assert center.events(call.contact_id)[-1]["data"]["why"] == "longest_idle: ann"
    assert center.live_reservations() == [("ann", call.proxy_call_id)]


def test_an_agent_on_the_same_switch_has_a_network_leg_too(reserve: Reserve) -> None:
    call = there(reserve("bob"))
    assert (call.agent_switch_id, call.network_leg, call.network_switch_id) == (
        "home",
        NetworkLeg.RAISING,
        "home",
    )


def test_one_of_many_at_once_gets_the_agent(center: Center, reserve: Reserve) -> None:
    won = [call for call in at_once(*[reserve] * 8) if call is not None]
    assert len(won) == 1
    assert center.live_reservations() == [("ann", won[0].proxy_call_id)]
    assert center.value("select count(*) from proxy_call") == 1, "who lost has no proxy call"
    assert center.value("select count(*) from contact") == 8, "and is a contact"


@pytest.mark.parametrize(
    "change",
    [
        "update agent set status = 'on_break'",
        "update agent set available_from = clock_timestamp() + interval '1 minute'",
        "update agent_authorization set valid_until = '2020-01-02', valid_from = '2020-01-01'",
        "update agent_skill set level = 1",
        "delete from agent_authorization",
    ],
)
def test_what_keeps_an_agent_from_being_offered_keeps_it_from_this(
    center: Center, reserve: Reserve, change: str
) -> None:
    center.sql(change)
    assert reserve("ann") is None
    assert center.live_reservations() == []


def test_nobody_who_waits_is_passed_over(center: Center, reserve: Reserve) -> None:
    waiting = center.queued()
    assert reserve("ann") is None
    center.move(waiting, On.LIMIT_PASSED)
    assert reserve("ann") is not None


def test_who_waits_for_somebody_else_keeps_no_agent_back(center: Center, reserve: Reserve) -> None:
    waiting = center.queued()
    center.sql(
        "update proxy_call set skills = '[[\"welsh\", 1]]' where proxy_call_id = %(id)s",
        id=waiting.proxy_call_id,
    )
    assert reserve("ann") is not None


def test_after_an_agent_who_did_not_come_the_next_is_tried(center: Center, reserve: Reserve) -> None:
    first = there(reserve("ann"))
    back = center.move(first, On.AGENT_FAILED, end_reservation="no_answer")
    assert back.state is State.QUEUED
    second = there(reserve("bob", first.contact_id))
    assert (second.proxy_call_id, second.agent_id, second.demand.agent_id) == (
        first.proxy_call_id,
        "bob",
        "bob",
    )
    assert second.network_leg is NetworkLeg.RAISING
    assert second.network_leg_uuid != first.network_leg_uuid


def test_while_an_agent_is_offered_no_other_is(reserve: Reserve) -> None:
    first = there(reserve("ann"))
    assert reserve("bob", first.contact_id) is None


def test_who_is_not_taken_by_anybody_waits_like_others(
    center: Center, reserve: Reserve, direct: DirectCalls
) -> None:
    first = there(reserve("ann"))
    center.move(first, On.AGENT_FAILED, end_reservation="no_answer")
    queued = there(direct.queue(first.contact_id))
    assert (queued.state, queued.demand.agent_id) == (State.QUEUED, None)
    assert center.reserve(queued, "bob") is not None
    assert direct.queue(first.contact_id) is None, "nothing to do twice"


# Redirected ----------------------------------------------------------------------------------------------------


def test_a_redirected_caller_is_the_network_leg(
    center: Center, reserve: Reserve, direct: DirectCalls
) -> None:
    call = there(reserve("ann", redirected=True, expires=0.01))
    assert call.channel_uuid == ""
    assert center.contacts.live_of_switch("home") == [], "no channel of the switch is looked for"
    center.move(call, On.NETWORK_LEG_PRESENT, set={"rendezvous_uuid": "rv-1"})
    assert direct.overdue() == []


def test_who_does_not_come_after_the_redirection_is_given_up(
    center: Center, reserve: Reserve, direct: DirectCalls, store: Store
) -> None:
    in_time = there(reserve("bob", redirected=True))
    late = there(reserve("ann", redirected=True, expires=0.0))
    assert direct.overdue() == [late.contact_id]
    store.close_contact(late.contact_id, Outcome.ABANDONED, {})
    assert center.live_reservations() == [("bob", in_time.proxy_call_id)]
    assert standing(store.proxy_calls.latest(late.contact_id)) is not None
    assert center.agent("ann")["pause"] < 0, "available at once"
    direct.tidy()
    assert center.value("select count(*) from direct_call") == 1


def test_an_agent_who_does_not_take_a_redirected_caller_ends_the_contact(
    center: Center, reserve: Reserve, direct: DirectCalls
) -> None:
    call = there(reserve("ann", redirected=True))
    center.move(call, On.AGENT_FAILED, end_reservation="no_answer")
    assert direct.overdue() == [call.contact_id]


# Agents known by activity alone --------------------------------------------------------------------------------


def take(direct: DirectCalls, idle_since: float = 0.0, seconds: float = 5.0) -> bool:
    return direct.take("away", "callcenter:1001", idle_since, seconds)


def test_one_of_many_at_once_takes_an_agent(direct: DirectCalls) -> None:
    assert sorted(at_once(*[lambda: take(direct)] * 6)) == [False] * 5 + [True]


def test_an_agent_is_free_again_when_the_time_is_over(direct: DirectCalls) -> None:
    assert take(direct, seconds=0.0)
    assert take(direct)
    assert not take(direct)


def test_activity_that_is_newer_than_the_taking_ends_it(store: Store, direct: DirectCalls) -> None:
    assert take(direct)
    assert take(direct, idle_since=store.measure_clock() + store.now()), "busy meanwhile, and idle again"


def test_an_agent_who_was_not_called_is_free(direct: DirectCalls) -> None:
    assert take(direct)
    assert [(row.switch_id, row.agent) for row in direct.taken()] == [("away", "callcenter:1001")]
    direct.untake("away", "callcenter:1001")
    assert direct.taken() == []
    assert take(direct)


def test_the_decisions_of_a_contact_are_kept_in_order(direct: DirectCalls, reserve: Reserve) -> None:
    call = there(reserve("ann"))
    direct.note(call.contact_id, {"why": "longest_idle: nobody"})
    found: list[Any] = [data["why"] for _, data in direct.decisions(call.contact_id)]
    assert found == ["longest_idle: ann", "longest_idle: nobody"]
