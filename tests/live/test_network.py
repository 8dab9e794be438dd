"""The network between two real switches is slow, loses packets, or carries one way only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from fsroute.monitoring.audit import audit
from tests.faults.company import Company
from tests.live.broken_sites import BrokenSites, broken_sites
from tests.waiting import until

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

LIMIT = 40.0  # seconds until nothing is left, on a busy machine
_numbers = count(1)


@pytest.fixture(scope="module")
def sites(program: Path) -> Iterator[BrokenSites]:
    with broken_sites(program) as sites:
        if not sites.may_part:
            pytest.skip("only root may lose packets, in a network namespace")
        yield sites


@pytest.fixture
def company(sites: BrokenSites) -> Iterator[Company]:
    number = next(_numbers)
    company = Company(sites, f"n{number}", f"80045{number:05}")
    company.found(sites.application, lead="offered", offer_timeout=30)
    yield company
    sites.rejoin()
    for visit in company.visits:
        visit.caller.hang_up()
    company.log_out()


def nothing_is_left(sites: BrokenSites, company: Company) -> None:
    until(lambda: not sites.left(), LIMIT)
    for name, telephone in company.telephones.items():
        company.until(telephone.is_idle, f"no call is left at {name}'s telephone")
    report = audit(sites.database, None, company.name, sites.late)
    assert [str(violation) for violation in report.violations] == [], company.story()


def late(sites: BrokenSites) -> None:
    if not sites.can_delay():
        pytest.skip("this kernel has no netem: what is late is tried on stand-ins (tests/faults/network)")
    sites.delay("200ms", "50ms")


def losing_some(sites: BrokenSites) -> None:
    sites.lose(5)


def losing_many(sites: BrokenSites) -> None:
    sites.lose(20)


@pytest.mark.parametrize("worsen", [late, losing_some, losing_many])
def test_a_bad_link_serves_the_caller_all_the_same(
    sites: BrokenSites, company: Company, worsen: Callable[[BrokenSites], None]
) -> None:
    worsen(sites)
    company.agent("far", answers=True)
    visit = company.call("2")
    company.until(lambda: visit.caller.talks() and company.state(visit) == "bridged", "talks", LIMIT)
    visit.caller.hang_up()
    company.until_over([(visit, "served")])
    nothing_is_left(sites, company)


def test_a_link_on_which_nothing_comes_back_leaves_the_caller_the_place_and_no_phone_rings_on(
    sites: BrokenSites, company: Company
) -> None:
    """The callers' switch is not heard by the other: invitations do not arrive."""
    sites.lose(100, one_way=True)
    company.agent("far", answers=True)
    visit = company.call("2")
    company.until(
        lambda: company.count(visit, "network_leg_failed") + company.count(visit, "network_leg_given_up"),
        "the leg fails", LIMIT,
    )  # fmt: skip
    assert not visit.caller.is_over()
    sites.rejoin()
    company.until(lambda: visit.caller.talks() and company.state(visit) == "bridged", "talks", LIMIT)
    assert company.count(visit, "joined") == 1, company.story()
    visit.caller.hang_up()
    company.until_over([(visit, "served")])
    nothing_is_left(sites, company)
