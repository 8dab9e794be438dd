from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import gevent
import psycopg
import pytest
from gevent import monkey

from fsroute.store.database import Database
from fsroute.store.lease import Lease
from tests.waiting import until

HOLDER = """
import sys, time
from gevent import monkey; monkey.patch_all()
from fsroute.store.database import Database
from fsroute.store.lease import Lease
print(Lease(Database(sys.argv[1]), "coordinator", "another process", 600.0).campaign(), flush=True)
time.sleep(600)
"""

Candidate = Callable[..., Lease]


@pytest.fixture
def candidate(conninfo: str) -> Iterator[Candidate]:
    """A function that makes a lease of a holder with a database of its own."""
    made: list[tuple[Lease, Database]] = []

    def make(holder: str, duration: float = 600.0) -> Lease:
        database = Database(conninfo, min_size=0)
        made.append((Lease(database, "coordinator", holder, duration), database))
        return made[-1][0]

    yield make
    for lease, database in made:
        lease.resign()
        database.close()


def test_the_first_leads_and_the_second_waits(candidate: Candidate) -> None:
    first, second = candidate("first"), candidate("second")
    assert first.campaign() == 1
    assert second.campaign(timeout=0.6) is None
    assert first.held
    assert not second.held


def test_a_resigned_lease_goes_over_at_once_with_the_next_epoch(candidate: Candidate, conninfo: str) -> None:
    first, second = candidate("first"), candidate("second")
    first.campaign()
    waiting = gevent.spawn(second.campaign)
    until(lambda: sessions(conninfo) == 2)
    first.resign()
    assert waiting.get(timeout=30) == 2
    assert first.lost.is_set()


def test_a_standby_takes_over_at_the_leaders_death_and_waits_for_no_lease(
    candidate: Candidate, conninfo: str
) -> None:
    leader = subprocess.Popen([sys.executable, "-c", HOLDER, conninfo], stdout=subprocess.PIPE)
    assert leader.stdout is not None
    assert leader.stdout.readline() == b"1\n"
    standby = candidate("standby")
    waiting = gevent.spawn(standby.campaign)
    assert standby.campaign(timeout=0.5) is None
    leader.kill()
    assert waiting.get(timeout=30) == 2
    leader.wait()
    leader.stdout.close()


def test_a_leader_whose_host_died_is_replaced_after_the_lease(candidate: Candidate, conninfo: str) -> None:
    """A stopped process stands for a dead host: its session keeps the lock, and it renews nothing."""
    leader = subprocess.Popen([sys.executable, "-c", HOLDER, conninfo], stdout=subprocess.PIPE)
    assert leader.stdout is not None
    assert leader.stdout.readline() == b"1\n"
    os.kill(leader.pid, signal.SIGSTOP)
    standby = candidate("standby", duration=2.0)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("update fsroute.lease set expires_at = now() + interval '1 second'")
        waiting = gevent.spawn(standby.campaign)
        assert standby.campaign(timeout=1.5) is None
        assert waiting.get(timeout=30) == 2
    assert sessions(conninfo) == 1
    leader.kill()
    leader.wait()
    leader.stdout.close()


def test_a_slow_database_is_not_a_dead_leader(candidate: Candidate, conninfo: str) -> None:
    """The row expired while nothing could be renewed; the leader's session still holds the lock."""
    leader, standby = candidate("leader", duration=1.0), candidate("standby", duration=1.0)
    leader.campaign()
    with psycopg.connect(conninfo) as connection:
        connection.execute("lock table fsroute.lease")
        waiting = gevent.spawn(standby.campaign)
        connection.execute("select pg_sleep(2.5)")
    until(lambda: not is_expired(conninfo))
    assert standby.campaign(timeout=0.5) is None
    assert leader.renew()
    assert leader.epoch == 1
    waiting.kill()


def test_a_leader_who_was_hanging_is_overdue_until_it_has_asked(
    candidate: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader = candidate("first")
    leader.campaign()
    assert not leader.is_overdue
    now = time.monotonic()
    with monkeypatch.context() as patch:  # the process was stopped, and the clock was not
        patch.setattr(time, "monotonic", lambda: now + leader.duration + 1)
        assert [leader.is_overdue, leader.renew(), leader.is_overdue] == [True, True, False]


def test_a_leader_whose_database_hangs_is_not_overdue(candidate: Candidate, conninfo: str) -> None:
    leader = candidate("leader", duration=0.5)
    leader.campaign()
    with psycopg.connect(conninfo) as connection:
        connection.execute("lock table fsroute.lease")
        for _ in range(20):
            gevent.sleep(0.1)
            assert not leader.is_overdue
    assert leader.renew()


def test_a_renewal_that_began_before_the_process_hung_says_nothing(
    candidate: Candidate, conninfo: str
) -> None:
    leader = candidate("leader", duration=0.5)
    leader.campaign()
    with psycopg.connect(conninfo) as connection:
        connection.execute("lock table fsroute.lease")
        renewal = gevent.spawn(leader.renew)
        gevent.sleep(0.1)
        monkey.get_original("time", "sleep")(1.0)  # the whole process stands still
        assert leader.is_overdue
        connection.commit()
        assert renewal.get(timeout=30)
    until(lambda: not leader.is_overdue)


def test_a_leader_whose_session_ended_learns_that_it_was_replaced(
    candidate: Candidate, conninfo: str
) -> None:
    leader, standby = candidate("leader"), candidate("standby")
    told = []
    leader.on_lost = lambda: told.append("lost")
    leader.campaign()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("update fsroute.lease set epoch = 7, holder = 'somebody'")
    assert not leader.renew()
    until(lambda: told == ["lost"])
    assert leader.lost.is_set()
    assert standby.campaign() == 8


def test_a_leader_keeps_its_epoch_when_all_sessions_end(candidate: Candidate, conninfo: str) -> None:
    leader, standby = candidate("leader"), candidate("standby")
    leader.campaign()
    waiting = gevent.spawn(standby.campaign)
    until(lambda: sessions(conninfo) == 2)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
    until(lambda: sessions(conninfo) == 2)
    assert standby.campaign(timeout=2.0) is None
    assert leader.renew()
    assert leader.epoch == 1
    waiting.kill()


def sessions(conninfo: str) -> int:
    """How many sessions hold or want the lease."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(
            "select count(*) from pg_stat_activity "
            "where application_name = 'fsroute lease coordinator' and datname = current_database()"
        ).fetchone()
    assert row is not None
    return int(row[0])


def is_expired(conninfo: str) -> bool:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute("select expires_at < clock_timestamp() from fsroute.lease").fetchone()
    return row is None or bool(row[0])
