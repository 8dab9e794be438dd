"""From the snapshot of the rule tables to a `RuleSet`, and what is wrong with its rows one by one.

The document holds, by the name of each table, its rows as JSON with the columns' names (``rules_document`` in
``sql/queries/rules.sql``): the same rows that an operator writes, so that an old version can be put back.
What is wrong between rows is ``check.py``'s matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fsroute.model.contact import Demand
from fsroute.model.other_acd import OWN, OtherAcd
from fsroute.model.routing import CallbackTerms, Routing, TimeLineStep, Way
from fsroute.routing.before_answer import TABLE, direct_of
from fsroute.routing.faults import Fault, RulesError, errors
from fsroute.routing.hours import calendars, regions
from fsroute.routing.pattern import Pattern
from fsroute.routing.rows import REFUSALS, WAYS, Document, Key, Row, children_of, rows_of
from fsroute.routing.rules import Condition, Regions, Result, Rule, RuleSet

FORMAT = 1
"""Of the documents that this program writes; a greater one is of a newer program."""

HIGHEST_PRIORITY = 100_000
"""Well below that of contacts that lost their conversation."""

ACTIONS = ("queue", "refuse", "announce", "number", "voice_message")
STEPS = (
    "skill", "teams", "sites", "priority", "offer_callback", "announce", "announce_wait", "voice_message", "number",
)  # fmt: skip


def rule_set(document: Document, version: int | None, *, lenient: bool = False) -> RuleSet:
    """The rules of a document; with `lenient` rows with faults are left out.

    Raises:
        RulesError: a row is faulty, or the document is of a newer program.
    """
    rules, faults = read(document, version)
    wrong = errors(faults)
    if wrong and not lenient:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise RulesError(f"{wrong[0]}{more}", faults)
    return rules


def read(document: Document, version: int | None) -> tuple[RuleSet, list[Fault]]:
    """The rules of a document without the rows that are faulty, and all faults of rows.

    Raises:
        RulesError: the document is of a newer program, or damaged.
    """
    form = document.get("format")
    if not isinstance(form, int) or form > FORMAT:
        raise RulesError(f"the rules are written in format {form}; this fsroute reads {FORMAT}")
    faults: list[Fault] = []
    try:
        return _whole(document, version, faults), faults
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RulesError(f"the rules are damaged: {error!r}") from error


def _whole(document: Document, version: int | None, faults: list[Fault]) -> RuleSet:
    centers = rows_of(document, "contact_center")
    zones = {row["contact_center_id"]: row.get("time_zone") or "UTC" for row in centers}
    acds = dict(_acds(document, faults))
    return RuleSet(
        version=version,
        queues=dict(_queues(document, acds, faults)),
        rules=_rules(document, acds, faults),
        calendars=dict(calendars(document, zones, faults)),
        regions=Regions.of(regions(document, faults)),
        time_zones=zones,
        numbers={
            row["number"]: (row["contact_center_id"], row["application"])
            for row in rows_of(document, "number_called")
        },
    )


# ACDs of other makes

Acds = dict[str, OtherAcd]
LONGEST_PARAMETER = 200  # characters


def _acds(document: Document, faults: list[Fault]) -> Iterator[tuple[str, OtherAcd]]:
    for values in rows_of(document, "other_acd"):
        row = Row("other_acd", values["acd"], values, faults)
        adapter, switch_id = row.word("adapter"), row.word("switch_id")
        for name, text in (values.get("parameters") or {}).items():
            if not isinstance(text, str) or len(text) > LONGEST_PARAMETER or not text.isprintable():
                row.fault(f"parameters: {name}: a printable text of {LONGEST_PARAMETER} characters at most")
        if adapter is not None and switch_id is not None:
            yield values["acd"], OtherAcd.load({**values, "name": values["acd"]})


def _acd(row: Row, acds: Acds) -> dict[str, OtherAcd | None]:
    """The term `acd` if the row says one; ``fsroute`` is none of another make."""
    name = row.word("acd")
    if name is None:
        return {}
    if name != OWN and name not in acds:
        row.fault(f"acd: there is no other_acd {name}")
        return {}
    return {"acd": acds.get(name)}


# Queues


def _queues(document: Document, acds: Acds, faults: list[Fault]) -> Iterator[tuple[Key, Routing]]:
    skills = children_of(document, "queue_skill", "queue")
    for values in rows_of(document, "queue"):
        center, queue = values["contact_center_id"], values["queue"]
        row = Row("queue", f"{center}/{queue}", values, faults)
        demand = Demand(
            center,
            row.word("medium") or "voice",
            _skills("queue_skill", skills.get((center, queue), ()), "queue", faults),
            row.words("sites") or (),
            row.words("teams") or (),
        )
        callback = CallbackTerms(**_callback(row))
        overflow = row.way(row.one_of("overflow", WAYS), "overflow_number", "overflow_prompt", "overflow")
        terms = {**_terms(row), **_acd(row, acds), "overflow": overflow or Way()}
        yield (center, queue), Routing(queue=queue, demand=demand, callback=callback, **terms)


def _skills(table: str, rows: Any, parent: str, faults: list[Fault]) -> tuple[tuple[str, int], ...]:
    found = []
    for values in rows:
        name = f"{values['contact_center_id']}/{values[parent]} {values['skill']}"
        row = Row(table, name, values, faults)
        skill, level = row.word("skill"), row.whole("level", 0, 1000)
        if skill is not None and level is not None:
            found.append((skill, level))
    return tuple(sorted(found))


def _terms(row: Row) -> dict[str, Any]:
    """The terms of waiting that a row says itself, by the names of `Routing`'s fields."""
    said = {
        "priority": row.whole("priority", -HIGHEST_PRIORITY, HIGHEST_PRIORITY),
        "strategy": row.word("strategy"),
        "lead": row.lead("lead"),
        "hold_music": row.text("hold_music"),
        "offer_timeout": row.seconds("offer_timeout"),
        "network_leg_timeout": row.seconds("network_leg_timeout"),
        "network_leg_tries": row.whole("network_leg_tries", 1, 100),
        "longest_wait": row.seconds("longest_wait"),
        "longest_queue": row.whole("longest_queue", 0),
        "refuse_when": row.one_of("refuse_when", REFUSALS),
    }
    return {name: value for name, value in said.items() if value is not None}


