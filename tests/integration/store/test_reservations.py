from __future__ import annotations

import gevent
import pytest

from fsroute.acd.proxy_call import On
from fsroute.errors import Fenced
from fsroute.model.proxy_call import WAITING, AgentLeg, NetworkLeg, State
from tests.fix_center import EPOCH, Center, Standing, standing


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


def test_a_requested_call_is_taken_and_reserved_in_one_commit(center: Center) -> None:
    call = center.request()
    offered = center.reserve(call)
    assert offered is not None
    assert (offered.version, offered.queued_at is None) == (call.version + 1, False)
    taken, reserved = center.events(call.contact_id)[-2:]
    assert (taken["kind"], taken["state"], taken["data"]["from"]) == ("taken", "queued", "requested")
    assert (reserved["kind"], reserved["data"]["from"]) == ("agent_reserved", "queued")
    assert taken["written_by"] == reserved["written_by"]


OFFERABLE = (State.REQUESTED, *WAITING)


@pytest.mark.parametrize("state", [state for state in State if state not in OFFERABLE], ids=str)
def test_only_a_waiting_call_is_offered(center: Center, state: State) -> None:
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
    assert successor.get(timeout=30) == EPOCH + 1
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
        ("network_leg_given_up", 0, False),
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
