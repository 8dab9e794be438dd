"""A contact that another ACD serves, in the database: its transitions, and what is refused."""

from __future__ import annotations

import pytest

from fsroute.acd.proxy_call import On
from fsroute.model.other_acd import OtherAcd
from fsroute.model.proxy_call import AgentLeg, NetworkLeg, ProxyCall, State
from fsroute.store.proxy_calls import Attempt
from tests.fix_center import Center

THEIRS = OtherAcd("theirs", "callcenter", "away", {"queue": "support"})


@pytest.fixture
def theirs(center: Center) -> Center:
    """The queue ``orders`` is served by mod_callcenter at the switch ``away``."""
    center.sql("insert into other_acd values ('theirs', 'callcenter', 'away', '{\"queue\": \"support\"}')")
    center.sql("update queue set acd = 'theirs' where queue = 'orders'")
    return center


def move(center: Center, call: ProxyCall, on: On, **values: object) -> ProxyCall | None:
    return center.proxy_calls.move(call.proxy_call_id, on, **values)  # type: ignore[arg-type]


def entered(center: Center) -> ProxyCall:
    call = move(center, center.queued(), On.ACD_ENTERED, set={"acd_entry": "e", "acd_entry_is": ""})
    assert call is not None
    return call


def offered(center: Center) -> ProxyCall:
    terms = {"acd_entry_is": "e", "network_switch_id": "away", "acd_agent": "pia"}
    call = move(center, entered(center), On.ACD_OFFERED, network_leg=NetworkLeg.WANTED, set=terms)
    assert call is not None
    return call


def test_the_row_of_the_queue_says_who_serves(theirs: Center) -> None:
    call = theirs.queued()
    assert (call.acd, call.acd_entry_uuid) == (THEIRS, None)
    assert [each.proxy_call_id for each in theirs.proxy_calls.live_of_other_acds("away")] == [
        call.proxy_call_id
    ]
    assert theirs.proxy_calls.live_of_other_acds("home") == []
    assert theirs.queued("late").acd is None


def test_no_agent_of_ours_is_reserved_for_it(theirs: Center) -> None:
    assert theirs.reserve(theirs.queued()) is None


def test_an_entry_is_there_once(theirs: Center) -> None:
    call = entered(theirs)
    assert (call.state, call.acd_entry_uuid, call.acd_since is not None) == (State.QUEUED, "e", True)
    assert move(theirs, call, On.ACD_ENTERED, set={"acd_entry": "f", "acd_entry_is": ""}) is None
    assert move(theirs, call, On.ACD_LEFT, set={"acd_entry": "", "acd_entry_is": "f"}) is None
    left = move(theirs, call, On.ACD_LEFT, set={"acd_entry": "", "acd_entry_is": "e"})
    assert left is not None
    assert left.acd_entry_uuid is None


def test_an_offer_has_its_agent_and_its_legs_without_a_reservation(theirs: Center) -> None:
    call = offered(theirs)
    assert (call.state, call.agent_leg, call.network_leg) == (
        State.OFFERED,
        AgentLeg.RINGING,
        NetworkLeg.WANTED,
    )
    assert (call.acd_agent, call.network_switch_id, call.agent_id) == ("pia", "away", None)
    assert call.network_address == "10.0.0.2:5080"
    assert theirs.value("select count(*) from reservation") == 0
    back = move(theirs, call, On.AGENT_FAILED, set={"acd_entry_is": "e"}, data={"reason": "busy"})
    assert back is not None
    assert (back.state, back.network_leg, back.acd_agent, back.acd_entry_uuid) == (
        State.QUEUED,
        NetworkLeg.NONE,
        None,
        "e",
    )
    last = theirs.sql("select data from contact_event order by event_id desc limit 1")[0]["data"]
    assert (last["acd_agent"], last["reason"]) == ("pia", "busy")


def test_a_talk_keeps_who_it_was_with(theirs: Center) -> None:
    call = offered(theirs)
    secret = {"token_digest": "ab", "token_lifetime": 60.0, "network_leg_uuid": "leg"}
    for on, terms in (
        (On.NETWORK_LEG_RAISED, secret),
        (On.NETWORK_LEG_PRESENT, {"rendezvous_uuid": "n"}),
        (On.AGENT_ACCEPTED, {"acd_entry_is": "e", "acd_leg": "a"}),
        (On.JOINED, {"acd_entry_is": "e"}),
        (On.AGENT_LEFT, {"acd_entry_is": "e"}),
        (On.CONVERSATION_OVER, {}),
    ):
        moved = move(theirs, call, on, set=terms)
        assert moved is not None, on
        call = moved
    assert (call.state, call.acd_agent, call.acd_leg_uuid) == (State.ENDED, "pia", "a")


def test_an_attempt_that_names_a_reservation_finds_none(theirs: Center) -> None:
    call = offered(theirs)
    assert move(theirs, call, On.AGENT_FAILED, attempt=Attempt(agent_leg_uuid="leg")) is None


def test_another_routing_takes_the_contact_from_the_other_acd(theirs: Center) -> None:
    call = entered(theirs)
    theirs.sql("update proxy_call set state = 'bridged', agent_leg = 'joined'")
    ours = theirs.value("select queue_routing('blue', 'late')")
    moved = move(theirs, call, On.TRANSFERRED, set={"routing": ours})
    assert moved is not None
    assert (moved.queue, moved.acd, moved.acd_entry_uuid, moved.acd_since) == ("late", None, None, None)
    assert theirs.reserve(moved) is not None
