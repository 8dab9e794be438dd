"""Commands of agents, and consultations, in SQL."""

from __future__ import annotations

from uuid import uuid4

import pytest

from fsroute.acd.proxy_call import On
from fsroute.acd.transfer import to_queue
from fsroute.errors import StoreError
from fsroute.model.contact import Demand, Outcome
from fsroute.model.proxy_call import NetworkLeg, ProxyCall, State
from fsroute.model.routing import Routing
from fsroute.store.contacts import Contacts
from fsroute.store.transfers import Transfers
from tests.fix_center import EPOCH, Center

LATE = Routing("late", Demand("blue", "voice")).dump()


@pytest.fixture
def transfers(center: Center) -> Transfers:
    return Transfers(center.database)


def consulted(center: Center, transfers: Transfers) -> tuple[ProxyCall, str]:
    """Ann talks with a caller and consults Bob; returns her proxy call and the consultation's contact."""
    call = center.bridged()
    contact_id = str(uuid4())
    assert transfers.open(call.agent_leg_uuid or "", contact_id, "ann-leg", "core-1", {"to": "agent"})
    return call, contact_id


def test_a_command_is_taken_once_by_the_switch_of_the_agents_talk(
    center: Center, transfers: Transfers
) -> None:
    center.bridged()
    command_id = transfers.ask("ann", "hold", {})
    assert transfers.result(command_id) is None
    assert transfers.waiting("away", 10.0) == [command_id]
    assert transfers.take(command_id, "home") is None
    command = transfers.take(command_id, "away")
    assert command is not None
    assert (command.agent_id, command.kind) == ("ann", "hold")
    assert transfers.take(command_id, "away") is None
    transfers.finish(command_id, "done")
    transfers.finish(command_id, "again")
    assert transfers.result(command_id) == "done"


def test_an_agent_who_does_not_talk_can_ask_for_nothing(center: Center, transfers: Transfers) -> None:
    with pytest.raises(StoreError, match="agent bob is in no talk"):
        transfers.ask("bob", "hold", {})
    with pytest.raises(StoreError, match="there is no agent eve"):
        transfers.ask("eve", "hold", {})


def test_a_colleague_is_known_by_id_and_by_extension_and_authorized_or_not(
    center: Center, transfers: Transfers
) -> None:
    call = center.bridged()
    center.sql("update agent set extension = '42' where agent_id = 'bob'")
    by_id, by_extension = transfers.colleague(call, "bob"), transfers.colleague(call, "42")
    assert by_id == by_extension
    assert by_id is not None
    assert by_id.authorized
    center.sql("delete from agent_authorization where agent_id = 'bob'")
    again = transfers.colleague(call, "bob")
    assert again is not None
    assert not again.authorized
    assert transfers.colleague(call, "43") is None


def test_a_queue_is_found_by_name_and_by_extension_in_its_own_contact_center_only(
    center: Center, transfers: Transfers
) -> None:
    center.sql("update queue set extension = '5' where contact_center_id = 'blue' and queue = 'late'")
    assert [transfers.queue("blue", name) for name in ("late", "5")] == ["late", "late"]
    assert transfers.queue("green", "late") is None
    assert transfers.queue("green", "5") is None


def test_a_talk_is_about_the_caller_and_so_are_the_consultations_about_it(
    center: Center, transfers: Transfers
) -> None:
    call, contact_id = consulted(center, transfers)
    caller = transfers.caller(call.contact_id)
    assert caller is not None
    assert (caller.number, caller.number_called, dict(caller.facts)) == (
        "+4930111",
        "8005550100",
        {"order": "12"},
    )
    assert transfers.caller(contact_id) == caller
    Contacts(center.database).erase(call.contact_id)
    erased = transfers.caller(contact_id)
    assert erased is not None
    assert (erased.number, erased.number_called, dict(erased.facts)) == ("", "8005550100", {})
    assert transfers.caller(str(uuid4())) is None


def test_a_transfer_records_its_rule_and_version_and_keeps_priority_and_arrival(center: Center) -> None:
    call = center.bridged()
    routing = Routing("late", Demand("blue", "voice", (("billing", 2),)), "late first", 7, priority=99)
    moved = center.move(
        call, On.TRANSFERRED, set={"routing": to_queue(routing), "preferred_agent_id": None},
        end_reservation="wrap_up",
    )  # fmt: skip
    assert (moved.state, moved.queue, moved.rule, moved.rules_version) == (
        State.QUEUED,
        "late",
        "late first",
        7,
    )
    assert (moved.priority, moved.arrived_at) == (call.priority, call.arrived_at)
    assert moved.preferred_agent_id is None
    recorded = center.sql(
        "select rule, rules_version from contact where contact_id = %(id)s", id=call.contact_id
    )
    assert recorded == [{"rule": "late first", "rules_version": 7}]


