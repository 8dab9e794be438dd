from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fsroute.model.agent import Authorization
from fsroute.routing import conditions as conditions_of_rules
from tests.unit.routing.snapshots import LONG_AGO, NOON, Snapshot, agent

SELLER = agent("seller", sales=3)


def test_rules_without_a_fault_have_none() -> None:
    snapshot = Snapshot().open("office", "09:00", "17:00").region("germany", "+49")
    snapshot.rule("closed", 1, if_calendar="office", if_open=False, action="refuse")
    snapshot.rule("german", 2, if_region="germany", sites=["west"], teams=["a"], overflow="voice_message")
    snapshot.step("german", 1, 30, "teams", names=["a", "b"]).step("german", 2, 60, "offer_callback")
    snapshot.rule("rest", 3)
    assert snapshot.faults(agent("a", team="a", sales=2), agent("b", team="b", sales=2)) == []


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"queue": "billing"}, "queue: shop has no queue billing"),
        ({"if_queue": "billing"}, "if_queue (and no queue): shop has no queue billing"),
        ({"if_calendar": "office"}, "if_calendar: shop has no calendar office"),
        ({"if_region": "moon"}, "if_region: there is no region moon"),
        ({"queue": "sales", "strategy": "fair"}, "strategy: there is no fair, only longest_idle"),
        ({"queue": "sales", "sites": ["north", "west"]}, "sites: there is no site north"),
    ],
)
def test_what_there_is_not_is_an_error(values: dict[str, Any], fault: str) -> None:
    assert f"routing_rule shop/one: {fault}" in Snapshot().rule("one", **values).faults()


def test_what_a_queue_names_must_be_there_too() -> None:
    snapshot = Snapshot().queue("third", strategy="fair", sites=["north"])
    assert snapshot.faults()[:2] == [
        "queue shop/third: strategy: there is no fair, only longest_idle",
        "queue shop/third: sites: there is no site north",
    ]


def test_a_time_zone_of_a_contact_center_must_be_there() -> None:
    snapshot = Snapshot()
    snapshot.tables["contact_center"][0]["time_zone"] = "Mars/Olympus"
    assert "contact_center shop: time_zone: no time zone is named 'Mars/Olympus' here" in snapshot.faults()


def test_errors_come_before_warnings() -> None:
    found = Snapshot().rule("a", 1).rule("b", 2, queue="none").rule("c", 3, teams=["x"]).faults()
    assert ["warning" in text for text in found] == sorted("warning" in text for text in found)


# Rules that can never match


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({}, {"if_queue": "sales"}),
        ({"if_queue": "sales"}, {"if_queue": "sales", "if_medium": "voice"}),
        ({"if_number_called": "8.*"}, {"if_number_called": "800"}),
        ({"if_caller_number": r"\+49.*"}, {"if_caller_number": r"\+4930.*"}),
        ({"if_caller_number": "49[0-9]*"}, {"if_caller_number": "4930"}),
        ({"if_language": "en"}, {"if_language": "en-US"}),
        ({"if_region": "germany"}, {"if_caller_number": r"\+4989.*"}),
        ({"if_segment": "gold"}, {"if_segment": "gold", "if_calendar": "office"}),
        ({"if_calendar": "office"}, {"if_calendar": "office", "if_open": True}),
    ],
)
def test_a_rule_behind_one_that_takes_everything_it_asks_for_never_matches(
    earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    snapshot = Snapshot().open("office", "09:00", "17:00").region("germany", "+49").region("berlin", "+4930")
    found = snapshot.rule("early", 1, **earlier).rule("late", 2, **later).faults()
    assert found == [
        "routing_rule shop/late: warning: can never match: rule early, before it, takes all that it asks for"
    ]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"if_queue": "sales"}, {}),
        ({"if_queue": "sales"}, {"if_queue": "help"}),
        ({"if_caller_number": r"\+4930.*"}, {"if_caller_number": r"\+49.*"}),
        ({"if_language": "en-US"}, {"if_language": "en"}),
        ({"if_region": "germany"}, {"if_caller_number": r"\+49.*"}),  # some of them are of Berlin
        ({"if_calendar": "office"}, {"if_calendar": "office", "if_open": False}),
        ({"enabled": False}, {}),
    ],
)
def test_a_rule_that_may_still_match_is_not_said_to_be_shadowed(
    earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    snapshot = Snapshot().open("office", "09:00", "17:00").region("germany", "+49").region("berlin", "+4930")
    assert snapshot.rule("early", 1, **earlier).rule("late", 2, **later).faults() == []


def test_facts_shadow_as_other_conditions_do() -> None:
    snapshot = Snapshot().rule("early", 1).rule("late", 2).rule("free", 3)
    for rule, pattern in (("early", "A.*"), ("late", "A-1")):
        snapshot.add("routing_rule_fact", rule=rule, fact="order", pattern=pattern)
    assert [text for text in snapshot.faults() if "never" in text] == [
        "routing_rule shop/late: warning: can never match: rule early, before it, takes all that it asks for"
    ]


def test_open_and_closed_together_leave_nothing_to_a_later_rule() -> None:
    snapshot = Snapshot().open("office", "09:00", "17:00")
    snapshot.rule("open", 1, if_calendar="office").rule("closed", 2, if_calendar="office", if_open=False)
    assert snapshot.rule("rest", 3).faults() == [
        "routing_rule shop/rest: warning: can never match: "
        "the rules before it take all that it asks for, open or closed"
    ]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"if_calendar": "never"}, "calendar never is never open"),
        ({"if_calendar": "always", "if_open": False}, "calendar always is never closed"),
        (
            {"if_region": "germany", "if_caller_number": "44.*"},
            "no caller's number of that pattern is of region germany",
        ),
        ({"if_number_called": "900"}, "if_number_called '900' is no number of shop"),
    ],
)
def test_a_rule_that_contradicts_itself_or_the_tables_never_matches(values: dict[str, Any], why: str) -> None:
    snapshot = Snapshot().add("calendar", calendar="never").open("always", "00:00", "24:00")
    snapshot.region("germany", "+49").rule("one", **values)
    assert snapshot.faults() == [f"routing_rule shop/one: warning: can never match: {why}"]


