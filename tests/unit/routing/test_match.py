from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from fsroute.model.contact import Demand, Lead, LeadKind
from fsroute.model.other_acd import OtherAcd
from fsroute.model.routing import CallbackTerms, TimeLineStep, Way
from fsroute.routing.match import NoRoute, matching, route, speaks
from tests.unit.routing.snapshots import NOON, Snapshot, inquiry

HOUR = timedelta(hours=1)


def test_without_rules_the_row_of_the_queue_decides() -> None:
    routed = Snapshot().route("sales")
    assert (routed.rule, routed.rules_version, routed.missed, routed.way) == (None, 7, (), None)
    assert routed.routing is not None
    assert routed.routing.demand == Demand("shop", "voice", (("sales", 2),))
    assert (routed.routing.priority, routed.routing.longest_wait) == (3, 600.0)
    assert routed.routing.rule is None


def test_where_neither_a_rule_nor_a_queue_is_there_is_no_route() -> None:
    with pytest.raises(NoRoute, match="no rule matches, and contact center shop has no queue billing"):
        Snapshot().route("billing")
    with pytest.raises(NoRoute, match="rule all: contact center shop has no queue billing"):
        Snapshot().rule("all").route("billing")


def test_the_first_rule_by_ordinal_then_name_decides() -> None:
    snapshot = Snapshot().rule("z", 1, if_queue="help").rule("b", 2).rule("a", 2).rule("first", 3)
    assert snapshot.route("sales").rule == "a"
    assert snapshot.route("help").rule == "z"
    assert list(matching(snapshot.rules(), inquiry("help"), NOON)) == ["z", "a", "b", "first"]


def test_rules_of_another_contact_center_are_none_of_ours() -> None:
    snapshot = Snapshot()
    snapshot.tables["routing_rule"] = [
        {"contact_center_id": "bank", "rule": "all", "ordinal": 0, "action": "refuse"}
    ]
    assert snapshot.route("sales").rule is None


CALLER: dict[str, Any] = {
    "number": "+493012345",
    "number_called": "8005550100",
    "language": "de-DE",
    "facts": {"order": "A-12", "empty": ""},
    "customer": {"segment": "gold", "since": "1999"},
}


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ({"if_queue": "sales"}, None),
        ({"if_queue": "help"}, "the queue asked for is sales, not help"),
        ({"if_number_called": "800555.*"}, None),
        ({"if_number_called": "800555"}, "the number called is 8005550100, not 800555"),
        ({"if_caller_number": r"\+49.*"}, None),
        ({"if_caller_number": "49.*"}, "the caller's number is +493012345, not 49.*"),
        ({"if_region": "berlin"}, None),
        ({"if_region": "germany"}, "the region is berlin, not germany"),
        ({"if_medium": "voice"}, None),
        ({"if_medium": "chat"}, "the medium is voice, not chat"),
        ({"if_language": "de"}, None),
        ({"if_language": "DE_de"}, None),
        ({"if_language": "en"}, "the language is de-DE, not en"),
        ({"if_calendar": "office"}, None),
        ({"if_calendar": "office", "if_open": True}, None),
        ({"if_calendar": "office", "if_open": False}, "calendar office is open, not closed"),
        ({"if_calendar": "night"}, "calendar night is closed, not open"),
        ({"if_calendar": "night", "if_open": False}, None),
        ({"if_segment": "gold|platinum"}, None),
        ({"if_segment": "silver"}, "the segment is gold, not silver"),
        ({"enabled": False}, "it is not enabled"),
    ],
)
def test_each_condition_is_asked_of_the_contact(condition: dict[str, Any], why: str | None) -> None:
    snapshot = Snapshot().rule("one", 1, **condition).rule("rest", 2)
    snapshot.region("germany", "+49").region("berlin", "4930").region("munich", "+4989")
    snapshot.open("office", "09:00", "17:00").open("night", "22:00", "06:00")
    routed = snapshot.route("sales", **CALLER)
    assert routed.rule == ("one" if why is None else "rest")
    assert [str(missed) for missed in routed.missed] == ([] if why is None else [why])


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"order": "A-[0-9]+"}, None),
        ({"order": "B.*"}, "fact order is A-12, not B.*"),
        ({"order": "A.*", "since": "19.*"}, None),  # the second is of the customer's record
        ({"order": "A.*", "since": "20.*"}, "fact since is 1999, not 20.*"),
        ({"empty": ""}, None),
        ({"unheard": ".*"}, "fact unheard is not known (wanted: .*)"),
    ],
)
def test_facts_are_those_learned_then_those_of_the_customer(facts: dict[str, str], why: str | None) -> None:
    snapshot = Snapshot().rule("one", 1).rule("rest", 2)
    for fact, pattern in facts.items():
        snapshot.add("routing_rule_fact", rule="one", fact=fact, pattern=pattern)
    routed = snapshot.route("sales", **CALLER)
    assert [str(missed) for missed in routed.missed] == ([] if why is None else [why])


