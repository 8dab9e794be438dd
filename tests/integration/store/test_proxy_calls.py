from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import gevent
import pytest

from fsroute.acd.proxy_call import AGENT_LEG_TABLE, CALL_TABLE, NETWORK_LEG_TABLE, On, Table
from fsroute.errors import Fenced, StoreError
from fsroute.model.contact import Outcome
from fsroute.model.proxy_call import FINAL, LIVE, AgentLeg, NetworkLeg, ProxyCall, State
from fsroute.store.proxy_calls import Attempt
from tests.fix_center import EPOCH, Center

ROUNDS = 25

OF_THEIR_OWN = {On.REQUESTED, On.AGENT_RESERVED, On.AGENT_LEFT}
"""Events that another statement than ``move_proxy_call`` performs."""


@dataclass(frozen=True)
class Standing:
    """Where a proxy call and its legs stand."""

    state: State
    agent_leg: AgentLeg
    network_leg: NetworkLeg


def sources(table: Table[Any], on: On, default: Any) -> list[Any]:
    return list(table.targets(on)) or [default]


def standings(on: On) -> Iterable[Standing]:
    """Where `on` is legal, and all that differs from there in the call or in one leg."""
    states = sources(CALL_TABLE, on, State.OFFERED)
    agent_legs = sources(AGENT_LEG_TABLE, on, AgentLeg.NONE)
    network_legs = sources(NETWORK_LEG_TABLE, on, NetworkLeg.NONE)
    first = Standing(states[0], agent_legs[0], network_legs[0])
    yield from (Standing(state, first.agent_leg, first.network_leg) for state in State)
    yield from (Standing(first.state, leg, first.network_leg) for leg in AgentLeg)
    yield from (Standing(first.state, first.agent_leg, leg) for leg in NetworkLeg)


def after(table: Table[Any], now: Any, on: On) -> Any:
    """Where `on` leads by a table; `now` if the table has no say; None if it forbids."""
    known = table.targets(on)
    return known.get(now) if known else now


def expected(at: Standing, on: On) -> Standing | None:
    """What the three tables say of `on`; None: nothing may change."""
    state = CALL_TABLE.targets(on).get(at.state)
    agent_leg = after(AGENT_LEG_TABLE, at.agent_leg, on)
    network_leg = after(NETWORK_LEG_TABLE, at.network_leg, on)
    if state is None or agent_leg is None or network_leg is None:
        return None
    no_legs = state in FINAL or (state is State.QUEUED and at.state is not State.QUEUED)
    return (
        Standing(state, AgentLeg.NONE, NetworkLeg.NONE)
        if no_legs
        else Standing(state, agent_leg, network_leg)
    )


def standing(call: ProxyCall | None) -> Standing | None:
    return None if call is None else Standing(call.state, call.agent_leg, call.network_leg)


def at_once(*doings: Callable[[], Any]) -> list[Any]:
    """Do all of it in greenlets, each on a connection of its own; returns what they returned."""
    greenlets = [gevent.spawn(doing) for doing in doings]
    gevent.joinall(greenlets, timeout=10, raise_error=True)
    return [greenlet.value for greenlet in greenlets]


# Transitions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", [on for on in On if on not in OF_THEIR_OWN], ids=str)
def test_the_database_moves_what_the_tables_allow_and_nothing_else(center: Center, on: On) -> None:
    call = center.request()
    moved_at_all = 0
    for at in standings(on):
        center.place(call, at.state, at.agent_leg, at.network_leg)
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


# Progress -----------------------------------------------------------------------------------------------


def test_progress_is_written_for_those_who_wait(center: Center) -> None:
    waiting, offered = center.queued(), center.offered()
    progress = [(waiting.proxy_call_id, 3, 41.5), (offered.proxy_call_id, 1, None)]
    assert center.proxy_calls.write_progress(progress) == [(waiting.proxy_call_id, "home")]
    row = center.proxy_calls.get(waiting.proxy_call_id)
    assert row is not None
    assert (row.position, row.expected_wait) == (3, 41.5)
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


# Reservations -------------------------------------------------------------------------------------------


