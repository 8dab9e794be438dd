"""A migration is applied while the version before serves, and whatever else may happen to one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from uuid import uuid4

import gevent
import psycopg
import pytest
from psycopg.rows import dict_row

from fsroute.errors import DatabaseUnavailable, StoreError
from fsroute.store.database import Database
from fsroute.store.migrate import Migration, Patience, migrate, migrations, missing
from fsroute.store.queries import queries
from tests.fix_center import CENTER, Center
from tests.waiting import until

NewDatabase = Callable[[], str]
QUICK = Patience(lock_wait=0.05, pause=0.02, patience=0.5, turn=0.02, longest_turn=0.5)

WIDER = b"""
do $$
begin
    execute 'create or replace view fsroute.proxy_call_detail as select v.*, 1 as news from ('
        || rtrim(pg_get_viewdef('fsroute.proxy_call_detail'::regclass), ';') || ') v';
end
$$;
"""


def step(number: int, name: str, text: bytes) -> Migration:
    return Migration(len(migrations()) + number, name, text)


@pytest.fixture
def before(new_database: NewDatabase) -> str:
    """A database as the version before this one left it."""
    conninfo = new_database()
    migrate(conninfo, migrations()[:-1])
    return conninfo


def opened(conninfo: str, database: Database) -> Center:
    connection = psycopg.connect(
        conninfo, autocommit=True, row_factory=dict_row, options="-c search_path=fsroute"
    )
    connection.execute(CENTER.encode())
    connection.execute("update agent set wrap_up = 0")
    return Center(database, connection)


def serve(center: Center, served: list[str], errors: list[Exception]) -> None:
    """Calls come, are served and end, one after the other."""
    while True:
        try:
            call = center.bridged()
            left = center.proxy_calls.agent_left(str(call.agent_leg_uuid), "NORMAL_CLEARING")
            assert left is not None
            center.proxy_calls.get(call.proxy_call_id)
            served.append(call.contact_id)
        except Exception as error:
            errors.append(error)
            return


@pytest.mark.parametrize(
    "extra", [[], [step(1, "wider", WIDER)]], ids=["the newest", "one that widens a view"]
)
def test_calls_go_on_while_a_migration_is_applied(before: str, extra: list[Migration]) -> None:
    with Database(before, min_size=4, max_size=4) as database:
        center = opened(before, database)
        served: list[str] = []
        errors: list[Exception] = []
        serving = gevent.spawn(serve, center, served, errors)
        try:
            until(lambda: len(served) > 6 or errors, 60)
            assert migrate(before, [*migrations(), *extra])
            there = len(served)
            until(lambda: len(served) > there + 6 or errors, 60)
        finally:
            serving.kill()
            center.connection.close()
    assert errors == []


def test_a_transaction_whose_statement_has_changed_says_so_and_the_next_one_works(before: str) -> None:
    with Database(before, max_size=1) as database:
        for _ in range(4):
            with database.transaction() as one:
                one.run("live_proxy_calls")
        migrate(before, [*migrations(), step(1, "wider", WIDER)])
        with pytest.raises(DatabaseUnavailable), database.transaction() as one:
            one.run("live_proxy_calls")
        with database.transaction() as one:
            one.run("live_proxy_calls")


def test_what_the_version_before_asks_is_answered_after_the_migration(before: str) -> None:
    """Statements that were good before are good after it, with all columns that they had."""

    def answers(conninfo: str) -> dict[str, list[tuple[str, int]]]:
        found = {}
        with psycopg.connect(conninfo, options="-c search_path=fsroute", autocommit=True) as connection:
            for name, query in queries().items():
                text = query.text.decode()
                if "{" in text or name.startswith(
                    ("migration_", "embedded_", "lease_end", "backup_", "restore_")
                ):
                    continue
                numbered, parameters = numbers(text)
                pgconn = connection.pgconn
                result = pgconn.prepare(b"", numbered.encode())
                if result.error_message:
                    continue
                described = pgconn.describe_prepared(b"")
                found[name] = [
                    ((described.fname(place) or b"").decode(), described.ftype(place))
                    for place in range(described.nfields)
                ]
                assert parameters is not None
        return found

    earlier = answers(before)
    migrate(before)
    later = answers(before)
    assert len(earlier) > 100
    lost = {name for name in earlier if name not in later or not set(earlier[name]) <= set(later[name])}
    assert lost == set()


def numbers(text: str) -> tuple[str, list[str]]:
    """A statement with ``$1`` for its first parameter."""
    import re

    names: list[str] = []

    def put(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return re.sub(r"%\((\w+)\)s", put, text).replace("%%", "%"), names


def test_a_table_that_somebody_holds_is_waited_for_in_turns(before: str) -> None:
    held = migrations()[:-1]
    change = Migration(len(held) + 1, "change", b"alter table fsroute.queue add column news int")
    with psycopg.connect(before, options="-c search_path=fsroute") as holder:
        holder.execute("select * from queue")
        migrating = gevent.spawn(migrate, before, [*held, change], QUICK)
        with psycopg.connect(before, autocommit=True) as other:
            for _ in range(5):
                other.execute("select count(*) from fsroute.queue")
        with pytest.raises(StoreError, match=r"did not get the tables.*nothing has changed"):
            migrating.get(timeout=60)
    assert migrate(before, [*held, change], QUICK) == [change.title]


def test_a_table_that_is_given_back_is_changed(before: str) -> None:
    held = migrations()[:-1]
    change = Migration(len(held) + 1, "change", b"alter table fsroute.queue add column news int")
    patient = Patience(lock_wait=0.05, pause=0.02, patience=60.0)
    with psycopg.connect(before, options="-c search_path=fsroute") as holder:
        holder.execute("select * from queue")
        migrating = gevent.spawn(migrate, before, [*held, change], patient)
        with psycopg.connect(before, autocommit=True) as other:
            waiting = (
                "select count(*) from pg_stat_activity"
                " where application_name = 'fsroute migrate' and datname = current_database()"
            )
            until(lambda: (other.execute(waiting.encode()).fetchone() or (0,))[0], 30)
        holder.commit()
        assert migrating.get(timeout=60) == [change.title]


def test_who_waits_for_another_that_migrates_gives_up_and_says_why(before: str) -> None:
    with psycopg.connect(before, autocommit=True) as other:
        other.execute("select pg_advisory_lock(1718841972, 1)")
        with pytest.raises(StoreError, match=r"another process has migrated the database for 0\.5 s"):
            migrate(before, patience=QUICK)
    assert migrate(before)


def test_a_database_that_lacks_nothing_is_only_read(conninfo: str) -> None:
    """So a process starts while another one migrates, or a backup is taken."""
    with psycopg.connect(conninfo, autocommit=True) as other:
        other.execute("select pg_advisory_lock(1718841972, 1)")
        assert migrate(conninfo, patience=QUICK) == []
    with psycopg.connect(conninfo) as other:
        other.execute("lock table fsroute.schema_version in exclusive mode")
        assert migrate(conninfo, patience=QUICK) == []


def test_what_is_missing_is_told_and_left_alone(new_database: NewDatabase) -> None:
    conninfo = new_database()
    everything = [each.title for each in migrations()]
    assert missing(conninfo) == everything
    assert missing(conninfo) == everything
    assert migrate(conninfo) == everything
    assert missing(conninfo) == []


def test_a_migration_whose_process_is_killed_leaves_nothing_and_is_done_again(before: str) -> None:
    marker = f"fsroute {uuid4().hex[:8]}"
    code = (
        "import fsroute.__main__, sys\n"
        "from fsroute.store.migrate import Migration, migrate, migrations\n"
        "known = migrations()[:-1]\n"
        "text = b'create table fsroute.half (id int); select pg_sleep(60)'\n"
        "migrate(sys.argv[1], [*known, Migration(len(known) + 1, 'half', text)])\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, before])
    sleeping = (
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
    )
    with psycopg.connect(before, autocommit=True, application_name=marker) as other:

        def asleep() -> int:
            return int((other.execute(sleeping.encode()).fetchone() or (0,))[0])

        try:
            until(asleep, 60)
        finally:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        until(lambda: not asleep(), 30)
        assert other.execute("select to_regclass('fsroute.half')").fetchone() == (None,)
    assert migrate(before) == [migrations()[-1].title]


def test_a_version_that_is_missing_here_and_older_than_the_newest_is_refused(before: str) -> None:
    with psycopg.connect(before, autocommit=True) as connection:
        connection.execute("insert into fsroute.schema_version (version, name) values (0, 'strange')")
    with pytest.raises(StoreError, match="schema version 0 is strange in the database and unknown here"):
        migrate(before)
