"""Rules for calls that nobody has answered yet."""

from __future__ import annotations

from typing import Any

import pytest

from fsroute.cli.explanation import direct_words
from fsroute.model.direct import Direct, Manner, Otherwise, Policy
from tests.unit.routing.snapshots import Snapshot


def snapshot(**terms: Any) -> Snapshot:
    return Snapshot().rule("early", 1, queue="sales").add("routing_rule_direct", rule="early", **terms)


def faults(found: Snapshot) -> list[str]:
    return [fault for fault in found.faults() if "routing_rule_direct" in fault]


def test_a_rule_with_a_row_routes_before_the_answer() -> None:
    routed = snapshot(
        policy="cost", manner="redirect", tries=2, otherwise="number", otherwise_number="900"
    ).route("")
    assert routed.direct == Direct(Policy.COST, Manner.REDIRECT, 2, {}, Otherwise("number", "900"))
    assert routed.routing is not None
    assert routed.routing.queue == "sales"


def test_a_rule_without_a_row_and_a_document_of_before_do_not() -> None:
    assert Snapshot().rule("late", 1, queue="sales").route("").direct is None


def test_what_the_row_leaves_out_is_usual() -> None:
    assert snapshot().route("").direct == Direct(
        Policy.LONGEST_IDLE, Manner.BRIDGE, 3, {}, Otherwise("queue")
    )


@pytest.mark.parametrize(
    ("terms", "fault"),
    [
        ({"policy": "best"}, "policy: 'best' is none of"),
        ({"manner": "answer"}, "manner: 'answer' is none of"),
        ({"tries": 0}, "tries: 0 is no whole number from 1 to 10"),
        ({"policy": "share"}, "shares: missing"),
        ({"shares": {"east": 100}}, "shares: of no use without the policy share"),
        ({"policy": "share", "shares": {"east": 60}}, "shares: they are 60 percent together, not 100"),
        (
            {"policy": "share", "shares": {"east": -1, "west": 101}},
            "shares: 'east': -1 is no percent of a site",
        ),
        ({"policy": "share", "shares": {"e a": 100}}, "shares: 'e a': 100 is no percent of a site"),
        ({"policy": "share", "shares": [100]}, "shares: write the percent of each site"),
        ({"policy": "share", "shares": {"north": 100}}, "there is no site north"),
        ({"otherwise": "number"}, "otherwise number: otherwise_number is missing"),
        ({"otherwise": "site"}, "otherwise site: otherwise_site is missing"),
        ({"otherwise": "site", "otherwise_site": "north"}, "there is no site north"),
        ({"otherwise_number": "900"}, "otherwise queue: otherwise_number is of no use"),
        ({"otherwise": "busy", "otherwise_cause": "BORED"}, "otherwise_cause: 'BORED' is none of"),
    ],
)
def test_a_faulty_row_is_named(terms: dict[str, Any], fault: str) -> None:
    found = faults(snapshot(**terms))
    assert [text for text in found if text.startswith(f"routing_rule_direct shop/early: {fault}")], found


def test_before_the_answer_nobody_has_asked_for_a_queue() -> None:
    asked = (
        Snapshot().rule("early", 1, queue="sales", if_queue="help").add("routing_rule_direct", rule="early")
    )
    assert faults(asked) == [
        "routing_rule_direct shop/early: if_queue: a call that nobody has answered asks for no queue yet"
    ]
    unnamed = Snapshot().rule("early", 1).add("routing_rule_direct", rule="early")
    assert "the rule names no queue" in faults(unnamed)[0]
    sent_away = Snapshot().rule("early", 1, action="refuse").add("routing_rule_direct", rule="early")
    assert faults(sent_away) == ["routing_rule_direct shop/early: of no use: the rule does not queue"]


def test_the_terms_are_explained_in_words() -> None:
    shares = Direct(Policy.SHARE, Manner.REDIRECT, 1, {"east": 60, "west": 40}, Otherwise("busy"))
    assert (
        direct_words(shares)
        == "share (east 60 %, west 40 %), redirect, 1 destination, otherwise busy USER_BUSY"
    )