# Overlaps


def test_two_rules_of_one_ordinal_that_a_contact_may_both_match_overlap() -> None:
    found = Snapshot().rule("a", 1, if_language="de").rule("b", 1, if_segment="gold").faults()
    assert found == [
        "routing_rule shop/b: warning: overlaps rule a: both have ordinal 1, and a contact may match both; "
        "a goes first by its name"
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"if_queue": "sales"}, {"if_queue": "help"}),
        ({"if_medium": "voice"}, {"if_medium": "chat"}),
        ({"if_language": "de"}, {"if_language": "en"}),
        ({"if_segment": "gold"}, {"if_segment": "silver"}),
        ({"if_caller_number": r"\+49.*"}, {"if_caller_number": r"\+44.*"}),
        ({"if_region": "germany"}, {"if_region": "britain"}),
        ({"if_region": "germany"}, {"if_caller_number": r"\+44.*"}),
        ({"if_calendar": "office"}, {"if_calendar": "office", "if_open": False}),
    ],
)
def test_rules_that_exclude_each_other_do_not_overlap(one: dict[str, Any], other: dict[str, Any]) -> None:
    snapshot = Snapshot().open("office", "09:00", "17:00").region("germany", "+49").region("britain", "+44")
    assert snapshot.rule("a", 1, **one).rule("b", 1, **other).faults(
        agent("all", sales=9), agent("chatter", medium="chat", sales=9)
    ) == []  # fmt: skip


# Gaps


def asked(*queues: str) -> dict[str, frozenset[str]]:
    return {"orders": frozenset(queues)}


def test_a_queue_that_an_application_asks_for_and_nothing_knows_is_a_gap() -> None:
    assert Snapshot().faults(asked=asked("sales")) == []
    assert Snapshot().faults(asked=asked("billing")) == [
        "number_called 800: no rule matches, and shop has no queue billing, which its application asks for"
    ]


def test_a_rule_that_leaves_the_queue_to_the_application_closes_no_gap() -> None:
    assert Snapshot().rule("all").faults(asked=asked("billing")) == [
        "number_called 800: rule all leaves the queue to the application, which asks for billing: there is none"
    ]
    assert Snapshot().rule("all", queue="sales").faults(asked=asked("billing")) == []


def test_a_gap_that_only_conditions_close_is_warned_of() -> None:
    snapshot = Snapshot().rule("german", if_language="de", queue="sales").open("office", "09:00", "17:00")
    assert snapshot.faults(asked=asked("billing")) == [
        "number_called 800: warning: who needs queue billing has no way unless rule german matches: "
        "add a rule without conditions"
    ]
    snapshot.rule("open", 2, if_calendar="office", queue="sales")
    snapshot.rule("closed", 3, if_calendar="office", if_open=False, action="refuse")
    assert snapshot.faults(asked=asked("billing")) == []