def test_a_segment_may_be_a_fact_where_the_customer_has_no_record() -> None:
    snapshot = Snapshot().rule("gold", 1, if_segment="gold").rule("rest", 2)
    assert snapshot.route(facts={"segment": "gold"}).rule == "gold"
    assert snapshot.route(facts={"segment": "gold"}, customer={"segment": "none"}).rule == "rest"


def test_what_is_not_known_of_a_caller_matches_nothing() -> None:
    snapshot = Snapshot().rule("segment", 1, if_segment=".*").rule("region", 2, if_region="germany")
    snapshot.region("germany", "49").rule("rest", 3)
    assert snapshot.route("sales").rule == "rest"


@pytest.mark.parametrize(
    ("hours", "rule"), [(-4, "early"), (-3, "day"), (4, "day"), (5, "late"), (11, "late"), (12, "early")]
)
def test_the_moment_decides_by_the_calendar(hours: int, rule: str) -> None:
    snapshot = Snapshot().open("day", "09:00", "17:00").open("late", "17:00", "24:00")
    snapshot.rule("day", 1, if_calendar="day").rule("late", 2, if_calendar="late").rule("early", 3)
    assert snapshot.route("sales", NOON + hours * HOUR).rule == rule


def test_a_rule_says_what_it_says_and_the_row_of_the_queue_the_rest() -> None:
    snapshot = Snapshot().rule(
        "one", priority=9, offer_timeout=12.5, sites=["west", "east"], callback_tries=5
    )
    routing = snapshot.route("sales").routing
    assert routing is not None
    assert (routing.priority, routing.offer_timeout, routing.longest_wait) == (9, 12.5, 600.0)
    assert routing.demand == Demand("shop", "voice", (("sales", 2),), ("east", "west"))
    assert routing.callback == CallbackTerms(tries=5)
    assert (routing.rule, routing.rules_version, routing.queue) == ("one", 7, "sales")