def test_a_reservation_starts_both_legs(center: Center) -> None:
    call = center.offered("ann")
    assert standing(call) == Standing(State.OFFERED, AgentLeg.DIALLING, NetworkLeg.WANTED)
    assert (call.agent_id, call.agent_switch_id, call.network_switch_id) == ("ann", "away", "away")
    assert center.live_reservations() == [("ann", call.proxy_call_id)]
    assert center.agent_kinds("ann") == ["reserved"]
    event = center.events(call.contact_id)[-1]
    assert (event["kind"], event["agent_id"], event["data"]["epoch"], event["data"]["why"]) == (
        "agent_reserved", "ann", EPOCH, "test",
    )  # fmt: skip


def test_no_network_leg_is_needed_on_one_switch(center: Center) -> None:
    call = center.offered("bob")
    assert (call.network_leg, call.network_switch_id, call.same_switch) == (NetworkLeg.NOT_NEEDED, None, True)
    call = center.move(center.move(call, On.AGENT_ACCEPTED), On.JOINED)
    assert standing(call) == Standing(State.BRIDGED, AgentLeg.JOINED, NetworkLeg.NOT_NEEDED)


def test_a_leg_that_is_there_early_is_used_if_it_went_to_the_agents_switch(center: Center) -> None:
    center.sql("update agent set switch_id = 'third' where agent_id = 'bob'")
    for agent_id, leg, uuid in (("ann", NetworkLeg.RAISING, "leg-1"), ("bob", NetworkLeg.WANTED, None)):
        call = center.queued("early")
        call = center.move(call, On.NETWORK_LEG_WANTED, set={"network_switch_id": "away"})
        offered = center.reserve(center.raise_leg(call, "leg-1", f"ab{agent_id}".encode().hex()), agent_id)
        assert offered is not None
        assert (offered.network_leg, offered.network_leg_uuid, offered.network_switch_id) == (
            leg, uuid, offered.agent_switch_id,
        )  # fmt: skip


REFUSALS = {
    "on a break": "update agent set status = 'on_break'",
    "logged out": "update agent set status = 'logged_out'",
    "in wrap-up": "update agent set available_from = clock_timestamp() + interval '5 s'",
    "without the skill": "delete from agent_skill where skill = 'english'",
    "below the level": "update agent_skill set level = 1 where skill = 'orders'",
    "not authorized": "delete from agent_authorization",
    "authorized for another contact center": "update agent_authorization set contact_center_id = 'green'",
    "authorized for another medium": "update agent_authorization set medium = 'chat'",
    "not authorized yet": "update agent_authorization set valid_from = now() + interval '1 h'",
    "not authorized any more": "update agent_authorization set valid_until = now() - interval '1 s'",
}


@pytest.mark.parametrize("statement", REFUSALS.values(), ids=list(REFUSALS))
def test_an_agent_who_may_not_serve_is_not_reserved(center: Center, statement: str) -> None:
    call = center.queued()
    center.sql(statement)
    assert center.reserve(call) is None
    assert center.proxy_calls.get(call.proxy_call_id) == call
    assert (center.live_reservations(), center.agent_kinds()) == ([], [])
    assert center.kinds(call.contact_id)[-1] == "taken"


def test_an_agent_who_is_authorized_until_later_is_reserved(center: Center) -> None:
    center.sql("update agent_authorization set valid_until = clock_timestamp() + interval '1 h'")
    assert center.reserve(center.queued()) is not None


def test_neither_a_reserved_agent_nor_an_unknown_one_is_reserved(center: Center) -> None:
    center.offered("ann")
    call = center.queued()
    assert center.reserve(call, "ann") is None
    assert center.reserve(call, "nobody") is None


@pytest.mark.parametrize("state", [state for state in State if state is not State.QUEUED], ids=str)
def test_only_a_queued_call_is_offered(center: Center, state: State) -> None:
    call = center.request()
    center.place(call, state, "none", "none")
    assert center.reserve(call) is None


def test_a_leader_that_leads_no_longer_is_refused(center: Center) -> None:
    call = center.queued()
    for stale in (EPOCH - 1, EPOCH + 1):
        with pytest.raises(Fenced):
            center.proxy_calls.reserve(stale, call.proxy_call_id, "ann", "leg", {})
        with pytest.raises(Fenced):
            center.proxy_calls.move(call.proxy_call_id, On.LIMIT_PASSED, epoch=stale)
    assert center.proxy_calls.get(call.proxy_call_id) == call


