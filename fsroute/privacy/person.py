"""Whom a request is about, and how that person's number and name may be written in a file. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fsroute.customers.numbers import Plan, e164
from fsroute.esl.encoding import url_encode

TAIL = 7
"""Digits at the end of a number by which it is looked for; which of those found are the same, `alike` says."""

FEWEST_DIGITS = 7
"""A shorter number is looked for as a whole text only: elsewhere its digits may be anything."""

SHORTEST_NAME = 4  # characters; a shorter one may be a part of any word

_LEFT = rb"(?:(?<![0-9])|(?<=%[0-9A-Fa-f]{2}))"
_RIGHT = rb"(?![0-9])"


def tail(number: str, plan: Plan) -> str:
    """The digits by which other ways of writing `number` are found; '': it is no telephone number, and has none."""
    known = e164(number, plan)
    return known[-TAIL:] if known is not None else ""


def alike(found: Iterable[str], number: str, plan: Plan) -> list[str]:
    """Of texts those that are the number of `number`, however each is written; `number` itself is one."""
    wanted = e164(number, plan)
    same = {text for text in found if text == number or (wanted is not None and e164(text, plan) == wanted)}
    return sorted(same | {number} | ({wanted} if wanted is not None else set()))


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a request is about: `numbers` as they are written, `names`, and `marks` of calls (contacts, channels)."""

    numbers: tuple[str, ...]
    names: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    def traces(self, plan: Plan) -> re.Pattern[bytes] | None:
        """What of the person stands in a file of JSON: each match is a number or a name, and nothing around it."""
        patterns = [*self._of_numbers(plan), *self._of_names()]
        return re.compile(b"|".join(sorted(patterns, key=len, reverse=True))) if patterns else None

    def calls(self) -> re.Pattern[bytes] | None:
        """What says that a file is of one of the person's calls."""
        marks = sorted(re.escape(mark.encode()) for mark in self.marks if mark)
        return re.compile(b"|".join(marks)) if marks else None

    def _of_numbers(self, plan: Plan) -> Iterator[bytes]:
        for number in sorted(self.numbers):
            known = e164(number, plan)
            for digits in _written(number, known, plan):
                yield _LEFT + re.escape(digits.encode()) + _RIGHT
            if known is None and len(number) >= SHORTEST_NAME:
                yield rb'(?<=")' + re.escape(number.encode()) + rb'(?=")'

    def _of_names(self) -> Iterator[bytes]:
        for name in sorted(self.names):
            if len(name.strip()) < SHORTEST_NAME or name in self.numbers:
                continue
            for text in {name, url_encode(name), name.replace("\\", "\\\\").replace('"', '\\"')}:
                yield (
                    rb"(?<![0-9A-Za-z])"
                    + re.escape(text.encode("utf-8", "surrogateescape"))
                    + rb"(?![0-9A-Za-z])"
                )


def masked(found: bytes) -> bytes:
    """As many bytes that say nothing: digits become 0, letters x, and what JSON needs stays."""
    return re.sub(rb"[A-Za-z\x80-\xff]", b"x", re.sub(rb"[0-9]", b"0", found))


def _written(number: str, known: str | None, plan: Plan) -> set[str]:
    """The digits of a number as they may stand: as given, international, national, each without signs."""
    forms = {number.lstrip("+")} if number.lstrip("+").isdecimal() else set()
    if known is not None:
        digits = known.removeprefix("+")
        forms |= {digits, plan.international_prefix + digits}
        if digits.startswith(plan.country):
            national = digits.removeprefix(plan.country)
            forms |= {national, plan.trunk_prefix + national}
    return {form for form in forms if len(form) >= FEWEST_DIGITS and form.isascii()}
