"""Texts that are known to be somebody's, found again wherever they stand and however they are written. Pure."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from fsroute.acd.dial import shown_name
from fsroute.esl.commands import caller_text
from fsroute.replay.masks import FEWEST, LONGEST, NATIONAL, NOBODY, Masks, digits_of

MOST: Final = 60  # names and numbers that are looked for at a time; those that were met last stay
SHORTEST: Final = 3  # characters of what is looked for
UNMISTAKABLE: Final = 6  # characters of what is looked for within words, too

_RUN: Final = re.compile("[0-9A-Za-z]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")
_WORD: Final = (
    re.compile(r"(?:(?<![0-9A-Za-z])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrtbf]))"),
    re.compile(r"(?![0-9A-Za-z])"),
)
_ALONE: Final = (re.compile(r"(?<![0-9A-Za-z.:-])"), re.compile(r"(?![0-9A-Za-z.:-])"))
_Edges = tuple[re.Pattern[str], re.Pattern[str]]
"""What must be before and behind a text that is found."""


@dataclass(frozen=True, slots=True)
class Known:
    """A name or a number: how it may be written, what stands for that, and what must be around it.

    `core` is in every form of it, so that most texts are told from one look to have none.
    """

    core: str
    forms: tuple[tuple[str, str, _Edges | None], ...]


class Finder:
    """Finds texts in a text: the first one first, and of several at one place the longest.

    Most texts hold none of them, which a plain search for each says sooner than one regular expression of all; nor is
    there one to be made for each call.
    """

    def __init__(self, known: Iterable[Known]) -> None:
        self._known = tuple(known)

    def spans(self, text: str) -> list[tuple[int, int, str]]:
        """(start, stop, what stands for it), in order; none overlaps another."""
        met = [known for known in self._known if known.core in text]
        if not met:
            return []
        found = [
            (at, -len(form), nth, fake)
            for nth, known in enumerate(met)
            for form, fake, edges in known.forms
            for at in _places(text, form, edges)
        ]
        spans, end = [], 0
        for at, length, _, fake in sorted(found):
            if at >= end:
                end = at - length
                spans.append((at, end, fake))
        return spans

    def fake_of(self, text: str) -> str | None:
        """What stands for a text that is a form of something known."""
        return next((fake for known in self._known for form, fake, _ in known.forms if form == text), None)

    def with_lines(self) -> tuple[str, ...]:
        """The forms that are several lines."""
        return tuple(form for known in self._known for form, _, _ in known.forms if "\n" in form)


NOTHING: Final = Finder(())


def _places(text: str, form: str, edges: _Edges | None) -> Iterator[int]:
    at = text.find(form)
    while at >= 0:
        if edges is None or (edges[0].match(text, at) and edges[1].match(text, at + len(form))):
            yield at
        at = text.find(form, at + 1)


class Learned:
    """What was learned in one session, or of all; `version` changes with it."""

    def __init__(self, masks: Masks, most: int = MOST) -> None:
        self._masks = masks
        self._most = most
        self._known: OrderedDict[str, Known] = OrderedDict()
        self.version = 0
        self.forgotten = 0
        """How many were known once and are not looked for any more."""

    def name(self, text: str) -> None:
        """Somebody's name, in every way in which it may be written."""
        if text in self._known:
            self._known.move_to_end(text)
        elif len(text.strip()) >= SHORTEST and text.lower() not in NOBODY:
            self._add(text, "name", dict(self._forms(text)))

    def number(self, text: str) -> None:
        """Somebody's number; a short one is looked for where it stands alone."""
        digits = digits_of(text)
        core = digits if len(digits) > LONGEST else digits[-NATIONAL:]
        if core in self._known:
            self._known.move_to_end(core)
        elif len(core) >= SHORTEST and not self._masks.is_called(text):
            self._add(core, "number", {core: self._masks.number(core)})

    def finder(self) -> Finder:
        """What finds all of it."""
        return Finder(self._known.values())

    def _add(self, key: str, kind: str, forms: dict[str, str]) -> None:
        self._known[key] = _known(kind, key, forms)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
            self.forgotten += 1
        self.version += 1

    def _forms(self, text: str) -> Iterator[tuple[str, str]]:
        fake = self._masks.name(text)
        for one, other in dict.fromkeys(zip(_derived(text), _derived(fake), strict=True)):
            if len(one) >= SHORTEST and any(letter.isalnum() for letter in one):
                yield from zip(_written(one), _written(other), strict=True)
        pieces = zip(_CONTROL.split(text), _CONTROL.split(fake), strict=False)
        for one, other in pieces:
            if len(one) >= UNMISTAKABLE and one != text:
                yield from zip(_written(one), _written(other), strict=True)


def _derived(text: str) -> list[str]:
    """As fsroute and FreeSWITCH make it presentable."""
    printable = "".join(letter for letter in text if letter.isprintable())
    return [text, text.strip(), printable, printable[:128], shown_name(text, ""), caller_text(text)]


def _written(text: str) -> list[str]:
    """As it is written in headers, URIs, dial strings, JSON, XML."""
    raw = text.encode("utf-8", "surrogateescape")
    coded = [quote(raw, safe=""), quote(raw), quote_plus(raw), quote(raw, safe="!\"'()*,-./:;<=>?@_~ ")]
    lower = [re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), each) for each in coded]
    slashed = re.sub(r"([\\'\",])", r"\\\1", text)
    ascii_json = json.dumps(text)[1:-1]
    return [
        text,
        *coded,
        *lower,
        slashed,
        ascii_json,
        json.dumps(text, ensure_ascii=False)[1:-1],
        escape(text),
    ]


def _known(kind: str, text: str, forms: Mapping[str, str]) -> Known:
    written = tuple((form, fake, _edges(kind, form)) for form, fake in forms.items() if form != fake)
    runs = sorted(_RUN.findall(text), key=len, reverse=True)
    core = next((run for run in runs if all(run in form for form, _, _ in written)), "")
    return Known(core, written)


def _edges(kind: str, form: str) -> _Edges | None:
    """None: it is unmistakable wherever it stands."""
    if len(form) > FEWEST if kind == "number" else len(form) >= UNMISTAKABLE:
        return None
    return _ALONE if kind == "number" else _WORD
