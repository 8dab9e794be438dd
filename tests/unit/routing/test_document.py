from __future__ import annotations

from typing import Any

import pytest

from fsroute.routing.document import FORMAT, read, rule_set
from fsroute.routing.faults import RulesError
from tests.unit.routing.snapshots import Snapshot


def faults(snapshot: Snapshot) -> list[str]:
    return [str(fault) for fault in read(snapshot.tables, None)[1]]


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"if_caller_number": "+49"}, "if_caller_number: '+49': nothing to repeat before +"),
        ({"if_segment": "(a+)+"}, "if_segment: '(a+)+': a group must not be repeated"),
        ({"if_number_called": ".*.*.*"}, "if_number_called: '.*.*.*': it could take too long"),
        ({"if_open": True}, "if_open without if_calendar"),
        ({"if_queue": "two words"}, "if_queue: 'two words': a name is of letters"),
        ({"action": "dance"}, "action: 'dance' is none of queue, refuse, announce, number, voice_message"),
        ({"action": "announce"}, "action announce: prompt is missing"),
        ({"action": "announce", "prompt": "${x}"}, "prompt: '${x}': a prompt is a name, or a path"),
        ({"action": "number"}, "action number: number is missing"),
        ({"action": "number", "number": "call me"}, "number: 'call me': a number is of 0-9"),
        ({"action": "voice_message", "number": "1"}, "action voice_message: number is of no use"),
        ({"action": "refuse", "prompt": "x"}, "action refuse: prompt is of no use"),
        (
            {"action": "refuse", "priority": 1, "queue": "sales"},
            "does not queue: of no use are priority, queue",
        ),
        ({"number": "1"}, "number without an action that uses it"),
        ({"acd": "nowhere"}, "acd: there is no other_acd nowhere"),
        ({"priority": 100_001}, "priority: 100001 is no whole number from -100000 to 100000"),
        ({"lead": "expected:nan"}, "lead: 'expected:nan': write ready"),
        ({"lead": "position:-4"}, "lead: 'position:-4': write ready"),
        ({"lead": "position:inf"}, "lead: 'position:inf': write ready"),
        ({"offer_timeout": 0}, "offer_timeout: 0 is no time: more than 0 s, at most 30 days"),
        ({"longest_wait": 1e9}, "longest_wait: 1000000000.0 is no time"),
        ({"network_leg_tries": 0}, "network_leg_tries: 0 is no whole number from 1 to 100"),
        ({"longest_queue": -1}, "longest_queue: -1 is no whole number"),
        ({"lead": "soon"}, "lead: 'soon': write ready, offered, position:N or expected:SECONDS"),
        ({"hold_music": "a\nb"}, "hold_music: a printable text"),
        ({"refuse_when": "sometimes"}, "refuse_when: 'sometimes' is none of never"),
        ({"overflow": "number"}, "overflow number: overflow_number is missing"),
        ({"overflow_number": "1"}, "overflow_number without overflow"),
        (
            {"overflow": "application", "overflow_prompt": "x"},
            "overflow application: overflow_prompt is of no use",
        ),
        ({"callback_tries": 0}, "callback_tries: 0 is no whole number"),
        ({"callback_ring": -1}, "callback_ring: -1 is no time"),
        ({"sites": ["a b"]}, "sites: 'a b': a name is of letters"),
    ],
)
def test_what_is_wrong_with_a_rule_names_its_row_and_column(said: dict[str, Any], fault: str) -> None:
    found = faults(Snapshot().rule("one", **said))
    assert len(found) == 1
    assert found[0].startswith("routing_rule shop/one: ")
    assert fault in found[0]


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ({"step": "dance"}, "step: 'dance' is none of skill"),
        ({"after_s": -1, "step": "offer_callback"}, "after_s: -1 is no time: 0 s or more, at most 30 days"),
        ({"step": "skill"}, "skill: skill is missing"),
        ({"step": "skill", "skill": "x", "names": ["a"]}, "skill: names is of no use"),
        ({"step": "priority"}, "priority: priority is missing"),
        ({"step": "priority", "priority": 0}, "priority: 0 is no whole number from 1 to 1000"),
        ({"step": "number"}, "number: number is missing"),
        ({"step": "announce"}, "announce: prompt is missing"),
        ({"step": "announce_wait", "every_s": 60}, "announce_wait: within is missing"),
        (
            {"step": "announce_wait", "every_s": 60, "within": 1.5},
            "within: 1.5 is no share: more than 0, 1 at",
        ),
        ({"step": "announce_wait", "every_s": 5, "within": 0.5}, "every_s: 5 s is too often: 15 s at least"),
        ({"step": "announce", "prompt": "x", "within": 0.5}, "announce: within is of no use"),
        ({"step": "sites", "level": 1}, "sites: level is of no use"),
        ({"step": "teams", "names": ["a b"]}, "names: 'a b': a name is of letters"),
    ],
)
def test_what_is_wrong_with_a_step_names_it(step: dict[str, Any], fault: str) -> None:
    snapshot = Snapshot().rule("one")
    snapshot.add("rule_step", rule="one", ordinal=1, **{"after_s": 10, **step})
    assert [text for text in faults(snapshot) if f"rule_step shop/one step 1: {fault}" in text]


