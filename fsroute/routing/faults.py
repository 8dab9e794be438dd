"""What is wrong with a set of rules: values that name table and row."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from fsroute.errors import FsrouteError


class Severity(enum.StrEnum):
    """Whether rules with this fault are taken."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the rules: where it stands (table and row as people name them), and what it is.

    Its text is one line, whatever the row holds.
    """

    table: str
    row: str
    text: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        word = "warning: " if self.severity is Severity.WARNING else ""
        line = f"{self.table} {self.row}: {word}{self.text}"
        return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def dump(self) -> dict[str, str]:
        return {"severity": str(self.severity), "table": self.table, "row": self.row, "fault": self.text}


class RulesError(FsrouteError):
    """A set of rules cannot be taken; `faults` are all that is wrong with it."""

    def __init__(self, text: str, faults: Iterable[Fault] = ()) -> None:
        super().__init__(text)
        self.faults = tuple(faults)


def errors(faults: Iterable[Fault]) -> list[Fault]:
    return [fault for fault in faults if fault.is_error]
