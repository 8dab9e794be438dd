"""FreeSWITCH's configuration files, read as data: no entities, no includes, nothing performed. Pure.

expat alone, with what could make it work for others refused: a document type (entities are defined there), size,
depth. ``$${name}`` is replaced by what is known of it, as FreeSWITCH does before it reads the XML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from fsroute.importing.remarks import ImportRefused, Place, Remark, shown

LARGEST = 5_000_000  # bytes
DEEPEST = 32  # elements within each other
MOST_ELEMENTS = 200_000
LONGEST_VALUE = 10_000  # characters, also after replacement

_VARIABLE = re.compile(r"\$\$\{([A-Za-z0-9_.-]{1,100})\}")
_SETTING = re.compile(r"\s*([A-Za-z0-9_.-]{1,100})\s*=(.*)")
_PERFORMED = frozenset({"exec", "exec-set", "env-set", "stun-set"})


@dataclass(slots=True)
class Element:
    """An element with its attributes, `$${}` replaced, and its children; texts count for nothing."""

    name: str
    place: Place
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        """An attribute without blanks around it; None where it is not there or empty."""
        return self.attributes.get(name, "").strip() or None

    def all(self, name: str) -> Iterator[Element]:
        """The elements of this name below, in the order of the file."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.all(name)


class Reader:
    """Reads files one after another; what one sets counts in the next.

    `variables` are FreeSWITCH's global ones as far as they are known. `remarks` grows with what is left aside.
    """

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self.variables = dict(variables or {})
        self.remarks: list[Remark] = []
        self._source = ""
        self._elements = 0
        self._open: list[Element] = []

    def read(self, data: bytes, source: str) -> Element:
        """The root of a file.

        Raises:
            ImportRefused: it is no XML, has a document type, or is too large.
        """
        if len(data) > LARGEST:
            raise ImportRefused(f"{source}: more than {LARGEST} bytes, which is more than is read")
        self._source, self._elements = source, 0
        root = Element("", Place(source, 0), {})
        self._open = [root]
        parser = expat.ParserCreate()
        parser.StartElementHandler = lambda name, found: self._begin(parser, name, found)
        parser.EndElementHandler = lambda name: self._end()
        parser.StartDoctypeDeclHandler = lambda *_: self._refuse(
            parser, "a document type, which FreeSWITCH has no use for"
        )
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            raise ImportRefused(
                f"{source}:{error.lineno}: this is no XML: {expat.ErrorString(error.code)}"
            ) from error
        except (ValueError, LookupError) as error:  # an encoding that expat is told by name
            raise ImportRefused(f"{source}: this is no XML: {shown(str(error))}") from error
        return root

    def read_settings(self, text: str, source: str) -> None:
        """Variables from lines of ``name=value``; others are ignored."""
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.lstrip().startswith("#"):
                self._set(line, Place(source, number))

    def _begin(self, parser: expat.XMLParserType, name: str, found: dict[str, str]) -> None:
        self._elements += 1
        if len(self._open) > DEEPEST or self._elements > MOST_ELEMENTS:
            self._refuse(parser, f"more than {DEEPEST} elements within each other, or {MOST_ELEMENTS} in all")
        place = Place(self._source, parser.CurrentLineNumber)
        attributes = {key: self._replaced(value, place) for key, value in found.items()}
        element = Element(name, place, attributes)
        if name == "X-PRE-PROCESS":
            self._preprocess(element)
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self) -> None:
        self._open.pop()

    def _preprocess(self, element: Element) -> None:
        do, data = (element.get("cmd") or "").lower(), element.get("data") or ""
        if do == "set":
            self._set(data, element.place)
        elif do in _PERFORMED:
            self.remarks.append(
                Remark(
                    element.place,
                    f"{do} {shown(data)}: nothing is performed",
                    "give what it sets with --var NAME=VALUE",
                )
            )

    def _set(self, text: str, place: Place) -> None:
        found = _SETTING.fullmatch(text)
        if found is None:
            self.remarks.append(Remark(place, f"{shown(text)!r} sets no variable"))
            return
        self.variables[found[1]] = self._replaced(found[2].strip(), place)

    def _replaced(self, text: str, place: Place) -> str:
        """`text` with what is known of its variables in place of them."""
        text = _VARIABLE.sub(lambda found: self.variables.get(found[1], found[0]), text[:LONGEST_VALUE])
        if len(text) > LONGEST_VALUE:
            raise ImportRefused(f"{place}: a value longer than {LONGEST_VALUE} characters")
        return text

    def _refuse(self, parser: expat.XMLParserType, why: str) -> None:
        raise ImportRefused(f"{self._source}:{parser.CurrentLineNumber}: {why}")


def unknown_variables(text: str) -> list[str]:
    """The names of variables that could not be replaced."""
    return _VARIABLE.findall(text)
