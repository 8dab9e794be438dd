"""Three sites, one with mod_callcenter: calls go by 302 to the right agents, a dead site gets none, nothing is lost."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from fsroute.model.agent import AgentStatus
from fsroute.monitoring.audit import audit
from tests.fix_database import perform
from tests.live import sipp
from tests.live.callcenter import Callcenter
from tests.live.figures import measured, noted
from tests.live.freeswitch import EARLY_NUMBER
from tests.live.people import AnswersAfter, answers_at_once
from tests.live.sip import Call, Phone
from tests.live.sites import ContactCenter, Place
from tests.live.test_routing_processor import STALE, decision, decisions, loaded, ready
from tests.live.three_sites import DOOR, QUEUE, ThreeSites
from tests.waiting import until

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sipp.find() is None, reason="no SIPp found"),
]

DATABASE = "fsroute_live_three"
ORDERS, SPANISH = "555", "666"  # how callers' numbers begin: by them the rules tell what is needed
SHARES = '{"west": 40, "east": 40, "north": 20}'
LOOK = 1.5  # seconds: the routing processor looks at signs of life every second
BESIDE = 5.0  # seconds
LATE = (
    30.0  # seconds that a machine with other work may take for what is done at once; states decide, not this
)
TALK = 3.0  # seconds: who hangs up earlier than the two are joined on a busy machine served nobody
NEVER: tuple[dict[str, Any], ...] = (
    {"authorized": False},
    {"skill": "typing"},
    {"status": AgentStatus.ON_BREAK},
    {"status": AgentStatus.LOGGED_OUT},
)
"""Agents whom no call may reach."""
WRAP_UP = 3  # seconds


@pytest.fixture(scope="module")
def sites(program: Path, postgres: str, migrated_template: str) -> Iterator[ThreeSites]:
    folder = Path(tempfile.mkdtemp(prefix="fsroute-live-three-"))
    perform(postgres, f"create database {DATABASE} template {migrated_template}")
    sites = ThreeSites(program, folder, make_conninfo(postgres, dbname=DATABASE))
    try:
        sites.start()
        yield sites
    finally:
        sites.stop()
        perform(postgres, f"drop database if exists {DATABASE} with (force)")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def company(sites: ThreeSites) -> Iterator[ContactCenter]:
    """A client company; afterwards no channel is left at any site, nothing is reserved, and nothing was violated."""
    sites.revive()
    center = sites.contact_center()
    sites.execute("delete from number_called where number = %s", EARLY_NUMBER)
    sites.execute("insert into number_called values (%s, %s, 'orders')", EARLY_NUMBER, center.name)
    yield center
    for phone in center.phones:
        for call in phone.calls:
            call.hang_up()
    sites.revive()
    sites.execute("update agent set status = 'logged_out'")
    try:
        until(lambda: sites.channels() == 0 and not reserved(sites), 25 + LATE)
        assert_nothing_violated(sites)
    finally:
        for phone in center.phones:
            phone.close()


@pytest.fixture
def callcenter(sites: ThreeSites) -> Iterator[Callcenter]:
    desk = Callcenter(sites.north.switch)
    yield desk
    desk.dismiss()


def reserved(sites: ThreeSites) -> int:
    """Reservations that live, and agents of other ACDs who count as taken."""
    taken = sites.query("select from agent_taken where taken_until > clock_timestamp()")
    return len(sites.live_reservations()) + len(taken)


def assert_nothing_violated(sites: ThreeSites) -> None:
    """A wait beside an idle agent counts from `BESIDE` on: eight processes and SIPp share the machine's processors."""
    found = [str(violation) for violation in audit(sites.store.database, limit=BESIDE)]
    assert found == [], "\n".join(found)


def door_of_north(center: ContactCenter) -> None:
    north = center.sites.places["north"]
    address = f"sip:{DOOR}@127.0.0.1:{north.switch.ports.callers}"
    row = {"site_id": "north", "contact_center_id": center.name, "switch_id": "north-1", "address": address}
    center.sites.insert("site_door", row)


def rule(center: ContactCenter, name: str, caller: str, skill: str, **terms: object) -> str:
    """Callers whose numbers begin with `caller` need `skill`, and are redirected by `terms`."""
    columns = "".join(f", {column}" for column in terms)
    values = "".join(f", '{value}'" for value in terms.values())
    key = f"'{center.name}', '{name}'"
    return (
        "insert into routing_rule (contact_center_id, rule, ordinal, queue, if_caller_number)"
        f" values ({key}, {len(caller) + len(name)}, 'support', '{caller}.*');"
        f"insert into routing_rule_skill values ({key}, '{skill}', 1);"
        f"insert into routing_rule_direct (contact_center_id, rule, manner{columns})"
        f" values ({key}, 'redirect'{values});"
    )


