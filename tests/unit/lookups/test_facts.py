from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.lookups.facts import AnswerRefused, facts_of


def test_values_become_texts_and_null_is_left_out() -> None:
    row = {
        "name": "Ada",
        "orders": 3,
        "balance": Decimal("1E+2"),
        "vip": True,
        "since": date(2024, 5, 1),
        "seen": datetime(2024, 5, 1, 10, 0, tzinfo=UTC),
        "key": UUID(int=1),
        "nothing": None,
    }
    assert facts_of(row) == {
        "name": "Ada",
        "orders": "3",
        "balance": "100",
        "vip": "true",
        "since": "2024-05-01",
        "seen": "2024-05-01T10:00:00+00:00",
        "key": "00000000-0000-0000-0000-000000000001",
    }


def test_line_ends_and_control_characters_become_spaces() -> None:
    assert facts_of({"note": "a\r\nb\x00c\u2028d"}) == {"note": "a  b c d"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"Name": "x"}, "begins with a letter"),
        ({"a b": "x"}, "a fact's name"),
        ({"note": "x" * 201}, "fact note is longer than 200 characters"),
        ({"list": [1]}, "fact list is a list, not a text"),
        ({"more": {}}, "fact more is a dict"),
        ({"balance": Decimal("nan")}, "fact balance is no number"),
        ({"note": "\ud800"}, "no text in UTF-8"),
        ({f"f{n}": "" for n in range(33)}, "33 facts, 32 at most"),
    ],
)
def test_what_is_no_fact_is_refused_by_name(answer: dict[str, object], why: str) -> None:
    with pytest.raises(AnswerRefused, match=why):
        facts_of(answer)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5) | st.just("fact"), json))
def test_whatever_comes_is_short_printable_facts_or_refused(answer: dict[str, object]) -> None:
    try:
        found = facts_of(answer)
    except AnswerRefused:
        return
    assert all(len(value) <= 200 and "\n" not in value for value in found.values())
