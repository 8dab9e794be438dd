from __future__ import annotations

import logging
import re

import gevent
import psycopg
import pytest

from fsroute.cti.role import CtiRole
from fsroute.model.activity import QueueKey, Source
from fsroute.model.agent_state import Doing
from fsroute.switchsim import Agent, Answers, NoAnswer, Options
from tests.integration.cti.watched import SITE, SUPPORT, Watched
from tests.unreachable import Unreachable
from tests.waiting import until


def test_what_happens_in_a_queue_is_seen_by_a_reader(watched: Watched) -> None:
    watched.hire("ann", Answers(after=0.2, talk=1.0), wrap_up=30)
    watched.processor("one")
    watched.until_seen(lambda: watched.stands() == (0, 0) and watched.agent("ann").state is Doing.IDLE)
    assert watched.queue().agents == watched.queue().idle == 1
    watched.call()
    watched.until_seen(lambda: watched.agent("ann").state is Doing.RINGING)
    watched.until_seen(lambda: watched.stands() == (0, 1) and watched.agent("ann").state is Doing.TALKING)
    assert watched.queue(SITE).talking == 1
    watched.until_seen(lambda: watched.agent("ann").state is Doing.WRAP_UP)
    watched.until_seen(lambda: watched.stands() == (0, 0))
    assert watched.agent("ann").state_until is not None
    until(lambda: watched.history()["handled"] == 1)
    assert watched.history() == {
        "offered": 1, "answered": 1, "abandoned": 0, "automatic": 0, "handled": 1,
    }  # fmt: skip
    assert watched.queue().windows[60].answered == 1
    assert watched.queue().service_level == 1.0
    assert watched.history(QueueKey(Source.NUMBER, "9195"))["answered"] == 1


def test_an_agents_status_is_seen_at_once(watched: Watched) -> None:
    watched.hire("ann")
    watched.processor("one", reconcile=600.0)
    watched.until_seen(lambda: watched.agents_of(Source.CALLCENTER) == ["ann"])
    expected = {"On Break": "on_break", "Available": "available", "Logged Out": "logged_out"}
    for status in ("On Break", "Available", "Logged Out", "Available"):
        watched.switch.callcenter.set_status("ann", status)
        watched.until_status("ann", expected[status])


def test_telephones_and_their_calls_are_seen(watched: Watched) -> None:
    watched.processor("one")
    watched.switch.registrations.register("2001", "here", call_id="one")
    watched.until_seen(
        lambda: (Source.USER, "2001@here") in {(k.source, k.agent) for k in watched.site.agents}
    )
    assert watched.agent("2001@here", Source.USER).address == "user/2001@here"
    watched.network.add_agent(Agent("user/2001", "2001", (Answers(after=0.3),)))
    call = watched.call("2001")
    watched.until_seen(lambda: watched.agent("2001@here", Source.USER).state is Doing.RINGING)
    watched.until_seen(lambda: watched.agent("2001@here", Source.USER).state is Doing.TALKING)
    watched.until_seen(lambda: watched.stands(QueueKey(Source.NUMBER, "2001")) == (0, 1))
    call.hang_up()
    watched.until_seen(lambda: watched.agent("2001@here", Source.USER).state is Doing.IDLE)
    watched.switch.registrations.expire("one")
    watched.until_seen(lambda: not watched.site.agents or watched.agents_of(Source.USER) == [])


def test_a_switch_whose_link_is_lost_gets_stale_and_its_calls_are_over(watched: Watched) -> None:
    watched.hire("ann", NoAnswer())
    watched.processor("one")
    watched.until_seen(lambda: watched.stands() == (0, 0))
    watched.call()
    watched.until_seen(lambda: watched.stands() == (1, 0))
    before = watched.site.head
    port = watched.switch.port
    watched.switch.crash()
    watched.until_seen(lambda: watched.site.head.link == "down")
    known_at = watched.reader.activities.heads()[0].known_at
    until(lambda: watched.reader.activities.heads()[0].reported_at > known_at + 0.5)
    head = watched.reader.activities.heads()[0]
    assert head.known_at == known_at, "nothing is known any more"
    assert head.reported_at > known_at, "but the processor lives"
    assert head.is_stale(watched.store.now(), 0.5)
    watched.switch.port = port
    watched.switch.restart()
    watched.until_seen(lambda: watched.site.head.link == "up" and watched.stands() == (0, 0))
    assert watched.site.head.core_uuid == watched.switch.core_uuid != before.core_uuid
    assert watched.history() == {
        "offered": 1, "answered": 0, "abandoned": 1, "automatic": 0, "handled": 0,
    }  # fmt: skip
    until(lambda: not watched.reader.activities.heads()[0].is_stale(watched.store.now(), 0.5))


