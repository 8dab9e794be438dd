from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from fsroute.acd.proxy_call import (
    AGENT_LEG_TABLE,
    CALL_TABLE,
    CALLER_LEG_TABLE,
    NETWORK_LEG_TABLE,
    On,
    Table,
    without_a_way,
)
from fsroute.errors import StoreError
from fsroute.model.contact import Outcome
from fsroute.model.proxy_call import FINAL, LIVE, WAITING, AgentLeg, CallerLeg, NetworkLeg, State
from fsroute.store.proxy_calls import Attempt
from tests.fix_center import Center, Standing, at_once, standing

OF_THEIR_OWN = {On.REQUESTED, On.AGENT_RESERVED, On.AGENT_LEFT, On.NOT_TAKEN}
"""Events that another statement than ``move_proxy_call`` performs, or that it makes of others itself."""


def sources(table: Table[Any], on: On, default: Any) -> list[Any]:
    return list(table.targets(on)) or [default]


def standings(on: On) -> Iterable[Standing]:
    """Where `on` is legal, and all that differs from there in the call or in one leg."""
    states = sources(CALL_TABLE, on, State.OFFERED)
    agent_legs = sources(AGENT_LEG_TABLE, on, AgentLeg.NONE)
    network_legs = sources(NETWORK_LEG_TABLE, on, NetworkLeg.NONE)
    caller_legs = sources(CALLER_LEG_TABLE, on, CallerLeg.PRESENT)
    first = Standing(states[0], agent_legs[0], network_legs[0], caller_legs[0])
    yield from (replace(first, state=state) for state in State)
    yield from (replace(first, agent_leg=leg) for leg in AgentLeg)
    yield from (replace(first, network_leg=leg) for leg in NetworkLeg)
    yield from (replace(first, caller_leg=leg) for leg in CallerLeg)


def after(table: Table[Any], now: Any, on: On) -> Any:
    """Where `on` leads by a table; `now` if the table has no say; None if it forbids."""
    known = table.targets(on)
    return known.get(now) if known else now


def expected(at: Standing, on: On) -> Standing | None:
    """What the four tables say of `on`; None: nothing may change."""
    state = CALL_TABLE.targets(on).get(at.state)
    agent_leg = after(AGENT_LEG_TABLE, at.agent_leg, on)
    network_leg = after(NETWORK_LEG_TABLE, at.network_leg, on)
    caller_leg = after(CALLER_LEG_TABLE, at.caller_leg, on)
    if state is None or agent_leg is None or network_leg is None or caller_leg is None:
        return None
    if state is State.QUEUED and caller_leg is not CallerLeg.PRESENT:
        state = State.CALLBACK
    returns = state in WAITING and at.state not in WAITING
    if returns and caller_leg is not CallerLeg.PRESENT:
        caller_leg = CallerLeg.ABSENT
    if returns or state in FINAL:
        agent_leg, network_leg = AgentLeg.NONE, NetworkLeg.NONE
    return Standing(state, agent_leg, network_leg, caller_leg)


# Transitions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", [on for on in On if on not in OF_THEIR_OWN], ids=str)
def test_the_database_moves_what_the_tables_allow_and_nothing_else(center: Center, on: On) -> None:
    call = center.request()
    moved_at_all = 0
    for at in standings(on):
        center.place(call, at.state, at.agent_leg, at.network_leg, at.caller_leg)
        before = center.proxy_calls.get(call.proxy_call_id)
        assert before is not None
        seen = len(center.events(call.contact_id))
        moved = center.proxy_calls.move(call.proxy_call_id, on)
        wanted = expected(at, on)
        assert standing(moved) == wanted, at
        events = center.events(call.contact_id)[seen:]
        after = center.proxy_calls.get(call.proxy_call_id)
        if wanted is None:
            assert (after, events) == (before, [])
            continue
        moved_at_all += 1
        assert after == moved
        assert after is not None
        assert after.version == before.version + 1
        assert [(event["kind"], event["state"], event["data"]["from"]) for event in events] == [
            (on, wanted.state, at.state)
        ]
    assert moved_at_all