def test_a_queue_that_rules_speak_of_must_be_routed_for_everybody() -> None:
    assert Snapshot().rule("one", if_queue="billing", if_language="de", queue="sales").faults() == [
        "routing_rule shop if_queue billing: warning: contacts that no rule matches have no way: "
        "shop has no queue billing"
    ]
    assert Snapshot().rule("one", if_queue="billing", queue="sales").faults() == []


def test_a_number_of_a_contact_center_without_queue_and_rule_is_a_gap() -> None:
    snapshot = Snapshot()
    snapshot.tables["number_called"].append(
        {"number": "900", "contact_center_id": "bank", "application": "x"}
    )
    assert snapshot.faults() == ["number_called 900: warning: bank has neither a queue nor a rule"]


# People


def test_skills_that_no_agent_has_and_levels_that_nobody_reaches_are_named() -> None:
    snapshot = Snapshot().rule("one", queue="sales")
    snapshot.add("routing_rule_skill", rule="one", skill="sales", level=4)
    snapshot.add("routing_rule_skill", rule="one", skill="frnech", level=1)
    found = snapshot.faults(SELLER)
    assert "routing_rule_skill shop/one frnech: warning: unknown skill: no agent has it" in found
    assert "routing_rule_skill shop/one sales: warning: nobody reaches level 4; the highest is 3" in found
    assert "routing_rule shop/one: warning: nobody could serve it: 1 without the skill frnech" in found


def test_skills_of_a_queue_are_named_there() -> None:
    assert Snapshot().faults(agent("novice", sales=1)) == [
        "queue shop/sales sales: warning: nobody reaches level 2; the highest is 1",
        "queue shop/sales: warning: nobody could serve it: 1 with too low a level of sales",
    ]


@pytest.mark.parametrize(
    ("person", "why"),
    [
        (agent("stranger", center="bank", sales=9), "1 not authorized for shop, voice"),
        (agent("writer", medium="chat", sales=9), "1 not authorized for shop, voice"),
        (agent("novice", sales=1), "1 with too low a level of sales"),
        (agent("layman"), "1 without the skill sales"),
        (agent("far", site="east", team="a", sales=9), "1 at another site"),
        (agent("other", team="b", sales=9), "1 of another team"),
        (
            replace(SELLER, authorizations=(Authorization("shop", "voice", LONG_AGO, NOON),)),
            "1 not authorized for shop, voice",
        ),
    ],
)
def test_a_rule_that_nobody_could_serve_says_why(person: object, why: str) -> None:
    snapshot = Snapshot().rule("one", queue="sales", sites=["west"], teams=["a"])
    fault = f"routing_rule shop/one: warning: nobody could serve it: {why}"
    assert fault in snapshot.faults(person)  # type: ignore[arg-type]


def test_who_is_authorized_from_tomorrow_on_could_serve() -> None:
    tomorrow = (Authorization("shop", "voice", NOON + timedelta(days=1)),)
    assert Snapshot().rule("one", queue="sales").faults(replace(SELLER, authorizations=tomorrow)) == []


def test_a_rule_that_somebody_can_serve_only_later_says_from_when_on() -> None:
    snapshot = Snapshot().rule("one", queue="sales", sites=["east"]).step("one", 1, 45, "sites")
    assert snapshot.faults(SELLER) == [
        "routing_rule shop/one: warning: nobody could serve it before step 1, after 45 s: 1 at another site"
    ]


def test_without_agents_nothing_is_said_of_people() -> None:
    from fsroute.routing.check import House, check

    found = check(Snapshot().rule("one", queue="sales").tables, House(), NOON)[1]
    assert [str(fault) for fault in found] == [
        "agent (none): warning: there are no agents: who could serve is not checked"
    ]


def test_a_team_without_agents_is_warned_of() -> None:
    found = Snapshot().rule("one", queue="sales", teams=["a"]).faults(SELLER)
    assert "routing_rule shop/one: warning: teams: no agent is of team a" in found


def test_an_overflow_without_a_limit_is_warned_of() -> None:
    assert Snapshot().rule("one", queue="help", overflow="voice_message").faults() == [
        "routing_rule shop/one: warning: overflow without effect: neither longest_wait nor longest_queue is set"
    ]


def test_a_recording_that_nobody_has_is_warned_of() -> None:
    snapshot = Snapshot().queue("third", overflow="voice_message", overflow_prompt="speak", longest_wait=1)
    snapshot.rule("closed", 1, if_language="de", action="announce", prompt="closed")
    snapshot.rule("one", 2, queue="sales", overflow="announce", overflow_prompt="/sounds/sorry.wav")
    snapshot.step("one", 1, 30, "announce", prompt="patience")
    assert snapshot.faults() == []
    assert snapshot.faults(prompts=frozenset({"closed"})) == [
        "queue shop/third: warning: overflow_prompt: no recording speak is known here",
        "rule_step shop/one step 1: warning: prompt: no recording patience is known here",
    ]


