"""What the agent's switch does next, as scenarios: what happened, and the one step that follows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fsroute.acd.serving import (
    ANNOUNCEMENT_LIMIT,
    OFFER_GRACE,
    READY_GRACE,
    SWITCH_DIED,
    Agent,
    Announce,
    AskForKey,
    Join,
    Legs,
    PlayRingback,
    ReportAccepted,
    ReportCallerAbsent,
    ReportFailed,
    ReportJoined,
    ReportLeft,
    ReportNetworkLegAbsent,
    Step,
    TearDown,
    deadline,
    decide,
)
from fsroute.model.proxy_call import FINAL, CallerLeg, NetworkLeg, ProxyCall, State
from tests.unit.rows import proxy_call

BEGAN = 1000.0  # seconds since the epoch: when the agent was reserved
ENDS = BEGAN + 20.0 + OFFER_GRACE


def legs(**seen: Any) -> Legs:
    return Legs("agent-leg", BEGAN, **seen)


ANSWERED = legs(agent=Agent.ANSWERED)
PARKED = legs(agent=Agent.ANSWERED, parked=True, accepted_at=BEGAN + 5)
PRESENT = replace(PARKED, network_uuid="network-leg")


def offered(network_leg: NetworkLeg = NetworkLeg.WANTED, **changes: Any) -> ProxyCall:
    return proxy_call(State.OFFERED, network_leg, **changes)


def ready(network_leg: NetworkLeg = NetworkLeg.WANTED, **changes: Any) -> ProxyCall:
    return proxy_call(State.READY, network_leg, **changes)


def same_switch(state: State) -> ProxyCall:
    return proxy_call(state, NetworkLeg.NOT_NEEDED, agent_switch_id="a", network_switch_id=None)


# The agent is called ------------------------------------------------


def test_while_the_phone_rings_there_is_nothing_to_do() -> None:
    assert decide(offered(), legs(), BEGAN + 5) is None


def test_an_agent_who_answers_has_accepted() -> None:
    assert decide(offered(), ANSWERED, BEGAN + 5) == ReportAccepted()


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("NO_ANSWER", "no_answer"),
        ("NO_USER_RESPONSE", "no_answer"),
        ("ALLOTTED_TIMEOUT", "no_answer"),
        ("ORIGINATOR_CANCEL", "no_answer"),
        ("USER_BUSY", "busy"),
        ("CALL_REJECTED", "refused"),
        ("USER_NOT_REGISTERED", "gone"),
        ("SUBSCRIBER_ABSENT", "gone"),
        ("NORMAL_CLEARING", "gone"),
        ("DESTINATION_OUT_OF_ORDER", "failed"),
        ("SWITCH_UNAVAILABLE", "failed"),
        ("", "failed"),
    ],
)
def test_an_agent_who_did_not_come_goes_aside_with_a_reason(cause: str, reason: str) -> None:
    assert decide(offered(), legs(agent=Agent.GONE, cause=cause), BEGAN + 5) == ReportFailed(reason)


def test_an_agent_who_accepted_and_left_before_the_join_is_gone() -> None:
    left = replace(PRESENT, agent=Agent.GONE, cause="NORMAL_CLEARING")
    assert decide(ready(NetworkLeg.PRESENT), left, BEGAN + 6) == ReportFailed("gone")


def test_a_phone_that_rings_beyond_the_offer_is_given_up() -> None:
    assert decide(offered(), legs(), ENDS - 0.1) is None
    assert decide(offered(), legs(), ENDS) == ReportFailed("no_answer")


def test_who_answers_in_the_last_moment_has_accepted() -> None:
    assert decide(offered(), ANSWERED, ENDS) == ReportAccepted()


# Acceptance with a key ------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "now", "step"),
    [
        (ANSWERED, BEGAN + 5, None),  # not parked yet: nothing can be played
        (PARKED, BEGAN + 5, AskForKey()),
        (replace(PARKED, key_asked=True), BEGAN + 6, None),
        (replace(PARKED, key_asked=True, key="2"), BEGAN + 6, None),
        (replace(PARKED, key_asked=True, key="1"), BEGAN + 6, ReportAccepted()),
        (replace(PARKED, key_asked=True), ENDS, ReportFailed("key_not_pressed")),
        (replace(PARKED, key_asked=True, key="2"), ENDS, ReportFailed("key_not_pressed")),
        (replace(PARKED, agent=Agent.GONE, cause="NORMAL_CLEARING"), BEGAN + 6, ReportFailed("gone")),
    ],
)
def test_where_a_voice_mail_could_answer_a_key_accepts(seen: Legs, now: float, step: Step | None) -> None:
    assert decide(offered(accept_key="1"), seen, now) == step


# Both are needed, in either order ------------------------------------------------


def test_accepted_first_then_present() -> None:
    assert decide(offered(NetworkLeg.RAISING), PARKED, BEGAN + 5) == ReportAccepted()
    assert decide(ready(NetworkLeg.RAISING), PARKED, BEGAN + 6) is None
    assert decide(ready(NetworkLeg.PRESENT), PRESENT, BEGAN + 7) == Join("network-leg")


def test_present_first_then_accepted() -> None:
    waits = legs(network_uuid="network-leg")
    assert decide(offered(NetworkLeg.PRESENT), waits, BEGAN + 2) is None
    assert (
        decide(offered(NetworkLeg.PRESENT), replace(PRESENT, agent=Agent.ANSWERED), BEGAN + 5)
        == ReportAccepted()
    )
    assert decide(ready(NetworkLeg.PRESENT), PRESENT, BEGAN + 5) == Join("network-leg")


def test_a_leg_that_is_answered_but_not_parked_yet_cannot_be_joined() -> None:
    assert decide(ready(NetworkLeg.PRESENT), replace(PRESENT, parked=False), BEGAN + 6) is None


def test_on_one_switch_the_agent_is_joined_with_the_callers_own_channel() -> None:
    seen = replace(PARKED, network_uuid="caller")
    assert decide(same_switch(State.OFFERED), seen, BEGAN + 5) == ReportAccepted()
    assert decide(same_switch(State.READY), seen, BEGAN + 5) == Join("caller")


def test_a_network_leg_seen_but_not_admitted_is_not_joined() -> None:
    assert decide(ready(NetworkLeg.RAISING), PRESENT, BEGAN + 6) is None


def test_a_network_leg_that_was_replaced_is_not_joined() -> None:
    assert decide(ready(NetworkLeg.PRESENT), replace(PRESENT, network_uuid="an-older-leg"), BEGAN + 6) is None


def test_a_join_under_way_is_waited_for() -> None:
    joining = replace(PRESENT, joining=True)
    assert decide(ready(NetworkLeg.PRESENT), joining, BEGAN + 90) is None
    assert deadline(ready(NetworkLeg.PRESENT), joining) is None


def test_a_join_that_was_seen_is_reported() -> None:
    joined = replace(PRESENT, joining=True, joined=True)
    assert decide(ready(NetworkLeg.PRESENT), joined, BEGAN + 6) == ReportJoined()
    assert (
        decide(same_switch(State.READY), replace(joined, network_uuid="caller"), BEGAN + 6) == ReportJoined()
    )


def test_a_talk_that_was_over_at_once_is_reported_as_a_talk() -> None:
    short = replace(PRESENT, joining=True, joined=True, agent=Agent.GONE, cause="NORMAL_CLEARING")
    assert decide(ready(NetworkLeg.PRESENT), short, BEGAN + 6) == ReportJoined()
    assert decide(proxy_call(State.BRIDGED, NetworkLeg.JOINED), short, BEGAN + 6) == ReportLeft(
        "NORMAL_CLEARING"
    )


def test_a_join_that_the_network_leg_did_not_outlive_is_no_fault_of_the_agent() -> None:
    failed_first = replace(PRESENT, joining=True, joined=True)
    assert decide(ready(NetworkLeg.WANTED), failed_first, BEGAN + 6) is None
    gone = replace(failed_first, agent=Agent.GONE, cause="NORMAL_CLEARING")
    assert decide(ready(NetworkLeg.WANTED), gone, BEGAN + 6) == ReportFailed("join_failed")


# The network leg does not come ------------------------------------------------


@pytest.mark.parametrize("leg", [NetworkLeg.NONE, NetworkLeg.WANTED, NetworkLeg.RAISING])
def test_an_agent_does_not_wait_for_ever_for_the_network_leg(leg: NetworkLeg) -> None:
    assert decide(ready(leg), PARKED, BEGAN + 14.9) is None
    assert decide(ready(leg), PARKED, BEGAN + 15) == ReportNetworkLegAbsent()


def test_on_one_switch_an_agent_does_not_wait_for_ever_for_the_caller() -> None:
    assert decide(same_switch(State.READY), PARKED, BEGAN + 15) == ReportNetworkLegAbsent()


def test_a_network_leg_that_comes_in_the_last_moment_is_joined() -> None:
    assert decide(ready(NetworkLeg.PRESENT), PRESENT, BEGAN + 15) == Join("network-leg")


# The talk, and the end ------------------------------------------------


def test_while_they_talk_there_is_nothing_to_do() -> None:
    call = proxy_call(State.BRIDGED, NetworkLeg.JOINED)
    assert decide(call, replace(PRESENT, joined=True), BEGAN + 900) is None
    assert deadline(call, PRESENT) is None


def test_an_agent_who_hangs_up_after_the_talk_is_reported_with_the_cause() -> None:
    left = replace(PRESENT, joined=True, agent=Agent.GONE, cause="MEDIA_TIMEOUT")
    assert decide(proxy_call(State.BRIDGED, NetworkLeg.JOINED), left, BEGAN + 60) == ReportLeft(
        "MEDIA_TIMEOUT"
    )


@pytest.mark.parametrize("state", sorted(FINAL))
@pytest.mark.parametrize("seen", [legs(), ANSWERED, PARKED, PRESENT, replace(PRESENT, joined=True)])
def test_when_the_proxy_call_is_over_no_leg_of_it_stays(state: State, seen: Legs) -> None:
    step = decide(proxy_call(state), seen, BEGAN + 5)
    assert step == TearDown("NORMAL_CLEARING" if state is State.ENDED else "ORIGINATOR_CANCEL")


@pytest.mark.parametrize(
    "seen", [legs(), ANSWERED, PARKED, PRESENT, legs(agent=Agent.GONE, cause="USER_BUSY")]
)
def test_an_offer_that_went_back_to_the_queue_is_torn_down(seen: Legs) -> None:
    assert decide(proxy_call(State.QUEUED), seen, BEGAN + 5) == TearDown("ORIGINATOR_CANCEL")


@pytest.mark.parametrize("state", [State.OFFERED, State.READY, State.BRIDGED])
def test_an_offer_to_somebody_else_is_none_of_ours(state: State) -> None:
    other = proxy_call(state, NetworkLeg.PRESENT, agent_leg_uuid="another-leg")
    assert decide(other, PRESENT, BEGAN + 5) == TearDown("ORIGINATOR_CANCEL")


def test_a_leg_whose_reservation_ended_after_the_talk_is_torn_down() -> None:
    left = proxy_call(State.BRIDGED, NetworkLeg.JOINED, agent_leg_uuid=None, agent_id=None)
    assert isinstance(decide(left, replace(PRESENT, joined=True), BEGAN + 60), TearDown)


# Time ------------------------------------------------


@pytest.mark.parametrize(
    ("call", "seen"),
    [
        (offered(), legs()),
        (offered(accept_key="1"), replace(PARKED, key_asked=True)),
        (ready(NetworkLeg.RAISING), PARKED),
        (ready(NetworkLeg.WANTED), PARKED),
    ],
)
def test_at_the_deadline_there_is_something_to_do_and_not_before(call: ProxyCall, seen: Legs) -> None:
    due = deadline(call, seen)
    assert due is not None
    assert decide(call, seen, due - 0.01) is None
    assert decide(call, seen, due) is not None


def test_whatever_is_seen_in_whatever_state_nothing_of_a_dead_offer_stays() -> None:
    seen_legs = [
        legs(agent=agent, parked=parked, key_asked=asked, network_uuid=uuid, joining=joining, joined=joined)
        for agent in Agent
        for parked in (False, True)
        for asked in (False, True)
        for uuid in (None, "network-leg", "caller")
        for joining in (False, True)
        for joined in (False, True)
    ]
    for state in State:
        for leg in NetworkLeg:
            for seen in seen_legs:
                step = decide(proxy_call(state, leg), seen, BEGAN + 5)
                if state not in (State.OFFERED, State.READY, State.BRIDGED):
                    assert isinstance(step, TearDown)
                elif seen.agent is Agent.GONE:
                    assert step is not None, "an agent who has left is always news"


# The announcement, on a leg that is dialled or stands ------------------------------------------------

SOUNDS = ("tone_stream://%(200,0,880)",)
TO_HEAR = replace(PARKED, sounds=SOUNDS, accepted_at=0.0)
HEARING = replace(TO_HEAR, announced_at=BEGAN + 5)
HEARD = replace(HEARING, announced=True)
STANDING = replace(TO_HEAR, standing_uuid="standing-leg")


@pytest.mark.parametrize(
    ("seen", "now", "step"),
    [
        (legs(sounds=SOUNDS), BEGAN + 5, None),  # it rings
        (replace(ANSWERED, sounds=SOUNDS), BEGAN + 5, None),  # not parked yet: nothing can be played
        (TO_HEAR, BEGAN + 5, Announce()),
        (HEARING, BEGAN + 6, None),
        (HEARD, BEGAN + 6, ReportAccepted()),
        (HEARING, BEGAN + 5 + ANNOUNCEMENT_LIMIT, ReportAccepted()),  # the news of the end was lost
        (
            replace(HEARING, announced_at=ENDS - 1),
            ENDS,
            ReportAccepted(),
        ),  # the offer is over: no more talking
        (replace(HEARING, agent=Agent.GONE, cause="NORMAL_CLEARING"), BEGAN + 6, ReportFailed("gone")),
    ],
)
def test_the_announcement_is_heard_before_the_acceptance(seen: Legs, now: float, step: Step | None) -> None:
    assert decide(offered(), seen, now) == step


@pytest.mark.parametrize(
    ("seen", "now", "step"),
    [
        (HEARING, BEGAN + 6, None),
        (HEARD, BEGAN + 6, AskForKey()),
        (replace(HEARD, key_asked=True), BEGAN + 7, None),
        (replace(HEARING, key="1"), BEGAN + 6, ReportAccepted()),  # who knows the key need not wait
        (replace(HEARD, key_asked=True, key="1"), BEGAN + 8, ReportAccepted()),
        (replace(HEARD, key_asked=True), ENDS, ReportFailed("key_not_pressed")),
        (HEARING, BEGAN + 5 + ANNOUNCEMENT_LIMIT, AskForKey()),
    ],
)
def test_the_key_is_asked_for_after_the_announcement(seen: Legs, now: float, step: Step | None) -> None:
    assert decide(offered(accept_key="1"), seen, now) == step


@pytest.mark.parametrize(
    ("seen", "now", "step"),
    [
        (STANDING, BEGAN, Announce()),
        (replace(STANDING, parked=False), BEGAN, None),  # the talk before is just ending
        (replace(STANDING, parked=False), ENDS, ReportFailed("busy")),
        (replace(STANDING, announced_at=BEGAN, announced=True), BEGAN + 0.3, ReportAccepted()),
        (
            replace(STANDING, agent=Agent.GONE, cause="NORMAL_CLEARING"),
            BEGAN,
            ReportFailed("standing_leg_lost"),
        ),
        (legs(agent=Agent.GONE, cause="STANDING_LEG_LOST"), BEGAN, ReportFailed("standing_leg_lost")),
    ],
)
def test_an_offer_on_a_standing_leg_begins_with_a_sign(seen: Legs, now: float, step: Step | None) -> None:
    assert decide(offered(), seen, now) == step


def test_the_channel_of_a_standing_leg_is_another_name_than_the_attempt() -> None:
    assert (STANDING.agent_leg_uuid, STANDING.channel) == ("agent-leg", "standing-leg")
    assert legs().channel == "agent-leg"


# The caller is being called back -----------------------------------------------------------------------

AWAY: dict[str, Any] = {"caller_leg": CallerLeg.DIALLING, "callback_number": "+498912345"}
LET_GO = BEGAN + 20.0 + READY_GRACE


def test_an_agent_who_accepted_hears_ringing_until_the_caller_is_there() -> None:
    assert decide(ready(NetworkLeg.WANTED, **AWAY), PARKED, BEGAN + 6) == PlayRingback()
    rings = replace(PARKED, waits_audibly=True)
    assert decide(ready(NetworkLeg.WANTED, **AWAY), rings, BEGAN + 16) is None, (
        "longer than for a network leg"
    )
    assert decide(ready(NetworkLeg.WANTED, **AWAY), rings, LET_GO) == ReportCallerAbsent()
    assert deadline(ready(NetworkLeg.WANTED, **AWAY), rings) == LET_GO


def test_the_caller_who_comes_back_on_the_agents_switch_is_joined_on_the_new_channel() -> None:
    away = replace(same_switch(State.READY), **AWAY)
    old = replace(PARKED, network_uuid="caller", waits_audibly=True)
    assert decide(away, old, BEGAN + 10) is None, "the first channel is no more"
    back = replace(away, caller_leg=CallerLeg.PRESENT, channel_uuid="caller-again")
    assert decide(back, replace(old, network_uuid="caller-again"), BEGAN + 16) == Join("caller-again")


def test_the_network_leg_of_a_caller_who_is_back_has_the_rest_of_the_time() -> None:
    back = ready(NetworkLeg.RAISING, **AWAY | {"caller_leg": CallerLeg.PRESENT})
    assert decide(back, PARKED, LET_GO - 0.1) is None
    assert decide(back, PARKED, LET_GO) == ReportNetworkLegAbsent()


@pytest.mark.parametrize("state", [State.OFFERED, State.READY])
def test_an_offer_at_a_switch_that_died_fails_through_no_fault_of_the_agents(state: State) -> None:
    gone = replace(PARKED, agent=Agent.GONE, cause=SWITCH_DIED)
    call = offered() if state is State.OFFERED else ready()
    assert decide(call, gone, BEGAN + 6) == ReportFailed("switch_away")