def test_a_call_that_is_served_passes_every_state_and_logs_each_step_once(center: Center) -> None:
    call = center.bridged()
    center.move(call, On.CONVERSATION_OVER, end_reservation="wrap_up")
    assert center.kinds(call.contact_id) == [
        "arrived", "requested", "taken", "agent_reserved", "network_leg_raised", "network_leg_present",
        "agent_accepted", "joined", "conversation_over",
    ]  # fmt: skip
    assert [event["agent_id"] for event in center.events(call.contact_id)][3:] == ["ann"] * 6


def test_a_proxy_call_that_does_not_exist_does_not_move(center: Center) -> None:
    assert center.proxy_calls.move(4711, On.TAKEN) is None
    assert center.proxy_calls.get(4711) is None


def test_an_attempt_that_is_over_changes_nothing(center: Center) -> None:
    call = center.raising()
    late = Attempt(agent_leg_uuid="another leg")
    assert center.proxy_calls.move(call.proxy_call_id, On.AGENT_ACCEPTED, attempt=late) is None
    late = Attempt(network_leg_uuid="another leg")
    assert center.proxy_calls.move(call.proxy_call_id, On.NETWORK_LEG_PRESENT, attempt=late) is None
    assert center.proxy_calls.get(call.proxy_call_id) == call
    present = Attempt(agent_leg_uuid=call.agent_leg_uuid, network_leg_uuid=call.network_leg_uuid)
    assert center.proxy_calls.move(call.proxy_call_id, On.NETWORK_LEG_PRESENT, attempt=present) is not None


def test_the_network_leg_is_asked_for_when_the_agent_accepts_where_the_lead_is_ready(center: Center) -> None:
    call = center.offered(queue="late")
    assert call.network_leg is NetworkLeg.NONE
    ready = center.move(
        call, On.AGENT_ACCEPTED, network_leg=NetworkLeg.WANTED, set={"network_switch_id": "away"}
    )
    assert (ready.state, ready.network_leg, ready.network_address) == (
        State.READY, NetworkLeg.WANTED, "10.0.0.2:5080",
    )  # fmt: skip


def test_a_call_that_returns_keeps_its_place_and_has_no_legs(center: Center) -> None:
    call = center.ready()
    back = center.move(call, On.AGENT_FAILED, end_reservation="gone")
    assert (back.priority, back.arrived_at, back.queued_at) == (
        call.priority,
        call.arrived_at,
        call.queued_at,
    )
    assert standing(back) == Standing(State.QUEUED, AgentLeg.NONE, NetworkLeg.NONE)
    assert (back.agent_id, back.accepted_at) == (None, None)
    assert (back.network_switch_id, back.network_leg_uuid, back.rendezvous_uuid) == (None, None, None)
    assert center.value("select token_digest from proxy_call") is None


def test_a_lost_conversation_goes_to_the_head_of_the_queue_and_says_so(center: Center) -> None:
    call = center.bridged()
    back = center.move(
        call, On.CONVERSATION_LOST, end_reservation="conversation_lost", set={"priority": 1_000_000}
    )
    assert (back.state, back.priority, back.arrived_at) == (State.QUEUED, 1_000_000, call.arrived_at)
    assert center.events(call.contact_id)[-1]["data"]["priority"] == 1_000_000
    again = center.move(back, On.CALLER_GONE)
    assert again.priority == 1_000_000


def test_the_agent_of_a_lost_conversation_is_preferred_until_no_way_leads_there(center: Center) -> None:
    lost = center.move(center.bridged(), On.CONVERSATION_LOST, end_reservation="conversation_lost")
    again = center.reserve(lost)
    assert again is not None
    assert again.preferred_agent_id == again.agent_id
    back = center.move(
        again, On.NETWORK_LEG_GIVEN_UP, end_reservation="network_leg_given_up", set=without_a_way(again)
    )
    assert back.held_until is not None
    assert back.preferred_agent_id is None


