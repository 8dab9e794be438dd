"""The remote site keeps an ACD of its own: FreeSWITCH's mod_callcenter, or one that is reached by a call."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import sipp
from tests.live.callcenter import Callcenter
from tests.live.figures import measured
from tests.live.people import answers_at_once, never_answers
from tests.live.sip import TALK, Call, Phone
from tests.live.test_one_call import AGENT, CALLER, until_they_hear_each_other
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

Company = Callable[..., ContactCenter]


@pytest.fixture
def callcenter(two_sites: TwoSites) -> Iterator[Callcenter]:
    desk = Callcenter(two_sites.east)
    yield desk
    desk.dismiss()


def served_by(
    company: Company, sites: TwoSites, adapter: str, parameters: str, **queue: object
) -> ContactCenter:
    """A company whose queue another ACD in the east serves."""
    center = company()
    sites.execute("insert into other_acd values (%s, %s, 'east-1', %s)", center.name, adapter, parameters)
    columns: dict[str, object] = {"acd": center.name, "lead": "offered", "offer_timeout": 12} | queue
    for name, value in columns.items():
        sites.execute(f"update queue set {name} = %s where contact_center_id = %s", value, center.name)
    return center


def of_callcenter(
    company: Company, sites: TwoSites, queue: str = "support@default", **columns: Any
) -> ContactCenter:
    return served_by(company, sites, "callcenter", f'{{"queue": "{queue}"}}', **columns)


def until_entered(center: ContactCenter, count: int = 1) -> None:
    center.until(lambda: center.kinds().count("acd_entered") >= count, 10)


# mod_callcenter ------------------------------------------------------------------------------------------


def test_an_agent_of_mod_callcenter_serves_a_caller_who_waits_at_home(
    company: Company, two_sites: TwoSites, callcenter: Callcenter
) -> None:
    acme = of_callcenter(company, two_sites)
    caller = acme.waiting_call(frequency=CALLER, number="5550199", name="Jo Miller")
    until_entered(acme)
    (member,) = callcenter.members()
    assert (member["cid_number"], member["cid_name"]) == ("5550199", "Jo Miller")
    assert two_sites.west.channels() == 1, "the caller, and no network leg"
    phone = callcenter.agent("ann", Phone("3001", never_answers, AGENT), wrap_up_time=2)
    agent = phone.latest()
    row = acme.until_leg("present")
    assert two_sites.east.answer_state(row["rendezvous_uuid"]) == "ringing"
    assert "5550199" in agent.caller
    agent.answer()
    until_they_hear_each_other(caller, agent)
    measured("mod_callcenter: agent's wait after answering, until the caller is heard",
             (agent.media.first_heard(CALLER, agent.answered_at) or 0) - agent.answered_at)  # fmt: skip
    measured("mod_callcenter: caller's wait for the agent's voice after the agent answered",
             (caller.media.first_heard(AGENT, agent.answered_at) or 0) - agent.answered_at)  # fmt: skip
    row = acme.until_state("bridged")
    assert row["acd_agent"] == "ann"
    assert callcenter.of("ann")["state"] == "In a queue call"
    joined = acme.last("joined")
    assert joined["data"]["acd_agent"] == "ann"
    assert joined["data"]["agent_waited_ms"] < 1500
    until(lambda: not two_sites.east.answer_state(row["acd_entry_uuid"]))
    talked_until = time.time() + 2
    until(lambda: time.time() > talked_until)
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("served")
    until(lambda: callcenter.of("ann")["state"] == "Waiting")
    state = callcenter.of("ann")
    assert (state["calls_answered"], int(state["talk_time"]) >= 2) == ("1", True)
    assert not callcenter.members()


def test_the_agent_hangs_up_and_the_application_goes_on(
    company: Company, two_sites: TwoSites, callcenter: Callcenter
) -> None:
    acme = of_callcenter(company, two_sites, lead="ready")
    caller = acme.waiting_call(frequency=CALLER)
    until_entered(acme)
    agent = callcenter.agent("bob", Phone("3002", answers_at_once, AGENT)).latest()
    until_they_hear_each_other(caller, agent)
    kinds = acme.kinds()
    assert kinds.index("agent_accepted") < kinds.index("network_leg_present")
    agent.hang_up()
    acme.until_state("ended")
    acme.until_step("goodbye")
    caller.until_over()
    acme.until_outcomes("served")


def test_a_caller_who_hangs_up_leaves_the_queue_there(
    company: Company, two_sites: TwoSites, callcenter: Callcenter
) -> None:
    acme = of_callcenter(company, two_sites)
    caller = acme.waiting_call()
    until_entered(acme)
    caller.hang_up()
    acme.until_outcomes("abandoned")
    until(lambda: two_sites.east.channels() == 0)
    assert [row["state"] for row in callcenter.members()] in ([], ["Abandoned"])
    ringing = acme.waiting_call()
    agent = callcenter.agent("cid", Phone("3003", never_answers)).latest()
    acme.until_leg("present")
    ringing.hang_up()
    agent.until_over()
    acme.until_outcomes("abandoned", "abandoned")


def test_an_agent_who_does_not_answer_costs_no_place(
    company: Company, two_sites: TwoSites, callcenter: Callcenter
) -> None:
    acme = of_callcenter(company, two_sites)
    first, second = acme.waiting_call(frequency=CALLER, number="5550001"), acme.waiting_call(number="5550002")
    until_entered(acme, 2)
    silent = callcenter.agent("dee", Phone("3004", never_answers), no_answer_delay_time=60).latest()
    assert "5550001" in silent.caller
    silent.until_over()
    acme.until(lambda: "agent_failed" in acme.kinds())
    assert acme.last("agent_failed")["data"]["reason"] == "no_answer"
    until(lambda: not first.media.is_silent())
    acme.until(lambda: [row["position"] for row in acme.rows()] == [1, 2], 10)
    helper = callcenter.agent("eli", Phone("3005", answers_at_once, AGENT)).latest()
    until_they_hear_each_other(first, helper)
    assert "5550001" in helper.caller
    second.hang_up()
    first.hang_up()
    acme.until_outcomes("served", "abandoned")


def test_the_longest_wait_of_the_queue_there_counts(company: Company, two_sites: TwoSites) -> None:
    acme = of_callcenter(company, two_sites, "hasty@default")
    caller = acme.waiting_call()
    acme.until_state("overflowed")
    assert acme.last("limit_passed")["data"]["reason"] == "acd_timeout"
    caller.hang_up()


def test_who_waits_is_found_again_by_the_next_process(
    company: Company, two_sites: TwoSites, callcenter: Callcenter
) -> None:
    acme, gone = of_callcenter(company, two_sites), of_callcenter(company, two_sites)
    caller, leaver = acme.waiting_call(frequency=CALLER), gone.waiting_call()
    until_entered(acme)
    until_entered(gone)
    two_sites.east_run.kill()
    leaver.hang_up()
    gone.until_outcomes("abandoned")
    two_sites.east_run.start()
    until(lambda: two_sites.east.channels() == 1, 15)
    agent = callcenter.agent("fay", Phone("3006", answers_at_once, AGENT)).latest()
    until_they_hear_each_other(caller, agent, 10)
    assert acme.kinds().count("acd_entered") == 1
    two_sites.east_run.kill()
    two_sites.east_run.start()
    until_they_hear_each_other(caller, agent)
    assert callcenter.of("fay")["state"] == "In a queue call"
    agent.hang_up()
    acme.until_state("ended", 15)
    caller.hang_up()
    acme.until_outcomes("served")


# Any ACD that can be called ------------------------------------------------------------------------------


def called(company: Company, sites: TwoSites, desk: Phone, signal: str, **columns: Any) -> ContactCenter:
    center = called_at(company, sites, desk.port, signal, **columns)
    center.phones.append(desk)
    return center


def called_at(company: Company, sites: TwoSites, port: int, signal: str, **columns: Any) -> ContactCenter:
    dial = f"sofia/fsroute_agents/5000@127.0.0.1:{port}"
    return served_by(company, sites, "sip", f'{{"dial": "{dial}", "signal": "{signal}"}}', **columns)


def test_an_acd_answers_when_its_agent_does(company: Company, two_sites: TwoSites) -> None:
    desk = Phone("5000", never_answers, AGENT)
    acme = called(company, two_sites, desk, "answer", lead="ready")
    caller = acme.waiting_call(frequency=CALLER, number="5550199")
    until_entered(acme)
    assert two_sites.west.channels() == 1
    agent = desk.latest()
    assert "5550199" in agent.caller
    agent.answer()
    until_they_hear_each_other(caller, agent)
    assert acme.last("joined")["data"]["agent_waited_ms"] > 0
    agent.hang_up()
    acme.until_state("ended")
    caller.hang_up()
    acme.until_outcomes("served")


def say_ready(sites: TwoSites, call: Call) -> int:
    assert call.offer is not None
    request = urllib.request.Request(
        f"http://127.0.0.1:{sites.east.ports.readiness}/acd/v1/{call.offer.get('x-fsroute-token')}",
        b'{"state": "ready", "agent": "zoe"}',
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return int(answer.status)


@pytest.mark.parametrize("signal", ["digit:5", f"tone:{AGENT}", "update", "reinvite", "http"])
def test_an_acd_tells_that_a_human_is_there(company: Company, two_sites: TwoSites, signal: str) -> None:
    desk = Phone("5000", answers_at_once, 0)
    acme = called(company, two_sites, desk, "reinvite" if signal == "update" else signal)
    caller = acme.waiting_call(frequency=CALLER)
    until_entered(acme)
    acme.until_leg("present")  # without a word before, the lead `offered` has come
    agent = desk.latest()
    assert acme.count("queued") == 1
    until(lambda: two_sites.east.channels() == 2)
    assert acme.count("queued") == 1, "the ACD's music"
    agent.media.sound(AGENT)
    if signal == "digit:5":
        agent.press("5")
    elif signal == "reinvite":
        agent.again(TALK)
        assert acme.count("queued") == 1
        agent.again(TALK, "X-Fsroute-Agent: 4711\r\n")
    elif signal == "update":
        agent.update("4711")
    elif signal == "http":
        assert say_ready(two_sites, agent) == 204
    until_they_hear_each_other(caller, agent)
    known = {"reinvite": "4711", "update": "4711", "http": "zoe"}.get(signal)
    assert acme.until_state("bridged")["acd_agent"] == known
    caller.hang_up()
    agent.until_over()
    acme.until_outcomes("served")


@pytest.mark.skipif(sipp.find() is None, reason="no SIPp found")
@pytest.mark.parametrize("signal", ["answer", "digit:5"])
def test_another_makers_acd_serves_the_caller(
    company: Company, two_sites: TwoSites, tmp_path: Path, signal: str
) -> None:
    """SIPp is the ACD, and sends back what it hears."""
    play = sipp.agents if signal == "answer" else sipp.acd
    acd = play(tmp_path, "acd", 5.0)
    try:
        acme = called_at(company, two_sites, acd.port, signal, lead="ready")
        caller = acme.waiting_call(frequency=CALLER)
        acme.until_state("bridged")
        until(lambda: caller.media.hears(CALLER), 10)
        assert acme.kinds().index("agent_accepted") < acme.kinds().index("network_leg_present")
        acme.until_state("ended")
        acme.until_step("goodbye")
        caller.until_over()
        acme.until_outcomes("served")
    finally:
        acd.stop()


def test_an_acd_that_cannot_be_reached_is_tried_again(company: Company, two_sites: TwoSites) -> None:
    desk = Phone("5000", lambda call: call.refuse(503, "Closed"))
    acme = called(company, two_sites, desk, "answer", longest_wait=5)
    acme.waiting_call()
    until(lambda: len(desk.calls) >= 2)
    acme.until_state("overflowed")
    assert "acd_entered" not in acme.kinds()


def test_caller_and_acd_on_one_switch_need_no_network_leg(company: Company, two_sites: TwoSites) -> None:
    desk = Phone("5000", never_answers, AGENT)
    acme = called(company, two_sites, desk, "answer")
    two_sites.execute("update other_acd set switch_id = 'west-1' where acd = %s", acme.name)
    caller = acme.waiting_call(frequency=CALLER)
    until_entered(acme)
    agent = desk.latest()
    agent.answer()
    until_they_hear_each_other(caller, agent)
    assert two_sites.east.channels() == 0
    agent.hang_up()
    acme.until_step("goodbye")
    caller.until_over()
    acme.until_outcomes("served")


def test_what_must_always_hold_held(two_sites: TwoSites) -> None:
    configuration = str(two_sites.east_run.configuration)
    audit = subprocess.run(
        [sys.executable, "-m", "fsroute", "audit", "--config", configuration], capture_output=True, text=True
    )
    assert "0 violations" in audit.stdout, audit.stdout[-4000:] + audit.stderr
