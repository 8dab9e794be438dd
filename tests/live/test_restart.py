"""The call server dies; its calls do not."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.live.figures import measured
from tests.live.people import answers_at_once, never_answers
from tests.live.sip import Phone
from tests.live.test_one_call import (
    AGENT,
    CALLER,
    LONGEST_QUIET,
    LONGEST_SILENCE,
    talking,
    until_they_hear_each_other,
)
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

Company = Callable[..., ContactCenter]

BACK_WITHIN = 2.0  # seconds from the restart


def test_calls_outlive_their_call_server(company: Company, two_sites: TwoSites) -> None:
    in_application, waiting, offered, bridged, local = (company() for _ in range(5))
    unlucky = company(offer_timeout=4)
    talker, agent = talking(bridged)
    local_talker, local_agent = talking(local, "west")
    first = waiting.waiting_call(number="5550001", frequency=CALLER)
    second = waiting.waiting_call(number="5550002")
    ringing = offered.waiting_call(frequency=CALLER)
    phone = offered.agent("eve", Phone("1009", never_answers, AGENT)).latest()
    offered.until_leg("present")
    hopeful = unlucky.waiting_call(frequency=CALLER)
    silent = unlucky.agent("gil", Phone("1011", never_answers)).latest()
    unlucky.until_leg("present")
    chooser = in_application.call("1")
    in_application.until_step("order_number")

    killed_at = time.time()
    two_sites.west_run.kill()
    until(lambda: time.time() > killed_at + 1.5)
    until_they_hear_each_other(talker, agent)
    until_they_hear_each_other(local_talker, local_agent)
    phone.answer()
    until_they_hear_each_other(ringing, phone)
    silent.until_over()
    until(lambda: not hopeful.media.is_silent())

    began = two_sites.west_run.start()
    until(lambda: waiting.came_back() + in_application.came_back() + unlucky.came_back() == 4, 10)
    back = max(two_sites.moments_of("call came back"))
    measured("callers are back after the start of the call server's new process", back - began)
    assert back - began < BACK_WITHIN
    whole = killed_at - 1, time.time()
    for who, call in (("waiting caller", first), ("caller whose offer failed meanwhile", hopeful)):
        quiet = call.media.longest_silence(*whole)
        measured(f"call server dead and back: longest time without a sound for a {who}", quiet)
        assert quiet < LONGEST_QUIET, call.media.silences(*whole, 0.1)
    gap = talker.media.largest_gap(*whole)
    measured("call server dead and back: longest time without a packet for one who talks", gap)
    assert gap < LONGEST_SILENCE

    until_they_hear_each_other(talker, agent)
    until_they_hear_each_other(local_talker, local_agent)
    chooser.press("12344")
    in_application.until_step("anything_else")
    helper = waiting.agent("fay", Phone("1010", answers_at_once, AGENT)).latest()
    until_they_hear_each_other(first, helper)
    assert "5550001" in helper.caller, "the first caller has kept its place"

    rescuer = unlucky.agent("hal", Phone("1012", answers_at_once, AGENT)).latest()
    until_they_hear_each_other(hopeful, rescuer)

    agent.hang_up()
    bridged.until_step("goodbye")
    local_agent.hang_up()
    local.until_step("goodbye")
    for call in (ringing, first, second, chooser, hopeful):
        call.hang_up()
    for call in (talker, local_talker):
        call.until_over()
    bridged.until_outcomes("served")
    local.until_outcomes("served")
    offered.until_outcomes("served")
    unlucky.until_outcomes("served")
    in_application.until_outcomes("self_served")
    waiting.until_outcomes("served", "abandoned")


def test_a_call_that_arrives_while_the_call_server_is_away_is_served_by_the_next(
    company: Company, two_sites: TwoSites
) -> None:
    acme = company()
    phone = Phone("5551234", frequency=CALLER)
    acme.phones.append(phone)
    two_sites.west_run.kill()
    caller = phone.call(acme.number, two_sites.west.ports.callers)
    until(lambda: caller.rang_at)
    two_sites.west_run.start()
    caller.until_answered()
    caller.press("2")
    acme.until_state("queued")
    caller.hang_up()
    acme.until_outcomes("abandoned")


def test_a_waiting_caller_outlives_an_orderly_restart(company: Company, two_sites: TwoSites) -> None:
    acme = company()
    caller = acme.waiting_call(frequency=CALLER)
    stopped_at = time.time()
    two_sites.west_run.stop()
    until(lambda: not caller.media.is_silent())
    two_sites.west_run.start()
    until(lambda: acme.came_back() == 1)
    agent = acme.agent("ann", Phone("1001", answers_at_once, AGENT)).latest()
    until_they_hear_each_other(caller, agent)
    assert caller.media.longest_silence(stopped_at, time.time()) < LONGEST_QUIET
    caller.hang_up()
    acme.until_outcomes("served")