def test_a_rule_may_say_everything() -> None:
    said: dict[str, Any] = {
        "queue": "help",
        "sites": [],
        "teams": ["b", "a"],
        "priority": -2,
        "strategy": "cost",
        "lead": "position:3",
        "hold_music": "local_stream://jazz",
        "offer_timeout": 15,
        "network_leg_timeout": 8,
        "network_leg_tries": 2,
        "longest_wait": 300,
        "longest_queue": 0,
        "refuse_when": "never",
        "overflow": "number",
        "overflow_number": "+4930",
        "callback_tries": 2,
        "callback_retry_after": 60,
        "callback_ring": 30,
        "acd": "theirs",
    }
    snapshot = Snapshot().rule("one", **said)
    snapshot.add("other_acd", acd="theirs", adapter="sip", switch_id="east-1", parameters={"dial": "x"})
    snapshot.add("routing_rule_skill", rule="one", skill="german", level=2)
    snapshot.step("one", 2, 60, "skill", skill="german", level=1).step(
        "one", 1, 30, "sites", names=["b", "a"]
    )
    routing = snapshot.route("sales", medium="chat").routing
    assert routing is not None
    dumped = routing.dump()
    assert dumped == {
        **{name: value for name, value in said.items() if not name.startswith(("overflow", "callback"))},
        "rule": "one",
        "rules_version": 7,
        "acd": {"name": "theirs", "adapter": "sip", "switch_id": "east-1", "parameters": {"dial": "x"}},
        "medium": "chat",
        "skills": [["german", 2]],
        "teams": ["a", "b"],
        "only_agent_id": None,
        "time_line": [
            {"after": 30.0, "do": "sites", "names": ["a", "b"]},
            {"after": 60.0, "do": "skill", "skill": "german", "level": 1},
        ],
        "overflow": Way("number", "+4930").dump(),
        "callback": CallbackTerms(2, 60.0, 30.0).dump(),
    }
    assert routing.lead == Lead(LeadKind.POSITION, 3.0)
    assert routing.time_line[1] == TimeLineStep(60.0, "skill", "german", 1)


def test_a_rule_may_take_a_queue_back_from_another_acd() -> None:
    snapshot = Snapshot().rule("one", if_queue="desk", acd="fsroute").queue("desk", acd="theirs")
    snapshot.add("other_acd", acd="theirs", adapter="sip", switch_id="east-1")
    routing = snapshot.route("desk").routing
    assert routing is not None
    assert routing.acd is None
    by_queue = snapshot.rules().queues["shop", "desk"].acd
    assert by_queue == OtherAcd("theirs", "sip", "east-1")


@pytest.mark.parametrize(
    ("said", "way"),
    [
        ({"action": "refuse"}, Way()),
        ({"action": "announce", "prompt": "closed"}, Way("announce", prompt="closed")),
        ({"action": "number", "number": "+4930"}, Way("number", "+4930")),
        ({"action": "voice_message"}, Way("voice_message")),
    ],
)
def test_a_rule_may_send_a_contact_elsewhere(said: dict[str, Any], way: Way) -> None:
    routed = Snapshot().rule("one", **said).route("sales")
    assert (routed.way, routed.routing, routed.rule, routed.rules_version) == (way, None, "one", 7)


@pytest.mark.parametrize(
    ("number", "region"),
    [
        ("+493012345", "berlin"),
        ("493012345", "berlin"),
        ("4930", "berlin"),
        ("493", "germany"),
        ("+49", "germany"),
        ("4", None),
        ("", None),
        ("anonymous", None),
    ],
)
def test_the_longest_prefix_of_the_number_gives_the_region(number: str, region: str | None) -> None:
    snapshot = Snapshot().region("germany", "+49").region("berlin", "4930", "+4931")
    assert snapshot.rules().regions.region(number) == region


@pytest.mark.parametrize(
    ("language", "wanted", "same"),
    [
        ("en", "en", True),
        ("en-US", "en", True),
        ("en_us", "en-US", True),
        ("en", "en-US", False),
        ("eng", "en", False),
    ],
)
def test_a_language_is_met_by_its_dialects(language: str, wanted: str, same: bool) -> None:
    assert speaks(language, wanted) is same


def test_what_callers_say_is_data() -> None:
    hostile = {"order": "x" * 1_000_000, "a": "\x00\r\n${shell}"}
    snapshot = Snapshot().rule("one", 1, if_caller_number=".*a.*b").rule("rest", 2)
    snapshot.add("routing_rule_fact", rule="one", fact="order", pattern=".*x.*y")
    begin = time.process_time()
    routed = route(snapshot.rules(), inquiry(number="a" * 1_000_000 + "b", facts=hostile), NOON)
    assert routed.rule == "rest"
    assert time.process_time() - begin < 5.0