def _callback(row: Row) -> dict[str, Any]:
    said = {
        "tries": row.whole("callback_tries", 1, 100),
        "retry_after": row.seconds("callback_retry_after"),
        "ring": row.seconds("callback_ring"),
    }
    return {name: value for name, value in said.items() if value is not None}


# Rules


def _rules(document: Document, acds: Acds, faults: list[Fault]) -> dict[str, tuple[Rule, ...]]:
    facts = children_of(document, "routing_rule_fact", "rule")
    skills = children_of(document, "routing_rule_skill", "rule")
    steps = children_of(document, "rule_step", "rule")
    directs = children_of(document, TABLE, "rule")
    found: dict[str, list[Rule]] = defaultdict(list)
    for values in rows_of(document, "routing_rule"):
        key = (values["contact_center_id"], values["rule"])
        row = Row("routing_rule", "/".join(key), values, faults)
        row.word("rule")
        before = len(faults)
        condition = _condition(row, facts.get(key, ()), faults)
        result = _result(row, skills.get(key, ()), steps.get(key, ()), acds, faults)
        direct = direct_of(directs.get(key, []), row.name, faults)
        if len(faults) == before:
            result = replace(result, direct=direct)
            rule = Rule(*key, int(values["ordinal"]), condition, result, values.get("enabled") is not False)
            found[key[0]].append(rule)
    return {
        center: tuple(sorted(rules, key=lambda rule: (rule.ordinal, rule.name)))
        for center, rules in found.items()
    }


def _condition(row: Row, facts: Any, faults: list[Fault]) -> Condition:
    calendar, is_open = row.word("if_calendar"), row.value("if_open")
    if calendar is None and is_open is not None:
        row.fault("if_open without if_calendar")
    return Condition(
        queue=row.word("if_queue"),
        number_called=row.pattern("if_number_called"),
        caller_number=row.pattern("if_caller_number"),
        region=row.word("if_region"),
        medium=row.word("if_medium"),
        language=row.word("if_language"),
        calendar=calendar,
        is_open=True if calendar is not None and is_open is None else is_open,
        segment=row.pattern("if_segment"),
        facts=_facts(facts, faults),
    )


def _facts(rows: Any, faults: list[Fault]) -> tuple[tuple[str, Pattern], ...]:
    found = []
    for values in rows:
        name = f"{values['contact_center_id']}/{values['rule']} {values['fact']}"
        row = Row("routing_rule_fact", name, values, faults)
        fact, pattern = row.word("fact"), row.pattern("pattern")
        if fact is not None and pattern is not None:
            found.append((fact, pattern))
    return tuple(sorted(found, key=lambda pair: pair[0]))