def test_held_for_holds_once(center: Center) -> None:
    call = center.raising()
    held = center.move(
        call, On.NETWORK_LEG_GIVEN_UP, end_reservation="network_leg_given_up", set={"held_for": 5.0}
    )
    assert center.events(call.contact_id)[-1]["data"]["held_for_s"] == 5.0
    left = center.value("select extract(epoch from held_until - clock_timestamp())::float8 from proxy_call")
    assert 4 < left <= 5
    offered = center.reserve(held)
    assert offered is not None
    assert offered.held_until is None
    back = center.move(offered, On.AGENT_FAILED, end_reservation="busy")
    assert back.held_until is None


def test_failures_of_the_network_leg_are_counted_until_they_are_given_up(center: Center) -> None:
    call = center.raising()
    for failures in (1, 2):
        call = center.move(
            call, On.NETWORK_LEG_FAILED, attempt=Attempt(network_leg_uuid=call.network_leg_uuid)
        )
        assert (call.network_leg, call.network_leg_failures, call.network_leg_uuid) == (
            NetworkLeg.WANTED, failures, None,
        )  # fmt: skip
        call = center.raise_leg(call, f"leg-{failures + 1}", f"ab0{failures}")
        assert call.network_leg_failures == failures
    call = center.move(call, On.NETWORK_LEG_GIVEN_UP, end_reservation="network_leg_given_up")
    assert (call.state, call.network_leg_failures) == (State.QUEUED, 0)


def test_an_early_leg_that_was_given_up_may_be_tried_as_often_again(center: Center) -> None:
    call = center.queued("early")
    call = center.move(call, On.NETWORK_LEG_WANTED, set={"network_switch_id": "away"})
    call = center.raise_leg(call, "leg-1", "ab")
    call = center.move(call, On.NETWORK_LEG_FAILED)
    call = center.move(call, On.NETWORK_LEG_GIVEN_UP)
    assert (call.state, call.network_leg, call.network_leg_failures) == (State.QUEUED, NetworkLeg.NONE, 0)


def test_no_reservation_outlives_its_offer(center: Center) -> None:
    for on in (On.AGENT_FAILED, On.NETWORK_LEG_GIVEN_UP, On.CALLER_GONE):
        center.set_free()
        center.move(center.raising(), on)
        assert center.live_reservations() == [], on
        center.sql("update proxy_call set token_digest = null")


# Tokens -------------------------------------------------------------------------------------------------


def test_a_token_finds_its_leg_until_it_is_used(center: Center) -> None:
    call = center.raising()
    assert center.proxy_calls.of_token("ab") == (call.proxy_call_id, "leg-1")
    assert center.proxy_calls.of_token("cd") is None
    center.move(call, On.NETWORK_LEG_PRESENT, set={"rendezvous_uuid": "rv-1"})
    assert center.proxy_calls.of_token("ab") is None


def test_a_late_token_is_refused(center: Center) -> None:
    center.raise_leg(center.offered(), "leg-1", "ab", lifetime=0.0)
    assert center.proxy_calls.of_token("ab") is None


@pytest.mark.parametrize(
    "on", [On.NETWORK_LEG_FAILED, On.NETWORK_LEG_GIVEN_UP, On.AGENT_FAILED, On.CALLER_GONE]
)
def test_a_token_is_worth_nothing_when_its_leg_is_not_wanted(center: Center, on: On) -> None:
    center.move(center.raising(), on)
    assert center.proxy_calls.of_token("ab") is None


def test_a_token_stays_good_when_only_the_agents_leg_moves(center: Center) -> None:
    call = center.move(center.raising(), On.AGENT_ACCEPTED)
    assert center.proxy_calls.of_token("ab") == (call.proxy_call_id, "leg-1")


