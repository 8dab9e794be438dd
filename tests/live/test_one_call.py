"""One caller, one agent: what a good call looks like on the wire."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.live.figures import measured
from tests.live.people import answers_at_once, never_answers
from tests.live.sip import HOLD, TALK, Call, Phone
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

CALLER, AGENT = 440, 700  # Hz
LONGEST_SILENCE = 0.3  # seconds without a packet
LONGEST_QUIET = 0.5  # seconds without a sound, for one who waits; local_stream begins with 0.27 of them

Company = Callable[..., ContactCenter]


def talking(company: ContactCenter, site: str = "east") -> tuple[Call, Call]:
    """A caller and an agent who hear each other."""
    caller = company.waiting_call(frequency=CALLER)
    phone = company.agent("ann", Phone("1001", answers_at_once, AGENT), site)
    agent = phone.latest()
    until_they_hear_each_other(caller, agent)
    return caller, agent


def until_they_hear_each_other(caller: Call, agent: Call, limit: float = 5.0) -> None:
    until(lambda: caller.media.hears(AGENT) and agent.media.hears(CALLER), limit)


def test_a_caller_serves_itself_with_digits(company: Company, two_sites: TwoSites) -> None:
    acme = company()
    caller = acme.call("1")
    acme.until_step("order_number")
    until(lambda: not caller.media.is_silent())
    caller.press("12344")
    acme.until_step("anything_else")
    caller.press("7")
    caller.until_over(20)
    assert caller.ended_by == "them"
    acme.until_outcomes("self_served")
    assert acme.rows() == []


def test_a_caller_is_bridged_to_a_remote_agent_who_answers(company: Company, two_sites: TwoSites) -> None:
    acme = company()
    caller = acme.waiting_call(frequency=CALLER, number="5550199")
    waits_since = time.time()
    agent = acme.agent("ann", Phone("1001", never_answers, AGENT)).latest()
    row = acme.until_leg("present")
    until(lambda: not caller.media.is_silent())
    assert two_sites.east.answer_state(row["rendezvous_uuid"]) == "ringing"
    assert two_sites.west.answer_state(row["network_leg_uuid"]) == "ringing"
    assert "5550199" in agent.caller

    agent.answer()
    until_they_hear_each_other(caller, agent)
    measured("agent's wait after answering, until the caller is heard",
             (agent.media.first_heard(CALLER, agent.answered_at) or 0) - agent.answered_at)  # fmt: skip
    measured("caller's wait for the agent's voice after the agent answered",
             (caller.media.first_heard(AGENT, agent.answered_at) or 0) - agent.answered_at)  # fmt: skip
    quiet = caller.media.longest_silence(waits_since, time.time())
    measured("longest time without a sound for a caller from waiting to talking", quiet)
    assert quiet < LONGEST_QUIET, caller.media.silences(waits_since, time.time(), 0.1)
    row = acme.until_state("bridged")
    assert two_sites.east.answer_state(row["rendezvous_uuid"]) == "answered"
    assert two_sites.west.answer_state(row["network_leg_uuid"]) == "answered"
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("served")
    silence = caller.media.largest_gap(caller.answered_at, caller.ended_at)
    measured("largest silence of a caller from answer to end", silence)
    assert silence < LONGEST_SILENCE, caller.media.gaps(caller.answered_at, caller.ended_at, 0.1)


def test_digits_cross_the_join_in_both_directions(company: Company) -> None:
    acme = company()
    caller, agent = talking(acme)
    agent.press("58#")
    caller.press("719*")
    until(lambda: (caller.media.digits(), agent.media.digits()) == ("58#", "719*"))
    agent.hang_up()
    acme.until_step("goodbye")
    caller.until_over()
    acme.until_outcomes("served")


def test_a_transfer_by_the_agents_phone_is_refused(company: Company) -> None:
    acme = company()
    caller, agent = talking(acme)
    agent.refer("sip:1002@127.0.0.1")
    assert agent.status_of("REFER") >= 400
    until_they_hear_each_other(caller, agent)
    assert acme.count("bridged") == 1
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("served")


def test_holding_is_an_event_and_the_caller_hears_music(company: Company) -> None:
    acme = company()
    caller, agent = talking(acme)
    agent.again(HOLD)
    until(lambda: "held" in acme.kinds())
    until(lambda: not caller.media.is_silent() and not caller.media.hears(AGENT))
    agent.again(TALK)
    until(lambda: "resumed" in acme.kinds())
    until_they_hear_each_other(caller, agent)
    caller.hang_up()
    acme.until_outcomes("served")


def test_caller_and_agent_on_one_switch_need_no_network_leg(company: Company, two_sites: TwoSites) -> None:
    acme = company()
    caller, agent = talking(acme, "west")
    assert two_sites.east.channels() == 0
    joined_at = time.time()
    until(lambda: time.time() > joined_at + 1.5)  # beyond the time that a channel has to be taken
    until_they_hear_each_other(caller, agent)
    assert acme.count("bridged") == 1
    caller.press("4")
    agent.press("6")
    until(lambda: (caller.media.digits(), agent.media.digits()) == ("6", "4"))
    agent.hang_up()
    acme.until_state("ended")
    acme.until_step("goodbye")
    caller.until_over()
    silence = caller.media.largest_gap(caller.answered_at, caller.ended_at)
    measured("same switch: largest silence of a caller from answer to end", silence)
    assert silence < LONGEST_SILENCE, caller.media.gaps(caller.answered_at, caller.ended_at, 0.1)
    acme.until_outcomes("served")


def test_same_switch_caller_hangs_up_while_talking(company: Company) -> None:
    acme = company()
    caller, agent = talking(acme, "west")
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("served")


def test_an_agent_may_accept_before_the_network_leg_is_present(company: Company) -> None:
    acme = company(lead="ready")
    caller, agent = talking(acme)
    kinds = acme.kinds()
    assert kinds.index("agent_accepted") < kinds.index("network_leg_present")
    measured("lead `ready`: agent's wait after answering, until the caller is heard",
             (agent.media.first_heard(CALLER, agent.answered_at) or 0) - agent.answered_at)  # fmt: skip
    caller.hang_up()
    acme.until_outcomes("served")


def test_an_agent_accepts_with_a_key_where_a_voice_mail_could_answer(company: Company) -> None:
    acme = company()
    caller = acme.waiting_call(frequency=CALLER)
    agent = acme.agent("ann", Phone("1001", answers_at_once, AGENT), accept_key="5").latest()
    acme.until_leg("present")
    until(lambda: not agent.media.is_silent())
    agent.press("3")
    assert acme.count("offered") == 1
    agent.press("5")
    until_they_hear_each_other(caller, agent)
    caller.hang_up()
    acme.until_outcomes("served")
