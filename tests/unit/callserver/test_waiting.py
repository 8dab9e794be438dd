"""What a waiting caller's channel does next, as scenarios: the row, what the channel does, the one step."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from fsroute.callserver.waiting import (
    CALLED_BACK,
    NEVER_BEGAN,
    RESULTS,
    AnnounceWait,
    Channel,
    Doing,
    DropLeg,
    Farewell,
    Finish,
    Hush,
    Leave,
    PlayMusic,
    RaiseLeg,
    ReportCallerBack,
    ReportConversationEnded,
    ReportLegFailed,
    Step,
    Treat,
    decide,
    ended_by,
    is_joined_here,
    is_taken,
)
from fsroute.model.proxy_call import FINAL, LIVE, AgentLeg, CallerLeg, NetworkLeg, ProxyCall, State
from fsroute.model.routing import TimeLineStep, Way
from tests.unit.rows import proxy_call

NOW = 1000.0  # seconds since the epoch
NOTHING = Channel()
MUSIC = Channel(Doing.MUSIC)
RAISING = Channel(Doing.RAISING, "leg")
TALKING = Channel(Doing.TALKING, "leg")
TAKEN = Channel(Doing.TAKEN)
WAITING = [State.REQUESTED, State.QUEUED, State.OFFERED, State.READY]
NONE, WANTED, RAISED, PRESENT, JOINED, NOT_NEEDED = (
    NetworkLeg.NONE,
    NetworkLeg.WANTED,
    NetworkLeg.RAISING,
    NetworkLeg.PRESENT,
    NetworkLeg.JOINED,
    NetworkLeg.NOT_NEEDED,
)

# Music --------


@pytest.mark.parametrize("state", WAITING)
@pytest.mark.parametrize("leg", [NONE, NOT_NEEDED])
def test_a_waiting_caller_hears_music_from_now_on(state: State, leg: NetworkLeg) -> None:
    assert decide(proxy_call(state, leg), NOTHING, NOW) == PlayMusic()
    assert decide(proxy_call(state, leg), MUSIC, NOW) is None


def test_music_that_ended_is_played_again() -> None:
    assert decide(proxy_call(State.QUEUED), replace(MUSIC, doing=Doing.NOTHING), NOW) == PlayMusic()


# The network leg --------


@pytest.mark.parametrize("state", [State.QUEUED, State.OFFERED, State.READY])  # by the lead
@pytest.mark.parametrize("channel", [NOTHING, MUSIC])
def test_a_leg_that_is_wanted_is_raised(state: State, channel: Channel) -> None:
    assert decide(proxy_call(state, WANTED), channel, NOW) == RaiseLeg()


def test_a_leg_that_has_just_failed_is_raised_again_a_little_later_with_music_meanwhile() -> None:
    failed = replace(NOTHING, raise_after=NOW + 0.3)
    assert decide(proxy_call(State.OFFERED, WANTED), failed, NOW) == PlayMusic()
    assert decide(proxy_call(State.OFFERED, WANTED), replace(failed, doing=Doing.MUSIC), NOW) is None
    assert (
        decide(proxy_call(State.OFFERED, WANTED), replace(failed, doing=Doing.MUSIC), NOW + 0.3) == RaiseLeg()
    )


@pytest.mark.parametrize("state", [State.QUEUED, State.OFFERED, State.READY])
@pytest.mark.parametrize("leg", [RAISED, PRESENT])
def test_a_leg_that_rings_is_waited_for(state: State, leg: NetworkLeg) -> None:
    assert decide(proxy_call(state, leg), RAISING, NOW) is None


def test_a_leg_that_was_answered_before_the_news_of_the_join_is_waited_for() -> None:
    assert decide(proxy_call(State.READY, PRESENT), TALKING, NOW) is None


@pytest.mark.parametrize("state", [State.QUEUED, State.OFFERED, State.READY])
@pytest.mark.parametrize("leg", [RAISED, PRESENT])
@pytest.mark.parametrize("channel", [NOTHING, MUSIC])  # the leg ended, or this process began after it
def test_a_leg_that_the_row_speaks_of_and_that_is_not_there_has_failed(
    state: State, leg: NetworkLeg, channel: Channel
) -> None:
    assert decide(proxy_call(state, leg), channel, NOW) == ReportLegFailed("leg")


@pytest.mark.parametrize("channel", [RAISING, TALKING])
@pytest.mark.parametrize(
    ("state", "leg"),
    [
        (State.QUEUED, NONE),  # the agent did not answer
        (State.OFFERED, WANTED),  # the next agent is at another switch
        (State.OFFERED, NOT_NEEDED),  # the next agent is at this switch
        (State.READY, WANTED),  # somebody else saw it fail
        (State.ABANDONED, NONE),
        (State.OVERFLOWED, NONE),
        (State.REFUSED, NONE),
        (State.LOST, NONE),
        (State.ENDED, NONE),
    ],
)
def test_a_leg_that_is_not_wanted_any_more_is_dropped(
    state: State, leg: NetworkLeg, channel: Channel
) -> None:
    assert decide(proxy_call(state, leg), channel, NOW) == DropLeg("leg")


def test_a_leg_of_an_attempt_that_is_over_is_dropped_though_another_is_spoken_of() -> None:
    other = replace(RAISING, leg_uuid="an-older-leg")
    assert decide(proxy_call(State.OFFERED, RAISED), other, NOW) == DropLeg("an-older-leg")


@pytest.mark.parametrize("state", list(State))
def test_a_leg_that_is_being_dropped_is_waited_for(state: State) -> None:
    assert decide(proxy_call(state, NONE), replace(RAISING, dropping=True), NOW) is None


def test_after_the_drop_there_is_music_again() -> None:
    after = replace(RAISING, dropping=True).over("")
    assert after == NOTHING
    assert decide(proxy_call(State.QUEUED), after, NOW) == PlayMusic()


def test_after_the_drop_a_leg_to_the_next_agent_is_raised() -> None:
    assert (
        decide(proxy_call(State.OFFERED, WANTED), replace(RAISING, dropping=True).over(""), NOW) == RaiseLeg()
    )


# The talk --------


@pytest.mark.parametrize("channel", [RAISING, TALKING])  # the news of the answer may come after the row
def test_while_they_talk_there_is_nothing_to_do(channel: Channel) -> None:
    assert decide(proxy_call(State.BRIDGED, JOINED, agent_leg=AgentLeg.JOINED), channel, NOW) is None


@pytest.mark.parametrize(
    ("cause", "lost"),
    [
        ("NORMAL_CLEARING", False),
        ("SUCCESS", False),
        ("", False),
        ("MEDIA_TIMEOUT", True),
        ("NETWORK_OUT_OF_ORDER", True),
        ("DESTINATION_OUT_OF_ORDER", True),
        ("RECOVERY_ON_TIMER_EXPIRE", True),
    ],
)
@pytest.mark.parametrize("agent_id", [None, "anna"])  # the agent's site may have told of its end first
def test_a_talk_that_ended_is_over_or_lost_by_its_cause(cause: str, lost: bool, agent_id: str | None) -> None:
    call = proxy_call(State.BRIDGED, JOINED, agent_id=agent_id)
    assert decide(call, TALKING.over(cause), NOW) == ReportConversationEnded(lost)


@pytest.mark.parametrize("doing", [Doing.NOTHING, Doing.MUSIC])
def test_a_talk_whose_leg_was_never_answered_here_is_lost_whatever_the_agents_site_says(doing: Doing) -> None:
    """The answer got lost on a link that was away, and the agent's site gave up meanwhile."""
    never = replace(RAISING.over(NEVER_BEGAN), doing=doing)
    for agent_leg in (AgentLeg.JOINED, AgentLeg.NONE):
        call = proxy_call(State.BRIDGED, JOINED, agent_leg=agent_leg)
        assert decide(call, never, NOW) == ReportConversationEnded(lost=True)


