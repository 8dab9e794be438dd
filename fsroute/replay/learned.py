"""Texts that are known to be somebody's, found again wherever they stand and however they are written. Pure."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from fsroute.acd.dial import shown_name
from fsroute.esl.commands import caller_text
from fsroute.replay.masks import FEWEST, LONGEST, NATIONAL, NOBODY, Masks, digits_of

MOST: Final = 60  # names and numbers that are looked for at a time; those that were met last stay
SHORTEST: Final = 3  # characters of what is looked for
UNMISTAKABLE: Final = 6  # characters of what is looked for within words, too

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")
_WORD: Final = (
    re.compile(r"(?:(?<![0-9A-Za-z])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrtbf]))"),
    re.compile(r"(?![0-9A-Za-z])"),
)
_ALONE: Final = (re.compile(r"(?<![0-9A-Za-z.:-])"), re.compile(r"(?![0-9A-Za-z.:-])"))
_Edges = tuple[re.Pattern[str], re.Pattern[str]]
"""What must be before and behind a text that is found."""


class Finder:
    """Finds texts in a text: the first one first, and of several at one place the longest.

    Most texts hold none of them, which a plain search for each says sooner than one regular expression of all; nor is
    there one to be made for each call.
    """

    def __init__(self, forms: Mapping[str, tuple[str, _Edges | None]]) -> None:
        """`forms`: what stands for each, and what must be around it."""
        self.fakes = {form: fake for form, (fake, _) in forms.items()}
        self._edges = {form: edges for form, (_, edges) in forms.items()}
        self._forms = tuple(self.fakes)

    def spans(self, text: str) -> list[tuple[int, int, str]]:
        """(start, stop, what stands for it), in order; none overlaps another."""
        met = [form for form in self._forms if form in text]
        if not met:
            return []
        found = sorted((at, -len(form), form) for form in met for at in self._places(text, form))
        spans, end = [], 0
        for at, _, form in found:
            if at >= end:
                end = at + len(form)
                spans.append((at, end, self.fakes[form]))
        return spans

    def _places(self, text: str, form: str) -> Iterator[int]:
        edges, length = self._edges[form], len(form)
        at = text.find(form)
        while at >= 0:
            if edges is None or (edges[0].match(text, at) and edges[1].match(text, at + length)):
                yield at
            at = text.find(form, at + 1)


NOTHING: Final = Finder({})


class Learned:
    """What was learned in one session, or of all; `version` changes with it."""

    def __init__(self, masks: Masks, most: int = MOST) -> None:
        self._masks = masks
        self._most = most
        self._known: OrderedDict[str, tuple[str, dict[str, str]]] = OrderedDict()
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
        forms: dict[str, tuple[str, _Edges | None]] = {}
        for kind, written in self._known.values():
            for form, fake in written.items():
                if form not in forms and form != fake:
                    forms[form] = (fake, _edges(kind, form))
        return Finder(forms)

    def _add(self, key: str, kind: str, forms: dict[str, str]) -> None:
        self._known[key] = (kind, forms)
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


def _edges(kind: str, form: str) -> _Edges | None:
    """None: it is unmistakable wherever it stands."""
    if len(form) > FEWEST if kind == "number" else len(form) >= UNMISTAKABLE:
        return None
    return _ALONE if kind == "number" else _WORD
