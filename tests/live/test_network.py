"""The network between two real switches is slow, loses packets, carries one way only, or is away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import gevent
import pytest

from fsroute.monitoring.audit import audit
from tests.faults.company import Company, Visit
from tests.live.broken_sites import AGENT, CALLER, QUIET, BrokenSites, LiveCaller, LiveTelephone, broken_sites
from tests.live.figures import measured, noted
from tests.live.lonely import Way
from tests.waiting import until

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

LIMIT = 40.0  # seconds until what is waited for is there, or nothing is left, on a busy machine
NEAR = Way()
FAR = Way(delay=0.2, jitter=0.05)
NOTHING = Way(loss=1.0)
_numbers = count(1)


@pytest.fixture(scope="module")
def sites(program: Path) -> Iterator[BrokenSites]:
    with broken_sites(program) as sites:
        if not sites.may_part:
            pytest.skip("only root has a network namespace of its own, and TUN devices")
        yield sites


@pytest.fixture
def company(sites: BrokenSites) -> Iterator[Company]:
    company = Company(sites, f"n{next(_numbers)}", f"80045{next(_numbers):05}")
    yield company
    sites.rejoin()
    for visit in company.visits:
        visit.caller.hang_up()
    company.log_out()


def found(company: Company, **queue: object) -> None:
    company.found(BrokenSites.application, **{"lead": "offered", "offer_timeout": 30} | queue)


# Who is there, and what is seen of them ---------------------------------------------------------------------


def agent(company: Company, name: str = "far", *, answers: bool = False, site: str = "east") -> LiveTelephone:
    telephone = company.agent(name, site, answers)
    assert isinstance(telephone, LiveTelephone)
    return telephone


def until_rings(company: Company, visit: Visit, telephone: LiveTelephone) -> None:
    """The agent's phone rings, and so does the network leg at the agent's switch."""
    company.until(telephone.rings, "the phone rings", LIMIT)
    company.until(lambda: company.row(visit)["network_leg"] == "present", "the network leg rings", LIMIT)


def until_talks(company: Company, visit: Visit, telephone: LiveTelephone) -> None:
    company.until(
        lambda: visit.caller.talks() and telephone.hears(CALLER) and company.state(visit) == "bridged",
        "caller and agent hear each other", LIMIT,
    )  # fmt: skip


def nothing_is_left(sites: BrokenSites, company: Company) -> None:
    """No channel on either switch, no reservation, no call at any phone; whoever waited had something to hear."""
    until(lambda: not sites.left(), LIMIT)
    for name, telephone in company.telephones.items():
        company.until(telephone.is_idle, f"no call is left at {name}'s telephone")
    for visit in company.visits:
        assert visit.caller.quiet() <= QUIET, f"{visit.caller.heard()}\n{company.story()}"
    report = audit(sites.database, None, company.name, sites.late)
    assert [str(violation) for violation in report.violations] == [], company.story()


# A link that is bad ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "what"),
    [
        (NEAR, "on loopback"),
        (FAR, "over 200 ms ± 50 ms"),
        (replace(FAR, loss=0.05), "over 200 ms ± 50 ms, 5 % lost"),
        (replace(FAR, loss=0.2), "over 200 ms ± 50 ms, 20 % lost"),
    ],
    ids=["near", "far", "far-5%-lost", "far-20%-lost"],
)
def test_a_caller_is_served_and_both_hear_each_other(
    sites: BrokenSites, company: Company, link: Way, what: str
) -> None:
    found(company)
    sites.link(link)
    telephone = agent(company)
    visit = company.call("2")
    until_rings(company, visit, telephone)
    telephone.answer()
    until_talks(company, visit, telephone)
    assert isinstance(visit.caller, LiveCaller)
    measured(f"{what}: from the agent's answer until the caller is heard", telephone.first_heard(CALLER))
    measured(f"{what}: from the agent's answer until the caller hears the agent",
             visit.caller.first_heard(AGENT, telephone.answered_at()))  # fmt: skip
    visit.caller.hang_up()
    company.until_over([(visit, "served")])
    assert company.count(visit, "joined") == 1, company.story()
    nothing_is_left(sites, company)


def test_an_agent_who_does_not_answer_costs_the_caller_nothing(sites: BrokenSites, company: Company) -> None:
    found(company, offer_timeout=3)
    sites.link(FAR)
    lazy = agent(company, "lazy")
    visit = company.call("2")
    until_rings(company, visit, lazy)
    company.until(lambda: company.count(visit, "agent_failed"), "the offer ends", LIMIT)
    company.until(lazy.is_idle, "the phone falls silent")
    company.until(lambda: not sites.east_channels(), "no leg is left at the agents' switch")
    assert company.state(visit) == "queued"
    helper = agent(company, "helper", answers=True)
    until_talks(company, visit, helper)
    visit.caller.hang_up()
    company.until_over([(visit, "served")])
    nothing_is_left(sites, company)


def test_a_caller_who_leaves_while_the_network_leg_rings_is_gone_at_once(
    sites: BrokenSites, company: Company
) -> None:
    found(company)
    sites.link(FAR)
    telephone = agent(company)
    visit = company.call("2")
    until_rings(company, visit, telephone)
    visit.caller.hang_up()
    company.until_over([(visit, "abandoned")])
    company.until(telephone.is_idle, "the phone falls silent")
    nothing_is_left(sites, company)
    again = company.call("2")  # the agent is there for the next one at once
    company.until(telephone.rings, "the phone rings", LIMIT)
    telephone.answer()
    until_talks(company, again, telephone)
    again.caller.hang_up()
    company.until_over([(again, "served")])
    nothing_is_left(sites, company)


@pytest.mark.parametrize("after", [-0.1, 0.0, 0.05, 0.15, 0.25, 0.35, 0.5], ids="{:+} s".format)
def test_a_caller_who_leaves_as_the_agent_answers_is_accounted_for_once(
    sites: BrokenSites, company: Company, after: float
) -> None:
    """`after`: the caller's hanging up after the agent's answer; the news of both are under way at the same time."""
    found(company)
    sites.link(FAR)
    telephone = agent(company)
    visit = company.call("2")
    until_rings(company, visit, telephone)
    hang_up = gevent.spawn_later(max(0.0, after), visit.caller.hang_up)
    answer = gevent.spawn_later(max(0.0, -after), telephone.answer_if_it_rings)
    gevent.joinall([hang_up, answer], raise_error=True)
    company.until(lambda: company.outcome(visit), "the contact is closed", LIMIT)
    joined = company.count(visit, "joined")
    assert (company.outcome(visit), joined) in (("abandoned", 0), ("served", 1)), company.story()
    nothing_is_left(sites, company)
    assert company.agent_row("far")["status"] == "available"


# A link that is away ---------------------------------------------------------------------------------------


def is_away_for(sites: BrokenSites, seconds: float, there: Way = NOTHING, back: Way = NOTHING) -> None:
    """Nothing passes, or nothing one way, and then everything again."""
    sites.link(there, back)
    gevent.sleep(seconds)
    sites.link(FAR)


ONE_WAY = pytest.mark.parametrize(
    ("there", "back"),
    [(NOTHING, NOTHING), (NOTHING, FAR), (FAR, NOTHING)],
    ids=["nothing passes", "the callers' switch is not heard", "the agents' switch is not heard"],
)


@ONE_WAY
def test_a_link_away_when_the_leg_is_raised_leaves_the_caller_the_place(
    sites: BrokenSites, company: Company, there: Way, back: Way
) -> None:
    found(company, network_leg_timeout=3)
    sites.link(there, back)
    telephone = agent(company)
    visit = company.call("2")
    company.until(
        lambda: company.count(visit, "network_leg_failed") + company.count(visit, "network_leg_given_up"),
        "the leg fails", LIMIT,
    )  # fmt: skip
    assert not visit.caller.is_over()
    assert not visit.caller.talks()
    sites.link(FAR)
    company.until(telephone.rings, "the phone rings", LIMIT)
    telephone.answer()
    until_talks(company, visit, telephone)
    visit.caller.hang_up()
    company.until_over([(visit, "served")])
    nothing_is_left(sites, company)


@ONE_WAY
def test_an_agent_who_answers_while_the_link_is_away_talks_with_the_caller_afterwards(
    sites: BrokenSites, company: Company, there: Way, back: Way
) -> None:
    """The answer is lost, or what confirms it: each end has another notion of the talk, and nobody may be stuck in his."""
    found(company)
    sites.link(FAR)
    telephone = agent(company)
    visit = company.call("2")
    until_rings(company, visit, telephone)
    sites.link(there, back)
    telephone.answer()
    gevent.sleep(sites.cut_for)
    sites.link(FAR)
    back_at = time.time()
    company.until(lambda: is_served(company, visit), "they talk, or somebody's phone rings", LIMIT)
    noted(f"answered while away: {there} {back}: {time.time() - back_at:.1f} s\n{company.story()}")
    until_talks(company, visit, telephone)
    visit.caller.hang_up()
    company.until_over([(visit, "served")])
    nothing_is_left(sites, company)


def is_served(company: Company, visit: Visit) -> bool:
    """Talks; whoever's phone rings is there."""
    for telephone in company.telephones.values():
        if telephone.rings():
            telephone.answer()
    return visit.caller.talks() and company.state(visit) == "bridged"