def in_force(center: ContactCenter, orders: dict[str, str], spanish: dict[str, str] | None = None) -> None:
    """The rules, once all sites are known by them; then they name one destination: more make a 300 of the 302."""
    for tries in (3, 1):
        text = rule(center, "orders", ORDERS, "orders", otherwise="busy", tries=tries, **orders)
        if spanish is not None:
            text += rule(center, "spanish", SPANISH, "spanish", otherwise="busy", tries=tries, **spanish)
        loaded(center, text)
        ready(center, tries, f"{ORDERS}1")
        if spanish is not None:
            ready(center, tries, f"{SPANISH}1")


def sites_of_decisions(center: ContactCenter, since: float = 0.0) -> list[tuple[float, str]]:
    """When a call was given to a site, in seconds since the epoch, and to which."""
    return [
        (event["at"].timestamp(), event["data"]["site"])
        for event in center.events()
        if event["kind"] == "decided" and event["at"].timestamp() >= since and "site" in event["data"]
    ]


# Twenty calls a second ------------------------------------------------------------------------------------


def people_of_all_sites(center: ContactCenter, desks: sipp.Sipp, stranger: Phone) -> None:
    """At west and east: some for each kind of caller, and in between those whom no call may reach."""
    for site in ("west", "east"):
        for skill, count in (("orders", 32), ("spanish", 16)):
            for number in range(count):
                name = f"{site}-{skill}-{number}"
                center.agent_at(name, f"sip:{name}@127.0.0.1:{desks.port}", site, skill)
        for number, why in enumerate(NEVER):
            center.agent_at(f"{site}-never-{number}", stranger.address, site, **why)


def test_twenty_calls_a_second_go_by_302_to_the_right_agents(
    company: ContactCenter, sites: ThreeSites, callcenter: Callcenter, tmp_path: Path
) -> None:
    stranger = Phone("stranger", answers_at_once)
    company.phones.append(stranger)
    desks = sipp.agents(tmp_path, "agents", TALK)
    people_of_all_sites(company, desks, stranger)
    for number in range(20):
        callcenter.agent_at(f"n{number}", f"sip:n{number}@127.0.0.1:{desks.port}")
    door_of_north(company)
    in_force(company, {"policy": "share", "shares": SHARES}, {"policy": "longest_idle"})
    port = sites.west.ports.callers
    bursts = [
        sipp.following(tmp_path, "orders", 140, EARLY_NUMBER, port, 14, ORDERS),
        sipp.following(tmp_path, "spanish", 60, EARLY_NUMBER, port, 6, SPANISH),
    ]
    try:
        for burst, _ in bursts:
            assert burst.finish(90 + LATE) == 0, burst.problems()
    finally:
        for burst, _ in bursts:
            burst.stop()
        desks.stop()
    assert stranger.calls == []
    company.until(lambda: None not in company.outcomes(), 15 + LATE)
    outcomes = Counter(company.outcomes())
    assert outcomes["served"] + outcomes["transferred"] == 200, f"{outcomes}\n{story_of_lost(company)}"
    served = company.sites.query(
        "select c.caller_number, r.agent_id from reservation r join proxy_call p using (proxy_call_id)"
        " join contact_personal c on c.contact_id = p.contact_id where p.contact_center_id = %s",
        company.name,
    )
    for row in served:
        kind = "orders" if row["caller_number"].startswith(ORDERS) else "spanish"
        assert re.fullmatch(rf"{company.name}-(west|east)-{kind}-\d+", row["agent_id"]), row
    twice = company.sites.query(
        "select a.agent_id from reservation a join reservation b using (agent_id)"
        " where a.reservation_id < b.reservation_id and b.reserved_at < a.ended_at and a.agent_id like %s",
        f"{company.name}-%",
    )
    assert twice == []
    parts = Counter(site for _, site in sites_of_decisions(company))
    assert parts["north"] == outcomes["transferred"]
    assert parts["north"] == pytest.approx(28, abs=6), "a fifth of the orders"
    until(
        lambda: (
            sum(int(callcenter.of(f"n{number}")["calls_answered"]) for number in range(20)) == parts["north"]
        ),
        LATE,
    )
    noted(
        f"200 calls, 20 a second, by 302 to three sites: {dict(parts)}; a decision: {decisions(company)[-1]}"
    )


def story_of_lost(center: ContactCenter) -> str:
    """What happened to those who were not served."""
    lost = {
        str(event["contact_id"])[:8]
        for event in center.events()
        if event["kind"] == "closed" and event["data"]["outcome"] not in ("served", "transferred")
    }
    return "\n".join(line for line in center.story().splitlines() if line.split()[1] in lost)


# A site dies ----------------------------------------------------------------------------------------------


def kill_switch(place: Place) -> None:
    place.switch.stop()


def kill_process(place: Place) -> None:
    place.run.kill()


