"""Texts that are known to be somebody's, found again wherever they stand and however they are written. Pure."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterator
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
_BEFORE: Final = r"(?:(?<![0-9A-Za-z])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrtbf]))"
_AFTER: Final = r"(?![0-9A-Za-z])"
_ALONE: Final = (r"(?<![0-9A-Za-z.:-])", r"(?![0-9A-Za-z.:-])")


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

    def patterns(self) -> tuple[str, dict[str, str]]:
        """A regular expression that finds all of it, longest first, and what stands for what is found."""
        found: dict[str, str] = {}
        pieces: list[tuple[int, str]] = []
        for kind, forms in self._known.values():
            for form, fake in forms.items():
                if form not in found and form != fake:
                    found[form] = fake
                    pieces.append((len(form), _pattern(kind, form)))
        pieces.sort(reverse=True)
        return "|".join(piece for _, piece in pieces), found

    def _add(self, key: str, kind: str, forms: dict[str, str]) -> None:
        self._known[key] = (kind, forms)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
            self.forgotten += 1
        self.version += 1

    def _forms(self, text: str) -> Iterator[tuple[str, str]]:
        fake = self._masks.name(text)
        for one, other in zip(_derived(text), _derived(fake), strict=True):
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


def _pattern(kind: str, form: str) -> str:
    literal = re.escape(form)
    if len(form) > FEWEST if kind == "number" else len(form) >= UNMISTAKABLE:
        return literal
    before, after = _ALONE if kind == "number" else (_BEFORE, _AFTER)
    return f"{before}{literal}{after}"
