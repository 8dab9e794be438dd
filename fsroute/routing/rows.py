"""Reads the columns of one row of a snapshot; what is wrong becomes a `Fault` that names the row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from fsroute.model.contact import Lead
from fsroute.model.routing import Way
from fsroute.routing.faults import Fault
from fsroute.routing.pattern import Pattern

NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
PROMPT = re.compile(r"[A-Za-z0-9_./:@+-]{1,200}")
WAYS = ("application", "announce", "number", "voice_message")
REFUSALS = ("never", "no_agent_authorized", "no_agent_logged_on")
LONGEST_TEXT = 500  # characters
LONGEST_TIME = 30 * 86_400.0  # seconds: anything longer is a slip

Document = Mapping[str, Any]
Key = tuple[str, str]
Children = Mapping[Key, list[Mapping[str, Any]]]


def rows_of(document: Document, table: str) -> list[Mapping[str, Any]]:
    return document.get(table) or []


def children_of(document: Document, table: str, parent: str) -> Children:
    """The rows of a table by contact center and the `parent` that they belong to."""
    found: dict[Key, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows_of(document, table):
        found[row["contact_center_id"], row[parent]].append(row)
    return found


class Row:
    """A row of `table`, which people know as `name`."""

    def __init__(self, table: str, name: str, values: Mapping[str, Any], faults: list[Fault]) -> None:
        self.table = table
        self.name = name
        self._values = values
        self._faults = faults

    def fault(self, text: str) -> None:
        self._faults.append(Fault(self.table, self.name, text))

    def value(self, column: str) -> Any:
        return self._values.get(column)

    def text(self, column: str) -> str | None:
        """Text without control characters; None where it is null."""
        value = self.value(column)
        if value is None:
            return None
        text = str(value)
        if len(text) > LONGEST_TEXT or not text.isprintable():
            self.fault(f"{column}: a printable text of {LONGEST_TEXT} characters at most")
            return None
        return text

    def word(self, column: str) -> str | None:
        """The name of something."""
        text = self.text(column)
        if text is not None and NAME.fullmatch(text) is None:
            self.fault(f"{column}: {text!r}: a name is of letters, digits, _ - and ., 40 at most")
            return None
        return text

    def words(self, column: str) -> tuple[str, ...] | None:
        """Names, sorted, each once; () where the list is empty."""
        value = self.value(column)
        if value is None:
            return None
        names = tuple(sorted({str(name) for name in value if name is not None}))
        for name in names:
            if NAME.fullmatch(name) is None:
                self.fault(f"{column}: {name!r}: a name is of letters, digits, _ - and ., 40 at most")
        return names

    def one_of(self, column: str, words: Collection[str]) -> str | None:
        text = self.text(column)
        if text is not None and text not in words:
            self.fault(f"{column}: {text!r} is none of {', '.join(words)}")
            return None
        return text

    def pattern(self, column: str) -> Pattern | None:
        text = self.text(column)
        if text is None:
            return None
        try:
            return Pattern.parse(text)
        except ValueError as error:
            self.fault(f"{column}: {text!r}: {error}")
            return None

    def seconds(self, column: str, zero: bool = False) -> float | None:
        """More than 0 seconds, with `zero` also 0; None where it is null."""
        value = self.value(column)
        if value is None:
            return None
        in_range = (
            isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST_TIME
        )
        if not in_range or not (value or zero):
            self.fault(
                f"{column}: {value} is no time: {'0 s or more' if zero else 'more than 0 s'}, at most 30 days"
            )
            return None
        return float(value)

    def whole(self, column: str, least: int, most: int = 1_000_000) -> int | None:
        """A whole number from `least` to `most`; None where it is null."""
        value = self.value(column)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.fault(f"{column}: {value} is no whole number from {least} to {most}")
            return None
        return value

    def share(self, column: str) -> float | None:
        """More than 0, 1 at most; None where it is null."""
        value = self.value(column)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
            self.fault(f"{column}: {value} is no share: more than 0, 1 at most")
            return None
        return float(value)

    def lead(self, column: str) -> Lead | None:
        text = self.text(column)
        if text is None:
            return None
        try:
            lead = Lead.parse(text)
        except ValueError:
            self.fault(f"{column}: {text!r}: write ready, offered, position:N or expected:SECONDS")
            return None
        return lead

    def number(self, column: str) -> str:
        """A number that can be dialled, '' where it is null."""
        text = self.text(column)
        if text is not None and NUMBER.fullmatch(text) is None:
            self.fault(f"{column}: {text!r}: a number is of 0-9, * and #, 32 at most, perhaps after a +")
            return ""
        return text or ""

    def prompt(self, column: str) -> str:
        """The name of a recording, or a file of the switch's own; '' where it is null."""
        text = self.text(column)
        if text is not None and PROMPT.fullmatch(text) is None:
            self.fault(
                f"{column}: {text!r}: a prompt is a name, or a path, of letters, digits and _ . / : @ + -"
            )
            return ""
        return text or ""

    def way(self, do: str | None, number: str, prompt: str, column: str) -> Way | None:
        """A way on; a number or a message that `do` needs must be there, one that it has no use for must not."""
        if do is None:
            for said in (name for name in (number, prompt) if self.value(name) is not None):
                self.fault(f"{said} without {column}")
            return None
        way = Way(do, self.number(number), self.prompt(prompt))
        if (do == "number") != (self.value(number) is not None):
            self.fault(f"{column} {do}: {number} is {'missing' if do == 'number' else 'of no use'}")
        if do == "announce" and self.value(prompt) is None:
            self.fault(f"{column} announce: {prompt} is missing")
        if do in ("number", "application") and way.prompt:
            self.fault(f"{column} {do}: {prompt} is of no use")
        return way
