from __future__ import annotations

from pathlib import Path

import pytest

from fsroute.errors import StoreError
from fsroute.store.migrate import Migration, check, load

FIRST = Migration(1, "first", b"select 1")
SECOND = Migration(2, "agents_rest", b"select 2")


def test_an_empty_database_misses_every_step() -> None:
    assert check({}, [FIRST, SECOND]) == [FIRST, SECOND]


def test_only_what_is_missing_is_to_be_applied() -> None:
    assert check({1: "first"}, [FIRST, SECOND]) == [SECOND]


def test_a_database_newer_than_the_code_is_refused() -> None:
    with pytest.raises(StoreError, match=r"schema version 2 \(agents_rest\).*up to 1"):
        check({1: "first", 2: "agents_rest"}, [FIRST])


def test_a_database_of_another_history_is_refused() -> None:
    with pytest.raises(StoreError, match="version 1 is another in the database and first here"):
        check({1: "another"}, [FIRST])


def test_migrations_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "0002_agents_rest.sql").write_text("select 2")
    (tmp_path / "0001_first.sql").write_text("select 1")
    (tmp_path / "README.md").write_text("what these are")
    assert load(tmp_path) == [FIRST, SECOND]


@pytest.mark.parametrize("names", [["0001_first.sql", "0003_third.sql"], ["0002_second.sql"]])
def test_a_missing_number_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("select 1")
    with pytest.raises(ValueError, match="not numbered one by one"):
        load(tmp_path)


def test_a_misnamed_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "first.sql").write_text("select 1")
    with pytest.raises(ValueError, match=r"first\.sql: a migration is named"):
        load(tmp_path)
