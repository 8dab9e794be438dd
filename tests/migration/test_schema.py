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
