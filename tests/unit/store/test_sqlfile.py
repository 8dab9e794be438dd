from __future__ import annotations

import pytest

from fsroute.store.sqlfile import FileRefused, Statement, statements

FILE = """-- a comment; with a semicolon
set search_path = fsroute;

insert into holiday values ('St Stephen''s; Day'); update a
   set b = $$ ; commit $$ /* ; /* within ; */ ; */ where c = E'\\';';

insert into "odd;name" values ($x$ $$ ; $x$)
"""


def test_a_file_is_cut_into_statements_that_know_their_lines() -> None:
    found = statements(FILE)
    assert [each.line for each in found] == [2, 4, 4, 7]
    assert found[0].text == "set search_path = fsroute"
    assert found[1].text == "insert into holiday values ('St Stephen''s; Day')"
    assert found[2].text.endswith("where c = E'\\';'")
    assert found[3].text == 'insert into "odd;name" values ($x$ $$ ; $x$)'


@pytest.mark.parametrize("text", ["", "  \n", ";;", "-- nothing\n", "/* nothing */ ;"])
def test_a_file_may_hold_nothing(text: str) -> None:
    assert statements(text) == []


def test_a_position_within_a_statement_has_its_line() -> None:
    statement = Statement("a\nbc\nd", 7)
    assert [statement.line_at(position) for position in (None, 1, 2, 3, 5, 6)] == [7, 7, 7, 8, 8, 9]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("select 1;\ncommit", "line 2: commit: the file is one transaction"),
        ("BEGIN;", "line 1: begin"),
        ("start transaction", "line 1: start transaction"),
        ("/* x */ rollback to a", "line 1: rollback"),
        ("abort", "abort"),
        ("end", "end"),
        ("savepoint a", "savepoint"),
        ("release a", "release"),
        ("prepare -- x\n transaction 'a'", "prepare transaction"),
        ("set transaction read only", "set transaction"),
        ("set role postgres", "set transaction, role"),
        ("SET LOCAL ROLE postgres", "set transaction, role"),
        ("set /* x */ session session authorization postgres", "set transaction, role"),
        ("reset role", "reset role"),
        ("reset session authorization", "reset role"),
        ("set session characteristics as transaction read only", "set transaction"),
        ("copy region from stdin;\nx\t1\n", "copy … from stdin"),
        ("\n\n\\set x 1\n", r"line 3: \\set is a command of psql"),
        ("select 1 \\gx", r"\\gx is a command of psql"),
        ("select 1;\nalter table routing_rule add x int", "line 2: alter: a file of rules holds rows"),
        ("drop table routing_rule", "line 1: drop"),
        ("create table mine (x int)", "line 1: create"),
        ("grant all on agent to public", "line 1: grant"),
        ("select 'a", "line 1: a text that begins here has no end"),
        ('select\n "a', "line 2: a text that begins here has no end"),
        ("select $a$ $b$", "begins here and has no end"),
        ("/* /* */", "a comment that begins here has no end"),
        ("select 1;\n\0 select 2", "line 2: a zero byte"),
    ],
)
def test_what_cannot_be_part_of_one_transaction_is_refused_with_its_line(text: str, fault: str) -> None:
    with pytest.raises(FileRefused, match=fault):
        statements(text)


@pytest.mark.parametrize(
    "text",
    [
        "select 'commit'",
        "update routing_rule set note = 'begin; end'",
        "set local search_path = fsroute",
        "prepare x as select 1",
        "create temporary table mine (x int)",
        "create local temp table mine (x int)",
        "copy region from '/tmp/x'",
        "do $$ begin perform 1; end $$",
        "select $1, a$b$c",
        "insert into region values (E'\\\\', '1')",
        'select "\\"',
    ],
)
def test_what_only_looks_so_is_taken(text: str) -> None:
    assert [each.text for each in statements(text)] == [text]
