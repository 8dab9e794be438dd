"""Offers that come to nothing: the caller gives up, the agent does not come, the network leg fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.live.figures import measured
from tests.live.freeswitch import free_port
from tests.live.people import answers_at_once, declines, is_busy, never_answers, says_nothing
from tests.live.sip import Call, Phone
from tests.live.test_one_call import AGENT, CALLER, LONGEST_QUIET, until_they_hear_each_other
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

Company = Callable[..., ContactCenter]


def test_a_caller_hangs_up_while_waiting(company: Company) -> None:
    acme = company()
    caller = acme.waiting_call()
    until(lambda: not caller.media.is_silent())
    caller.hang_up()
    acme.until_outcomes("abandoned")
    assert acme.rows()[-1]["state"] == "abandoned"


def test_a_caller_hangs_up_while_the_agents_phone_rings(company: Company, two_sites: TwoSites) -> None:
    acme = company()
    caller = acme.waiting_call()
    agent = acme.agent("ann", Phone("1001", never_answers)).latest()
    acme.until_leg("present")
    caller.hang_up()
    agent.until_over()
    assert (agent.ended_by, agent.answered_at) == ("them", 0.0)
    acme.until_outcomes("abandoned")
    until(lambda: two_sites.channels() == 0)
    assert acme.agent_is_idle("ann")


def test_another_agent_answers_where_the_first_does_not(company: Company) -> None:
    acme = company(offer_timeout=2)
    caller = acme.waiting_call(frequency=CALLER, number="5550001")
    since = time.time()
    ann = acme.agent("ann", Phone("1001", never_answers)).latest()
    second = acme.waiting_call(number="5550002")
    ann.until_over()
    until(lambda: acme.count("queued") == 2)
    agent = acme.agent("bob", Phone("1002", answers_at_once, AGENT)).latest()
    until_they_hear_each_other(caller, agent)
    assert "5550001" in agent.caller, "the first caller has kept its place"
    assert len(ann.phone.calls) == 1
    quiet = caller.media.longest_silence(since, time.time())
    measured("longest time without a sound for a caller whose first offer was not answered", quiet)
    assert quiet < LONGEST_QUIET, caller.media.silences(since, time.time(), 0.1)
    caller.hang_up()
    acme.until_outcomes("served", None)
    second.hang_up()
    acme.until_outcomes("served", "abandoned")


@pytest.mark.parametrize(("behave", "reason"), [(is_busy, "busy"), (declines, "refused")])
def test_an_agent_who_is_busy_is_set_aside(
    company: Company, behave: Callable[[Call], None], reason: str
) -> None:
    acme = company()
    caller = acme.waiting_call(frequency=CALLER)
    acme.agent("ann", Phone("1001", behave))
    until(lambda: "agent_failed" in acme.kinds())
    assert acme.last("agent_failed")["data"]["reason"] == reason
    agent = acme.agent("bob", Phone("1002", answers_at_once, AGENT)).latest()
    until_they_hear_each_other(caller, agent)
    assert acme.kinds().count("agent_reserved") == 2
    caller.hang_up()
    acme.until_outcomes("served")


@pytest.fixture
def way_to_east(two_sites: TwoSites) -> Iterator[Callable[[int], None]]:
    """Changes the port at which network legs to east arrive; put right afterwards."""

    def change(port: int) -> None:
        two_sites.execute(
            "update switch set link_address = %s where switch_id = 'east-1'", f"127.0.0.1:{port}"
        )

    yield change
    change(two_sites.east.ports.link)


def refuses_service(call: Call) -> None:
    call.refuse(503, "Service Unavailable")


def test_a_refused_network_leg_is_raised_again(
    company: Company, two_sites: TwoSites, way_to_east: Callable[[int], None]
) -> None:
    acme = company()
    wall = Phone("wall", refuses_service)
    acme.phones.append(wall)
    way_to_east(wall.port)
    caller = acme.waiting_call(frequency=CALLER)
    since = time.time()
    agent = acme.agent("ann", Phone("1001", never_answers, AGENT)).latest()
    until(lambda: "network_leg_failed" in acme.kinds())
    way_to_east(two_sites.east.ports.link)
    acme.until_leg("present")
    agent.answer()
    until_they_hear_each_other(caller, agent)
    assert caller.media.longest_silence(since, time.time()) < LONGEST_QUIET
    assert acme.kinds().count("agent_reserved") == 1
    caller.hang_up()
    acme.until_outcomes("served")


def test_an_agent_is_let_go_when_no_network_leg_can_be_raised(
    company: Company, two_sites: TwoSites, way_to_east: Callable[[int], None]
) -> None:
    acme = company(network_leg_tries=2)
    way_to_east(free_port())
    caller = acme.waiting_call(frequency=CALLER)
    agent = acme.agent("ann", Phone("1001", never_answers, AGENT)).latest()
    agent.until_over(15)
    assert "network_leg_given_up" in acme.kinds()
    way_to_east(two_sites.east.ports.link)
    until(lambda: len(agent.phone.calls) > 1, 15)
    again = agent.phone.latest()
    again.answer()
    until_they_hear_each_other(caller, again)
    caller.hang_up()
    acme.until_outcomes("served")


def test_a_dead_network_leg_is_noticed_in_time(
    company: Company, two_sites: TwoSites, way_to_east: Callable[[int], None]
) -> None:
    acme = company(network_leg_timeout=2, network_leg_tries=1)
    hole = Phone("hole", says_nothing)
    acme.phones.append(hole)
    way_to_east(hole.port)
    caller = acme.waiting_call(frequency=CALLER)
    since = time.time()
    agent = acme.agent("ann", Phone("1001", answers_at_once, AGENT)).latest()
    agent.until_over(8)
    measured("agent held by a dead network leg", agent.ended_at - agent.answered_at)
    assert agent.ended_at - agent.answered_at < 4
    assert caller.media.longest_silence(since, time.time()) < LONGEST_QUIET
    way_to_east(two_sites.east.ports.link)
    until(lambda: len(agent.phone.calls) > 1, 15)
    until_they_hear_each_other(caller, agent.phone.latest())
    caller.hang_up()
    acme.until_outcomes("served")


@pytest.mark.parametrize("site", ["east", "west"])
def test_a_name_with_line_ends_does_no_harm(company: Company, two_sites: TwoSites, site: str) -> None:
    acme = company()
    caller = acme.waiting_call(
        frequency=CALLER, name="Bob%0A%0Aapi global_setvar pwned=yes%0A%0A${global_setvar(pwned=yes)}"
    )
    agent = acme.agent("ann", Phone("1001", answers_at_once, AGENT), site).latest()
    until_they_hear_each_other(caller, agent)
    caller.hang_up()
    acme.until_outcomes("served")
    for switch in (two_sites.west, two_sites.east):
        assert switch.api("global_getvar pwned") in ("", "-ERR no reply\n")
    assert "Bob" in agent.caller
    assert "%" not in agent.caller
    assert agent.offer
    for message in (agent.offer, *agent.requests):
        assert not any(name.startswith("api") for name, _ in message.headers), message


def test_a_caller_goes_another_way_after_the_longest_wait(company: Company) -> None:
    acme = company(longest_wait=1)
    caller = acme.waiting_call()
    acme.until_step("all_busy")
    caller.until_over()
    acme.until_outcomes("overflowed")


@pytest.mark.parametrize("number", ["fsr" + "0" * 32, "8005500001"])
def test_a_network_leg_without_a_valid_token_is_refused(two_sites: TwoSites, number: str) -> None:
    phone = Phone("5551234")
    call = phone.call(number, two_sites.east.ports.link)
    call.until_over()
    assert call.ended_by.startswith(("4", "6"))
    assert not call.is_answered()
    phone.close()
