"""What an import has to say: where in which file, what has no counterpart, and what to do about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fsroute.errors import FsrouteError

LONGEST = 200  # characters of another's text in a remark


class ImportRefused(FsrouteError):
    """A file cannot be imported at all; the text names it and the line."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """Something that is not as it was; `do` is what the operator may do about it."""

    place: Place
    text: str
    do: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" + (f"; {self.do}" if self.do else "")


class Say(Protocol):
    """Notes a remark."""

    def __call__(self, place: Place, text: str, do: str = "") -> None: ...


def shown(text: str) -> str:
    """Another's text as it may stand in a remark and in a comment: one line, not too long."""
    cut = "".join(letter if letter.isprintable() else "?" for letter in text[: LONGEST + 1])
    return f"{cut[:LONGEST]}…" if len(cut) > LONGEST else cut
