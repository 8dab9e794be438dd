"""Agents reserved before the answer, in SQL: under the same constraints as for a contact that waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fsroute.acd.proxy_call import On
from fsroute.errors import Unanswered
from fsroute.model.contact import CallerInformation, Demand, Outcome
from fsroute.model.proxy_call import AgentLeg, NetworkLeg, ProxyCall, State
from fsroute.model.routing import Routing
from fsroute.monitoring.audit import audit
from fsroute.scp.shares import Shares
from fsroute.store.contacts import Contact
from fsroute.store.direct import Claimed, DirectCalls, Leg, Lost, Place, Share, Take, Wanted
from fsroute.store.direct import Reserve as Agent
from fsroute.store.signals import Signals
from fsroute.store.store import Store
from tests.fix_center import ARRIVED_AT, Center, at_once, standing
from tests.losses import Losses, losses
from tests.waiting import until

__all__ = ["losses"]

ORDERS = Routing(
    "orders", Demand("blue", "voice", (("orders", 2),)), rule="early", rules_version=3, offer_timeout=12
)
CALLER = CallerInformation("+4930111", "Ms. Caller", "8005550100", ARRIVED_AT)
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
        routing: Routing = ORDERS, directed_for: float | None = None,
    ) -> ProxyCall | None:  # fmt: skip
        contact = new_contact(contact_id, redirected)
        kept = (0.0 if redirected else 5.0) if directed_for is None else directed_for
        leg = Leg(str(uuid4()), uuid4().hex * 2, 60.0, redirected, expires, kept)
        wanted = Wanted(reserve=Agent(routing, agent_id, str(uuid4()), leg))
        return direct.claim(contact, CALLER, {"why": "longest_idle: ann"}, wanted).call

    return reserve


def new_contact(contact_id: str | None = None, redirected: bool = False) -> Contact:
    return Contact(
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
    assert (call.rule, call.rules_version, call.demand.agent_id) == ("early", 3, None)
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
    assert (second.proxy_call_id, second.agent_id) == (first.proxy_call_id, "bob")
    assert second.network_leg is NetworkLeg.RAISING
    assert second.network_leg_uuid != first.network_leg_uuid


WHAT_FAILS = [
    (On.AGENT_FAILED, {}),
    (On.NETWORK_LEG_GIVEN_UP, {"set": {"held_for": 1.0}}),
    (On.JOIN_FAILED, {}),
]


def after(center: Center, call: ProxyCall, on: On, values: dict[str, Any]) -> ProxyCall:
    """The offer fails; the phone has rung before, and before a join both are there."""
    center.move(call, On.AGENT_RINGING)
    center.move(call, On.NETWORK_LEG_PRESENT, set={"rendezvous_uuid": "rv-1"})
    if on is On.JOIN_FAILED:
        center.move(call, On.AGENT_ACCEPTED)
    return center.move(call, on, end_reservation="no_answer", data={"reason": "no_answer"}, **values)


@pytest.mark.parametrize(("on", "values"), WHAT_FAILS)
def test_whose_agent_does_not_come_is_held_for_who_directs_it(
    center: Center, reserve: Reserve, direct: DirectCalls, on: On, values: dict[str, Any]
) -> None:
    center.sql("update agent set set_aside = 0")
    back = after(center, there(reserve("ann", directed_for=4.0)), on, values)
    assert back.state is State.QUEUED
    assert back.held_until is not None
    left = center.value(
        "select extract(epoch from held_until - clock_timestamp()) from proxy_call where proxy_call_id = %(id)s",
        id=back.proxy_call_id,
    )
    assert 3.0 < left <= 4.0
    assert center.events(back.contact_id)[-1]["data"]["held_for_s"] == 4.0
    assert there(reserve("bob")), "nobody waits whom another call would pass over"


@pytest.mark.parametrize(("on", "values"), WHAT_FAILS)
def test_a_redirected_caller_who_is_not_taken_ends_with_the_offer(
    center: Center, reserve: Reserve, direct: DirectCalls, on: On, values: dict[str, Any]
) -> None:
    center.sql("update agent set set_aside = 0")
    call = after(center, there(reserve("ann", redirected=True)), on, values)
    assert call.state is State.ABANDONED
    assert center.kinds(call.contact_id)[-2:] == ["not_taken", "closed"]
    taken_not = center.events(call.contact_id)[-2]["data"]
    assert (taken_not["from"], taken_not["reason"]) == (
        "ready" if on is On.JOIN_FAILED else "offered",
        "no_answer",
    )
    assert center.value("select outcome from contact") == "failed"
    assert center.live_reservations() == []
    assert direct.overdue(0.0) == []
    assert [str(each) for each in audit(center.database, limit=60.0)] == []


def test_what_a_coordinator_gives_away_is_directed_no_more(center: Center, reserve: Reserve) -> None:
    call = there(reserve("ann", directed_for=0.01))
    center.move(call, On.AGENT_FAILED, end_reservation="no_answer")
    assert center.reserve(call, "bob") is not None, "whoever directed it is gone"
    back = center.move(call, On.AGENT_FAILED, end_reservation="no_answer")
    assert (back.state, back.held_until) == (State.QUEUED, None)


def test_without_a_word_of_the_version_before_a_call_is_held_until_its_sweep(
    center: Center, reserve: Reserve, direct: DirectCalls
) -> None:
    """It names no `directed_for`."""
    call = there(reserve("ann", redirected=True))
    center.sql("update proxy_call set directed_for = 5")
    back = center.move(call, On.AGENT_FAILED, end_reservation="no_answer")
    assert back.held_until is not None
    assert direct.overdue(0.0) == [(call.contact_id, State.QUEUED)]


def test_while_an_agent_is_offered_no_other_is(reserve: Reserve) -> None:
    first = there(reserve("ann"))
    assert reserve("bob", first.contact_id) is None


def test_who_is_not_taken_by_anybody_waits_like_others(
    center: Center, reserve: Reserve, direct: DirectCalls
) -> None:
    first = there(reserve("ann"))
    center.move(first, On.AGENT_FAILED, end_reservation="no_answer")
    queued = there(direct.queue(first.contact_id))
    assert (queued.state, queued.held_until) == (State.QUEUED, None)
    assert center.events(first.contact_id)[-1]["data"]["held_for_s"] == 0
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
    assert direct.overdue(5.0) == []


def test_who_does_not_come_after_the_redirection_is_given_up(
    center: Center, reserve: Reserve, direct: DirectCalls, store: Store
) -> None:
    in_time = there(reserve("bob", redirected=True))
    late = there(reserve("ann", redirected=True, expires=0.0))
    assert direct.overdue(5.0) == [(late.contact_id, State.OFFERED)]
    store.close_contact(late.contact_id, Outcome.ABANDONED, {})
    assert center.live_reservations() == [("bob", in_time.proxy_call_id)]
    assert standing(store.proxy_calls.latest(late.contact_id)) is not None
    assert center.agent("ann")["pause"] < 0, "available at once"
    direct.tidy()
    assert center.value("select count(*) from direct_call") == 1


def test_a_peer_has_a_while_to_ask_for_the_next_destination(
    center: Center, reserve: Reserve, direct: DirectCalls
) -> None:
    call = there(reserve("ann", redirected=True, directed_for=3600.0))
    center.move(call, On.AGENT_FAILED, end_reservation="no_answer")
    assert direct.overdue(60.0) == []
    assert direct.overdue(0.0) == [(call.contact_id, State.QUEUED)]


# Agents known by activity alone --------------------------------------------------------------------------------


def take(direct: DirectCalls, idle_since: float = 0.0, seconds: float = 5.0) -> bool:
    wanted = Wanted(take=Take("away", "callcenter:1001", idle_since, seconds))
    return direct.claim(new_contact(), CALLER, {"why": "test"}, wanted).lost is None


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
    direct.claim(new_contact(call.contact_id), CALLER, {"why": "longest_idle: nobody"}, Wanted())
    found: list[Any] = [data["why"] for _, data in direct.decisions(call.contact_id)]
    assert found == ["longest_idle: ann", "longest_idle: nobody"]


# Capacity and shares, counted by the database ------------------------------------------------------------------


def send(
    direct: DirectCalls, site: str = "east", confirm: float = 5.0, share: Share | None = None
) -> Claimed:
    wanted = Wanted(place=Place(site, confirm), share=share)
    return direct.claim(new_contact(), CALLER, {"why": "test", "site": site}, wanted)


def reported(center: Center, calls: int, age: float) -> None:
    """The CTI processor of `away`, at east, told of so many calls so long ago."""
    center.sql("select begin_activity('away', 1)")
    center.sql(
        "insert into site_queue (switch_id, source, queue, waiting, talking, threshold, version)"
        " values ('away', 'site', '', 1, %(calls)s - 1, 20, 1)", calls=calls,
    )  # fmt: skip
    center.sql(
        "update site_activity set reported_at = clock_timestamp() - make_interval(secs => %(age)s)", age=age
    )


def test_many_at_once_are_no_more_than_a_site_takes(center: Center, direct: DirectCalls) -> None:
    center.sql("update site set capacity = 3 where site_id = 'east'")
    claims = at_once(*[lambda: send(direct)] * 8)
    assert [claim.lost for claim in claims].count(None) == 3
    full = next(claim for claim in claims if claim.lost is Lost.SITE)
    assert (full.calls, full.capacity) == (3, 3)
    assert full.sent is not None
    assert len(full.sent) == 3
    assert center.value("select count(*) from contact_event where kind = 'decided'") == 3
    assert all(send(direct, "west").lost is None for _ in range(5)), "a site without a capacity takes any"


def test_a_call_sent_counts_until_activity_knows_of_it_or_it_did_not_come(
    center: Center, direct: DirectCalls
) -> None:
    center.sql("update site set capacity = 3 where site_id = 'east'")
    reported(center, 2, age=0.0)
    assert send(direct).lost is None
    assert send(direct).lost is Lost.SITE
    assert send(direct, confirm=0.0).lost is None, "those before did not come"
    center.sql("update site_activity set reported_at = clock_timestamp() + interval '2 s'")
    assert send(direct).lost is None, "those before are in the report"


def test_a_site_that_is_full_keeps_no_agent(center: Center, direct: DirectCalls) -> None:
    center.sql("update site set capacity = 0 where site_id = 'east'")
    leg = Leg(str(uuid4()), uuid4().hex * 2, 60.0, False, 5.0, 5.0)
    wanted = Wanted(reserve=Agent(ORDERS, "ann", str(uuid4()), leg), place=Place("east", 5.0))
    claimed = direct.claim(new_contact(), CALLER, {"why": "test"}, wanted)
    assert (claimed.lost, claimed.call) == (Lost.SITE, None)
    assert center.live_reservations() == []
    assert center.value("select count(*) from proxy_call") == 0
    assert center.agent_kinds() == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.sets(st.integers(0, 3), min_size=1)), min_size=1, max_size=12),
)
def test_shares_in_sql_are_the_shares_in_memory(
    center: Center, direct: DirectCalls, weights: list[int], calls: list[tuple[int, set[int]]]
) -> None:
    """Whoever asks for a site that is not due is refused; who asks for the one that is, changes the credits."""
    percents = {f"s{number}": 100.0 * weight / sum(weights) for number, weight in enumerate(weights)}
    rule, shares = str(uuid4()), Shares()
    for asked, who in calls:
        able = {site: percents[site] for site in (f"s{number}" for number in who) if site in percents}
        if not able:
            continue
        site = f"s{asked}"
        due = shares.order(percents, able)[0]
        claimed = send(direct, share=Share(rule, able, site))
        assert (claimed.lost is None) == (site == due)
        if site == due:
            shares = shares.after(percents, able, site)
        assert claimed.credits == shares.credits
    assert direct.credits("blue", rule) == shares.credits


def test_everybody_is_told_by_the_commit_itself(center: Center, reserve: Reserve, store: Store) -> None:
    """This process's signals are not sent: it is as good as dead."""
    heard: list[tuple[str, Any]] = []
    other = Signals(center.database)
    for topic in ("switch.home", "switch.away", "coordinator"):
        other.subscribe(topic, lambda key, _row, topic=topic: heard.append((topic, key)))  # type: ignore[misc]
    other.start()
    try:
        assert other.listening.wait(10)
        call = there(reserve("ann"))
        key = f"p:{call.proxy_call_id}"
        wanted = {("switch.home", key), ("switch.away", key), ("coordinator", key), ("coordinator", "a:ann")}
        until(lambda: wanted <= set(heard), 10)
    finally:
        other.stop()


def test_a_reservation_that_was_not_confirmed_is_found_by_its_own_process(
    center: Center, reserve: Reserve, store: Store, losses: Losses
) -> None:
    """It does not hear its own commit, and knows nothing to tell."""
    heard: list[tuple[str, Any]] = []
    for topic in ("switch.home", "coordinator"):
        store.signals.subscribe(topic, lambda key, _row, topic=topic: heard.append((topic, key)))  # type: ignore[misc]
    losses.lose("direct_call")
    with pytest.raises(Unanswered):
        reserve("ann")
    assert len(center.live_reservations()) == 1
    until(lambda: set(heard) == {("switch.home", None), ("coordinator", "u:")})
