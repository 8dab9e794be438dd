"""A list of customers as contact centers export it: CSV with a line of names. Pure.

One customer is a line; each column that is a key (a telephone number, an account) leads to it. The other columns, and
the accounts, are its facts.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fsroute.config.customers import NUMBER
from fsroute.customers.numbers import Plan, e164
from fsroute.errors import FsrouteError
from fsroute.lookups.facts import AnswerRefused, facts_of

LONGEST_FIELD = 10_000  # characters, that csv reads; a fact has 200
MOST_FAULTS = 100  # that are told; then nothing more is read


class ListRefused(FsrouteError):
    """The list cannot be read at all."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a customer, and the facts that it leads to; `line` is counted from 1."""

    line: int
    key: str
    value: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be taken, and why."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


def entries(
    lines: Iterable[str], keys: Mapping[str, str], plan: Plan, delimiter: str = ","
) -> Iterator[Entry | Fault]:
    """What a file holds, line by line.

    Args:
        lines: of the file, with their line ends; bytes that are no UTF-8 as surrogates.
        keys: by column the key that it is: ``number``, or the name of a fact.
        plan: how telephone numbers are written.
        delimiter: between two columns.

    Raises:
        ListRefused: the first line names no columns, or not those of `keys`.
    """
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        columns = _columns(next(reader, []), keys)
        for row in reader:
            if row:
                yield from _entries(reader.line_num, columns, row, keys, plan)
    except csv.Error as error:
        raise ListRefused(f"line {reader.line_num}: {error}") from error


def _columns(names: Sequence[str], keys: Mapping[str, str]) -> list[str]:
    columns = [name.strip().removeprefix("\ufeff").lower().replace(" ", "_") for name in names]
    for name in columns:
        if columns.count(name) > 1:
            raise ListRefused(f"line 1: two columns are called {name!r}")
    missing = sorted(keys.keys() - set(columns))
    if missing:
        there = ", ".join(columns).encode("utf-8", "replace").decode() or "none"
        raise ListRefused(f"line 1: there is no column {missing[0]!r}, only {there}")
    try:
        facts_of(dict.fromkeys((name for name in columns if keys.get(name) != NUMBER), ""))
    except AnswerRefused as error:
        raise ListRefused(f"line 1: {error}") from error
    return columns


def _entries(
    line: int, columns: list[str], row: list[str], keys: Mapping[str, str], plan: Plan
) -> Iterator[Entry | Fault]:
    if len(row) != len(columns):
        yield Fault(line, f"{len(row)} columns, not {len(columns)}")
        return
    texts = {name: text.strip() for name, text in zip(columns, row, strict=True) if text.strip()}
    try:
        facts = facts_of({name: text for name, text in texts.items() if keys.get(name) != NUMBER})
    except AnswerRefused as error:
        yield Fault(line, str(error))
        return
    known = [(name, key) for name, key in keys.items() if name in texts]
    if not known:
        yield Fault(line, f"none of {', '.join(keys)} is there")
    for name, key in known:
        value = e164(texts[name], plan) if key == NUMBER else facts[name]
        yield Entry(line, key, value, facts) if value else Fault(line, f"{name} is no telephone number")


def sniffed(first: str) -> str:
    """The delimiter that a first line seems to have: a comma, a semicolon or a tab."""
    [row] = csv.reader(io.StringIO(first.strip("\r\n") or "x"))
    return max(",;\t", key=first.count) if len(row) <= 1 else ","
