from __future__ import annotations

import subprocess
from collections.abc import Callable

import gevent
import psycopg
import pytest

from fsroute import resources
from fsroute.errors import StoreError
from fsroute.store import binaries
from fsroute.store.migrate import Migration, migrate, migrations

NewDatabase = Callable[[], str]


def dump(conninfo: str) -> list[str]:
    """The schema as pg_dump writes it, without the table of versions."""
    with psycopg.connect(conninfo) as connection:
        major = connection.info.server_version // 10000
    program = binaries.find(major).program("pg_dump")
    arguments = [
        "--schema-only",
        "--no-owner",
        "--exclude-table=fsroute.schema_version",
        f"--dbname={conninfo}",
    ]
    text = subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout
    return [line for line in text.splitlines() if not line.startswith(("\\", "--"))]


def test_the_schema_and_the_migrations_lead_to_the_same_database(new_database: NewDatabase) -> None:
    migrated, direct = new_database(), new_database()
    migrate(migrated)
    with psycopg.connect(direct) as connection:
        connection.execute(resources.folder("sql").joinpath("schema.sql").read_bytes())
    assert dump(migrated) == dump(direct)
    assert any("CREATE TABLE fsroute.lease" in line for line in dump(direct))


def test_what_is_applied_is_not_applied_again(new_database: NewDatabase) -> None:
    conninfo = new_database()
    assert migrate(conninfo) == [f"{step.version:04d}_{step.name}" for step in migrations()]
    assert migrate(conninfo) == []


def test_several_that_migrate_at_once_take_turns(new_database: NewDatabase) -> None:
    conninfo = new_database()
    workers = [gevent.spawn(migrate, conninfo) for _ in range(4)]
    gevent.joinall(workers, raise_error=True)
    assert sorted(len(worker.value or ()) for worker in workers) == [0, 0, 0, len(migrations())]


def test_a_migration_that_fails_leaves_nothing_and_is_named(new_database: NewDatabase) -> None:
    conninfo = new_database()
    good = Migration(1, "good", b"create table fsroute.first (id int)")
    bad = Migration(2, "bad", b"create table fsroute.second (id int); select nonsense")
    with pytest.raises(StoreError, match=r"migration 0002_bad: .*nonsense"):
        migrate(conninfo, [good, bad])
    with psycopg.connect(conninfo) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'fsroute' order by 1")
        assert tables.fetchall() == [("first",), ("schema_version",)]
    repaired = Migration(2, "bad", b"create table fsroute.second (id int)")
    assert migrate(conninfo, [good, repaired]) == ["0002_bad"]


def test_a_database_of_a_newer_fsroute_is_refused(new_database: NewDatabase) -> None:
    conninfo = new_database()
    migrate(conninfo)
    newer = Migration(len(migrations()) + 1, "from_the_future", b"select 1")
    migrate(conninfo, [*migrations(), newer])
    with pytest.raises(StoreError, match=r"from_the_future.*install the fsroute"):
        migrate(conninfo)


BEYOND = """
insert into fsroute.contact_center (contact_center_id, name) values ('blue', 'Blue');
insert into fsroute.site values ('east', 'East'), ('west', 'West');
insert into fsroute.switch (switch_id, site_id, link_address) values ('east-1', 'east', '127.0.0.1:5062');
insert into fsroute.network_rate values ('east', 'west', 'nan');
insert into fsroute.queue (contact_center_id, queue, offer_timeout, longest_wait, lead)
values ('blue', 'orders', 'nan', 'infinity', 'expected:1.2.3');
insert into fsroute.agent
    (agent_id, name, site_id, switch_id, address, wrap_up, set_aside, rate, available_from, idle_since)
values ('ann', 'Ann', 'east', 'east-1', 'user/ann', 'nan', 'infinity', 'infinity', 'infinity', '-infinity');
insert into fsroute.agent_authorization
values ('ann', 'blue', 'voice', '-infinity', '20000-01-01'), ('ann', 'blue', 'chat', 'infinity', null);
"""


def test_times_that_nothing_can_reckon_with_are_brought_within_bounds(new_database: NewDatabase) -> None:
    conninfo = new_database()
    migrate(conninfo, [step for step in migrations() if step.version < 9])
    with psycopg.connect(conninfo) as connection:
        connection.execute(BEYOND.encode())
    assert migrate(conninfo)[0] == "0009_bounds"
    with psycopg.connect(conninfo) as connection:
        agent = (
            "select wrap_up, set_aside, rate, available_from < '9999-01-02', idle_since from fsroute.agent"
        )
        *bounded, idle_since = connection.execute(agent.encode()).fetchone() or ()
        assert bounded == [2592000, 2592000, 0, True]
        assert idle_since.year == 1970
        queue = connection.execute("select offer_timeout, longest_wait, lead from fsroute.queue").fetchone()
        assert queue == (2592000, 2592000, "offered")
        until = connection.execute(
            "select medium, valid_until::text from fsroute.agent_authorization"
        ).fetchall()
        assert until == [("voice", "infinity")]


@pytest.mark.parametrize(
    "change",
    [
        "agent set wrap_up = 'nan'",
        "agent set set_aside = 'infinity'",
        "agent set rate = 'nan'",
        "agent set available_from = 'infinity'",
        "agent_authorization set valid_until = '20000-01-01'",
        "queue set offer_timeout = 'nan'",
        "queue set lead = 'expected:1.2.3'",
    ],
)
def test_times_that_nothing_can_reckon_with_are_refused(new_database: NewDatabase, change: str) -> None:
    conninfo = new_database()
    migrate(conninfo)
    good = BEYOND
    for bad in ("'nan'", "'infinity'", "'-infinity'", "'20000-01-01'"):
        good = good.replace(bad, "default")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            good.replace("1.2.3", "1.2").replace("('east', 'west', default)", "('east', 'west', 1)").encode()
        )
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(f"update fsroute.{change}".encode())


def test_functions_and_triggers_work_whatever_the_search_path_is(new_database: NewDatabase) -> None:
    conninfo = new_database()
    migrate(conninfo)
    with psycopg.connect(conninfo) as connection:
        bare = connection.execute(
            "select p.oid::regprocedure::text from pg_proc p where p.pronamespace = 'fsroute'::regnamespace"
            " and not coalesce('search_path=fsroute' = any(p.proconfig), false)"
        )
        assert bare.fetchall() == []
        connection.execute("insert into fsroute.site values ('west', 'West')")
        connection.execute("insert into fsroute.switch values ('west-1', 'west', '127.0.0.1:5090')")
        connection.execute(
            "insert into fsroute.agent (agent_id, name, site_id, switch_id, address)"
            " values ('ann', 'Ann', 'west', 'west-1', 'user/ann')"
        )
        connection.execute("insert into fsroute.agent_skill values ('ann', 'orders', 1)")
        connection.execute("select fsroute.agent_log_on('ann')")
        assert connection.execute("select status from fsroute.agent").fetchall() == [("available",)]
