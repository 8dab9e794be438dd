"""Agents and sites known by activity alone: selected, taken for a while, and left alone when stale."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from fsroute.acd.rendezvous import new_token
from fsroute.model.contact import CallerInformation
from fsroute.scp import directing
from fsroute.scp.deciding import Decider
from fsroute.scp.directing import Claim, Director
from fsroute.scp.selection import Limits
from fsroute.scp.watch import Watch
from fsroute.store.loading import Loader
from fsroute.store.rulebook import RuleBook
from fsroute.store.signals import Signals
from fsroute.store.store import COORDINATOR, Store
from tests.fix_center import Center, at_once
from tests.unreachable import Unreachable
from tests.waiting import until

NUMBER = "8005550100"
LIMITS = Limits(stale=30.0, confirm=1.0)
WORLD = """
delete from agent_authorization;
update queue_skill set level = 1 where queue = 'orders';
delete from queue_skill where skill = 'english';
insert into site_door (site_id, contact_center_id, switch_id, address, agent_address) values
    ('east', 'blue', 'away', 'sip:500@10.0.0.2:5060', 'sip:{user}@10.0.0.2:5060'),
    ('west', 'blue', 'home', 'sip:600@10.0.0.1:5060', null);
"""
SHARED = "+4930222"  # a caller whose calls are shared out
PERCENT = {"east": 70.0, "west": 30.0}
RULES = """
insert into routing_rule (contact_center_id, rule, ordinal, queue, if_caller_number)
    values ('blue', 'early', 1, 'orders', null), ('blue', 'shared', 0, 'orders', '\\+4930222');
insert into routing_rule_direct (contact_center_id, rule, policy, manner, tries, otherwise, shares)
    values ('blue', 'shared', 'share', 'redirect', 2, 'busy', '{"east": 70, "west": 30}');
insert into routing_rule_direct (contact_center_id, rule, policy, manner, tries, otherwise)
    values ('blue', 'early', 'longest_idle', 'redirect', 2, 'busy');
