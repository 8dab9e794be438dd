"""XML as FreeSWITCH reads it (switch_xml.c: ``switch_xml_parse_str``), which takes more than XML allows. Pure.

A bare ``&``, an attribute without a value, and a name that is used twice are taken; text outside of elements is
passed over. What FreeSWITCH refuses is refused here with its own words, at the place where it stumbles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from fsroute.errors import ConfigurationError

_SPACE = " \t\r\n"
_NAME = re.compile(r"[^ \t\r\n/>]*")
_ATTRIBUTE = re.compile(r"[^ \t\r\n=/>]*")
_TO_VALUE = re.compile(r"[ \t\r\n=]*")
_CLOSING = re.compile(r"[^ \t\r\n>]*")
_REFERENCE = re.compile(r"&(?:(lt|gt|quot|apos|amp)|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));")
_NAMED = {"lt": "<", "gt": ">", "quot": '"', "apos": "'", "amp": "&"}


class Malformed(ConfigurationError):
    """FreeSWITCH would refuse the document; `offset` is where."""

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.offset = offset


@dataclass(slots=True)
class Element:
    """One element; `offset` is that of its first character in the document."""

    tag: str
    attributes: dict[str, str]
    offset: int = 0
    children: list[Element] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def all(self, tag: str) -> Iterator[Element]:
        """The children of this tag, in order."""
        return (child for child in self.children if child.tag == tag)

    def named(self, tag: str, name: str) -> Element | None:
        """The first child of this tag whose ``name`` is `name`: the only one that FreeSWITCH finds."""
        return next((child for child in self.all(tag) if child.get("name") == name), None)

    def every(self, tag: str) -> Iterator[Element]:
        """The elements of this tag at any depth, in order."""
        for child in self.children:
            if child.tag == tag:
                yield child
            yield from child.every(tag)


def parse(text: str) -> Element:
    """The root element.

    Raises:
        Malformed: FreeSWITCH would refuse the text.
    """
    return _Parser(text).document()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._root: Element | None = None
        self._open: list[Element] = []

    def document(self) -> Element:
        at = self._text.find("<")
        while at >= 0:
            end = self._markup(at)
            at = self._text.find("<", end)
        if self._root is None:
            raise Malformed("root tag missing", len(self._text))
        if self._open:
            raise Malformed(f"unclosed tag <{self._open[-1].tag}>", self._open[-1].offset)
        return self._root

    def _markup(self, at: int) -> int:
        """Read what begins with the ``<`` at `at`; returns where to go on."""
        text, first = self._text, self._text[at + 1 : at + 2]
        if first.isalpha() or first in ("_", ":") or (first and ord(first) > 127):
            return self._start(at)
        if first == "/":
            return self._end(at)
        if text.startswith("<!--", at):
            return self._comment(at)
        if text.startswith("<![CDATA[", at):
            return self._until("]]>", at, "unclosed <![CDATA[")
        if text.startswith("<!DOCTYPE", at):
            return self._doctype(at)
        if first == "?":
            return self._until("?>", at, "unclosed <?")
        raise Malformed("unexpected <", at)

    def _start(self, at: int) -> int:
        text = self._text
        if self._root is not None and not self._open:
            raise Malformed("markup outside of root element", at)
        name = _match(_NAME, text, at + 1)
        element = Element(name[0], {}, at)
        end = self._attributes(element, name.end(), at)
        closed = text.startswith("/", end)
        if closed:
            end += 1
        if not text.startswith(">", end):
            raise Malformed("missing >", at)
        if self._open:
            self._open[-1].children.append(element)
        self._root = self._root or element
        if not closed:
            self._open.append(element)
        return end + 1

    def _attributes(self, element: Element, at: int, begin: int) -> int:
        text = self._text
        at = self._over_spaces(at)
        while at < len(text) and text[at] not in "/>":
            name = _match(_ATTRIBUTE, text, at)
            at, value = name.end(), ""
            if at < len(text) and text[at] in "= \t\r\n":
                at = _match(_TO_VALUE, text, at).end()
                quote = text[at : at + 1]
                if quote in ('"', "'"):
                    end = text.find(quote, at + 1)
                    if end < 0:
                        raise Malformed(f"missing {quote}", begin)
                    value, at = text[at + 1 : end], end + 1
            element.attributes.setdefault(name[0], _decoded(value))
            at = self._over_spaces(at)
        return at

    def _end(self, at: int) -> int:
        name = _match(_CLOSING, self._text, at + 2)
        if name.end() == len(self._text):
            raise Malformed("missing >", at)
        if not self._open or self._open[-1].tag != name[0]:
            raise Malformed(f"unexpected closing tag </{name[0]}>", at)
        self._open.pop()
        return self._over_spaces(name.end()) + 1

    def _comment(self, at: int) -> int:
        end = self._text.find("--", at + 4)
        if end < 0 or not self._text.startswith(">", end + 2):
            raise Malformed("unclosed <!--", at)
        return end + 3

    def _doctype(self, at: int) -> int:
        found = re.compile(r"[^>\[]*(?:>|\[[^\]]*\]\s*>)").match(self._text, at)
        if found is None:
            raise Malformed("unclosed <!DOCTYPE", at)
        return found.end()

    def _until(self, mark: str, at: int, fault: str) -> int:
        end = self._text.find(mark, at + 2)
        if end < 0:
            raise Malformed(fault, at)
        return end + len(mark)

    def _over_spaces(self, at: int) -> int:
        while at < len(self._text) and self._text[at] in _SPACE:
            at += 1
        return at


def _match(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    found = pattern.match(text, at)
    assert found is not None, "each of these patterns matches nothing, too"
    return found


def _decoded(value: str) -> str:
    return _REFERENCE.sub(_character, value) if "&" in value else value


def _character(found: re.Match[str]) -> str:
    if found[1]:
        return _NAMED[found[1]]
    code = int(found[2]) if found[2] else int(found[3], 16)
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else found[0]
