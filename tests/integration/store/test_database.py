from __future__ import annotations

from fsroute.store.database import Database


def test_a_named_statement_gives_rows_as_dicts(database: Database) -> None:
    assert database.run("migration_versions")[0]["version"] == 1