def test_a_processor_that_is_killed_is_followed_by_one_that_counts_each_call_once(watched: Watched) -> None:
    """Some calls are answered, some wait and some come and go while nobody watches."""
    watched.hire("ann", Answers(after=0.1, talk=1.5))
    first = watched.processor("one")
    watched.until_seen(lambda: watched.stands() == (0, 0))
    watched.call()
    watched.until_seen(lambda: watched.stands() == (0, 1))
    watched.call()
    impatient = watched.call()
    watched.until_seen(lambda: watched.stands() == (2, 1))
    _kill(first)
    impatient.hang_up()
    gone = watched.call()
    until(lambda: len(watched.switch.callcenter.members) == 4)
    gone.hang_up()
    until(lambda: watched.switch.callcenter.queues["support@default"].abandoned == 2)
    watched.processor("two")
    watched.until_seen(lambda: watched.history()["abandoned"] == 2)
    watched.until_seen(lambda: watched.history()["handled"] == 2, 20)
    assert watched.history() == {
        "offered": 4, "answered": 2, "abandoned": 2, "automatic": 0, "handled": 2,
    }  # fmt: skip
    watched.until_seen(lambda: watched.stands() == (0, 0))
    until(lambda: watched.database.run("activity_calls", switch_id="away") == [], 15)


def _kill(role: CtiRole) -> None:
    """As kill -9 does: nothing more is heard or written, and the lease is not given back."""
    collector = role.collector
    assert collector is not None
    collector.fenced.set()
    assert role._greenlet is not None
    role._greenlet.kill()
    collector.stop()
    role.collector = None
    lease = role._lease
    lease._stop_renewing()
    lease._disconnect()


def test_what_happens_while_the_database_is_away_is_sent_afterwards_and_counted_once(
    watched: Watched,
) -> None:
    database = Unreachable(watched.database.conninfo)
    watched.hire("ann", Answers(after=0.05, talk=0.2))
    watched.processor("one", database)
    watched.until_seen(lambda: watched.stands() == (0, 0))
    database.away = frozenset({"write_activity"})
    for _ in range(3):
        watched.call()
    until(
        lambda: (
            watched.switch.callcenter.queues["support@default"].answered == 3 and database.refused_each(2)
        ),
        20,
    )
    assert watched.history()["offered"] == 0
    database.away = frozenset()
    watched.until_seen(lambda: watched.history()["handled"] == 3)
    assert watched.history() == {
        "offered": 3, "answered": 3, "abandoned": 0, "automatic": 0, "handled": 3,
    }  # fmt: skip
    assert watched.site.head.whole_version > 1, "everything was told again"


def test_a_database_that_is_away_is_said_once_and_not_with_every_attempt(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    database = Unreachable(watched.database.conninfo)
    watched.processor("one", database)
    watched.until_seen(lambda: watched.stands(SITE) == (0, 0))
    caplog.set_level(logging.WARNING, "fsroute.cti")
    database.away = frozenset({"write_activity", "own_activity"})
    watched.store.signals.publish("switch.away", None)
    until(lambda: database.refused_each(3), 20)
    database.away = frozenset()
    until(lambda: sum("over after" in record.getMessage() for record in caplog.records) == 2, 20)
    said = [re.sub(r"[\d.]+ s", "… s", record.getMessage()) for record in caplog.records]
    assert sorted(said) == [
        "activity waits for the database: the database is away",
        "agents and calls of switch away cannot be read: the database is away",
        "over after … s: activity waits for the database",
        "over after … s: agents and calls of switch away cannot be read",
    ]


def test_connections_that_are_cut_lose_nothing(watched: Watched) -> None:
    watched.hire("ann", Answers(after=0.05, talk=0.1))
    watched.processor("one")
    watched.until_seen(lambda: watched.stands() == (0, 0))
    for _ in range(3):
        watched.call()
        gevent.sleep(0.2)
        _cut(watched)
    until(lambda: watched.switch.callcenter.queues["support@default"].answered == 3, 20)
    watched.until_seen(lambda: watched.history()["handled"] == 3, 15)
    assert watched.history()["offered"] == watched.history()["answered"] == 3


def _cut(watched: Watched) -> None:
    with psycopg.connect(watched.database.conninfo, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )


def test_two_processors_do_not_watch_one_switch(watched: Watched) -> None:
    first, second = watched.processor("one"), watched.processor("two")
    until(lambda: (first.collector is None) != (second.collector is None))
    gevent.sleep(0.6)
    assert (first.collector is None) != (second.collector is None)


def test_a_switch_without_the_module_is_watched_all_the_same(watched: Watched) -> None:
    watched.switch.options = Options(event_latency=0, callcenter=False)
    watched.processor("one")
    watched.until_seen(lambda: watched.site.head.link == "up" and watched.site.head.known_at > 0)
    assert SUPPORT not in watched.site.queues
