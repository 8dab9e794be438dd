"""Callers who hang up and keep their place, leave a message, or find the contact center closed."""

from __future__ import annotations

import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fsroute.acd.proxy_call import On
from fsroute.model.routing import TimeLineStep
from fsroute.store.rules import Rules
from tests.live.figures import measured
from tests.live.people import AnswersAfter, answers_at_once, is_busy, never_answers
from tests.live.sip import Call, Phone
from tests.live.test_one_call import AGENT, CALLER, LONGEST_SILENCE, until_they_hear_each_other
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

Company = Callable[..., ContactCenter]
HOME = "4155550123"


@pytest.fixture
def carrier(two_sites: TwoSites) -> Iterator[Callable[..., Phone]]:
    """The telephone at home of whoever is called back: all numbers of the carrier lead to it."""
    made: list[Phone] = []

    def make(behave: Callable[[Call], None]) -> Phone:
        made.append(Phone(HOME, behave, CALLER, port=two_sites.west.ports.carrier))
        return made[-1]

    yield make
    for phone in made:
        for call in phone.calls:
            call.hang_up()
        phone.close()


def treat(acme: ContactCenter, step: TimeLineStep) -> None:
    """The time of a step has come: what the coordinator does then."""
    store = acme.sites.store
    call = store.proxy_calls.get(acme.rows()[-1]["proxy_call_id"])
    assert call is not None
    assert store.move(call, On.TIME_LINE_STEP, set={"treatment": step.dump(), "time_line_done": 1})


def chooses(acme: ContactCenter) -> Call:
    """A caller who is offered a callback, takes it by real digits, and is let go."""
    caller = acme.waiting_call(frequency=CALLER, number=HOME)
    treat(acme, TimeLineStep(0.0, "offer_callback"))
    until_speaks(acme, "callback_offer")
    caller.press("1")
    until_speaks(acme, "callback_confirm")
    caller.press("1")
    acme.until_state("callback")
    caller.until_over(15)
    assert caller.ended_by == "them"
    return caller


def until_speaks(acme: ContactCenter, prompt: str) -> None:
    """Wait until the caller's switch plays a prompt."""

    def speaks() -> bool:
        found = acme.sites.query("select channel_uuid from contact where contact_center_id = %s", acme.name)
        return bool(found) and prompt in acme.sites.west.variable(
            found[-1]["channel_uuid"], "current_application_data"
        )

    acme.until(speaks, 10)


def test_a_caller_is_called_back_when_an_agent_is_there(
    company: Company, carrier: Callable[..., Phone]
) -> None:
    acme = company()
    first = chooses(acme)
    assert first.media.largest_gap(first.answered_at, first.ended_at) < LONGEST_SILENCE
    home = carrier(AnswersAfter(2.0))
    agent_phone = acme.agent("ann", Phone("1001", AnswersAfter(1.0), AGENT))
    caller = home.latest(15)
    assert acme.number in caller.caller
    agent = agent_phone.latest()
    until(lambda: caller.answered_at and agent.answered_at, 10)
    until_they_hear_each_other(caller, agent)
    both = max(caller.answered_at, agent.answered_at)
    measured("callback: from the later answer until the caller hears the agent",
             (caller.media.first_heard(AGENT, both) or 0) - both)  # fmt: skip
    agent.hang_up()
    caller.until_over(20)
    acme.until_outcomes("served")
    silence = caller.media.largest_gap(caller.answered_at, caller.ended_at)
    measured("callback: largest silence of the caller from answer to end", silence)
    assert silence < LONGEST_SILENCE, caller.media.gaps(caller.answered_at, caller.ended_at, 0.1)


def test_caller_and_agent_on_one_switch(company: Company, carrier: Callable[..., Phone]) -> None:
    acme = company()
    chooses(acme)
    home = carrier(AnswersAfter(2.0))
    agent_phone = acme.agent("ann", Phone("1001", AnswersAfter(1.0), AGENT), "west")
    caller, agent = home.latest(15), agent_phone.latest(15)
    until_they_hear_each_other(caller, agent, 10)
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("served")


