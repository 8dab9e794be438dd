"""No value becomes SQL: statements are fixed texts with parameters, wherever they are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import fsroute
from fsroute import resources
from fsroute.store.queries import queries

ROOT = Path(fsroute.__file__).parent
PERFORMS = {"execute", "executemany", "stream", "copy"}
LIKE_SQL = re.compile(
    r"\b(select\s.+\sfrom|insert\s+into|update\s+\w+\s+set|delete\s+from|(create|drop|alter)\s+table)\b",
    re.I | re.S,
)
WRITES_SQL = {"fsroute/importing/sql.py"}
"""What makes a file of SQL for an operator to look at; its texts are quoted by its own rule, which has tests."""

FORMATTED = {
    "testing_create_database", "testing_drop_database", "restore_create", "restore_drop", "restore_rename",
}  # fmt: skip
"""Names of databases cannot be parameters: these are put in as quoted identifiers."""


def sources() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def performed(path: Path) -> Iterator[ast.expr]:
    """What is given to a cursor or connection to be performed."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in PERFORMS
            and node.args
        ):
            yield node.args[0]


def is_put_together(node: ast.expr) -> bool:
    """An f-string, a sum, or a format; composing with psycopg's `Identifier` is none."""
    if "Identifier(" in ast.unparse(node) and "SQL(" in ast.unparse(node):
        return False
    return any(
        isinstance(part, ast.JoinedStr | ast.BinOp)
        or (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Attribute)
            and part.func.attr in ("format", "join", "replace")
        )
        for part in ast.walk(node)
    )


@pytest.mark.parametrize("path", sorted((ROOT / "store").rglob("*.py")), ids=lambda path: path.stem)
def test_nothing_that_is_performed_was_put_together(path: Path) -> None:
    assert [ast.unparse(each) for each in performed(path) if is_put_together(each)] == []


def test_the_check_finds_what_it_is_for() -> None:
    bad = [
        "f'select {x}'",
        "'select ' + x",
        "'select %s' % x",
        "'select {}'.format(x)",
        "', '.join(x).encode()",
    ]
    assert all(is_put_together(ast.parse(each, mode="eval").body) for each in bad)
    good = ["query.text", "b'select 1'", "sql.SQL('listen {}').format(sql.Identifier(x))"]
    assert not any(is_put_together(ast.parse(each, mode="eval").body) for each in good)


def test_there_is_no_sql_in_python() -> None:
    found = []
    for path in sources():
        name = str(path.relative_to(ROOT.parent))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        prose = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        found += [
            f"{name}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str | bytes)
            and id(node) not in prose
            and LIKE_SQL.search(node.value if isinstance(node.value, str) else node.value.decode("latin-1"))
        ]
    assert {each.partition(":")[0] for each in found} - WRITES_SQL == set(), found


def test_statements_hold_parameters_and_no_gaps_to_be_filled() -> None:
    gaps = {name for name, query in queries().items() if re.search(rb"(?<!')\{[a-z_]*\}(?!')", query.text)}
    assert gaps == FORMATTED
    for name, query in queries().items():
        alone = re.search(rb"%(?!\(\w+\)s)", query.text.replace(b"%%", b""))
        assert alone is None, f"{name}: a percent sign that is no parameter"
        quoted = re.findall(rb"'(?:[^']|'')*'", query.text)
        assert not any(b"%(" in each for each in quoted), f"{name}: a parameter within quotes"


@pytest.mark.parametrize("file", ["schema.sql", "roles.sql"])
def test_statements_that_functions_make_quote_what_they_put_in(file: str) -> None:
    """``%I`` and ``%L`` quote; ``%s`` may stand for what the catalogue itself says, or a text of the file's own."""
    text = resources.folder("sql").joinpath(file).read_text(encoding="utf-8")
    own = {"f", "v_columns", "v_own", "v_roles"}
    made = re.findall(r"execute\s+(format\((?:[^()]|\([^()]*\))*\)|'[^']*'\s*\|\|\s*\w+)", text)
    assert made
    for each in made:
        if "%s" in each or "||" in each:
            last = re.split(r",|\|\|", each.rstrip(")"))[-1].strip()
            assert last in own, each
