from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import gevent
import psycopg
import pytest

from fsroute.acd.proxy_call import On
from fsroute.model.contact import CallerInformation, Outcome
from fsroute.model.proxy_call import NetworkLeg, ProxyCall, State
from fsroute.store.contacts import Closed
from tests.fix_center import ARRIVED_AT, Center


def test_a_contact_is_opened_once(center: Center) -> None:
    contact_id = center.contact()
    contact = center.contacts.get(contact_id)
    assert contact is not None
    assert (contact.arrived_at, contact.switch_id, contact.ended_at, contact.outcome) == (
        ARRIVED_AT, "home", None, None,
    )  # fmt: skip
    caller = center.sql("select caller_number, facts from contact_personal")
    assert caller == [{"caller_number": "+4930111", "facts": {"order": "12"}}]
    assert center.kinds(contact_id) == ["arrived"]


def test_a_contact_that_is_opened_twice_keeps_its_first_row(center: Center) -> None:
    contact_id = center.contact()
    contact = center.contacts.get(contact_id)
    assert contact is not None
    again = CallerInformation("+4930222", "Other", "8005550100", ARRIVED_AT)
    center.contacts.open(replace(contact, channel_uuid="another channel"), again)
    assert center.contacts.get(contact_id) == contact
    assert center.value("select caller_number from contact_personal") == "+4930111"
    assert center.kinds(contact_id) == ["arrived"]


def test_a_number_has_a_contact_center_and_an_application(center: Center) -> None:
    assert center.contacts.application_of("8005550100") == ("blue", "orders")
    assert center.contacts.application_of("8005550199") is None


def test_a_channel_has_one_live_contact(center: Center) -> None:
    contact_id = center.contact()
    channel = f"channel-{contact_id}"
    assert center.contacts.of_channel("home", channel) == contact_id
    assert center.contacts.of_channel("away", channel) is None
    assert center.contacts.live_of_switch("home") == [(contact_id, channel, "core-1", False)]
    center.contacts.close(contact_id, Outcome.SELF_SERVED, {})
    assert center.contacts.of_channel("home", channel) is None
    assert center.contacts.live_of_switch("home") == []


def test_what_an_application_learns_joins_what_is_known(center: Center) -> None:
    contact_id = center.contact()
    center.contacts.learn(contact_id, {"color": "red"}, "es")
    assert center.sql("select facts, language from contact_personal") == [
        {"facts": {"order": "12", "color": "red"}, "language": "es"}
    ]


def test_an_event_that_changes_no_state_is_logged(center: Center) -> None:
    call = center.bridged()
    center.contacts.log(call.contact_id, "held", {"by": "agent"}, call.proxy_call_id, "ann", "bridged")
    center.contacts.log(call.contact_id, "noted", {})
    held, noted = center.events(call.contact_id)[-2:]
    assert (held["kind"], held["agent_id"], held["state"], held["data"]) == (
        "held", "ann", "bridged", {"by": "agent"},
    )  # fmt: skip
    assert (noted["contact_center_id"], noted["proxy_call_id"]) == ("blue", None)


@pytest.mark.parametrize(
    "outcome", [Outcome.SELF_SERVED, Outcome.ABANDONED, Outcome.TRANSFERRED, Outcome.FAILED], ids=str
)
def test_a_contact_without_a_proxy_call_ends_as_its_application_says(
    center: Center, outcome: Outcome
) -> None:
    contact_id = center.contact()
    assert center.contacts.close(contact_id, outcome, {"by": "test"}) == Closed(None, None)
    contact = center.contacts.get(contact_id)
    assert contact is not None
    assert contact.outcome == outcome
    assert contact.ended_at is not None
    event = center.events(contact_id)[-1]
    assert (event["kind"], event["data"]["outcome"], event["data"]["by"]) == ("closed", outcome, "test")
    assert event["data"]["duration_s"] > 0


def test_a_contact_ends_once(center: Center) -> None:
    contact_id = center.contact()
    closers = [gevent.spawn(center.contacts.close, contact_id, outcome, {}) for outcome in Outcome]
    gevent.joinall(closers, timeout=30, raise_error=True)
    assert sum(closer.value is not None for closer in closers) == 1
    assert center.kinds(contact_id) == ["arrived", "closed"]


def test_an_unknown_contact_cannot_end(center: Center) -> None:
    assert center.contacts.close("00000000-0000-4000-8000-000000000000", Outcome.ABANDONED, {}) is None


def reach(center: Center, state: str) -> ProxyCall:
    """A proxy call that has come to `state` in the ordinary way."""
    ways: dict[str, Callable[[], ProxyCall]] = {
        "requested": center.request,
        "queued": center.queued,
        "offered": center.offered,
        "ready": center.ready,
        "bridged": center.bridged,
    }
    return ways[state]()


@pytest.mark.parametrize("state", ["requested", "queued", "offered", "ready", "bridged"])
def test_a_caller_who_leaves_ends_the_proxy_call_and_the_offer(center: Center, state: str) -> None:
    call = reach(center, state)
    closed = center.contacts.close(call.contact_id, Outcome.ABANDONED, {"by": "test"})
    assert closed == Closed(call.proxy_call_id, call.agent_id)
    after = center.proxy_calls.get(call.proxy_call_id)
    contact = center.contacts.get(call.contact_id)
    assert after is not None
    assert contact is not None
    talked = state == "bridged"
    assert (after.state, contact.outcome) == (
        (State.ENDED, "served") if talked else (State.ABANDONED, "abandoned")
    )
    assert (after.network_leg, after.agent_id) == (NetworkLeg.NONE, None)
    assert center.live_reservations() == []
    assert (center.agent()["pause"] > 4) is talked
    assert center.kinds(call.contact_id)[-2:] == ["caller_gone", "closed"]
    assert center.events(call.contact_id)[-2]["data"]["from"] == state


