from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsroute.callserver.offered import Accepted, Offer, OfferRefused, Terms, Verdict, judge, offers

TERMS = Terms("blue-center", frozenset({"blue"}), max_size=1000)


def offer(**changed: Any) -> Offer:
    values: dict[str, Any] = {
        "name": "orders",
        "version": "2",
        "sequence": 7,
        "contact_center": "blue",
        "sha256": "a" * 64,
        "size": 1000,
    }
    return Offer(**values | changed)


def known(**changed: Any) -> Accepted:
    values: dict[str, Any] = {
        "name": "orders",
        "version": "2",
        "sequence": 7,
        "contact_center": "blue",
        "sha256": "a" * 64,
        "source": "blue-center",
        "fetched_at": 1.0,
        "checked_at": 2.0,
    }
    return Accepted(**values | changed)


@pytest.mark.parametrize(
    ("offered", "here", "verdict"),
    [
        (offer(), None, Verdict.FETCH),
        (offer(), known(), Verdict.SAME),
        (offer(sequence=8), known(), Verdict.AGAIN),
        (offer(sequence=8, sha256="b" * 64), known(), Verdict.FETCH),
        (offer(sequence=8, sha256="b" * 64, version="1"), known(), Verdict.FETCH),
        (offer(size=5000), known(), Verdict.SAME),
    ],
)
def test_an_offer_is_fetched_when_it_was_published_after_what_serves(
    offered: Offer, here: Accepted | None, verdict: Verdict
) -> None:
    assert judge(offered, here, TERMS) is verdict


@pytest.mark.parametrize(
    ("offered", "here", "why"),
    [
        (offer(contact_center="green"), None, "blue-center does not speak for contact center green"),
        (offer(), known(contact_center="green"), "the name is taken by contact center green"),
        (offer(sequence=6), known(), "older than sequence 7, which serves"),
        (offer(sequence=6, sha256="b" * 64, version="1"), known(), "older than sequence 7"),
        (offer(sha256="b" * 64), known(), "changed without being published again"),
        (offer(version="3"), known(), "changed without being published again"),
        (offer(size=1001), None, "1001 bytes, 1000 at most"),
    ],
)
def test_an_offer_that_may_not_be_is_refused_by_name(offered: Offer, here: Accepted | None, why: str) -> None:
    with pytest.raises(OfferRefused, match=rf"application orders \S+ \(sequence \d\): .*{why}"):
        judge(offered, here, TERMS)


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "../orders"},
        {"name": ""},
        {"name": "orders\n"},
        {"name": ".incoming"},
        {"version": "../1"},
        {"version": ".."},
        {"version": "1/2"},
        {"version": "1\n"},
        {"sha256": "a" * 63},
        {"sha256": "A" * 64},
        {"sequence": -1},
        {"sequence": 1e99},
        {"size": "1"},
        {"contact_center": "Blue"},
    ],
)
def test_a_list_with_a_line_that_is_none_is_refused(changed: dict[str, object]) -> None:
    line = msgspec.to_builtins(offer()) | changed
    with pytest.raises(OfferRefused, match="the list of applications is none"):
        offers(json.dumps([line]).encode())


def test_a_name_that_stands_twice_counts_once() -> None:
    body = msgspec.json.encode([offer(version="1"), offer(version="2")])
    assert [each.version for each in offers(body)] == ["2"]


@given(st.binary(max_size=200))
def test_whatever_comes_is_a_list_or_refused(body: bytes) -> None:
    try:
        offers(body)
    except OfferRefused:
        pass
