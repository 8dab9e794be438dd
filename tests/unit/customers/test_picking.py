"""The facts in a service's answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.customers.picking import pick
from fsroute.lookups.facts import AnswerRefused

ANSWER: dict[str, Any] = {
    "customer": {"tier": "gold", "name": "Ada\r\nLovelace", "tags": ["a", "b"], "balance": 12.5, "vip": None},
    "orders": [{"state": "sent"}],
    "big": "x" * 5000,
}


def test_facts_are_taken_from_their_places_and_all_else_is_left() -> None:
    take = {"segment": "customer.tier", "order": "orders.0.state", "balance": "customer.balance"}
    assert pick(ANSWER, take) == {"segment": "gold", "order": "sent", "balance": "12.5"}


@pytest.mark.parametrize(
    "path", ["nobody", "customer.vip", "customer.tier.more", "orders.1.state", "orders.x", "orders.-1.state"]
)
def test_what_is_not_there_is_no_fact(path: str) -> None:
    assert pick(ANSWER, {"x": path}) == {}


def test_line_ends_become_spaces() -> None:
    assert pick(ANSWER, {"name": "customer.name"}) == {"name": "Ada  Lovelace"}


@pytest.mark.parametrize("path", ["customer", "customer.tags", "big"])
def test_what_is_no_short_text_is_refused(path: str) -> None:
    with pytest.raises(AnswerRefused, match="fact x is "):
        pick(ANSWER, {"x": path})


def test_without_places_the_answer_must_be_flat() -> None:
    assert pick({"tier": "gold"}, {}) == {"tier": "gold"}
    with pytest.raises(AnswerRefused, match="fact customer is a dict"):
        pick(ANSWER, {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from("abc"), JSON),
    st.sampled_from(["a", "a.b", "a.0", "b.1.c", "c." + "9" * 30]),
)
def test_any_answer_gives_short_texts_or_is_refused(answer: dict[str, Any], path: str) -> None:
    try:
        found = pick(answer, {"x": path})
    except AnswerRefused:
        return
    assert all(isinstance(text, str) and len(text) <= 200 and "\n" not in text for text in found.values())