def _result(row: Row, skills: Any, steps: Any, acds: Acds, faults: list[Fault]) -> Result:
    action = row.one_of("action", ACTIONS) or "queue"
    terms, callback = {**_terms(row), **_acd(row, acds)}, _callback(row)
    overflow = row.way(row.one_of("overflow", WAYS), "overflow_number", "overflow_prompt", "overflow")
    if overflow is not None:
        terms["overflow"] = overflow
    time_line = tuple(_steps(steps, faults))
    if time_line:
        terms["time_line"] = time_line
    own = _skills("routing_rule_skill", skills, "rule", faults)
    result = Result(
        way=None if action == "queue" else _way(row, action),
        queue=row.word("queue"),
        skills=own or None,
        sites=row.words("sites"),
        teams=row.words("teams"),
        terms=terms,
        callback=callback,
    )
    _misplaced(row, action, result)
    return result


def _way(row: Row, action: str) -> Way | None:
    if action == "refuse":
        for column in ("number", "prompt"):
            if row.value(column) is not None:
                row.fault(f"action refuse: {column} is of no use")
        return Way()
    return row.way(action, "number", "prompt", "action")


def _misplaced(row: Row, action: str, result: Result) -> None:
    """What is said for a queue by a rule that does not queue, and the reverse, is a slip."""
    if action == "queue":
        for column in ("number", "prompt"):
            if row.value(column) is not None:
                row.fault(f"{column} without an action that uses it (announce, number, voice_message)")
        return
    said = {**result.terms, **{f"callback_{name}": value for name, value in result.callback.items()}}
    for name in ("queue", "skills", "sites", "teams"):
        if getattr(result, name) is not None:
            said[name] = getattr(result, name)
    if said:
        row.fault(f"action {action} does not queue: of no use are {', '.join(sorted(said))}")


# Time lines


def _steps(rows: Any, faults: list[Fault]) -> Iterator[TimeLineStep]:
    last = 0.0
    for values in sorted(rows, key=lambda values: int(values["ordinal"])):
        name = f"{values['contact_center_id']}/{values['rule']} step {values['ordinal']}"
        row = Row("rule_step", name, values, faults)
        step = _step(row)
        if step is None:
            continue
        if step.after < last:
            row.fault(f"out of order: after {step.after:g} s, and the step before it after {last:g} s")
        last = max(last, step.after)
        yield step


_USES = {
    "skill": {"skill", "level"},
    "teams": {"names"},
    "sites": {"names"},
    "priority": {"priority"},
    "offer_callback": {"prompt"},
    "announce": {"prompt"},
    "announce_wait": {"every_s", "within"},
    "voice_message": {"prompt"},
    "number": {"number"},
}
_NEEDS = {
    "skill": ("skill",),
    "priority": ("priority",),
    "announce": ("prompt",),
    "announce_wait": ("every_s", "within"),
    "number": ("number",),
}


def _step(row: Row) -> TimeLineStep | None:
    after, do = row.seconds("after_s", zero=True), row.one_of("step", STEPS)
    if after is None or do is None:
        if row.value("step") is None or row.value("after_s") is None:
            row.fault("after_s and step must be there")
        return None
    for column in ("skill", "level", "names", "priority", "number", "prompt", "every_s", "within"):
        if row.value(column) is not None and column not in _USES[do]:
            row.fault(f"{do}: {column} is of no use")
    for column in _NEEDS.get(do, ()):
        if row.value(column) is None:
            row.fault(f"{do}: {column} is missing")
    return TimeLineStep(
        after,
        do,
        skill=row.word("skill") or "",
        level=row.whole("level", 0, 1000),
        names=row.words("names") or (),
        priority=row.whole("priority", 1, 1000) or 0,
        number=row.number("number"),
        prompt=row.prompt("prompt"),
        every=_interval(row),
        within=row.share("within") or 0.0,
    )


SHORTEST_INTERVAL = 15.0  # seconds between two announcements


def _interval(row: Row) -> float:
    every = row.seconds("every_s")
    if every is not None and every < SHORTEST_INTERVAL:
        row.fault(f"every_s: {every:g} s is too often: {SHORTEST_INTERVAL:g} s at least")
    return every or 0.0