def test_a_caller_who_is_busy_is_tried_again_and_hears_why_when_no_agent_is_there(
    company: Company, carrier: Callable[..., Phone]
) -> None:
    acme = company(callback_retry_after=1)
    chooses(acme)
    answers = [is_busy, answers_at_once]
    home = carrier(lambda call: answers.pop(0)(call))
    store = acme.sites.store
    for tries in (1, 2):
        call = store.proxy_calls.get(acme.rows()[-1]["proxy_call_id"])
        assert call is not None
        assert store.move(call, On.CALLER_WANTED)
        home.latest()
        if tries == 1:
            acme.until(lambda: acme.rows()[-1]["callback_failures"] == 1)
    row = acme.until_state("queued")
    said = (row["channel_uuid"], "current_application_data")
    acme.until(lambda: "callback_greeting" in acme.sites.west.variable(*said))
    caller = home.latest()
    agent = acme.agent("ann", Phone("1001", answers_at_once, AGENT)).latest()
    until_they_hear_each_other(caller, agent)
    caller.hang_up()
    acme.until_outcomes("served")


def test_a_caller_who_never_answers_is_given_up(company: Company, carrier: Callable[..., Phone]) -> None:
    acme = company(callback_tries=1)
    chooses(acme)
    carrier(is_busy)
    acme.agent("ann", Phone("1001", AnswersAfter(5.0), AGENT))
    acme.until_outcomes("unreached")
    assert acme.last("callback_given_up")["data"]["cause"] == "USER_BUSY"
    acme.until(lambda: acme.agent_is_idle("ann"))


def test_who_answers_after_the_process_died_finds_the_place(
    company: Company, carrier: Callable[..., Phone], two_sites: TwoSites
) -> None:
    acme = company()
    chooses(acme)
    home = carrier(never_answers)
    store = acme.sites.store
    call = store.proxy_calls.get(acme.rows()[-1]["proxy_call_id"])
    assert call is not None
    assert store.move(call, On.CALLER_WANTED)
    caller = home.latest()
    two_sites.west_run.kill()
    two_sites.west_run.start()
    caller.answer()
    acme.until_state("queued")
    agent = acme.agent("ann", Phone("1001", answers_at_once, AGENT)).latest()
    until_they_hear_each_other(caller, agent)
    assert len(home.calls) == 1
    caller.hang_up()
    acme.until_outcomes("served")


def test_a_prompt_delays_no_bridge(company: Company) -> None:
    acme = company()
    caller = acme.waiting_call(frequency=CALLER)
    treat(acme, TimeLineStep(0.0, "announce"))
    until_speaks(acme, "please_hold")
    logged_on = time.time()
    agent = acme.agent("ann", Phone("1001", answers_at_once, AGENT)).latest()
    until_they_hear_each_other(caller, agent)
    took = (caller.media.first_heard(AGENT, logged_on) or 0) - logged_on
    measured("during an announcement: log-on until the caller hears the agent", took)
    assert took < 1.0
    caller.hang_up()
    acme.until_outcomes("served")


def test_a_caller_leaves_a_message(company: Company) -> None:
    acme = company()
    caller = acme.waiting_call(frequency=CALLER)
    treat(acme, TimeLineStep(0.0, "voice_message"))
    uuid = acme.rows()[-1]["channel_uuid"]
    acme.until(lambda: acme.sites.west.variable(uuid, "current_application") == "record", 15)
    began = time.time()
    until(lambda: time.time() > began + 2.0)
    caller.press("#")
    caller.until_over(15)
    acme.until_outcomes("overflowed")
    (message,) = acme.sites.query(
        "select path, duration_s from voice_message where contact_center_id = %s", acme.name
    )
    assert 1.5 < message["duration_s"] < 4.0
    with wave.open(message["path"]) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(message["duration_s"], abs=0.5)
    assert Path(message["path"]).stat().st_size > 10_000


def test_a_center_that_is_closed_at_once_says_so_to_all(company: Company) -> None:
    acme = company()
    waiting = acme.waiting_call()
    Rules(acme.sites.store.database).close_center(acme.name, "", False, "test")
    waiting.until_over(20)
    acme.until_outcomes("refused")
    assert acme.last("center_closed")["data"]["reason"] == "center_closed"
    late = acme.call()
    acme.until(late.is_over, 25)
    acme.until_outcomes("refused", "refused")
    assert acme.last("not_queued")["data"]["reason"] == "center_closed"
    for call in (waiting, late):
        assert call.ended_by == "them"
        assert call.media.largest_gap(call.answered_at, call.ended_at) < LONGEST_SILENCE
