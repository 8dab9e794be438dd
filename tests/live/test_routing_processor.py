"""Calls that are routed before the answer, on a real FreeSWITCH: callers come in at west, agents are at both sites."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from psycopg.conninfo import make_conninfo

from fsroute.acd.rendezvous import digest
from fsroute.coordinator.strategies import load as load_strategies
from fsroute.monitoring.audit import audit
from fsroute.store.loading import Loader
from tests.fix_database import perform
from tests.gate import Gate
from tests.live import peers, sipp
from tests.live.figures import noted
from tests.live.freeswitch import EARLY_NUMBER
from tests.live.people import answers_at_once, is_busy, never_answers
from tests.live.process import TOKEN
from tests.live.sip import Call, Phone
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

pytestmark = pytest.mark.live

CALLER, AGENT = 440, 700  # Hz
GUARD = 8  # seconds after which the dialplan takes a call back, as the switch is rendered
I6 = 20.0 + 5.0  # seconds that an agent may be reserved without a talk: the queue's offer time-out, and five more
MOST_NAMED = 2  # destinations, by the rules here
STALE = 8.0  # seconds, as in the configuration of the processes
DATABASE = "fsroute_live_early"


@pytest.fixture(scope="module")
def sites(program: Path, postgres: str, migrated_template: str) -> Iterator[TwoSites]:
    """Two switches of this file's own: a version of the rules counts for all of a database."""
    folder = Path(tempfile.mkdtemp(prefix="fsroute-live-early-"))
    perform(postgres, f"create database {DATABASE} template {migrated_template}")
    sites = TwoSites(program, folder, make_conninfo(postgres, dbname=DATABASE))
    try:
        sites.start()
        yield sites
    finally:
        sites.stop()
        perform(postgres, f"drop database if exists {DATABASE} with (force)")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def company(sites: TwoSites) -> Iterator[ContactCenter]:
    """A client company whose number is called; what a test leaves is hung up."""
    sites.revive()
    center = sites.contact_center()
    sites.execute("delete from number_called where number = %s", EARLY_NUMBER)
    sites.execute("insert into number_called values (%s, %s, 'orders')", EARLY_NUMBER, center.name)
    center.number = EARLY_NUMBER
    yield center
    for phone in center.phones:
        for call in phone.calls:
            call.hang_up()
    sites.execute("update agent set status = 'logged_out' where agent_id like %s", f"{center.name}-%")
    try:
        until(lambda: sites.channels() == 0 and not sites.live_reservations(), 20)
    finally:
        for phone in center.phones:
            phone.close()


def early(center: ContactCenter, **terms: object) -> None:
    """The rule that routes the company's calls before the answer, and the processors that have it."""
    columns, values = (
        "".join(f", {name}" for name in terms),
        "".join(f", '{value}'" for value in terms.values()),
    )
    text = (
        "insert into routing_rule (contact_center_id, rule, ordinal, queue)"
        f" values ('{center.name}', 'early', 1, 'support');"
        f"insert into routing_rule_direct (contact_center_id, rule{columns}) values ('{center.name}', 'early'{values})"
    )
    loaded(center, text)


def loaded(center: ContactCenter, text: str) -> None:
    """West's processes have these rules."""
    store = center.sites.store
    done = Loader(store.database, frozenset(load_strategies().known), {}).load(text, "test.sql", "test")
    assert done.version is not None, [str(fault) for fault in done.faults]
    said = f"rules version={done.version} "
    until(lambda: said in center.sites.west_run.log(), 10)


def decision(center: ContactCenter, caller: str = "") -> dict[str, Any]:
    """Where west's routing processor would send a call now."""
    connection = http.client.HTTPConnection("127.0.0.1", center.sites.west.ports.decisions, timeout=5)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    query = urlencode({"number_called": EARLY_NUMBER, "caller_number": caller or "5550199"})
    connection.request("GET", f"/v1/decisions?{query}", headers=headers)
    found: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return found


def ready(center: ContactCenter, agents: int = 1, caller: str = "") -> None:
    """As many destinations are known, as far as a rule names them."""
    center.until(lambda: len(decision(center, caller)["destinations"]) >= agents, 10)


