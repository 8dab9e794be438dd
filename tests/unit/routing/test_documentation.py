"""What operators write is documented: every table and column of the rules, in the schema and in the pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import fsroute
from fsroute import resources
from fsroute.model.direct import Manner, Policy
from fsroute.routing.document import ACTIONS, STEPS
from fsroute.routing.rows import REFUSALS, WAYS

PAGE = Path(fsroute.__file__).parents[1] / "docs" / "rules.md"
SCHEMA = resources.folder("sql").joinpath("schema.sql").read_text(encoding="utf-8")
TABLES = (
    "calendar",
    "opening_hours",
    "holiday",
    "region",
    "routing_rule",
    "routing_rule_fact",
    "routing_rule_skill",
    "routing_rule_direct",
    "rule_step",
)
UNDERSTOOD = {
    "contact_center_id",
    "calendar",
    "name",
    "fact",
    "region",
    "prefix",
    "pattern",
}  # in plain words


def columns(table: str) -> list[str]:
    body = re.search(rf"create table {table} \((.*?)\n\);", SCHEMA, re.DOTALL)
    assert body is not None
    names = re.findall(r"^    ([a-z_]+) ", body[1], re.MULTILINE)
    return [name for name in names if name not in ("primary", "foreign", "check")]


@pytest.mark.parametrize("table", TABLES)
def test_every_column_of_the_rules_is_explained(table: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert f"`{table}`" in text
    missing = [name for name in columns(table) if name not in UNDERSTOOD and f"`{name}`" not in text]
    assert missing == []


@pytest.mark.parametrize("words", [ACTIONS, STEPS, WAYS, REFUSALS, tuple(Policy), tuple(Manner)])
def test_every_word_that_a_column_may_hold_is_explained(words: tuple[str, ...]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [word for word in words if f"`{word}`" not in text] == []