"""


class Processor:
    """What one process of the routing processor has, without its servers."""

    def __init__(self, center: Center) -> None:
        self._signals = Signals(center.database)
        self.store = Store(center.database, self._signals)
        self.store.measure_clock()
        self._signals.start()
        self._book = RuleBook(self.store)
        self._book.start()
        self.watch = Watch(self.store, LIMITS)
        self.decider = Decider(self.store, self._book, self.watch, "west", LIMITS)
        settings = directing.Settings("home", confirm=1.0)
        self.director = Director(
            self.store, self.decider, self.watch, settings, lambda: str(uuid4()), new_token
        )
        self.watch.start()
        assert self.watch.ready.wait(10)
        assert self._signals.listening.wait(10)

    def claim(self, number: str = "+4930111") -> Claim | None:
        caller = CallerInformation(number, "Ada", NUMBER, datetime.now(UTC))
        directed = self.director.begin(self.decider.plan(caller), "", None, redirected=True)
        return self.director.next(directed)

    def stop(self) -> None:
        self.watch.stop()
        self._book.stop()
        self._signals.stop()


@pytest.fixture
def two(center: Center) -> Iterator[list[Processor]]:
    """Two processes of the routing processor over one database."""
    center.sql(WORLD)
    for switch_id in ("home", "away"):
        center.sql("select begin_activity(%(switch)s, 1)", switch=switch_id)
    loaded = Loader(center.database, frozenset({"longest_idle"}), {}).load(RULES, "test.sql", "test")
    assert loaded.version is not None, [str(fault) for fault in loaded.faults]
    processors = [Processor(center), Processor(center)]
    yield processors
    for processor in processors:
        processor.stop()


class Activity:
    """What the CTI processor of a switch writes."""

    def __init__(self, center: Center, switch_id: str = "away") -> None:
        self._center = center
        self._switch_id = switch_id
        self._sequence = 0

    def write(self, **news: Any) -> None:
        self._sequence += 1
        self._center.sql(
            "select write_activity(%(switch)s, 1, %(sequence)s, %(news)s::jsonb)",
            switch=self._switch_id,
            sequence=self._sequence,
            news=json.dumps({"seen": True, "link": "up", **news}),
        )

    def agents(self, state: str, *names: str) -> None:
        now = self._center.value("select extract(epoch from clock_timestamp())::float8")
        rows = [
            {
                "source": "callcenter", "agent": name, "status": "available", "state": state, "state_since": now,
                "state_until": None, "idle_since": now, "address": f"[call_timeout=10]user/{name}", "reachable": True,
                "skills": {}, "queues": {"orders@default": [1, 1]},
            }
            for name in names
        ]  # fmt: skip
        self.write(agents=rows)

    def waits(self, seconds: float) -> None:
        queue = {
            "source": "callcenter", "queue": "orders@default", "medium": "voice", "waiting": 2, "talking": 1,
            "oldest_at": None, "agents": 1, "idle": 0, "expected_wait": seconds, "handling": None,
            "service_level": None, "threshold": 20, "windows": {},
        }  # fmt: skip
        self.write(queues=[queue])


def idle(processors: list[Processor], *names: str) -> None:
    """Every process that is asked knows these agents to be idle, and no others of that switch."""
    wanted = {f"away callcenter:{name}" for name in names}
    for processor in processors:
        plan = processor.decider.plan(CallerInformation("", "", NUMBER, datetime.now(UTC)))
        pool = processor.watch.picture.pool(plan.routing.demand, plan.direct.policy)
        until(lambda pool=pool, watch=processor.watch: watch.refresh() or set(pool.where) == wanted)  # type: ignore[misc]


def test_an_agent_known_by_activity_is_called_at_the_doors_address(
    center: Center, two: list[Processor]
) -> None:
    Activity(center).agents("idle", "1001")
    idle(two, "1001")
    claim = two[0].claim()
    assert claim is not None
    assert claim.uri == "sip:1001@10.0.0.2:5060"
    assert claim.call is None, "no agent of fsroute's is reserved"
    assert center.value("select data ->> 'to' from contact_event where kind = 'decided'") == (
        "away callcenter:1001 at east"
    )


def test_a_burst_at_two_processes_does_not_fall_on_one_phone(center: Center, two: list[Processor]) -> None:
    Activity(center).agents("idle", "1001", "1002", "1003")
    idle(two, "1001", "1002", "1003")
    claims = at_once(*[processor.claim for processor in two * 4])
    called = sorted(
        claim.uri for claim in claims if claim is not None and claim.destination.agent is not None
    )
    assert called == [f"sip:{user}@10.0.0.2:5060" for user in ("1001", "1002", "1003")]
    through = [claim.uri for claim in claims if claim is not None and claim.destination.door is not None]
    assert len(through) == 5, "the others go through the doors"
    idle(two)


def test_activity_confirms_or_the_time_is_over(center: Center, two: list[Processor]) -> None:
    activity = Activity(center)
    activity.agents("idle", "1001")
    idle(two, "1001")
    assert two[0].claim() is not None
    idle(two)
    activity.agents("talking", "1001")
    activity.agents("idle", "1001")
    idle(two, "1001")
    assert two[1].claim() is not None
    idle(two)
    two[1].watch.picture.advance(two[1].store.now())
    idle(two)
    until(lambda: (claim := two[1].claim()) is not None and claim.destination.agent is not None)


def test_the_shorter_wait_is_preferred_where_nobody_is_idle(center: Center, two: list[Processor]) -> None:
    Activity(center).waits(40.0)
    Activity(center, "home").waits(15.0)
    until(lambda: two[0].watch.picture.sites.keys() >= {"east", "west"})
    until(lambda: two[0].watch.picture.sites["west"].waits == {"blue": 15.0})
    claim = two[0].claim()
    assert claim is not None
    assert (claim.uri, claim.destination.why) == ("sip:600@10.0.0.1:5060", "expected wait 15 s")


def test_a_link_that_is_down_and_stale_activity_are_left_out(center: Center, two: list[Processor]) -> None:
    activity = Activity(center)
    activity.agents("idle", "1001")
    Activity(center, "home").write()
    idle(two, "1001")
    activity.write(link="down")
    until(lambda: not two[0].watch.picture.places["activity away"].linked)
    claim = two[0].claim()
    assert claim is not None
    assert claim.uri == "sip:600@10.0.0.1:5060"
    assert "left out east: no link" in claim.decision.line
    center.sql("update site_activity set known_at = clock_timestamp() - interval '1 minute', link = 'up'")
    until(lambda: two[0].watch.picture.places["activity home"].seen_at < two[0].store.now() - 50)
    assert two[0].claim() is None


def test_a_full_site_is_left_out(center: Center, two: list[Processor]) -> None:
    center.sql("update site set capacity = 2 where site_id = 'east'")
    Activity(center).agents("idle", "1001")
    Activity(center, "home").write()
    queue = {
        "source": "site", "queue": "", "medium": "voice", "waiting": 0, "talking": 2, "oldest_at": None, "agents": 0,
        "idle": 0, "expected_wait": None, "handling": None, "service_level": None, "threshold": 20, "windows": {},
    }  # fmt: skip
    activity = Activity(center)
    activity._sequence = 10
    activity.write(queues=[queue])
    until(lambda: two[0].watch.picture.sites["east"].capacity == 2)
    until(lambda: two[0].watch.picture.sites["east"].in_progress == 2)
    claim = two[0].claim()
    assert claim is not None
    assert "left out east: full, 2 of 2 calls" in claim.decision.line


# Counted together ----------------------------------------------------------------------------------------------


def sites_of(claims: list[Claim | None]) -> Counter[str]:
    return Counter("nowhere" if claim is None else claim.destination.site for claim in claims)


def within(parts: Counter[str], calls: int) -> bool:
    """As near to the shares as one process alone comes: less than one call from each."""
    return all(abs(parts[site] - percent * calls / 100) < 1 for site, percent in PERCENT.items())


@pytest.fixture
def doors(center: Center, two: list[Processor]) -> None:
    """Both sites are there, nobody is idle, and calls go through the doors."""
    for switch_id in ("away", "home"):
        Activity(center, switch_id).write()
    for processor in two:
        until(lambda processor=processor: len(processor.watch.picture.doors.get("blue", {})) == 2)  # type: ignore[misc]
        places = processor.watch.picture.places
        for name in ("activity away", "activity home"):
            until(lambda places=places, name=name: name in places and places[name].linked)  # type: ignore[misc]


@pytest.mark.usefixtures("doors")
def test_two_processes_together_send_a_site_no_more_than_it_takes(
    center: Center, two: list[Processor]
) -> None:
    center.sql("update site set capacity = 4")
    claims = at_once(*[processor.claim for processor in two * 6])
    assert sites_of(claims) == {"east": 4, "west": 4, "nowhere": 4}
    again = Processor(center)
    try:
        assert again.claim() is None, "a process that was started anew knows of the calls as well"
    finally:
        again.stop()
    why = "left out east: full, 4 of 4 calls, west: full, 4 of 4 calls"
    decider = two[0].decider
    until(lambda: why in decider.decide(decider.plan(caller())).line)


def caller() -> CallerInformation:
    return CallerInformation("+4930111", "Ada", NUMBER, datetime.now(UTC))


@pytest.mark.usefixtures("doors")
def test_two_processes_and_one_that_was_started_anew_keep_the_shares_together(
    center: Center, two: list[Processor]
) -> None:
    turns = [0, 0, 0, 1, 0, 1, 1, 1, 1, 0]
    claims = [two[turn].claim(SHARED) for turn in turns]
    assert within(sites_of(claims), 10)
    claims += at_once(*[lambda processor=processor: processor.claim(SHARED) for processor in two * 3])
    assert within(sites_of(claims), 16), "and where they are asked at once"
    again = Processor(center)
    try:
        claims += [again.claim(SHARED) for _ in range(3)] + [two[0].claim(SHARED)]
    finally:
        again.stop()
    assert within(sites_of(claims), 20)
    assert sites_of(claims) == {"east": 14, "west": 6}


@pytest.mark.usefixtures("doors")
def test_what_a_full_site_cannot_take_is_not_owed_to_it(center: Center, two: list[Processor]) -> None:
    center.sql("update site set capacity = 0 where site_id = 'east'")
    claims = [two[turn].claim(SHARED) for turn in (0, 1, 0, 1)]
    assert sites_of(claims) == {"west": 4}
    center.sql("update site set capacity = null")
    for processor in two:
        until(lambda processor=processor: processor.watch.picture.sites["east"].capacity is None)  # type: ignore[misc]
    claims = [two[turn].claim(SHARED) for turn in (0, 1) * 5]
    assert sites_of(claims) == {"east": 7, "west": 3}


def test_a_database_that_is_away_is_said_once_and_not_with_every_look(
    center: Center, caplog: pytest.LogCaptureFixture
) -> None:
    database = Unreachable(center.database.conninfo)
    database.open()
    signals = Signals(database)
    watch = Watch(Store(database, signals), LIMITS)
    watch.start()
    try:
        assert watch.ready.wait(10)
        caplog.set_level(logging.WARNING, "fsroute.scp")
        database.away = frozenset({"doors", "agents"})
        signals.publish(COORDINATOR, None)
        until(lambda: database.refused_each(3), 20)
        database.away = frozenset()
        until(lambda: sum("over after" in record.getMessage() for record in caplog.records) == 2, 20)
    finally:
        watch.stop()
        database.close()
    said = [re.sub(r"[\d.]+ s", "… s", record.getMessage()) for record in caplog.records]
    assert sorted(said) == [
        "activity is not read: the database is away",
        "agents are not read: the database is away",
        "over after … s: activity is not read",
        "over after … s: agents are not read",
    ]