def test_steps_out_of_order_are_named() -> None:
    snapshot = Snapshot().rule("one").step("one", 1, 60, "offer_callback").step("one", 2, 30, "sites")
    assert faults(snapshot) == [
        "rule_step shop/one step 2: out of order: after 30 s, and the step before it after 60 s"
    ]


def test_other_tables_name_their_rows_too() -> None:
    snapshot = Snapshot().open("office", "9:00", "17:00", "1").region("here", "4x9").rule("one")
    snapshot.add("calendar", calendar="moon", time_zone="Moon/Tycho")
    snapshot.add("opening_hours", calendar="office", weekday=8, opens="09:00", closes="17:00")
    snapshot.add("holiday", calendar="office", day="2026-12-25", name="Christmas", opens="09:00", closes=None)
    snapshot.add("holiday", calendar="office", day="infinity", name="For ever", opens=None, closes=None)
    snapshot.add("holiday", calendar="office", day="9999-12-31", name="The last", opens=None, closes=None)
    snapshot.add("routing_rule_fact", rule="one", fact="order", pattern="(")
    snapshot.add("routing_rule_skill", rule="one", skill="german", level=-1)
    snapshot.add("queue_skill", queue="help", skill="x y", level=1)
    found = faults(snapshot)
    for text in (
        "opening_hours shop/office weekday 1: '9:00' is no time of day",
        "opening_hours shop/office weekday 8: weekday: 8 is no whole number from 1 to 7",
        "holiday shop/office 2026-12-25: opens and closes: both, or none for closed all day",
        "holiday shop/office infinity: day: infinity: a year from 1970 to 9900",
        "holiday shop/office 9999-12-31: day: 9999-12-31: a year from 1970 to 9900",
        "calendar shop/moon: time_zone: no time zone is named 'Moon/Tycho' here",
        "region here 4x9: prefix: '4x9' is no beginning of a number",
        "routing_rule_fact shop/one order: pattern: '(': ( without )",
        "routing_rule_skill shop/one german: level: -1 is no whole number from 0 to 1000",
    ):
        assert text in found
    assert any(text.startswith("queue_skill shop/help x y: skill: 'x y'") for text in found)


def test_a_running_process_takes_no_rules_with_a_fault_unless_told_to() -> None:
    snapshot = Snapshot().rule("good", 1).rule("bad", 2, if_segment="(")
    with pytest.raises(RulesError, match=r"routing_rule shop/bad: if_segment") as refused:
        rule_set(snapshot.tables, 1)
    assert len(refused.value.faults) == 1
    lenient = rule_set(snapshot.tables, 1, lenient=True)
    assert [rule.name for rule in lenient.rules["shop"]] == ["good"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"format": FORMAT + 1},
        {"format": "1"},
        {"format": FORMAT, "routing_rule": [{"rule": "x"}]},
        {"format": FORMAT, "queue": "sales"},
        {"format": FORMAT, "holiday": [{"contact_center_id": "a", "calendar": "b", "day": 7}], "calendar": [
            {"contact_center_id": "a", "calendar": "b"}]},
    ],
)  # fmt: skip
def test_a_document_of_a_newer_program_or_a_damaged_one_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(RulesError, match=r"written in format|damaged"):
        rule_set(document, 3)


def test_an_empty_snapshot_is_a_set_of_no_rules() -> None:
    rules = rule_set({"format": FORMAT}, None)
    assert (rules.count, dict(rules.queues), rules.version) == (0, {}, None)


def test_parameters_of_another_acd_are_texts() -> None:
    for parameters in ({"queue": 5}, {"queue": "a\nb"}, {"queue": "x" * 201}):
        snapshot = Snapshot().add(
            "other_acd", acd="theirs", adapter="sip", switch_id="e", parameters=parameters
        )
        assert faults(snapshot) == [
            "other_acd theirs: parameters: queue: a printable text of 200 characters at most"
        ]
