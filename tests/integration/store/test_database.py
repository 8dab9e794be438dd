from __future__ import annotations

import enum
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import gevent
import psycopg
import pytest

from fsroute.errors import DatabaseUnavailable, Fenced, StoreConflict, StoreError
from fsroute.store.connection import connect, parameters
from fsroute.store.database import Database
from fsroute.store.queries import parse
from tests.waiting import until

STATEMENTS = {
    query.name: query
    for query in parse(
        """
-- name: add
insert into contact_center (contact_center_id, name) values (%(id)s, %(name)s);
-- name: rename
update contact_center set name = %(name)s;
-- name: rename_one
update contact_center set name = %(name)s where contact_center_id = %(id)s;
-- name: names repeatable
select contact_center_id, name from contact_center order by 1;
-- name: echo
select %(value)s as value;
-- name: echo_json
select %(value)s::jsonb as value;
-- name: percent
select '100%%' as value where 'abc' like 'a%%';
-- name: clock
select clock_timestamp() as now;
-- name: sleep
select pg_sleep(%(seconds)s);
-- name: read_slowly repeatable
select pg_sleep(%(seconds)s), true as done;
-- name: fence
do $$ begin raise exception 'epoch 1 is over' using errcode = 'FS001'; end $$;
-- name: nonsense
select * from no_such_table;
""",
        "the test",
    )
}


class Centre(enum.StrEnum):
    NORTH = "north"


@pytest.fixture
def database(conninfo: str) -> Iterator[Database]:
    with Database(conninfo, max_size=4, statements=STATEMENTS) as opened:
        yield opened


