"""Rules before another one, found by what they obviously ask: of thousands few can have to do with it. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from fsroute.routing.pattern import Pattern
from fsroute.routing.rules import Condition, Rule

Key = tuple[object, ...]
OTHER = "~"
"""A pattern of more than one text, which only a comparison can tell."""

MOST_ALIKE = 100  # rules of one ordinal that each is compared with: as many overlaps are not read by anybody


class Earlier:
    """The rules so far, in order."""

    def __init__(self) -> None:
        self._count = itertools.count()
        self._alike: dict[Key, list[tuple[int, Rule]]] = {}
        self._of_ordinal: dict[int, list[Rule]] = {}

    def add(self, rule: Rule) -> None:
        self._alike.setdefault(_key(rule.condition), []).append((next(self._count), rule))
        self._of_ordinal.setdefault(rule.ordinal, []).append(rule)

    def wider(self, condition: Condition) -> list[Rule]:
        """Those that may hold whenever `condition` does, in order; no others can."""
        found: list[tuple[int, Rule]] = []
        for key in itertools.product(*_wider(condition)):
            found += self._alike.get(key, ())
        return [rule for _, rule in sorted(found, key=lambda each: each[0])]

    def beside(self, rule: Rule) -> list[Rule]:
        """Those of the same ordinal, the first `MOST_ALIKE` of them."""
        return self._of_ordinal.get(rule.ordinal, [])[:MOST_ALIKE]

    def crowds(self) -> Iterator[tuple[int, int]]:
        """(ordinal, rules) of those that were not all compared with each other."""
        for ordinal, rules in self._of_ordinal.items():
            if len(rules) > MOST_ALIKE + 1:
                yield ordinal, len(rules)


def _key(condition: Condition) -> Key:
    facts: object = None
    if condition.facts:
        (name, pattern), *more = condition.facts
        facts = (name, pattern.head) if pattern.is_literal and not more else OTHER
    return (condition.queue, condition.medium, *map(_literal, _patterns(condition)), facts)


def _patterns(condition: Condition) -> tuple[Pattern | None, ...]:
    return condition.number_called, condition.caller_number, condition.segment


def _literal(pattern: Pattern | None) -> object:
    return None if pattern is None else (pattern.head,) if pattern.is_literal else OTHER


def _wider(condition: Condition) -> Iterable[set[object]]:
    """What the key of a wider condition may have at each place: nothing, the same, or what has to be compared."""
    for value in (condition.queue, condition.medium):
        yield {None, value}
    for pattern in _patterns(condition):
        yield {None} if pattern is None else {None, OTHER, _literal(pattern)}
    literal = {(name, pattern.head) for name, pattern in condition.facts if pattern.is_literal}
    yield {None, OTHER, *literal} if condition.facts else {None}
