"""That the comparison of `schema.sql` with the migrations would notice a difference of any kind."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import psycopg
import pytest

from fsroute import resources
from fsroute.store import binaries
from fsroute.store.migrate import migrate
from tests.fix_database import perform
from tests.migration.test_schema import dump


@pytest.mark.parametrize(
    "change",
    [
        "create index strange on fsroute.contact (number_called)",
        "create function fsroute.strange() returns int language sql as 'select 1'",
        "alter function fsroute.append_only() set search_path = public",
        "comment on table fsroute.contact is 'strange'",
        "grant select on fsroute.contact to public",
        "alter table fsroute.contact alter column outcome set default 'lost'",
        "alter table fsroute.queue alter column priority drop not null",
        "alter table fsroute.site_agent set (fillfactor = 60)",
        "alter table fsroute.contact_event disable trigger append_only",
        "create view fsroute.strange as select 1 as one",
        "alter default privileges in schema fsroute grant select on tables to public",
    ],
)
def test_a_difference_is_noticed(conninfo: str, change: str) -> None:
    before = dump(conninfo)
    perform(conninfo, change)
    assert dump(conninfo) != before


def rows(conninfo: str) -> list[str]:
    """All rows, as pg_dump writes them, but for the table of versions."""
    with psycopg.connect(conninfo) as connection:
        program = binaries.find(connection.info.server_version // 10000).program("pg_dump")
    arguments = ["--data-only", "--inserts", "--exclude-table=fsroute.schema_version", f"--dbname={conninfo}"]
    text = subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout
    return [line for line in text.splitlines() if line.startswith("INSERT")]


def test_the_schema_and_the_migrations_bring_the_same_rows(new_database: Callable[[], str]) -> None:
    migrated, direct = new_database(), new_database()
    migrate(migrated)
    with psycopg.connect(direct) as connection:
        connection.execute(resources.folder("sql").joinpath("schema.sql").read_bytes())
    assert rows(migrated) == rows(direct)
    perform(direct, "insert into fsroute.site values ('west', 'West')")
    assert rows(migrated) != rows(direct)