def test_a_leg_that_rings_on_though_the_agent_has_left_is_dropped() -> None:
    left = proxy_call(State.BRIDGED, JOINED, agent_leg=AgentLeg.NONE)
    waited = replace(RAISING, rings_until=NOW)
    assert decide(left, waited, NOW) == DropLeg("leg")
    assert decide(left, waited, NOW - 0.1) is None, "the answer may be on its way"
    assert decide(left, RAISING, NOW) is None
    assert decide(left, replace(TALKING, rings_until=NOW), NOW) is None, "the end is heard from the leg"
    assert decide(proxy_call(State.BRIDGED, JOINED, agent_leg=AgentLeg.JOINED), RAISING, NOW) is None


def test_a_lost_conversation_is_music_again_and_a_finished_one_goes_on_in_the_application() -> None:
    assert decide(proxy_call(State.QUEUED), TALKING.over("MEDIA_TIMEOUT"), NOW) == PlayMusic()
    assert decide(proxy_call(State.ENDED), TALKING.over("NORMAL_CLEARING"), NOW) == Finish("served")


def test_a_talk_that_was_over_before_it_was_heard_of_is_over_though_music_plays_again() -> None:
    assert decide(proxy_call(State.BRIDGED, JOINED), MUSIC, NOW) == ReportConversationEnded(lost=False)