@ONE_WAY
def test_an_offer_that_ends_while_the_link_is_away_leaves_no_phone_ringing(
    sites: BrokenSites, company: Company, there: Way, back: Way
) -> None:
    found(company, offer_timeout=4)
    sites.link(FAR)
    lazy = agent(company, "lazy")
    visit = company.call("2")
    until_rings(company, visit, lazy)
    sites.link(there, back)
    company.until(lambda: company.count(visit, "agent_failed"), "the offer ends", LIMIT)
    company.until(lazy.is_idle, "the phone falls silent")
    company.until(lambda: not sites.east_channels(), "no leg is left at the agents' switch", LIMIT)
    helper = agent(company, "helper", answers=True, site="west")
    until_talks(company, visit, helper)
    sites.link(FAR)
    visit.caller.hang_up()
    company.until_over([(visit, "served")])
    nothing_is_left(sites, company)


@ONE_WAY
def test_a_caller_who_leaves_while_the_link_is_away_frees_the_agent(
    sites: BrokenSites, company: Company, there: Way, back: Way
) -> None:
    found(company)
    sites.link(FAR)
    telephone = agent(company)
    visit = company.call("2")
    until_rings(company, visit, telephone)
    sites.link(there, back)
    visit.caller.hang_up()
    company.until_over([(visit, "abandoned")])
    company.until(telephone.is_idle, "the phone falls silent")
    company.until(lambda: not company.reservations(), "the agent is free")
    company.until(lambda: not sites.east_channels(), "no leg is left at the agents' switch", LIMIT)
    nothing_is_left(sites, company)


