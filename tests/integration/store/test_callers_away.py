"""Callers who have hung up and keep their place, in SQL."""

from __future__ import annotations

import pytest

from fsroute.acd.proxy_call import On
from fsroute.model.contact import CallerInformation, Outcome
from fsroute.model.proxy_call import CallerLeg, ProxyCall, State
from fsroute.store.contacts import Closed
from tests.fix_center import ARRIVED_AT, Center, at_once

NUMBER = "+4930111"


def away(center: Center) -> ProxyCall:
    return center.move(center.queued(), On.CALLBACK_CHOSEN, set={"callback_number": NUMBER})


def kept_place(center: Center, number: str = NUMBER, queue: str = "orders") -> ProxyCall | None:
    return center.proxy_calls.callback_of_caller("blue", number, "home", queue, "orders")


def test_the_place_is_kept_with_priority_and_arrival(center: Center) -> None:
    before = center.queued()
    call = center.move(before, On.CALLBACK_CHOSEN, set={"callback_number": NUMBER})
    assert (call.state, call.caller_leg, call.callback_number) == (State.CALLBACK, CallerLeg.ABSENT, NUMBER)
    assert (call.priority, call.arrived_at) == (before.priority, before.arrived_at)


def test_the_hang_up_of_who_keeps_the_place_closes_nothing(center: Center) -> None:
    call = away(center)
    assert center.contacts.close(call.contact_id, Outcome.ABANDONED, {}) is None
    assert center.contacts.live_of_switch("home") == []
    assert center.proxy_calls.get(call.proxy_call_id) == call


def test_of_several_call_servers_one_claims_the_dialling(center: Center) -> None:
    call = center.move(away(center), On.CALLER_WANTED)
    claims = at_once(
        *(
            lambda uuid=uuid: center.proxy_calls.move(
                call.proxy_call_id, On.CALLER_DIALLED, set={"channel_uuid": uuid}
            )
            for uuid in ("one", "two", "three")
        )
    )
    won = [claim for claim in claims if claim is not None]
    assert len(won) == 1
    row = center.proxy_calls.get(call.proxy_call_id)
    assert row is not None
    assert (row.caller_leg, row.channel_uuid) == (CallerLeg.DIALLING, won[0].channel_uuid)
    contact = center.contacts.get(call.contact_id)
    assert contact is not None
    assert contact.channel_uuid == row.channel_uuid


def test_a_caller_who_is_not_reached_is_held_and_the_agent_is_free_at_once(center: Center) -> None:
    offered = center.reserve(away(center))
    assert offered is not None
    assert offered.caller_leg is CallerLeg.WANTED
    call = center.move(offered, On.CALLER_DIALLED, set={"channel_uuid": "new"})
    call = center.move(call, On.CALLER_UNREACHED, end_reservation="caller_unreached", set={"held_for": 60})
    assert (call.state, call.caller_leg, call.callback_failures) == (State.CALLBACK, CallerLeg.ABSENT, 1)
    assert call.held_until is not None
    assert center.live_reservations() == []
    assert center.agent()["pause"] < 1


def test_who_is_given_up_is_unreached(center: Center) -> None:
    call = center.move(away(center), On.CALLBACK_GIVEN_UP, end_reservation="callback_given_up")
    assert call.state is State.UNREACHED
    assert center.contacts.close(call.contact_id, Outcome.ABANDONED, {}) == Closed(None, None)
    contact = center.contacts.get(call.contact_id)
    assert contact is not None
    assert contact.outcome == "unreached"


def test_who_calls_in_again_is_known_by_the_number(center: Center) -> None:
    call = away(center)
    assert kept_place(center) == call
    assert kept_place(center, number="+4930222") is None
    assert kept_place(center, queue="late") is None
    assert center.proxy_calls.callback_of_caller("green", NUMBER, "home", "orders", "orders") is None
    assert center.proxy_calls.callback_of_caller("blue", NUMBER, "away", "orders", "orders") is None
    center.move(call, On.CALLER_BACK, set={"channel_uuid": "new"})
    assert kept_place(center) is None


def test_the_first_of_two_places_is_taken_first(center: Center) -> None:
    first, second = away(center), away(center)
    center.sql("update proxy_call set arrived_at = arrived_at + interval '1 minute' where proxy_call_id = %(id)s",
               id=first.proxy_call_id)  # fmt: skip
    place = kept_place(center)
    assert place is not None
    assert place.proxy_call_id == second.proxy_call_id


def test_what_is_known_of_a_caller_is_read_again(center: Center) -> None:
    contact_id = center.contact()
    center.contacts.learn(contact_id, {"color": "red"}, "es")
    assert center.contacts.caller(contact_id) == CallerInformation(
        NUMBER, "Ms. Caller", "8005550100", ARRIVED_AT, "voice", "es", {"order": "12", "color": "red"}
    )


def test_where_the_caller_stood_is_kept_until_it_is_erased(center: Center) -> None:
    call = away(center)
    assert center.contacts.application_state(call.contact_id) == ""
    center.contacts.keep_application_state(call.contact_id, "eyJh")
    assert center.contacts.application_state(call.contact_id) == "eyJh"
    center.contacts.erase(call.contact_id)
    assert center.contacts.application_state(call.contact_id) == ""
    assert center.contacts.caller(call.contact_id) is None
    row = center.proxy_calls.get(call.proxy_call_id)
    assert row is not None
    assert row.callback_number == ""


def test_a_contact_that_is_not_queued_records_the_rule(center: Center) -> None:
    contact_id = center.contact()
    center.contacts.send_away(contact_id, "night", 3, "announce", "rule")
    assert center.sql("select rule, rules_version from contact") == [{"rule": "night", "rules_version": 3}]
    assert center.events(contact_id)[-1]["data"] == {
        "rule": "night", "rules_version": 3, "way": "announce", "reason": "rule",
    }  # fmt: skip


@pytest.mark.parametrize("times", [1, 2])
def test_a_contact_has_one_voice_message_the_last(center: Center, times: int) -> None:
    contact_id = center.contact()
    for seconds in range(times):
        before = center.contacts.keep_message(contact_id, f"/messages/{seconds}.wav", 3.0 + seconds)
        assert before == (f"/messages/{seconds - 1}.wav" if seconds else None)
    assert center.sql("select contact_center_id, path, duration_s from voice_message") == [
        {"contact_center_id": "blue", "path": f"/messages/{times - 1}.wav", "duration_s": 2.0 + times}
    ]
    again = center.contacts.keep_message(contact_id, f"/messages/{times - 1}.wav", 2.0 + times)
    assert again is None, "written twice, it is the same message"
    center.contacts.erase(contact_id)
    assert center.sql("select * from voice_message") == []
    assert center.kinds(contact_id) == ["arrived", *["voice_message"] * (times + 1)]