def test_a_talk_whose_leg_ended_before_the_join_was_heard_of_is_decided_by_who_was_first() -> None:
    ended = TALKING.over("NORMAL_CLEARING")
    assert decide(proxy_call(State.READY, PRESENT), ended, NOW) == ReportLegFailed("leg")
    assert decide(proxy_call(State.BRIDGED, JOINED), ended, NOW) == ReportConversationEnded(lost=False)


# Caller and agent on one switch --------


def test_on_one_switch_the_caller_hears_music_until_the_switch_takes_the_channel() -> None:
    for state in (State.OFFERED, State.READY, State.BRIDGED):
        assert decide(proxy_call(state, NOT_NEEDED), MUSIC, NOW) is None


@pytest.mark.parametrize("state", sorted(LIVE))
def test_a_channel_that_the_switch_is_taking_is_left_alone(state: State) -> None:
    assert decide(proxy_call(state, NOT_NEEDED, agent_leg=AgentLeg.JOINED), TAKEN, NOW) is None


def test_a_join_on_one_switch_that_failed_is_music_again() -> None:
    assert decide(proxy_call(State.QUEUED), replace(TAKEN, doing=Doing.NOTHING), NOW) == PlayMusic()


# After a restart: a new session knows nothing but the row and how the bridge ended --------


@pytest.mark.parametrize(
    ("state", "leg", "last_cause", "step"),
    [
        (State.REQUESTED, NONE, "", PlayMusic()),
        (State.QUEUED, NONE, "", PlayMusic()),
        (State.QUEUED, PRESENT, "", ReportLegFailed("leg")),
        (State.OFFERED, WANTED, "", RaiseLeg()),
        (State.OFFERED, RAISED, "", ReportLegFailed("leg")),
        (State.READY, PRESENT, "", ReportLegFailed("leg")),
        (State.READY, NOT_NEEDED, "", PlayMusic()),
        (State.BRIDGED, JOINED, "NORMAL_CLEARING", ReportConversationEnded(lost=False)),
        (State.BRIDGED, JOINED, "MEDIA_TIMEOUT", ReportConversationEnded(lost=True)),
        (State.BRIDGED, NOT_NEEDED, "NORMAL_CLEARING", ReportConversationEnded(lost=False)),
        (State.ENDED, NONE, "NORMAL_CLEARING", Finish("served")),
        (State.OVERFLOWED, NONE, "", Finish("overflowed")),
        (State.REFUSED, NONE, "", Finish("refused")),
    ],
)
def test_a_caller_who_comes_back_goes_on_where_the_call_stands(
    state: State, leg: NetworkLeg, last_cause: str, step: Step
) -> None:
    assert decide(proxy_call(state, leg), Channel(last_cause=last_cause), NOW) == step