def sessions(conninfo: str, condition: str = "true") -> int:
    """How many of fsroute's sessions meet the condition."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        text = (
            "select count(*) from pg_stat_activity where datname = current_database() "
            f"and application_name = 'fsroute' and {condition}"
        )
        row = connection.execute(text.encode()).fetchone()
    assert row is not None
    return int(row[0])


def end_sessions(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and application_name = 'fsroute'"
        )


def test_a_statement_gives_rows_a_row_a_value_or_a_number(database: Database) -> None:
    assert database.execute("add", id="north", name="North") == 1
    assert database.execute("add", id="south", name="South") == 1
    rows = [{"contact_center_id": "north", "name": "North"}, {"contact_center_id": "south", "name": "South"}]
    assert database.run("names") == rows
    assert database.one("names") == rows[0]
    assert database.value("names") == "north"


def test_without_rows_there_is_no_row_and_no_value(database: Database) -> None:
    assert database.run("names") == []
    assert database.one("names") is None
    assert database.value("names") is None


def test_values_come_back_as_they_went(database: Database) -> None:
    facts = {"number": "+49 30 1", "nested": {"list": [1, None, True]}, "quote": '"\\'}
    assert database.value("echo_json", value=facts) == facts
    assert database.value("echo", value=Centre.NORTH) == "north"
    assert database.value("percent") == "100%"
    now = database.value("clock")
    assert now.utcoffset() == datetime.now(UTC).utcoffset()


def test_text_of_a_caller_is_never_a_statement(database: Database) -> None:
    hostile = "'; drop table fsroute.contact_center; -- %(name)s"
    database.execute("add", id="north", name=hostile)
    assert database.one("names") == {"contact_center_id": "north", "name": hostile}


def test_a_statement_that_nobody_wrote_is_refused(database: Database) -> None:
    with pytest.raises(StoreError, match="no query named 'unheard_of'"):
        database.run("unheard_of")


def test_a_transaction_commits_as_a_whole(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.execute("add", id="north", name="North")
        assert database.run("names") == []
        transaction.execute("rename", name="South")
    assert database.run("names") == [{"contact_center_id": "north", "name": "South"}]


@pytest.mark.parametrize("fault", ["echo_json", "nonsense"])
def test_a_transaction_that_raises_leaves_nothing(database: Database, fault: str) -> None:
    with pytest.raises(StoreError):
        add_and(database, fault)
    assert database.run("names") == []


def add_and(database: Database, fault: str) -> None:
    with database.transaction() as transaction:
        transaction.execute("add", id="north", name="North")
        transaction.execute(fault, value="no json")


def test_a_transaction_whose_greenlet_is_killed_leaves_nothing(database: Database, conninfo: str) -> None:
    def work() -> None:
        with database.transaction() as transaction:
            transaction.execute("add", id="north", name="North")
            transaction.execute("sleep", seconds=60)

    worker = gevent.spawn(work)
    until(lambda: sessions(conninfo, "query like '%pg_sleep%' and state = 'active'"))
    worker.kill()
    assert database.run("names") == []


def test_errors_are_told_apart(database: Database) -> None:
    database.execute("add", id="north", name="North")
    with pytest.raises(StoreConflict) as conflict:
        database.execute("add", id="north", name="Another")
    assert conflict.value.constraint == "contact_center_pkey"
    with pytest.raises(Fenced, match="epoch 1 is over"):
        database.execute("fence")
    with pytest.raises(StoreError, match=r"nonsense: .*no_such_table") as refused:
        database.run("nonsense")
    assert not isinstance(refused.value, DatabaseUnavailable)


def test_a_statement_that_takes_too_long_is_given_up(conninfo: str) -> None:
    with Database(conninfo, statement_timeout=0.1, statements=STATEMENTS) as database:
        with pytest.raises(DatabaseUnavailable, match="statement timeout"):
            database.run("sleep", seconds=5)
        assert database.value("echo", value="on") == "on"


def test_two_statements_run_at_the_same_time(database: Database, conninfo: str) -> None:
    sleepers = [gevent.spawn(database.run, "sleep", seconds=60) for _ in range(2)]
    until(lambda: sessions(conninfo, "query like '%pg_sleep%' and state = 'active'") == 2)
    gevent.killall(sleepers)


def test_a_connection_that_died_while_idle_is_not_noticed(database: Database, conninfo: str) -> None:
    database.execute("add", id="north", name="North")
    end_sessions(conninfo)
    until(lambda: sessions(conninfo) == 0)
    assert database.execute("rename", name="South") == 1


def test_only_a_repeatable_statement_is_tried_again(database: Database, conninfo: str) -> None:
    reader = gevent.spawn(database.one, "read_slowly", seconds=2)
    writer = gevent.spawn(database.run, "sleep", seconds=60)
    until(lambda: sessions(conninfo, "query like '%pg_sleep%' and state = 'active'") == 2)
    end_sessions(conninfo)
    row = reader.get(timeout=30)
    assert row is not None
    assert row["done"]
    with pytest.raises(DatabaseUnavailable):
        writer.get(timeout=30)


def test_what_is_sacrificed_to_a_deadlock_is_tried_again(database: Database, conninfo: str) -> None:
    for name in ("north", "south"):
        database.execute("add", id=name, name=name)
    with database.transaction() as transaction:
        transaction.execute("rename_one", id="south", name="x")
        both = gevent.spawn(database.execute, "rename", name="y")  # has the first row, and waits longest
        until(lambda: sessions(conninfo, "wait_event_type = 'Lock'"))
        transaction.execute("rename_one", id="north", name="x")
    assert both.get(timeout=30) == 2
    assert {row["name"] for row in database.run("names")} == {"y"}


def test_a_greenlet_killed_in_a_statement_costs_no_connection(database: Database, conninfo: str) -> None:
    for _ in range(2):
        sleepers = [gevent.spawn(database.run, "sleep", seconds=60) for _ in range(4)]
        until(lambda: sessions(conninfo, "query like '%pg_sleep%' and state = 'active'") == 4)
        gevent.killall(sleepers)
        assert database.value("echo", value="on") == "on"
        # What was running ends on the server too.
        until(lambda: sessions(conninfo, "query like '%pg_sleep%' and state = 'active'") == 0)


def test_a_greenlet_killed_while_it_waits_costs_no_connection(conninfo: str) -> None:
    with Database(conninfo, max_size=1, patience=2.0, statements=STATEMENTS) as database:
        holder = gevent.spawn(database.run, "sleep", seconds=0.3)
        gevent.idle()
        waiter = gevent.spawn(database.run, "sleep", seconds=0.3)
        gevent.idle()
        waiter.kill()
        holder.get(timeout=5)
        assert database.value("echo", value="on") == "on"


def test_a_greenlet_killed_while_it_connects_hangs_up() -> None:
    """A session that says nothing would keep the server from dropping any database, for a minute."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        connecting = gevent.spawn(connect, parameters(f"host=127.0.0.1 port={port}", "fsroute", 5.0))
        server, _ = listener.accept()
        with server:
            server.settimeout(30)
            assert server.recv(1000)
            connecting.kill()
            assert server.recv(1000) == b""
    assert isinstance(connecting.value, gevent.GreenletExit), "whoever keeps it keeps no connection"


def test_when_all_connections_are_in_use_a_caller_waits_for_so_long(conninfo: str) -> None:
    with Database(conninfo, max_size=1, patience=0.1, statements=STATEMENTS) as database:
        holder = gevent.spawn(database.run, "sleep", seconds=60)
        until(lambda: sessions(conninfo, "query like '%pg_sleep%' and state = 'active'") == 1)
        with pytest.raises(DatabaseUnavailable, match="all 1 connections were in use"):
            database.value("echo", value="on")
        holder.kill()
        assert database.value("echo", value="on") == "on"


def test_a_database_that_is_not_there_is_said_to_be_so_at_once() -> None:
    with gevent.Timeout(30), pytest.raises(DatabaseUnavailable, match="refused"):
        Database("host=127.0.0.1 port=1", patience=600).open()


def test_after_the_end_nothing_is_performed(conninfo: str) -> None:
    with Database(conninfo, statements=STATEMENTS) as database:
        pass
    with pytest.raises(DatabaseUnavailable, match="closed"):
        database.value("echo", value="on")
    until(lambda: sessions(conninfo) == 0)
