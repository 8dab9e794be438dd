from __future__ import annotations

from pathlib import Path

import pytest

from fsroute.store.queries import Query, load, parse, queries


def test_a_file_is_split_into_its_statements() -> None:
    text = """
-- What agents do.

-- name: agents repeatable
-- Everyone.
select *
  from agent;

-- name: rest_agent
update agent set status = 'on_break' where agent_id = %(agent_id)s;
"""
    assert list(parse(text, "agents.sql")) == [
        Query("agents", b"select *\n  from agent", repeatable=True),
        Query("rest_agent", b"update agent set status = 'on_break' where agent_id = %(agent_id)s"),
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("select 1;", "before the first name"),
        ("-- name: Two Words\nselect 1;", "is no name"),
        ("-- name: nothing\n-- but a comment\n", "is empty"),
        ("-- name:\nselect 1;", "is no name"),
    ],
)
def test_a_faulty_file_is_refused_by_its_name(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=f"calls.sql: .*{fault}"):
        list(parse(text, "calls.sql"))


def test_a_name_stands_only_once(tmp_path: Path) -> None:
    for name in ("a.sql", "b.sql"):
        (tmp_path / name).write_text("-- name: same\nselect 1;\n")
    with pytest.raises(ValueError, match=r"b\.sql: there is another query named same"):
        load(tmp_path)


def test_every_statement_that_fsroute_carries_is_found() -> None:
    assert {"lease_take", "notify", "migration_try_lock", "embedded_create_database"} <= queries().keys()
