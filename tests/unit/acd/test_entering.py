"""What is done next for a contact at another ACD, as scenarios: row, what is seen, the one step that follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.acd import entering, serving
from fsroute.acd.adapters import AgentLeft, AgentThere, Joinable, Left, NotTaken, Offering, Told, Waits
from fsroute.acd.entering import (
    ENTER_LIMIT,
    ENTER_TRIES,
    LONGEST_RETRY,
    Place,
    Seen,
    deadline,
    decide,
    leg_wanted,
)
from fsroute.model.contact import Lead
from fsroute.model.other_acd import OtherAcd
from fsroute.model.proxy_call import FINAL, AgentLeg, CallerLeg, NetworkLeg, ProxyCall, State
from tests.unit.rows import NOON, proxy_call

THEIRS = OtherAcd("theirs", "callcenter", "b", {"queue": "support"})
CALLED = OtherAcd("called", "sip", "b", {"dial": "sofia/x/1@h"})
NOW = NOON.timestamp() + 60


def row(state: State = State.QUEUED, network_leg: NetworkLeg = NetworkLeg.NONE, **changes: Any) -> ProxyCall:
    """A row of a contact that stands at another ACD as channel `e`."""
    nobody = dict.fromkeys(("agent_id", "agent_name", "agent_address", "agent_switch_id", "agent_leg_uuid"))
    known: dict[str, Any] = {"acd": THEIRS, "acd_entry_uuid": "e", **nobody}
    return replace(proxy_call(state, network_leg), **known | changes)


def at(place: Place = Place.WAITS, acd: OtherAcd = THEIRS, **seen: Any) -> Seen:
    known: dict[str, Any] = {"entry_uuid": "e", "entered_at": NOW - 30}
    return Seen("b", acd, place=place, **known | seen)


NOTHING = Seen("b", THEIRS)
THERE = at(agent="ann", agent_leg="a", joinable=True, accepted_at=NOW)


# Into the queue ------------------------------------------------------------------------------------------


def test_who_is_queued_is_entered_once() -> None:
    assert decide(row(acd_entry_uuid=None), NOTHING, NOW) == entering.Enter()
    assert decide(row(acd_entry_uuid=None), at(Place.ENTERING, entered_at=NOW), NOW) is None
    assert decide(row(acd_entry_uuid=None), at(), NOW) == entering.ReportEntered()
    assert decide(row(), at(), NOW) is None


def test_who_is_not_taken_yet_waits_for_that() -> None:
    assert decide(row(State.REQUESTED, acd_entry_uuid=None), NOTHING, NOW) is None


def test_an_entry_without_a_place_in_time_is_withdrawn() -> None:
    entry = at(Place.ENTERING, entered_at=NOW)
    assert deadline(row(acd_entry_uuid=None), entry) == NOW + ENTER_LIMIT
    assert decide(row(acd_entry_uuid=None), entry, NOW + ENTER_LIMIT) == entering.Withdraw("not_entered")


def test_an_entry_that_failed_is_tried_again_later_and_later() -> None:
    seen, waits = NOTHING, []
    for _ in range(ENTER_TRIES):
        entry = replace(seen, entry_uuid="e", entered_at=NOW, place=Place.ENTERING).over("busy")
        assert decide(row(acd_entry_uuid=None), entry, NOW) == entering.Forget()
        seen = entry.forgotten(NOW)
        waits.append(seen.enter_after - NOW)
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert max(waits) == LONGEST_RETRY
    assert decide(row(acd_entry_uuid=None), seen, NOW + 31) == entering.ReportGivenUp("acd_unreachable")


def test_who_is_to_be_called_back_waits_for_an_acd_that_is_away() -> None:
    away = replace(NOTHING, failures=ENTER_TRIES)
    gone = row(State.CALLBACK, acd_entry_uuid=None, caller_leg=CallerLeg.ABSENT)
    assert decide(gone, away, NOW) == entering.Enter()


def test_a_contact_that_is_held_back_stands_in_no_queue_meanwhile() -> None:
    held: dict[str, Any] = {"held_until": NOON + timedelta(seconds=65)}
    assert decide(row(**held), at(), NOW) == entering.Withdraw(entering.HELD)
    assert decide(row(acd_entry_uuid=None, **held), NOTHING, NOW) is None
    assert deadline(row(acd_entry_uuid=None, **held), NOTHING) == NOW + 5
    assert decide(row(acd_entry_uuid=None, **held), NOTHING, NOW + 5) == entering.Enter()


def test_what_is_withdrawn_by_our_own_will_is_no_failure() -> None:
    by_will = at(entered_at=NOW - 1).ended(entering.HELD).forgotten(NOW)
    assert (by_will.failures, by_will.enter_after) == (0, NOW)
    assert at(entered_at=NOW - 1).ended("acd_break_out").forgotten(NOW).failures == 1
    assert at(entered_at=NOW - 60).ended("acd_break_out").forgotten(NOW).failures == 0


# Out of it -----------------------------------------------------------------------------------------------


def test_a_limit_of_the_acd_leads_to_the_overflow() -> None:
    left = at().hear(Left("acd_timeout", is_final=True))
    assert decide(row(), left, NOW) == entering.ReportGivenUp("acd_timeout")
    assert decide(row(State.CALLBACK), left, NOW) == entering.ReportLeft("acd_timeout")


def test_who_falls_out_of_the_queue_is_entered_again() -> None:
    left = at().hear(Left("acd_break_out"))
    assert decide(row(), left, NOW) == entering.ReportLeft("acd_break_out")
    assert decide(row(acd_entry_uuid=None), left, NOW) == entering.Forget()


def test_an_entry_that_the_row_names_and_nobody_has_is_lost() -> None:
    assert decide(row(), NOTHING, NOW) == entering.ReportLeft("entry_lost")
    assert decide(row(State.OFFERED), NOTHING, NOW) == serving.ReportFailed("entry_lost")


@pytest.mark.parametrize("state", sorted(FINAL))
def test_when_the_contact_is_over_nothing_is_left_there(state: State) -> None:
    assert decide(row(state), THERE, NOW) == entering.TearDown()


@pytest.mark.parametrize(
    "acd", [None, CALLED, replace(THEIRS, switch_id="c"), replace(THEIRS, parameters={"queue": "other"})]
)
def test_under_another_routing_nothing_is_left_there(acd: OtherAcd | None) -> None:
    assert decide(row(acd=acd), at(), NOW) == entering.TearDown()


# An agent ------------------------------------------------------------------------------------------------


def test_a_phone_that_rings_makes_an_offer() -> None:
    assert decide(row(), at().hear(Offering("ann")), NOW) == entering.ReportOffered()
    assert decide(row(State.OFFERED), at().hear(Offering("ann")), NOW) is None


def test_the_offer_is_over_when_no_phone_rings_any_more() -> None:
    both = at().hear(Offering("ann")).hear(Offering("bob")).hear(NotTaken("ann", "busy"))
    assert decide(row(State.OFFERED), both, NOW) is None
    nobody = both.hear(NotTaken("bob", "no_answer"))
    assert decide(row(State.OFFERED), nobody, NOW) == serving.ReportFailed("no_answer")
    assert decide(row(), nobody, NOW) is None


def test_a_human_without_a_word_before_is_offered_and_accepted() -> None:
    there = at().hear(AgentThere("ann", "a"))
    assert decide(row(), there, NOW) == entering.ReportOffered()
    assert decide(row(State.OFFERED), there, NOW) == serving.ReportAccepted()


def test_the_two_are_joined_when_both_are_there_in_either_order() -> None:
    ready = row(State.READY, NetworkLeg.PRESENT, rendezvous_uuid="n")
    assert decide(ready, at(agent_leg="a", network_uuid="n", accepted_at=NOW), NOW) is None
    assert decide(ready, replace(THERE, network_uuid="n"), NOW) == serving.Join("n")
    assert decide(row(State.READY, NetworkLeg.RAISING), THERE, NOW) is None
    joined = replace(THERE, network_uuid="n", joining=True, joined=True)
    assert decide(ready, joined, NOW) == serving.ReportJoined()


def test_on_one_switch_the_callers_own_channel_is_joined() -> None:
    ready = row(State.READY, NetworkLeg.NOT_NEEDED, switch_id="b")
    assert decide(ready, replace(THERE, network_uuid="caller"), NOW) == serving.Join("caller")
    absent = replace(ready, caller_leg=CallerLeg.DIALLING)
    assert decide(absent, replace(THERE, network_uuid="caller"), NOW) == serving.PlayRingback()


def test_an_agent_waits_for_the_network_leg_no_longer_than_that_may_take() -> None:
    ready = row(State.READY, NetworkLeg.WANTED)
    assert deadline(ready, THERE) == NOW + 10
    assert decide(ready, THERE, NOW + 10) == serving.ReportNetworkLegAbsent()
    absent = replace(ready, caller_leg=CallerLeg.WANTED)
    heard = replace(THERE, waits_audibly=True)
    assert deadline(absent, heard) == NOW + 10 + 25 + entering.CALLED_BACK_GRACE
    assert decide(absent, heard, NOW + 40) == serving.ReportCallerAbsent()


@pytest.mark.parametrize("state", [State.OFFERED, State.READY])
def test_an_agent_who_hangs_up_before_the_join_costs_no_place(state: State) -> None:
    gone = replace(THERE, gone=True, cause="NORMAL_CLEARING")
    assert decide(row(state, NetworkLeg.PRESENT), gone, NOW) == serving.ReportFailed("agent_gone")
    assert decide(row(), gone, NOW) == entering.ReportLeft("agent_gone")
    assert decide(row(acd_entry_uuid=None), gone, NOW) == entering.Forget()


def test_the_end_of_the_agents_channel_is_the_end_of_the_talk() -> None:
    bridged = row(State.BRIDGED, NetworkLeg.JOINED, agent_leg=AgentLeg.JOINED)
    talking = replace(THERE, joined=True, place=Place.WAITS)
    assert decide(bridged, talking, NOW) is None
    gone = replace(talking, gone=True, cause="NORMAL_CLEARING")
    assert decide(bridged, gone, NOW) == entering.ReportAgentLeft("NORMAL_CLEARING")
    assert decide(replace(bridged, agent_leg=AgentLeg.NONE), gone, NOW) is None


def test_a_conversation_that_was_lost_lets_the_agent_go_and_is_entered_again() -> None:
    talked = replace(THERE, joined=True)
    assert decide(row(), talked, NOW) == entering.Withdraw(entering.TALK_LOST)
    assert decide(row(), talked.ended(entering.TALK_LOST), NOW) == entering.ReportLeft(entering.TALK_LOST)


def test_who_is_told_to_have_gone_has_gone_whatever_was_seen_first() -> None:
    there = at().hear(AgentThere("ann", "a"))
    assert there.hear(AgentLeft("NORMAL_CLEARING")).gone
    assert not at().hear(Offering("ann")).hear(AgentLeft()).gone, "whoever rings has not been there"


def test_a_refusal_without_a_name_is_everybodys() -> None:
    nobody = at().hear(Offering("ann")).hear(Offering("bob")).hear(NotTaken())
    assert decide(row(State.OFFERED), nobody, NOW) == serving.ReportFailed("failed")


# Leads ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lead", "told", "wanted"),
    [
        ("position:3", Told(position=4), False),
        ("position:3", Told(position=3), True),
        ("expected:30", Told(expected_wait=31.0), False),
        ("expected:30", Told(expected_wait=30.0), True),
        ("expected:30", Told(position=1), False),
        ("offered", Told(position=1, expected_wait=0.0), False),
        ("ready", Told(position=1), False),
    ],
)
def test_the_leg_is_raised_when_the_lead_has_come(lead: str, told: Told, wanted: bool) -> None:
    step = decide(row(lead=Lead.parse(lead)), at().hear(told), NOW)
    assert (step == entering.WantLeg()) is wanted


def test_an_acd_that_tells_of_no_offers_has_the_leg_while_the_contact_waits() -> None:
    assert decide(row(acd=CALLED), at(acd=CALLED), NOW) == entering.WantLeg()
    assert decide(row(network_leg=NetworkLeg.RAISING, acd=CALLED), at(acd=CALLED), NOW) is None
    assert decide(row(acd=CALLED, switch_id="b"), at(acd=CALLED), NOW) is None
    late = row(acd=CALLED, lead=Lead.parse("ready"))
    assert decide(late, at(acd=CALLED), NOW) is None


def test_who_is_to_be_called_back_is_dialled_when_the_lead_has_come() -> None:
    gone = row(State.CALLBACK, caller_leg=CallerLeg.ABSENT, lead=Lead.parse("position:2"))
    assert decide(gone, at(position=2), NOW) == entering.WantCaller()
    assert decide(replace(gone, caller_leg=CallerLeg.DIALLING), at(position=1), NOW) is None
    at_once = row(State.CALLBACK, acd=CALLED, caller_leg=CallerLeg.ABSENT)
    assert decide(at_once, at(acd=CALLED), NOW) is None


def test_where_the_leg_is_to_be_when_an_agent_is_near() -> None:
    assert leg_wanted(row(), "b") is NetworkLeg.WANTED
    assert leg_wanted(row(switch_id="b"), "b") is NetworkLeg.NOT_NEEDED
    assert leg_wanted(row(lead=Lead.parse("ready")), "b") is NetworkLeg.NONE
    early = row(network_leg=NetworkLeg.PRESENT, network_switch_id="b")
    assert leg_wanted(early, "b") is None
    assert leg_wanted(replace(early, network_switch_id="c"), "b") is NetworkLeg.WANTED


# Whatever comes in whichever order -------------------------------------------------------------------------

SIGNALS = st.sampled_from(
    [
        Waits(), Offering("ann"), Offering("bob"), NotTaken("ann", "busy"), NotTaken("bob"), NotTaken("cyd"),
        AgentThere("ann", "a"), AgentThere("bob", ""), AgentLeft(), NotTaken(), Joinable(), Told(1, 2.0),
        Left("acd_none"),
        Left("acd_timeout", is_final=True),
    ]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(SIGNALS, max_size=8), st.sampled_from(State), st.sampled_from(NetworkLeg), st.booleans())
def test_whatever_the_acd_says_there_is_a_step_or_something_to_wait_for(
    said: list[Any], state: State, network_leg: NetworkLeg, entered: bool
) -> None:
    seen = at(Place.ENTERING)
    for signal in said:
        seen = seen.hear(signal)
    call = row(state, network_leg, acd_entry_uuid="e" if entered else None)
    step = decide(call, seen, NOW)
    if state in FINAL:
        assert step == entering.TearDown()
    if isinstance(step, serving.Join):
        assert (seen.agent_leg, state) == ("a", State.READY)
    if step is None and call.is_waiting:
        assert seen.place in (Place.ENTERING, Place.WAITS)
        assert seen.place is Place.WAITS or deadline(call, seen) is not None