def test_an_agent_who_steps_back_is_idle_only_after_the_pause(center: Center, transfers: Transfers) -> None:
    call = center.bridged()
    center.sql("update agent set wrap_up = 0")
    transfers.pause("ann", 30.0)
    center.move(call, On.TRANSFERRED, end_reservation="wrap_up")
    left = "select extract(epoch from available_from - clock_timestamp()) from agent where agent_id = 'ann'"
    assert 25.0 < center.value(left) <= 30.0
    assert center.agent("ann")["unavailable_reason"] == "wrap_up"
    assert center.agent_kinds("ann")[-2:] == ["pause", "released"]
    assert center.reserve(call, "ann") is None
    transfers.pause("ann", 1.0)
    assert center.value(left) > 20.0, "a longer one stands"


def test_there_is_one_consultation_at_a_time_and_only_during_a_talk(
    center: Center, transfers: Transfers
) -> None:
    call, contact_id = consulted(center, transfers)
    leg = call.agent_leg_uuid or ""
    assert transfers.consultation(call.contact_id) == contact_id
    assert not transfers.open(leg, str(uuid4()), "ann-leg", "", {"to": "agent"})
    assert Contacts(center.database).close(contact_id, Outcome.ABANDONED, {}) is not None
    assert transfers.consultation(call.contact_id) is None
    assert not transfers.open("no such leg", str(uuid4()), "ann-leg", "", {"to": "agent"})


def joined(center: Center, transfers: Transfers, contact_id: str) -> ProxyCall:
    """Bob, at another switch than Ann, is there."""
    asked = transfers.route(contact_id, LATE)
    assert asked is not None
    offered = center.reserve(center.move(asked, On.TAKEN, epoch=EPOCH), "bob")
    assert offered is not None
    raising = center.raise_leg(offered, "leg-2", "cd")
    present = center.move(raising, On.NETWORK_LEG_PRESENT, set={"rendezvous_uuid": "rv-2"})
    return center.move(center.move(present, On.AGENT_ACCEPTED), On.JOINED)


def test_a_completed_consultation_moves_the_reservation_and_ends_as_every_contact_does(
    center: Center, transfers: Transfers
) -> None:
    call, contact_id = consulted(center, transfers)
    consultation = joined(center, transfers, contact_id)
    talk, over = transfers.complete(call.agent_leg_uuid or "", {"by": "agent"})
    assert (talk.state, talk.agent_id, talk.agent_leg_uuid) == (
        State.BRIDGED,
        "bob",
        consultation.agent_leg_uuid,
    )
    assert (talk.network_switch_id, talk.rendezvous_uuid) == ("home", "rv-2")
    assert (over.state, over.network_leg) == (State.ENDED, NetworkLeg.JOINED)
    assert center.live_reservations() == [("bob", call.proxy_call_id)]
    assert center.agent("ann")["unavailable_reason"] == "wrap_up"
    assert center.agent_kinds("bob")[-1] == "moved"
    assert center.value("select outcome from contact where contact_id = %(id)s", id=contact_id) == "served"
    assert center.kinds(contact_id)[-2:] == ["conversation_over", "closed"]
    assert center.kinds(call.contact_id)[-1] == "consultation_completed"
    assert transfers.complete(call.agent_leg_uuid or "", {}) == []


def test_a_talk_left_to_a_telephone_number_has_no_agent_any_more(
    center: Center, transfers: Transfers
) -> None:
    call, contact_id = consulted(center, transfers)
    (talk,) = transfers.complete(call.agent_leg_uuid or "", {"by": "agent"})
    assert (talk.state, talk.agent_id) == (State.BRIDGED, None)
    assert center.live_reservations() == []
    assert center.kinds(contact_id)[-1] == "closed"
    assert center.kinds(call.contact_id)[-1] == "agent_left"


def test_nobody_is_left_to_who_is_not_there_yet(center: Center, transfers: Transfers) -> None:
    call, contact_id = consulted(center, transfers)
    waiting = transfers.route(contact_id, LATE)
    assert waiting is not None
    assert waiting.state is State.REQUESTED
    assert transfers.complete(call.agent_leg_uuid or "", {}) == []
    reserved = center.sql("select agent_id from reservation where ended_at is null")
    assert reserved == [{"agent_id": "ann"}]
