"""The network between two real switches is slow, loses packets, carries one way only, or is away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import gevent
import pytest

from fsroute.coordinator.strategies import load as strategies
from fsroute.monitoring.audit import audit
from fsroute.store.loading import Loader
from tests.faults.company import Company, Visit
from tests.live.broken_sites import AGENT, CALLER, QUIET, BrokenSites, LiveCaller, LiveTelephone, broken_sites
from tests.live.figures import measured
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
    """Enter it. Some tests bring rules; a queue is of the rules' version that is in force (`ruled`)."""
    company.found(BrokenSites.application, **{"lead": "offered", "offer_timeout": 30} | queue)
    if company.world.query("select version from rules_version limit 1"):
        ruled(company)


def ruled(company: Company, rule: str = "") -> None:
    """Callers of the company by this rule, SQL; in force at the callers' site when this returns."""
    sites = company.world
    assert isinstance(sites, BrokenSites)
    loader = Loader(sites.database, frozenset(strategies().known), {})
    loaded = loader.load(rule or None, "test.sql", "test")
    known = f"rules version={loaded.version} "
    until(lambda: known in sites.processes["west", "callserver"].log(), LIMIT)


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


def nothing_is_left(sites: BrokenSites, company: Company, *, spoke: bool = False) -> None:
    """No channel on either switch, no reservation, no call at any phone; the callers had something to hear.

    Save one who `spoke` for a recording.
    """
    until(lambda: not sites.left(), LIMIT)
    for name, telephone in company.telephones.items():
        company.until(telephone.is_idle, f"no call is left at {name}'s telephone")
    for visit in company.visits:
        assert spoke or visit.caller.quiet() <= QUIET, f"{visit.caller.heard()}\n{company.story()}"
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
    """The answer is lost, or what confirms it: the two ends know different things, and nobody is stuck."""
    found(company)
    sites.link(FAR)
    telephone = agent(company)
    visit = company.call("2")
    until_rings(company, visit, telephone)
    sites.link(there, back)
    telephone.answer()
    gevent.sleep(sites.cut_for)
    sites.link(FAR)
    company.until(lambda: is_served(company, visit), "they talk, or somebody's phone rings", LIMIT)
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
    before = company.count(visit, "conversation_lost")  # a busy machine loses packets, too
    sites.link(there, back)
    company.until(lambda: company.count(visit, "conversation_lost") > before, "the talk is lost", LIMIT)
    until_talks(company, visit, helper)
    company.until(telephone.is_idle, "the first agent's phone is on the hook")
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
def test_an_agent_who_hangs_up_while_the_link_is_away_keeps_nobody_in_silence(
    sites: BrokenSites, company: Company, there: Way, back: Way
) -> None:
    """Where the hanging up is heard the caller goes on; else the media time-out says that the talk is lost."""
    found(company)
    sites.link(FAR)
    telephone = agent(company, answers=True)
    visit = company.call("2")
    until_talks(company, visit, telephone)
    sites.link(there, back)
    telephone.hang_up()
    company.until(lambda: company.row(visit)["agent_leg"] == "none", "the agent's site has noted it", LIMIT)
    company.until(lambda: company.state(visit) != "bridged", "the caller's site has noted it", LIMIT)
    heard = back is not NOTHING
    assert company.count(visit, "conversation_over" if heard else "conversation_lost") == 1, company.story()
    sites.link(FAR)
    if not heard:
        until_talks(company, visit, telephone)
    visit.caller.hang_up()
    company.until_over([(visit, "served")])
    nothing_is_left(sites, company)


# A link that stays away, and what the rule says then --------------------------------------------------------


def patient(company: Company, columns: str, values: str, step: str = "", number: str = "") -> None:
    """A rule for its callers: the network leg is tried twice for 2 s each; after 5 s in the queue there is a step."""
    ruled(
        company,
        f"insert into routing_rule (contact_center_id, rule, ordinal, network_leg_timeout, network_leg_tries{columns})"
        f" values ('{company.name}', 'patience', 1, 2, 2{values});"
        + f"insert into rule_step (contact_center_id, rule, ordinal, after_s, step, number)"
        f" values ('{company.name}', 'patience', 1, 5, '{step}', nullif('{number}', ''))" * bool(step),
    )


def waits_in_vain(sites: BrokenSites, company: Company) -> tuple[LiveTelephone, Visit]:
    """The only agent is at the other end of a link that is away, and would answer."""
    sites.part()
    telephone = agent(company, answers=True)
    visit = company.call("2")
    company.until(lambda: company.count(visit, "network_leg_raised"), "the network leg is tried", LIMIT)
    return telephone, visit


def test_the_time_line_sends_a_caller_on_whom_no_link_leads_to_an_agent(
    sites: BrokenSites, company: Company
) -> None:
    found(company)
    patient(company, "", "", "number", "5559876")
    telephone, visit = waits_in_vain(sites, company)
    company.until_over([(visit, "overflowed")])
    assert "XML[5559876@" in sites.switches["west"].log()
    assert not company.count(visit, "joined"), company.story()
    company.until(telephone.is_idle, "the agent's phone is silent")
    nothing_is_left(sites, company)


def test_the_time_line_takes_a_message_from_whom_no_link_leads_to_an_agent(
    sites: BrokenSites, company: Company
) -> None:
    found(company)
    patient(company, "", "", "voice_message")
    telephone, visit = waits_in_vain(sites, company)
    channel_uuid = company.row(visit)["channel_uuid"]
    company.until(lambda: sites.variable(channel_uuid, "current_application") == "record", "records", LIMIT)
    company.until(telephone.is_idle, "the agent's phone is silent")
    assert not company.reservations()
    gevent.sleep(2.0)  # that is what the caller says
    visit.caller.press("#")
    company.until_over([(visit, "overflowed")])
    (message,) = sites.query("select duration_s from voice_message where contact_id = %s", visit.contact_id)
    assert message["duration_s"] > 1.0
    nothing_is_left(sites, company, spoke=True)


def test_the_longest_wait_ends_for_whom_no_link_leads_to_an_agent(
    sites: BrokenSites, company: Company
) -> None:
    """The application tells the caller that all are busy, and hangs up."""
    found(company)
    patient(company, ", longest_wait", ", 5")
    telephone, visit = waits_in_vain(sites, company)
    company.until_over([(visit, "overflowed")])
    company.until(visit.caller.is_over, "the caller was let go", LIMIT)
    assert not company.count(visit, "joined"), company.story()
    company.until(telephone.is_idle, "the agent's phone is silent")
    nothing_is_left(sites, company)


def test_whom_no_link_leads_to_the_agent_who_is_first_is_served_by_another_at_home(
    sites: BrokenSites, company: Company
) -> None:
    """The agent at the other end has been idle longest, and stays so as long as the link is away."""
    found(company, network_leg_timeout=2, network_leg_tries=2)
    telephone, visit = waits_in_vain(sites, company)
    helper = agent(company, "helper", answers=True, site="west")
    until_talks(company, visit, helper)
    assert telephone.is_idle()
    visit.caller.hang_up()
    company.until_over([(visit, "served")])
    nothing_is_left(sites, company)