@pytest.mark.parametrize("state", ["queued", "offered", "bridged"])
def test_a_contact_whose_switch_died_is_lost_and_the_agent_free_at_once(center: Center, state: str) -> None:
    call = reach(center, state)
    center.contacts.close(call.contact_id, Outcome.LOST, {"cause": "restarted"}, On.SWITCH_DIED)
    after = center.proxy_calls.get(call.proxy_call_id)
    contact = center.contacts.get(call.contact_id)
    assert after is not None
    assert contact is not None
    assert (after.state, contact.outcome) == (State.LOST, "lost")
    assert center.kinds(call.contact_id)[-2:] == ["switch_died", "closed"]
    assert center.agent()["pause"] <= 0
    assert center.live_reservations() == []


@pytest.mark.parametrize(
    ("on", "outcome"),
    [
        (On.LIMIT_PASSED, "overflowed"),
        (On.NOBODY_MAY_SERVE, "refused"),
    ],
)
def test_how_the_last_proxy_call_ended_decides_the_outcome(center: Center, on: On, outcome: str) -> None:
    call = center.move(center.queued(), on)
    assert center.contacts.close(call.contact_id, Outcome.ABANDONED, {}) == Closed(None, None)
    contact = center.contacts.get(call.contact_id)
    assert contact is not None
    assert contact.outcome == outcome
    assert center.kinds(call.contact_id)[-2:] == [on, "closed"]


def test_a_caller_who_talked_and_then_waits_again_in_vain_has_abandoned(center: Center) -> None:
    call = center.move(center.bridged(), On.CONVERSATION_OVER, end_reservation="wrap_up")
    center.proxy_calls.request(call.contact_id, "orders")
    center.contacts.close(call.contact_id, Outcome.ABANDONED, {})
    contact = center.contacts.get(call.contact_id)
    assert contact is not None
    assert contact.outcome == "abandoned"


def test_erasure_takes_the_personal_data_and_leaves_the_ledger(center: Center) -> None:
    call = center.offered()
    events = center.events(call.contact_id)
    center.contacts.erase(call.contact_id)
    assert center.sql("select * from contact_personal") == []
    assert center.events(call.contact_id) == events
    row = center.proxy_calls.get(call.proxy_call_id)
    assert row is not None
    assert (row.caller_number, row.caller_name) == ("", "")
    assert center.contacts.close(call.contact_id, Outcome.ABANDONED, {}) is not None


def test_no_personal_data_is_in_the_ledger(center: Center) -> None:
    call = center.bridged()
    center.contacts.close(call.contact_id, Outcome.SERVED, {"by": "test"})
    ledger = str([*center.events(call.contact_id), *center.sql("select * from agent_event")])
    assert "4930111" not in ledger
    assert "Ms. Caller" not in ledger


@pytest.mark.parametrize("table", ["contact_event", "agent_event", "system_event"])
@pytest.mark.parametrize("statement", ["update {} set kind = 'x'", "delete from {}"])
def test_the_ledger_is_append_only(center: Center, table: str, statement: str) -> None:
    center.offered()
    with pytest.raises(psycopg.Error, match="append-only") as refused:
        center.sql(statement.format(table))
    assert refused.value.sqlstate == "FS002"


def test_the_ledger_cannot_be_emptied_at_one_stroke(center: Center) -> None:
    for table in ("contact_event", "agent_event", "system_event"):
        with pytest.raises(psycopg.Error, match="append-only"):
            center.sql(f"truncate {table}")


COLUMNS = (
    "contact_id, contact_center_id, queue, medium, skills, priority, arrived_at, switch_id, channel_uuid,"
    " lead, hold_music, strategy, offer_timeout, network_leg_timeout, network_leg_tries, refuse_when"
)
RESERVATION = (
    "agent_id, slot, proxy_call_id, agent_leg_uuid, contact_id, contact_center_id, agent_switch_id, epoch"
)
RESERVE = f"insert into reservation ({RESERVATION})"
RESERVE += " select {}, contact_id, contact_center_id, 'x', 7 from reservation"
CONSTRAINTS = {
    "one_live_proxy_call_per_contact": f"insert into proxy_call ({COLUMNS}) select {COLUMNS} from proxy_call",
    "one_live_reservation_per_slot": RESERVE.format("'ann', 1, 1000, 'new'"),
    "one_live_reservation_per_proxy_call": RESERVE.format("'bob', 1, proxy_call_id, 'new'"),
    "reservation_agent_leg_uuid_key": RESERVE.format("'bob', 1, 1000, agent_leg_uuid"),
}


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_a_constraint_keeps_what_must_always_hold(center: Center, constraint: str) -> None:
    center.offered()
    with pytest.raises(psycopg.errors.UniqueViolation) as refused:
        center.sql(CONSTRAINTS[constraint])
    assert refused.value.diag.constraint_name == constraint


def test_an_outcome_and_an_end_belong_together(center: Center) -> None:
    center.contact()
    for half in ("outcome = 'served'", "ended_at = now()"):
        with pytest.raises(psycopg.errors.CheckViolation):
            center.sql(f"update contact set {half}")


@pytest.mark.parametrize(
    ("number", "ours"),
    [
        ("8005550100", True),
        ("18005550100", True),
        ("+1 800 555-0100", True),
        ("8005550101", False),
        ("5550100", False),
        ("", False),
    ],
)
def test_a_number_of_ours_is_known_however_it_is_written(center: Center, number: str, ours: bool) -> None:
    assert center.contacts.is_ours(number) is ours