def ring(center: ContactCenter, number: str = "5550199") -> Call:
    """A call that nobody has answered yet."""
    phone = Phone(number, frequency=CALLER)
    center.phones.append(phone)
    return phone.call(center.number, center.sites.west.ports.callers)


def they_hear_each_other(caller: Call, agent: Call) -> None:
    until(lambda: caller.media.hears(AGENT) and agent.media.hears(CALLER), 10)


def decisions(center: ContactCenter) -> list[str]:
    return [event["data"]["why"] for event in center.events() if event["kind"] == "decided"]


def assert_nothing_violated(center: ContactCenter) -> None:
    found = [str(violation) for violation in audit(center.sites.store.database, limit=1.0)]
    assert found == [], center.story()


def test_a_caller_is_bridged_to_an_agent_of_another_site_before_the_answer(company: ContactCenter) -> None:
    early(company)
    desk = company.agent("ann", Phone("1001", never_answers, AGENT))
    ready(company)
    caller = ring(company)
    agent = desk.latest()
    until(lambda: caller.rang_at, 10)
    company.until_leg("present")
    assert not caller.is_answered(), company.story()
    agent.answer()
    caller.until_answered()
    they_hear_each_other(caller, agent)
    agent.hang_up()
    caller.until_over()
    company.until_outcomes("served")
    assert decisions(company)[0].startswith(f"longest_idle: {company.name}-ann at east, idle ")
    assert_nothing_violated(company)


def test_a_caller_is_redirected_and_rings_at_the_agents_switch(company: ContactCenter) -> None:
    early(company, manner="redirect")
    desk = company.agent("ann", Phone("1001", answers_at_once, AGENT))
    ready(company)
    caller = ring(company)
    until(lambda: caller.redirected_to, 10)
    link = company.sites.east.ports.link
    found = re.search(rf"sip:(fsr[0-9a-f]{{32}})@127\.0\.0\.1:{link}", caller.redirected_to)
    assert found, caller.redirected_to
    follows = caller.phone.call(found[1], link)
    follows.until_answered()
    they_hear_each_other(follows, desk.latest())
    follows.hang_up()
    company.until_outcomes("served")
    assert_nothing_violated(company)


def test_a_destination_that_fails_is_followed_by_the_next_before_the_answer(company: ContactCenter) -> None:
    early(company, tries=2)
    company.agent("ann", Phone("1001", is_busy, AGENT))
    ready(company)
    second = company.agent("bob", Phone("1002", answers_at_once, AGENT), "west")
    ready(company, 2)
    caller = ring(company)
    caller.until_answered(15)
    they_hear_each_other(caller, second.latest())
    caller.hang_up()
    company.until_outcomes("served")
    assert [line.split()[1] for line in decisions(company)] == [f"{company.name}-ann", f"{company.name}-bob"]
    assert_nothing_violated(company)


def test_nobody_anywhere_is_answered_by_the_call_server(company: ContactCenter) -> None:
    early(company)
    caller = ring(company)
    caller.until_answered()
    until(lambda: not caller.media.is_silent(), 10)
    assert decisions(company)[0].startswith("longest_idle: nobody, so queue")
    caller.hang_up()
    company.until(lambda: None not in company.outcomes())
    assert len(company.outcomes()) == 1


@pytest.mark.skipif(sipp.find() is None, reason="no SIPp found")
def test_a_burst_is_redirected_to_agents_of_their_own(company: ContactCenter, tmp_path: Path) -> None:
    early(company, manner="redirect", otherwise="busy")
    desks = sipp.agents(tmp_path, "agents")
    for number in range(20):
        site = ("east", "west")[number % 2]
        company.agent_at(f"a{number}", f"sip:a{number}@127.0.0.1:{desks.port}", site)
    ready(company, MOST_NAMED)
    burst, contacts = sipp.redirected(
        tmp_path, "burst", 20, EARLY_NUMBER, company.sites.west.ports.callers, 20
    )
    try:
        assert burst.finish(20) == 0, burst.problems()
    finally:
        burst.stop()
        desks.stop()
    tokens = re.findall(r"sip:(fsr[0-9a-f]{32})@127\.0\.0\.1:(\d+)", contacts.read_text())
    assert len(set(tokens)) == 20
    rows = company.sites.query(
        "select r.agent_id, encode(p.token_digest, 'hex') as digest, s.link_address from proxy_call p"
        " join reservation r using (proxy_call_id) join agent a using (agent_id)"
        " join switch s on s.switch_id = a.switch_id where p.contact_center_id = %s",
        company.name,
    )
    assert len({row["agent_id"] for row in rows}) == 20
    where = {f"127.0.0.1:{port}" for _, port in tokens}
    assert where == {row["link_address"] for row in rows}
    known = {row["digest"] for row in rows if row["digest"]}
    assert known <= {digest(token) for token, _ in tokens}
    company.until(lambda: company.outcomes() == ["abandoned"] * 20, 15)
    assert_nothing_violated(company)


