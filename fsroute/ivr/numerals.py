"""Numbers, amounts, dates and times as recorded pieces, by the grammar of each language: pure.

A piece is a recording's name. What a language needs for a kind is in `needed`; an application that has all
of it in a language speaks by it there.

==========  ===============================================================================
numbers/    ``0`` … ``19``, the tens ``20`` … ``90``, ``minus``; en: ``hundred thousand million``;
            es: ``21`` … ``29``, ``y un veintiun 100 ciento 200`` … ``900 mil millon millones``;
            de: ``ein eine und hundert tausend million millionen``
money/      ``one many`` (dollar, dollars), ``cent cents``, ``and`` (en and es: between the two)
dates/      ``day-1`` … ``day-31`` as they are said in a date, ``month-1`` … ``month-12``; es: ``of``
times/      en: ``oclock oh am pm``; es: ``hours and minutes``; de: ``hours``
letters/    ``a`` … ``z``; figures among them are ``digits/0`` … ``digits/9``
==========  ===============================================================================
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

LARGEST = 999_999_999
KINDS = ("number", "money", "date", "time", "letters")

Words = tuple[str, ...]
Numeral = Callable[[int, bool], Words]


def pieces(language: str, say_as: str, text: str) -> Words | None:
    """The recordings that say `text`; None where the language's table does not know how.

    Args:
        language: such as ``es`` or ``es-MX``.
        say_as: one of `KINDS`.
        text: of the form that the kind wants.
    """
    if say_as == "letters":
        return tuple(_letter(letter) for letter in text.casefold() if letter != " ")
    grammar = GRAMMARS.get(_bare(language))
    if grammar is None:
        return None
    if say_as == "number":
        value = int(text)
        return None if abs(value) > LARGEST else (*_minus(value), *_numbers(grammar, abs(value)))
    if say_as == "money":
        return _money(grammar, text)
    if say_as == "date":
        day = datetime.date.fromisoformat(text)
        return grammar.date(day)
    return grammar.time(*map(int, text.split(":")))


@cache
def needed(language: str, say_as: str) -> frozenset[str]:
    """The recordings that an application must have to say anything of this kind; empty: no table knows how."""
    grammar = GRAMMARS.get(_bare(language))
    if say_as == "letters":
        letters = [f"letters/{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
        return frozenset([*letters, *(f"digits/{digit}" for digit in range(10))])
    if grammar is None:
        return frozenset()
    return frozenset(_all_pieces(grammar, say_as))


def _all_pieces(grammar: Grammar, say_as: str) -> Iterator[str]:
    yield "numbers/minus"
    for value in (*range(1000), 1000, 2000, 1_000_000, 2_000_000):
        yield from _numbers(grammar, value)
        yield from _numbers(grammar, value, before_noun=True)
    if say_as == "money":
        for text in ("1.01", "2.02"):
            yield from _money(grammar, text) or ()
    elif say_as == "date":
        for day in range(366):
            yield from grammar.date(datetime.date(2024, 1, 1) + datetime.timedelta(day))
    elif say_as == "time":
        for minute in range(24 * 60):
            yield from grammar.time(*divmod(minute, 60))


def _bare(language: str) -> str:
    return language.replace("_", "-").partition("-")[0]


def _letter(letter: str) -> str:
    return f"digits/{letter}" if letter.isdigit() else f"letters/{letter}"


def _minus(value: int) -> Words:
    return ("numbers/minus",) if value < 0 else ()


def _numbers(grammar: Grammar, value: int, *, before_noun: bool = False) -> Words:
    return tuple(f"numbers/{word}" for word in grammar.numeral(value, before_noun))


def _money(grammar: Grammar, text: str) -> Words | None:
    whole, _, fraction = text.removeprefix("-").partition(".")
    major, minor = int(whole), int((fraction + "00")[:2])
    if major > LARGEST:
        return None
    said: Words = ("numbers/minus",) if text.startswith("-") and (major or minor) else ()
    if major or not minor:
        unit = "money/one" if major == 1 else "money/many"
        said += (*_numbers(grammar, major, before_noun=True), unit)
    if minor:
        joined = ("money/and",) if major and grammar.joins_cents else ()
        unit = "money/cent" if minor == 1 else "money/cents"
        said += (*joined, *_numbers(grammar, minor, before_noun=True), unit)
    return said


# English


def _english(value: int, before_noun: bool = False) -> Words:
    for size, word in ((1_000_000, "million"), (1000, "thousand"), (100, "hundred")):
        if value >= size:
            rest = value % size
            return (*_english(value // size), word, *(_english(rest) if rest else ()))
    if value < 20:
        return (str(value),)
    unit = value % 10
    return (str(value - unit), str(unit)) if unit else (str(value),)


def _english_date(day: datetime.date) -> Words:
    if 1100 <= day.year < 2000:
        rest = day.year % 100
        tail = ("hundred",) if not rest else ("0", str(rest)) if rest < 10 else _english(rest)
        year: Words = (*_english(day.year // 100), *tail)
    else:
        year = _english(day.year)
    return (f"dates/month-{day.month}", f"dates/day-{day.day}", *(f"numbers/{word}" for word in year))


def _english_time(hour: int, minute: int) -> Words:
    half = "times/am" if hour < 12 else "times/pm"
    said = tuple(f"numbers/{word}" for word in _english(hour % 12 or 12))
    if not minute:
        return (*said, "times/oclock", half)
    oh = ("times/oh",) if minute < 10 else ()
    return (*said, *oh, *(f"numbers/{word}" for word in _english(minute)), half)


# Spanish


def _spanish(value: int, before_noun: bool = False) -> Words:
    if value >= 1_000_000:
        many, rest = divmod(value, 1_000_000)
        head = ("un", "millon") if many == 1 else (*_spanish(many, True), "millones")
        return (*head, *(_spanish(rest, before_noun) if rest else ()))
    if value >= 1000:
        many, rest = divmod(value, 1000)
        head = ("mil",) if many == 1 else (*_spanish(many, True), "mil")
        return (*head, *(_spanish(rest, before_noun) if rest else ()))
    if value > 100 and value % 100:
        hundreds = value - value % 100
        return ("ciento" if hundreds == 100 else str(hundreds), *_spanish(value % 100, before_noun))
    if before_noun and value in (1, 21):
        return ("un" if value == 1 else "veintiun",)
    if 30 < value < 100 and value % 10:
        return (str(value - value % 10), "y", *_spanish(value % 10, before_noun))
    return (str(value),)


def _spanish_date(day: datetime.date) -> Words:
    year = tuple(f"numbers/{word}" for word in _spanish(day.year))
    return (f"dates/day-{day.day}", "dates/of", f"dates/month-{day.month}", "dates/of", *year)


def _spanish_time(hour: int, minute: int) -> Words:
    said = (*(f"numbers/{word}" for word in _spanish(hour)), "times/hours")
    if not minute:
        return said
    return (*said, "times/and", *(f"numbers/{word}" for word in _spanish(minute, True)), "times/minutes")


# German


def _german(value: int, before_noun: bool = False) -> Words:
    if value >= 1_000_000:
        many, rest = divmod(value, 1_000_000)
        head = ("eine", "million") if many == 1 else (*_german(many), "millionen")
        return (*head, *(_german(rest, before_noun) if rest else ()))
    for size, word in ((1000, "tausend"), (100, "hundert")):
        if value >= size:
            many, rest = divmod(value, size)
            return (*_german(many, True), word, *(_german(rest, before_noun) if rest else ()))
    if value < 20:
        return ("ein" if value == 1 and before_noun else str(value),)
    unit = value % 10
    return (*_german(unit, True), "und", str(value - unit)) if unit else (str(value),)


def _german_date(day: datetime.date) -> Words:
    if 1100 <= day.year < 2000:
        rest = day.year % 100
        year: Words = (*_german(day.year // 100), "hundert", *(_german(rest) if rest else ()))
    else:
        year = _german(day.year)
    return (f"dates/day-{day.day}", f"dates/month-{day.month}", *(f"numbers/{word}" for word in year))


def _german_time(hour: int, minute: int) -> Words:
    said = (*(f"numbers/{word}" for word in _german(hour, True)), "times/hours")
    return (*said, *(f"numbers/{word}" for word in _german(minute))) if minute else said


@dataclass(frozen=True, slots=True)
class Grammar:
    """How one language puts its pieces together. `joins_cents`: there is a word before the cents."""

    numeral: Numeral
    date: Callable[[datetime.date], Words]
    time: Callable[[int, int], Words]
    joins_cents: bool = True


GRAMMARS = {
    "en": Grammar(_english, _english_date, _english_time),
    "es": Grammar(_spanish, _spanish_date, _spanish_time),
    "de": Grammar(_german, _german_date, _german_time, joins_cents=False),
}
