"""What conditions say of each other: which take in others, which exclude each other, which can never hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from fsroute.routing.match import speaks
from fsroute.routing.pattern import Pattern
from fsroute.routing.rules import Condition, Regions, Rule, RuleSet


def implies(one: Condition, other: Condition, regions: Regions) -> bool:
    """Surely: whatever contact `one` holds for, `other` holds for too."""
    return (
        all(
            wanted is None or getattr(one, name) == wanted
            for name in ("queue", "medium", "calendar", "is_open")
            for wanted in (getattr(other, name),)
        )
        and (other.language is None or (one.language is not None and speaks(one.language, other.language)))
        and all(
            _pattern_implies(getattr(one, name), getattr(other, name))
            for name in ("number_called", "caller_number", "segment")
        )
        and (other.region is None or _regions(one, regions) == {other.region})
        and all(_pattern_implies(dict(one.facts).get(name), pattern) for name, pattern in other.facts)
    )


def excludes(one: Condition, other: Condition, regions: Regions) -> bool:
    """Surely: there is no contact that both hold for."""
    return (
        any(_differ(getattr(one, name), getattr(other, name)) for name in ("queue", "medium"))
        or (one.calendar is not None and one.calendar == other.calendar and one.is_open != other.is_open)
        or _languages_differ(one.language, other.language)
        or any(
            _patterns_exclude(getattr(one, name), getattr(other, name))
            for name in ("number_called", "caller_number", "segment")
        )
        or not _regions(one, regions) & _regions(other, regions)
        or any(_patterns_exclude(pattern, dict(other.facts).get(name)) for name, pattern in one.facts)
    )


def covers(conditions: Iterable[Condition], contact: Condition, regions: Regions) -> bool:
    """Surely: whatever contact `contact` holds for, one of `conditions` does; open and closed make a whole."""
    alike = list(conditions)
    if any(implies(contact, each, regions) for each in alike):
        return True
    halves: dict[str, set[bool | None]] = {}
    for each in alike:
        if each.calendar is not None and implies(
            contact, replace(each, calendar=None, is_open=None), regions
        ):
            halves.setdefault(each.calendar, set()).add(each.is_open)
    return any({True, False} <= half for half in halves.values())


def contradiction(rule: Rule, rules: RuleSet, now: datetime) -> str | None:
    """Why a rule can never match, whatever comes before it; None: it may."""
    condition = rule.condition
    calendar = rules.calendars.get((rule.contact_center_id, condition.calendar or ""))
    if calendar is not None and calendar.next_change(now) is None:
        always = calendar.is_open(now)
        if always != condition.is_open:
            return f"calendar {condition.calendar} is never {'open' if condition.is_open else 'closed'}"
    if condition.region is not None and condition.region not in _regions(condition, rules.regions):
        return f"no caller's number of that pattern is of region {condition.region}"
    numbers = [number for number, (center, _) in rules.numbers.items() if center == rule.contact_center_id]
    called = condition.number_called
    if called is not None and not any(called.matches(number) for number in numbers):
        return f"if_number_called {called.text!r} is no number of {rule.contact_center_id}"
    return None


def _regions(condition: Condition, regions: Regions) -> frozenset[str | None]:
    """The regions that a contact for which the condition holds may be of; None: of no region."""
    everywhere = possible_regions(condition.caller_number, regions)
    if condition.region is None:
        return everywhere
    return everywhere & {condition.region}


def possible_regions(pattern: Pattern | None, regions: Regions) -> frozenset[str | None]:
    """The regions of numbers that match a pattern, as far as its literal beginning tells."""
    head = "" if pattern is None else pattern.head.removeprefix("+")
    found = {regions.region(head)}
    if pattern is None or not pattern.is_literal:
        found |= {region for prefix, region in regions.prefixes.items() if prefix.startswith(head)}
    return frozenset(found)


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _languages_differ(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return False
    return not speaks(one, other) and not speaks(other, one)


def _pattern_implies(one: Pattern | None, other: Pattern | None) -> bool:
    return other is None or (one is not None and one.implies(other))


def _patterns_exclude(one: Pattern | None, other: Pattern | None) -> bool:
    return one is not None and other is not None and one.excludes(other)