# The end --------


@pytest.mark.parametrize("state", sorted(FINAL))
@pytest.mark.parametrize("channel", [NOTHING, MUSIC])
def test_a_proxy_call_that_is_over_gives_its_result_to_the_application(
    state: State, channel: Channel
) -> None:
    assert decide(proxy_call(state), channel, NOW) == Finish(RESULTS[state])


def test_every_end_has_a_result() -> None:
    assert set(RESULTS) == FINAL


# Whatever comes together --------


@pytest.mark.parametrize("state", sorted(LIVE))
def test_no_caller_is_in_silence(state: State) -> None:
    """A channel that does nothing is always told to do something, or the row is corrected."""
    for leg, raise_after in product(NetworkLeg, (0.0, NOW + 9)):
        assert decide(proxy_call(state, leg), Channel(raise_after=raise_after), NOW) is not None


def test_only_one_leg_is_up_at_a_time() -> None:
    for state, leg, channel in product(State, NetworkLeg, (RAISING, TALKING, TAKEN)):
        assert decide(proxy_call(state, leg), channel, NOW) != RaiseLeg()


def test_music_and_a_bridge_do_not_run_together() -> None:
    for state, leg, channel in product(State, NetworkLeg, (RAISING, TALKING, TAKEN, MUSIC)):
        assert decide(proxy_call(state, leg), channel, NOW) != PlayMusic()


# What is said and asked by the time line --------

SPEAKING = Channel(Doing.SPEAKING)
ASKING = Channel(Doing.MUSIC, asking=True)
ANNOUNCE = TimeLineStep(30.0, "announce", prompt="please_hold")
OFFER = TimeLineStep(60.0, "offer_callback")


@pytest.mark.parametrize("channel", [NOTHING, MUSIC])
@pytest.mark.parametrize("step", [ANNOUNCE, OFFER])
def test_a_step_of_the_time_line_is_heard_once(channel: Channel, step: TimeLineStep) -> None:
    call = proxy_call(State.QUEUED, treatment=step, treatment_number=1)
    assert decide(call, channel, NOW) == Treat(step, 1)
    assert decide(call, replace(MUSIC, treated=1), NOW) is None


@pytest.mark.parametrize("channel", [SPEAKING, ASKING])
def test_a_step_waits_until_what_is_said_already_is_over(channel: Channel) -> None:
    assert decide(proxy_call(State.QUEUED, treatment=ANNOUNCE, treatment_number=1), channel, NOW) is None


@pytest.mark.parametrize("channel", [NOTHING, MUSIC, SPEAKING, ASKING, RAISING])  # raising: by an early lead
@pytest.mark.parametrize("do", ["voice_message", "number"])
def test_a_step_may_take_the_caller_out_of_the_queue(do: str, channel: Channel) -> None:
    step = TimeLineStep(90.0, do, number="1000", prompt="sorry")
    call = proxy_call(State.QUEUED, treatment=step, treatment_number=1)
    assert decide(call, channel, NOW) == Leave(Way(do, "1000", "sorry"))


@pytest.mark.parametrize("channel", [SPEAKING, ASKING, replace(SPEAKING, asking=True)])
@pytest.mark.parametrize("state", [State.QUEUED, State.OFFERED, State.READY])
def test_nothing_that_is_said_delays_a_network_leg(state: State, channel: Channel) -> None:
    assert decide(proxy_call(state, WANTED), channel, NOW) == RaiseLeg()


@pytest.mark.parametrize("channel", [SPEAKING, ASKING])
@pytest.mark.parametrize("state", [State.OFFERED, State.READY])
def test_what_is_said_and_asked_ends_when_an_agent_is_about_to_come(state: State, channel: Channel) -> None:
    assert decide(proxy_call(state, NONE), channel, NOW) == Hush()