def test_a_talk_outlives_a_link_that_is_away_for_a_moment(sites: BrokenSites, company: Company) -> None:
    found(company)
    sites.link(FAR)
    telephone = agent(company, answers=True)
    visit = company.call("2")
    until_talks(company, visit, telephone)
    is_away_for(sites, 1.0)
    until_talks(company, visit, telephone)
    assert company.count(visit, "joined") == 1, company.story()
    visit.caller.hang_up()
    company.until_over([(visit, "served")])
    nothing_is_left(sites, company)


@ONE_WAY
def test_who_talked_when_the_link_went_is_served_first_by_somebody_else(
    sites: BrokenSites, company: Company, there: Way, back: Way
) -> None:
    found(company)
    sites.link(FAR)
    telephone = agent(company, answers=True)
    visit = company.call("2")
    until_talks(company, visit, telephone)
    helper = agent(company, "helper", answers=True, site="west")
    sites.link(there, back)
    went = time.time()
    until_talks(company, visit, helper)
    noted(f"talk lost: {there} {back}: {time.time() - went:.1f} s")
    company.until(telephone.is_idle, "the first agent's phone is on the hook")
    assert company.count(visit, "conversation_lost") == 1, company.story()
    sites.link(FAR)
    visit.caller.hang_up()
    company.until_over([(visit, "served")])
    nothing_is_left(sites, company)


@ONE_WAY
def test_who_hangs_up_while_the_link_is_away_has_been_served(
    sites: BrokenSites, company: Company, there: Way, back: Way
) -> None:
    found(company)
    sites.link(FAR)
    telephone = agent(company, answers=True)
    visit = company.call("2")
    until_talks(company, visit, telephone)
    sites.link(there, back)
    visit.caller.hang_up()
    company.until_over([(visit, "served")])
    company.until(telephone.is_idle, "the agent's phone is on the hook")
    company.until(lambda: not sites.east_channels(), "no leg is left at the agents' switch", LIMIT)
    nothing_is_left(sites, company)


@ONE_WAY
def test_an_agent_who_hangs_up_while_the_link_is_away_lets_the_caller_go_on(
    sites: BrokenSites, company: Company, there: Way, back: Way
) -> None:
    found(company)
    sites.link(FAR)
    telephone = agent(company, answers=True)
    visit = company.call("2")
    until_talks(company, visit, telephone)
    sites.link(there, back)
    telephone.hang_up()
    gevent.sleep(sites.cut_for)
    noted(f"agent hung up while away: {there} {back}: \n{company.story()}")
    sites.link(FAR)
    company.until(lambda: company.outcome(visit) or visit.caller.talks(), "goes on", LIMIT)
    noted(f"... \n{company.story()}")
    visit.caller.hang_up()
    company.until(lambda: company.outcome(visit), "ends", LIMIT)
    nothing_is_left(sites, company)