def test_a_site_that_dies_gets_no_more_calls_within_the_stated_time(company: ContactCenter) -> None:
    early(company, tries=1)
    company.agent("ann", Phone("1001", answers_at_once, AGENT))
    ready(company)
    caller = ring(company)
    caller.until_answered()
    company.until_state("bridged")
    caller.hang_up()
    company.until_outcomes("served")
    company.agent("bob", Phone("1002", answers_at_once, AGENT), "west")
    company.sites.east_run.kill()
    killed = time.time()
    seen = (
        "select extract(epoch from clock_timestamp() - greatest(s.seen_at, a.known_at)) as age from switch s"
        " left join site_activity a using (switch_id) where switch_id = 'east-1'"
    )
    company.until(lambda: float(company.sites.query(seen)[0]["age"]) > STALE + 1.1, STALE + 5)
    noted(f"a site's process was killed: its calls go elsewhere after {time.time() - killed:.1f} s at most")
    late = ring(company, "5550177")
    company.until(lambda: len(decisions(company)) == 2, 10)
    assert f"{company.name}-bob at west" in decisions(company)[-1]
    assert "east: stale" in decisions(company)[-1]
    late.hang_up()


# Peers that ask by HTTP -----------------------------------------------------------------------------------------


@pytest.mark.skipif(bool(peers.no_kamailio()), reason=peers.no_kamailio())
def test_kamailio_redirects_a_call_to_the_agent_chosen(company: ContactCenter, tmp_path: Path) -> None:
    early(company, manner="redirect", tries=1, otherwise="busy")
    desk = company.agent("ann", Phone("1001", answers_at_once, AGENT))
    ready(company)
    kamailio = peers.Kamailio(tmp_path, company.sites.west.ports.decisions)
    try:
        phone = Phone("5550199", frequency=CALLER)
        company.phones.append(phone)
        caller = phone.call(EARLY_NUMBER, kamailio.port)
        until(lambda: caller.redirected_to, 10)
        follows = follow(company, caller)
        follows.until_answered()
        they_hear_each_other(follows, desk.latest())
        late = Phone("5550177")
        company.phones.append(late)
        refused = late.call(EARLY_NUMBER, kamailio.port)
        until(lambda: ("INVITE", 486) in refused.statuses, 10)  # the only agent talks
    finally:
        kamailio.stop()
    follows.hang_up()
    company.until(lambda: sorted(map(str, company.outcomes())) == ["refused", "served"], 10)
    assert f"longest_idle: {company.name}-ann at east" in kamailio.log()
    assert_nothing_violated(company)


@pytest.mark.skipif(bool(peers.no_kamailio()) or sipp.find() is None, reason=peers.no_kamailio() or "no SIPp found")
def test_kamailio_redirects_a_burst_to_agents_of_their_own(company: ContactCenter, tmp_path: Path) -> None:
    """Every INVITE is sent again by SIPp where the answer is late; none of them claims two agents."""
    early(company, manner="redirect", tries=1, otherwise="busy")
    desks = sipp.agents(tmp_path, "agents")
    for number in range(10):
        company.agent_at(f"a{number}", f"sip:a{number}@127.0.0.1:{desks.port}", ("east", "west")[number % 2])
    ready(company)
    kamailio = peers.Kamailio(tmp_path, company.sites.west.ports.decisions)
    try:
        burst, contacts = sipp.redirected(tmp_path, "burst", 10, EARLY_NUMBER, kamailio.port, 20)
        assert burst.finish(30) == 0, burst.problems()
    finally:
        kamailio.stop()
        desks.stop()
    assert len(set(re.findall(r"sip:fsr[0-9a-f]{32}@", contacts.read_text()))) == 10
    agents = "select distinct agent_id from reservation where contact_center_id = %s"
    assert len(company.sites.query(agents, company.name)) == 10
    company.until(lambda: None not in company.outcomes(), 20)
    assert len(company.outcomes()) == 10
    assert_nothing_violated(company)