@pytest.mark.parametrize("state", [State.OFFERED, State.READY, State.BRIDGED])
def test_on_one_switch_a_prompt_is_left_to_the_switch_but_nothing_is_asked(state: State) -> None:
    assert decide(proxy_call(state, NOT_NEEDED), SPEAKING, NOW) is None
    if state is not State.BRIDGED:
        assert decide(proxy_call(state, NOT_NEEDED), ASKING, NOW) == Hush()


# Callers who are called back --------

HERE = Channel(Doing.MUSIC, uuid="caller")
CHOSE = replace(HERE, doing=Doing.NOTHING, chosen=True)
CALLED = Channel(Doing.NOTHING, uuid="new", called=True)


def to_be_called(state: State, leg: CallerLeg, **changes: Any) -> ProxyCall:
    return proxy_call(state, caller_leg=leg, **changes)


@pytest.mark.parametrize(
    "channel", [CHOSE, replace(HERE, doing=Doing.NOTHING)]
)  # a restart forgets the choice
def test_who_chose_to_be_called_back_is_told_so_and_let_go(channel: Channel) -> None:
    call = to_be_called(State.CALLBACK, CallerLeg.ABSENT)
    assert decide(call, channel, NOW) == Farewell()
    telling = replace(channel, doing=Doing.SPEAKING, told=True)
    assert decide(call, telling, NOW) is None
    assert decide(call, replace(telling, doing=Doing.NOTHING), NOW) == Finish(CALLED_BACK)


@pytest.mark.parametrize("channel", [CHOSE, replace(CHOSE, doing=Doing.SPEAKING, told=True)])
@pytest.mark.parametrize(
    "state", [State.OFFERED, State.CALLBACK]
)  # an agent is reserved, or the lead has come
def test_who_is_wanted_before_hanging_up_is_there(channel: Channel, state: State) -> None:
    assert decide(to_be_called(state, CallerLeg.WANTED), channel, NOW) == ReportCallerBack()


@pytest.mark.parametrize("state", [State.CALLBACK, State.OFFERED, State.READY])
@pytest.mark.parametrize("leg", [CallerLeg.DIALLING, CallerLeg.ABSENT])  # absent: the agent has just failed
def test_who_is_called_back_is_there(state: State, leg: CallerLeg) -> None:
    assert decide(to_be_called(state, leg, channel_uuid="new"), CALLED, NOW) == ReportCallerBack()


def test_who_was_called_back_may_choose_so_again() -> None:
    call = to_be_called(State.CALLBACK, CallerLeg.ABSENT, channel_uuid="new")
    assert decide(call, replace(CALLED, chosen=True), NOW) == Farewell()


def test_a_leg_that_a_talk_still_needs_is_not_dropped_with_the_consultation() -> None:
    assert decide(proxy_call(State.ENDED, JOINED), TALKING, NOW) == Finish(RESULTS[State.ENDED])
    assert decide(proxy_call(State.ENDED, NONE), TALKING, NOW) == DropLeg("leg")


def test_a_talk_that_the_agent_has_left_is_over_though_its_bridge_was_never_seen() -> None:
    row = proxy_call(State.BRIDGED, NOT_NEEDED)
    assert decide(row, TAKEN, NOW) == ReportConversationEnded(lost=False)


def test_who_comes_back_amid_a_join_is_about_to_be_taken() -> None:
    joining = [
        (state, leg)
        for state, leg in product(State, AgentLeg)
        if is_joined_here(proxy_call(state, NOT_NEEDED, agent_leg=leg))
    ]
    assert {state for state, _ in joining} == {State.READY, State.BRIDGED}
    assert (State.BRIDGED, AgentLeg.NONE) not in joining
    assert not is_joined_here(proxy_call(State.BRIDGED, NetworkLeg.JOINED, agent_leg=AgentLeg.JOINED))


