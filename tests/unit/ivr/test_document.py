from __future__ import annotations

import re
from pathlib import Path

import pytest

from fsroute.ivr.saying import KINDS as SAY_KINDS
from fsroute.ivr.step_checks import CAUSES
from fsroute.ivr.steps import KINDS
from fsroute.ivr.templates import CALLER_FIELDS

DOCUMENT = Path(__file__).parents[3] / "docs" / "application.md"


def section(kind: str) -> str:
    text = DOCUMENT.read_text(encoding="utf-8")
    begin = text.index(f"\n**`{kind}`** ")
    return re.split(r"\n\*\*`|\n## ", text[begin + 1 :])[0]


@pytest.mark.parametrize("kind", KINDS)
def test_document_names_every_field_of_a_step(kind: str) -> None:
    text = section(kind) + (section("menu") if kind == "collect" else "")
    fields = set(KINDS[kind].__struct_encode_fields__) - {"served"}
    assert {field for field in fields if f"`{field}`" not in text} == set()


def test_document_names_what_templates_know_and_what_can_be_said() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert all(f".{field}`" in text for field in CALLER_FIELDS)
    assert all(f"`{kind}`" in section("say") for kind in SAY_KINDS)
    assert set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", text)) <= CAUSES