def test_nobody_takes_the_leadership_while_a_leaders_write_is_under_way(center: Center) -> None:
    call = center.queued()
    with center.database.transaction() as leader:
        leader.run("reserve_agent", epoch=EPOCH, proxy_call_id=call.proxy_call_id, agent_id="ann",
                   agent_leg_uuid="leg", data={})  # fmt: skip
        successor = gevent.spawn(
            center.database.value, "lease_take", name="coordinator", holder="next", epoch=EPOCH, duration=10
        )
        blocked = "select count(*) from pg_locks where not granted"
        with gevent.Timeout(5):
            while not center.value(blocked):
                gevent.sleep(0.005)
        assert not successor.ready()
    assert successor.get(timeout=5) == EPOCH + 1
    assert center.live_reservations() == [("ann", call.proxy_call_id)]


@pytest.mark.parametrize(
    ("reason", "pause", "keeps_place"),
    [
        ("wrap_up", 5, False),
        ("no_answer", 30, False),
        ("busy", 30, False),
        ("unreachable", 30, False),
        ("abandoned", 0, True),
        ("lost", 0, True),
        ("network_leg_given_up", 0, True),
        ("join_failed", 0, True),
        ("conversation_lost", 0, True),
    ],
)
def test_an_agent_is_free_again_after_what_the_reason_costs(
    center: Center, reason: str, pause: int, keeps_place: bool
) -> None:
    idle_since = center.agent()["idle_since"]
    call = center.offered()
    center.move(call, On.AGENT_FAILED, end_reservation=reason)
    agent = center.agent()
    assert pause - 1 < agent["pause"] <= pause
    assert agent["unavailable_reason"] == (reason if pause else None)
    assert (agent["idle_since"] == idle_since) is keeps_place
    assert center.agent_kinds() == ["reserved", "released"]
    data = center.value("select data from agent_event order by event_id desc limit 1")
    assert (data["reason"], data["pause_s"], data["proxy_call_id"]) == (reason, pause, call.proxy_call_id)
    assert 0 <= data["reserved_s"] < 10


# The end of a talk --------------------------------------------------------------------------------------


def test_the_agents_wrap_up_begins_when_the_agents_leg_ends(center: Center) -> None:
    call = center.bridged()
    assert call.agent_leg_uuid is not None
    left = center.proxy_calls.agent_left(call.agent_leg_uuid, "NORMAL_CLEARING")
    assert left is not None
    assert (left.state, left.agent_leg, left.agent_id) == (State.BRIDGED, AgentLeg.NONE, None)
    event = center.events(call.contact_id)[-1]
    assert (event["kind"], event["agent_id"], event["data"]["cause"]) == (
        "agent_left",
        "ann",
        "NORMAL_CLEARING",
    )
    assert 4 < center.agent()["pause"] <= 5
    assert center.proxy_calls.agent_left(call.agent_leg_uuid, "NORMAL_CLEARING") is None
    over = center.move(call, On.CONVERSATION_OVER, end_reservation="wrap_up")
    assert over.state is State.ENDED
    assert center.agent_kinds() == ["reserved", "released"]


def test_an_agent_whose_offer_has_not_become_a_talk_has_not_left_one(center: Center) -> None:
    call = center.ready()
    assert call.agent_leg_uuid is not None
    assert center.proxy_calls.agent_left(call.agent_leg_uuid, "NORMAL_CLEARING") is None
    assert center.proxy_calls.agent_left("unknown", "NORMAL_CLEARING") is None
    assert center.live_reservations() == [("ann", call.proxy_call_id)]


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


# Races: one winner, whoever that is ---------------------------------------------------------------------


def test_of_two_reservations_of_one_agent_one_wins(center: Center) -> None:
    for _ in range(ROUNDS):
        center.set_free()
        first, second = center.queued(), center.queued()
        won = at_once(partial(center.reserve, first), partial(center.reserve, second))
        assert sum(call is not None for call in won) == 1
        assert len(center.live_reservations()) == 1
        loser = center.proxy_calls.get((second if won[0] else first).proxy_call_id)
        assert loser is not None
        assert loser.state is State.QUEUED


def test_of_two_reservations_for_one_call_one_wins(center: Center) -> None:
    for _ in range(ROUNDS):
        center.set_free()
        call = center.queued()
        won = at_once(partial(center.reserve, call, "ann"), partial(center.reserve, call, "bob"))
        assert sum(each is not None for each in won) == 1
        assert len(center.live_reservations()) == 1
        assert center.kinds(call.contact_id).count("agent_reserved") == 1