@pytest.mark.parametrize("manner", ["redirect", "bridge"])
def test_mod_xml_curl_has_the_dialplan_of_a_call_decided(company: ContactCenter, manner: str) -> None:
    early(company, manner=manner, tries=1, otherwise="busy")
    desk = company.agent("ann", Phone("1001", answers_at_once, AGENT))
    ready(company)
    west = company.sites.west
    try:
        with peers.xml_curl(west, west.ports):
            caller = ring(company)
            if manner == "redirect":
                until(lambda: caller.redirected_to, 10)
                caller = follow(company, caller)
            caller.until_answered()
            they_hear_each_other(caller, desk.latest())
            caller.hang_up()
            company.until_outcomes("served")
    except LookupError as error:
        pytest.skip(str(error))
    assert_nothing_violated(company)


def test_after_a_bridge_in_vain_mod_xml_curl_leaves_the_call_to_the_ordinary_way(company: ContactCenter) -> None:
    early(company, manner="bridge", tries=1, otherwise="busy")
    company.agent("ann", Phone("1001", is_busy, AGENT))
    ready(company)
    west = company.sites.west
    try:
        with peers.xml_curl(west, west.ports):
            caller = ring(company)
            caller.until_answered(15)
            until(lambda: not caller.media.is_silent(), 10)
    except LookupError as error:
        pytest.skip(str(error))
    assert len(decisions(company)) == 1, "what lies in fsroute's own contexts is not decided again"
    caller.hang_up()
    company.until(lambda: len(company.outcomes()) == 2 and None not in company.outcomes(), 15)
    assert_nothing_violated(company)


def follow(center: ContactCenter, caller: Call) -> Call:
    """The caller's side calls where it was sent."""
    link = center.sites.east.ports.link
    found = re.search(rf"sip:(fsr[0-9a-f]{{32}})@127\.0\.0\.1:{link}", caller.redirected_to)
    assert found, caller.redirected_to
    return caller.phone.call(found[1], link)


# The processor dies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manner", ["redirect", "bridge"])
def test_a_processor_that_dies_after_its_claim_leaves_the_call_to_the_ordinary_way(
    company: ContactCenter, manner: str
) -> None:
    """It is killed while its claim commits: by the dialplan's guard, or its next action, the call server has the call."""
    early(company, manner=manner, tries=1)
    desk = company.agent("ann", Phone("1001", answers_at_once, AGENT), wrap_up=0, set_aside=0)
    ready(company)
    gate = Gate(company.sites.database)
    try:
        caller = ring(company)
        company.until(gate.waiting, 10)
        company.sites.west_run.kill()
    finally:
        gate.open()
    company.until(lambda: len(decisions(company)) == 1, 10)
    killed = time.time()
    company.sites.revive()
    caller.until_answered(GUARD + 20)
    noted(f"the processor was killed amid a {manner}: answered by the call server {time.time() - killed:.1f} s after")
    until(lambda: not company.sites.live_reservations(), I6 + 20)
    offers = (
        "select extract(epoch from ended_at - reserved_at) as lasted from reservation"
        " where contact_center_id = %s and end_reason <> 'wrap_up'"
    )
    assert all(row["lasted"] < I6 for row in company.sites.query(offers, company.name))
    caller.hang_up()
    company.until(lambda: None not in company.outcomes(), 20)
    assert len(company.outcomes()) == (2 if manner == "redirect" else 1), company.story()
    assert_nothing_violated(company)
    assert desk.calls, "the agent's phone rang for a caller who was gone"
