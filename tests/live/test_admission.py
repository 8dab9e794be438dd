"""Calls above a limit, on the wire: refused, sent on, or told so, and never answered."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.live.sip import Call, Phone
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

Company = Callable[..., ContactCenter]
TONE = "tone_stream://%(1500,0,1000)"


def limit(
    two_sites: TwoSites, acme: ContactCenter, calls: int, treatment: str = "busy", **values: str
) -> None:
    """Set it, and wait until the call servers know."""
    columns = {"contact_center_id": acme.name, "calls": calls, "treatment": treatment, **values}
    two_sites.insert("admission_limit", columns)
    shares = "select * from admission_share where contact_center_id = %s"
    until(lambda: len(two_sites.query(shares, acme.name)) == 2, 10)


def refused(two_sites: TwoSites, acme: ContactCenter) -> Call:
    """A call that is over without an answer."""
    phone = Phone("5550100")
    acme.phones.append(phone)
    call = phone.call(acme.number, two_sites.west.ports.callers)
    until(lambda: call.is_over() or call.is_answered(), 10)
    assert not call.is_answered()
    return call


def test_a_call_above_the_limit_is_refused_with_the_status_of_its_cause(
    company: Company, two_sites: TwoSites
) -> None:
    acme = company()
    limit(two_sites, acme, 1)
    first = acme.call()
    second = refused(two_sites, acme)
    assert second.status_of("INVITE") == 486
    first.hang_up()
    acme.until_outcomes("abandoned")
    third = acme.call()
    third.hang_up()
    acme.until_outcomes("abandoned", "abandoned")


def test_the_message_is_early_media(company: Company, two_sites: TwoSites) -> None:
    acme = company()
    limit(two_sites, acme, 0, "message", prompt=TONE, cause="SWITCH_CONGESTION")
    call = refused(two_sites, acme)
    assert ("INVITE", 183) in call.statuses
    assert call.media.hears(1000)
    assert call.status_of("INVITE") == 503


def test_a_call_is_sent_on_to_the_fallback_number_unanswered(company: Company, two_sites: TwoSites) -> None:
    acme = company()
    limit(two_sites, acme, 0, "number", number="no_such_extension")
    assert refused(two_sites, acme).status_of("INVITE") == 404


def test_freeswitch_itself_refuses_with_the_cause_that_limit_names(two_sites: TwoSites) -> None:
    west = two_sites.west
    west.api("load mod_hash")
    said = west.api("originate null/x 'limit:hash fsroute_test calls 0 !SWITCH_CONGESTION,park' inline")
    until(lambda: west.channels() == 0)
    assert said.startswith("+OK"), said
    assert west.api("limit_usage hash fsroute_test calls").strip() == "0"