def test_accepted_against_caller_gone(center: Center) -> None:
    for _ in range(ROUNDS):
        center.set_free()
        call = center.offered()
        accepted, closed = at_once(
            partial(center.proxy_calls.move, call.proxy_call_id, On.AGENT_ACCEPTED),
            partial(center.contacts.close, call.contact_id, Outcome.ABANDONED, {}),
        )
        assert closed is not None
        after = center.proxy_calls.get(call.proxy_call_id)
        assert after is not None
        assert after.state is State.ABANDONED
        steps = ["agent_accepted"] if accepted else []
        assert center.kinds(call.contact_id)[4:] == [*steps, "caller_gone", "closed"]
        assert center.live_reservations() == []
        assert center.agent()["pause"] <= 0


def test_network_leg_present_against_agent_failed(center: Center) -> None:
    for number in range(ROUNDS):
        center.set_free()
        call = center.raise_leg(center.offered(), f"leg-{number}", f"{number:04x}")
        present, failed = at_once(
            partial(
                center.proxy_calls.move,
                call.proxy_call_id,
                On.NETWORK_LEG_PRESENT,
                attempt=Attempt(network_leg_uuid=call.network_leg_uuid),
                set={"rendezvous_uuid": "rv"},
            ),
            partial(
                center.proxy_calls.move,
                call.proxy_call_id,
                On.AGENT_FAILED,
                attempt=Attempt(call.agent_leg_uuid),
                end_reservation="busy",
            ),
        )
        assert failed is not None
        steps = ["network_leg_present"] if present else []
        assert center.kinds(call.contact_id)[5:] == [*steps, "agent_failed"]
        after = center.proxy_calls.get(call.proxy_call_id)
        assert standing(after) == Standing(State.QUEUED, AgentLeg.NONE, NetworkLeg.NONE)


def test_one_network_leg_claims_a_token(center: Center) -> None:
    for number in range(ROUNDS):
        center.set_free()
        call = center.raise_leg(center.offered(), f"leg-{number}", f"{number:04x}")

        def claim(uuid: str, call: ProxyCall = call) -> ProxyCall | None:
            attempt = Attempt(network_leg_uuid=call.network_leg_uuid)
            return center.proxy_calls.move(
                call.proxy_call_id, On.NETWORK_LEG_PRESENT, attempt=attempt, set={"rendezvous_uuid": uuid}
            )

        claims = at_once(partial(claim, "first"), partial(claim, "second"))
        (winner,) = [each for each in claims if each is not None]
        after = center.proxy_calls.get(call.proxy_call_id)
        assert after is not None
        assert after.rendezvous_uuid == winner.rendezvous_uuid


def test_closed_against_joined(center: Center) -> None:
    for number in range(ROUNDS):
        center.set_free()
        call = center.raise_leg(center.offered(), f"leg-{number}", f"{number:04x}")
        call = center.move(center.move(call, On.NETWORK_LEG_PRESENT), On.AGENT_ACCEPTED)
        joined, _ = at_once(
            partial(center.proxy_calls.move, call.proxy_call_id, On.JOINED),
            partial(center.contacts.close, call.contact_id, Outcome.ABANDONED, {}),
        )
        after = center.proxy_calls.get(call.proxy_call_id)
        contact = center.contacts.get(call.contact_id)
        assert after is not None
        assert contact is not None
        assert (after.state, contact.outcome) == (
            (State.ENDED, "served") if joined else (State.ABANDONED, "abandoned")
        )
        assert center.live_reservations() == []
        assert center.agent_kinds()[-2:] == ["reserved", "released"]


def test_of_two_ends_of_one_talk_one_releases_the_agent(center: Center) -> None:
    for number in range(ROUNDS):
        center.set_free()
        call = center.raise_leg(center.offered(), f"leg-{number}", f"{number:04x}")
        call = center.move(center.move(call, On.NETWORK_LEG_PRESENT), On.AGENT_ACCEPTED)
        call = center.move(call, On.JOINED)
        leg = call.agent_leg_uuid or ""
        at_once(
            partial(center.proxy_calls.agent_left, leg, "NORMAL_CLEARING"),
            partial(center.contacts.close, call.contact_id, Outcome.ABANDONED, {}),
        )
        assert center.agent_kinds()[-2:] == ["reserved", "released"]
        assert center.agent_kinds().count("released") == number + 1


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