def test_two_legs_cannot_have_one_token(center: Center) -> None:
    center.sql("update agent set switch_id = 'third' where agent_id = 'bob'")
    center.raising("ann")
    with pytest.raises(StoreError, match="token_is_single_use"):
        center.raise_leg(center.offered("bob"), "leg-2", "ab")


# Progress -----------------------------------------------------------------------------------------------


def test_progress_is_written_for_those_who_wait(center: Center) -> None:
    waiting, offered = center.queued(), center.offered()
    progress = [(waiting.proxy_call_id, 3, 41.5, "guess", 0.4), (offered.proxy_call_id, 1, None, None, None)]
    assert center.proxy_calls.write_progress(progress) == [(waiting.proxy_call_id, "home")]
    row = center.proxy_calls.get(waiting.proxy_call_id)
    assert row is not None
    assert (row.position, row.expected_wait, row.expected_wait_basis) == (3, 41.5, "guess")
    assert row.expected_wait_error == 0.4
    served = center.reserve(row, "bob")
    assert served is not None
    assert (served.position, served.expected_wait) == (None, None)


# Requests -----------------------------------------------------------------------------------------------


def test_a_request_carries_the_demand_of_its_queue(center: Center) -> None:
    call = center.request()
    assert call.demand.skills == (("english", 1), ("orders", 2))
    assert (call.demand.contact_center_id, call.demand.medium, call.priority) == ("blue", "voice", 5)
    assert (call.caller_number, call.caller_name, call.contact_center_name) == (
        "+4930111", "Ms. Caller", "Blue Mail Order",
    )  # fmt: skip
    (event,) = center.events(call.contact_id)[1:]
    assert (event["data"]["lead"], event["data"]["skills"]) == ("offered", [["english", 1], ["orders", 2]])


def test_asked_twice_gives_the_live_one(center: Center) -> None:
    call = center.offered()
    assert center.proxy_calls.request(call.contact_id, "orders") == call
    assert center.kinds(call.contact_id).count("requested") == 1


def test_a_contact_may_ask_again_when_its_proxy_call_is_over(center: Center) -> None:
    call = center.queued()
    center.move(call, On.LIMIT_PASSED)
    again = center.proxy_calls.request(call.contact_id, "late")
    assert again is not None
    assert again.proxy_call_id != call.proxy_call_id
    assert center.proxy_calls.latest(call.contact_id) == again


def test_a_contact_that_has_ended_gets_no_proxy_call(center: Center) -> None:
    contact_id = center.contact()
    center.contacts.close(contact_id, Outcome.SELF_SERVED, {})
    assert center.proxy_calls.request(contact_id, "orders") is None
    assert center.proxy_calls.request(str(uuid4()), "orders") is None


def test_a_queue_of_another_contact_center_is_refused(center: Center) -> None:
    with pytest.raises(StoreError, match="blue has no queue travel"):
        center.proxy_calls.request(center.contact(), "travel")


def test_of_many_requests_at_once_one_makes_the_proxy_call(center: Center) -> None:
    for _ in range(5):
        contact_id = center.contact()
        calls = at_once(*[partial(center.proxy_calls.request, contact_id, "orders")] * 4)
        assert len({call.proxy_call_id for call in calls}) == 1
        assert center.kinds(contact_id) == ["arrived", "requested"]


# What the roles read again ------------------------------------------------------------------------------


def test_the_live_ones_are_found_by_whom_they_concern(center: Center) -> None:
    home, away = center.queued(), center.offered("ann")
    over = center.move(center.queued(), On.CALLER_GONE)
    assert over.state not in LIVE
    ids = [call.proxy_call_id for call in center.proxy_calls.live()]
    assert ids == [home.proxy_call_id, away.proxy_call_id]
    assert {call.proxy_call_id for call in center.proxy_calls.live_of_caller_switch("home")} == set(ids)
    assert [call.proxy_call_id for call in center.proxy_calls.live_of_agent_switch("away")] == [
        away.proxy_call_id
    ]
    assert center.proxy_calls.live_of_agent_switch("third") == []