# Position and expected wait --------

TELL = TimeLineStep(30.0, "announce_wait", every=60.0, within=0.5)
TOLD: dict[str, Any] = {"time_line": (TELL,), "time_line_done": 1}


def test_a_wait_is_told_once_its_step_has_come_and_then_at_its_interval() -> None:
    row = proxy_call(State.QUEUED, **TOLD)
    assert decide(row, MUSIC, NOW) == AnnounceWait(TELL)
    assert decide(row, replace(MUSIC, announce_at=NOW + 1), NOW) is None
    assert decide(row, replace(MUSIC, announce_at=NOW + 1), NOW + 1) == AnnounceWait(TELL)
    assert decide(proxy_call(State.QUEUED, **{**TOLD, "time_line_done": 0}), MUSIC, NOW) is None


def test_music_comes_before_a_wait_is_told() -> None:
    assert decide(proxy_call(State.QUEUED, **TOLD), NOTHING, NOW) == PlayMusic()


@pytest.mark.parametrize("state", [State.REQUESTED, State.OFFERED, State.READY])
def test_no_wait_is_told_while_an_agent_is_about_to_come(state: State) -> None:
    assert decide(proxy_call(state, **TOLD), MUSIC, NOW) is None


def test_no_wait_is_told_amid_a_question_or_a_prompt() -> None:
    row = proxy_call(State.QUEUED, **TOLD)
    assert decide(row, replace(MUSIC, asking=True), NOW) is None
    assert decide(row, replace(MUSIC, doing=Doing.SPEAKING), NOW) is None


def test_the_last_step_that_has_come_says_how_waits_are_told() -> None:
    later = replace(TELL, after=300.0, every=120.0)
    row = proxy_call(State.QUEUED, time_line=(TELL, later), time_line_done=2)
    assert decide(row, MUSIC, NOW) == AnnounceWait(later)


@pytest.mark.parametrize(
    ("cause", "reason", "ended"),
    [
        ("NORMAL_CLEARING", 'SIP;cause=604;text="MEDIA_TIMEOUT"', "MEDIA_TIMEOUT"),
        ("NORMAL_CLEARING", 'SIP;cause=501;text="SYSTEM_SHUTDOWN"', "SYSTEM_SHUTDOWN"),
        ("NORMAL_CLEARING", 'Q.850;cause=16;text="NORMAL_CLEARING"', "NORMAL_CLEARING"),
        ("NORMAL_CLEARING", 'SIP;cause=200;text="Call completed elsewhere"', "NORMAL_CLEARING"),
        ("NORMAL_CLEARING", 'SIP;cause=605;text="PICKED_OFF"', "NORMAL_CLEARING"),
        ("NORMAL_CLEARING", "", "NORMAL_CLEARING"),
        ("DESTINATION_OUT_OF_ORDER", 'SIP;cause=604;text="MEDIA_TIMEOUT"', "DESTINATION_OUT_OF_ORDER"),
    ],
)
def test_a_cause_that_only_the_reason_tells_is_heeded(cause: str, reason: str, ended: str) -> None:
    assert ended_by(cause, reason) == ended


@pytest.mark.parametrize(
    ("channel", "partner", "taken"),
    [
        (RAISING, "leg", False),
        (RAISING, "the leg of an agent here", True),
        (Channel(Doing.RAISING), "a leg that a process before this one raised", False),
        (Channel(Doing.TALKING, "leg"), "another", False),
        (MUSIC, "the leg of an agent here", True),
        (NOTHING, "the leg of an agent here", True),
    ],
)
def test_an_agent_here_may_be_joined_while_a_leg_to_another_is_let_go(
    channel: Channel, partner: str, taken: bool
) -> None:
    """Taken for the talk with that leg, its end would be told as the end of a conversation that goes on."""
    assert is_taken(channel, ("caller", partner)) is taken