# Time lines


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ({"step": "skill", "skill": "german"}, "without effect: skill german is not asked for then"),
        (
            {"step": "skill", "skill": "sales", "level": 2},
            "without effect: level 2 of sales is asked for then, 2 is not lower",
        ),
        ({"step": "teams"}, "without effect: any of the teams will do already"),
        ({"step": "sites", "names": ["west"]}, "without effect: it does not widen west"),
        ({"step": "sites", "names": ["east"]}, "without effect: it does not widen west"),
        ({"step": "offer_callback", "after_s": 600}, "without effect: the longest wait is 600 s"),
    ],
)
def test_a_step_without_effect_says_why(step: dict[str, Any], fault: str) -> None:
    snapshot = Snapshot().rule("one", queue="sales", sites=["west"])
    snapshot.add("rule_step", **{"rule": "one", "ordinal": 1, "after_s": 30, **step})
    found = [text for text in snapshot.faults() if "rule_step" in text]
    assert len(found) == 1
    assert found[0].startswith("rule_step shop/one step 1 (")
    assert found[0].endswith(f"warning: {fault}")


def test_steps_after_the_contact_has_left_have_no_effect() -> None:
    snapshot = (
        Snapshot()
        .rule("one", queue="sales")
        .step("one", 1, 30, "voice_message")
        .step("one", 2, 60, "announce", prompt="x")
    )
    assert snapshot.faults() == [
        "rule_step shop/one step 2 (announce after 60 s): warning: without effect: the contact has left by step 1"
    ]


def test_a_step_that_a_caller_would_hear_is_for_the_telephone() -> None:
    snapshot = Snapshot().rule("one", queue="sales", if_medium="chat").step("one", 1, 30, "offer_callback")
    people = (agent("chatter", medium="chat", sales=9), agent("talker", sales=9))
    assert snapshot.faults(*people) == [
        "rule_step shop/one step 1 (offer_callback after 30 s): warning: without effect: "
        "medium chat has no caller who listens"
    ]


def test_a_step_to_a_site_that_there_is_not_is_an_error() -> None:
    snapshot = (
        Snapshot()
        .rule("one", queue="sales", sites=["west"])
        .step("one", 1, 30, "sites", names=["west", "north"])
    )
    assert "rule_step shop/one step 1 (sites after 30 s): names: there is no site north" in snapshot.faults()


# Many rules


@pytest.mark.parametrize("asked", ["if_segment", "if_caller_number", "if_queue"])
def test_thousands_of_rules_are_not_each_compared_with_each(
    monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    compared = 0

    def implies(*conditions: Any) -> bool:
        nonlocal compared
        compared += 1
        return bool(conditions_of_rules.implies(*conditions))

    monkeypatch.setattr("fsroute.routing.check.implies", implies)
    snapshot = Snapshot()
    for number in range(400):
        if asked == "if_queue":
            snapshot.queue(f"q{number}")
        snapshot.rule(f"r{number}", number, queue="sales", **{asked: f"q{number}"})
    snapshot.rule("again", 1000, queue="sales", **{asked: "q7"})
    assert (
        "routing_rule shop/again: warning: can never match: rule r7, before it, takes all that it asks for"
        in (snapshot.faults(SELLER))
    )
    assert compared < 10


def test_of_a_crowd_of_one_ordinal_it_is_said_that_not_all_were_compared() -> None:
    snapshot = Snapshot()
    for number in range(150):
        snapshot.rule(f"r{number:03}", 1, queue="sales", if_segment=f"s{number}")
    assert snapshot.faults(SELLER) == [
        "routing_rule shop: warning: 150 rules have ordinal 1: each is compared with the first 100 of them only"
    ]


def test_an_acd_that_cannot_be_used_is_an_error_and_its_agents_are_not_looked_for() -> None:
    snapshot = Snapshot().queue("desk", acd="theirs")
    snapshot.add("other_acd", acd="theirs", adapter="sip", switch_id="east-1")
    from fsroute.routing.check import House, check

    found = [str(each) for each in check(snapshot.tables, House(), NOON)[1] if "desk" in str(each)]
    assert found == []
    faulty = House(acd_fault=lambda acd: f"{acd.adapter}: the parameter dial is missing")
    found = [str(each) for each in check(snapshot.tables, faulty, NOON)[1] if each.is_error]
    assert found == ["queue shop/desk: acd theirs: sip: the parameter dial is missing"]