@pytest.mark.parametrize(("kill", "least"), [(kill_switch, 0.0), (kill_process, STALE - 4)])
def test_calls_to_a_site_that_dies_stop_within_the_stated_time(
    company: ContactCenter,
    sites: ThreeSites,
    tmp_path: Path,
    kill: Callable[[Place], None],
    least: float,
) -> None:
    """The caller's side takes no call on where it is sent, so that those of the dead site end like the others."""
    desks = sipp.agents(tmp_path, "agents")
    for site in ("west", "east"):
        for number in range(60):
            company.agent_at(f"{site}-{number}", f"sip:{site}{number}@127.0.0.1:{desks.port}", site)
    door_of_north(company)
    in_force(company, {"policy": "share", "shares": SHARES})
    rate, seconds = 20, 16
    port = sites.west.ports.callers
    callers, contacts = sipp.redirected(tmp_path, "callers", rate * seconds, EARLY_NUMBER, port, rate)
    try:
        company.until(
            lambda: [site for _, site in sites_of_decisions(company)].count("east") >= 10, 10 + LATE
        )
        kill(sites.places["east"])
        killed = time.time()
        assert callers.finish(60 + LATE) == 0, callers.problems()
    finally:
        callers.stop()
        desks.stop()
    assert len(contacts.read_text().splitlines()) == rate * seconds
    after = sites_of_decisions(company, killed)
    last = max((at - killed for at, site in after if site == "east"), default=0.0)
    noted(f"{kill.__name__}: the last call was sent to the dead site {last:.1f} s after")
    assert last >= least, "it was known as alive as long as was stated"
    seen = last_sign_of(sites, "east-1")
    overdue = [at - seen for at, site in after if site == "east" and at > seen + STALE + LOOK]
    assert overdue == [], "calls that went there though its last sign of life was stale"
    late = Counter(site for at, site in after if at > killed + last)
    assert late["west"] > 10
    assert late["north"] > 5
    line = next(line for line in reversed(decisions(company)) if "left out east" in line)
    noted(f"and the decision then: {line}")
    company.until(lambda: None not in company.outcomes(), 20 + LATE)
    sites.revive()
    until(lambda: "east" not in {each["site"] for each in decision(company)["skipped"]}, 30 + LATE)


def last_sign_of(sites: ThreeSites, switch_id: str) -> float:
    """When a switch was last heard of, by the database: in seconds since the epoch."""
    text = (
        "select extract(epoch from greatest(s.seen_at, a.known_at))::float8 as seen from switch s"
        " left join site_activity a using (switch_id) where s.switch_id = %s"
    )
    return float(sites.query(text, switch_id)[0]["seen"])


# Proxy calls at the site with its own ACD -------------------------------------------------------------------


def test_proxy_calls_are_served_by_agents_of_mod_callcenter(
    company: ContactCenter, sites: ThreeSites, callcenter: Callcenter
) -> None:
    acd = {
        "acd": company.name,
        "adapter": "callcenter",
        "switch_id": "north-1",
        "parameters": f'{{"queue": "{QUEUE}"}}',
    }
    sites.insert("other_acd", acd)
    for column, value in {"acd": company.name, "lead": "offered", "offer_timeout": 12}.items():
        sites.execute(f"update queue set {column} = %s where contact_center_id = %s", value, company.name)
    loaded(company, "")
    numbers = [f"55502{number:02}" for number in range(4)]
    callers = [
        company.waiting_call(number=number, frequency=440 + 20 * at) for at, number in enumerate(numbers)
    ]
    company.until(lambda: company.kinds().count("acd_entered") == len(callers), 10 + LATE)
    assert sites.west.channels() == len(callers), "no network leg while they wait"
    desks = [
        callcenter.agent(f"m{at}", Phone(f"300{at}", AnswersAfter(0.5), 700 + 40 * at), wrap_up_time=WRAP_UP)
        for at in range(len(callers))
    ]
    company.phones.extend(desks)
    for desk in desks:
        agent = desk.latest(10 + LATE)
        number = next(number for number in numbers if number in agent.caller)
        until_they_talk(callers[numbers.index(number)], agent)
    assert {row["acd_agent"] for row in company.rows()} == {"m0", "m1", "m2", "m3"}
    late = company.waiting_call(number="5550299", frequency=600)
    company.until(lambda: company.kinds().count("acd_entered") == len(callers) + 1, 10 + LATE)
    for caller in callers[:2]:
        caller.hang_up()
    for desk in desks[2:]:
        desk.latest().hang_up()
    hung_up = time.time()
    until(lambda: any(len(desk.calls) == 2 for desk in desks), WRAP_UP + 10 + LATE)
    measured(
        "mod_callcenter: from the end of a talk to the next offer, wrap-up of 3 s", time.time() - hung_up
    )
    assert time.time() - hung_up > WRAP_UP - 1, "it counts whole seconds"
    again = next(desk for desk in desks if len(desk.calls) == 2)
    until_they_talk(late, again.latest())
    late.hang_up()
    company.until(lambda: Counter(company.outcomes()) == {"served": 5}, 15 + LATE)
    until(lambda: not callcenter.members(QUEUE), LATE)


def until_they_talk(caller: Call, agent: Call) -> None:
    until(
        lambda: caller.media.hears(agent.phone.frequency) and agent.media.hears(caller.phone.frequency),
        10 + LATE,
    )
