"""FreeSWITCH's preprocessor, followed from outside (switch_xml.c: ``preprocess``). Pure: files are a mapping's.

It works line by line, before anybody looks at the XML, comments included: ``$${name}`` is replaced, a line with
``<include>``, ``</include>`` or ``<?`` is dropped whole, and so is one that holds ``X-PRE-PROCESS`` after anything but
``<``. Commands are not performed here: what they would set or write is listed as unseen.
"""

from __future__ import annotations

import bisect
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from fsroute.errors import ConfigurationError

DEEPEST = 100  # includes within each other, as in FreeSWITCH
MOST_FILES = 20_000
LARGEST = 64_000_000  # characters of the whole

_LINE = re.compile(r"[^\r\n]*[\r\n]|[^\r\n]+")
_COMMAND = re.compile(r'cmd.*?=.*?"([^"]*)"?.*?data.*?=.*?"([^"]*)', re.IGNORECASE | re.DOTALL)
_OLD_COMMAND = re.compile(r"([^ \r\n]*)(?: ([^\r\n]*))?")


class Files(Protocol):
    """The tree: paths are absolute, texts are decoded so that no byte is lost (surrogateescape)."""

    def read(self, path: str) -> str | None: ...

    def glob(self, pattern: str) -> list[str]:
        """What matches, sorted as glob(3) does."""
        ...


@dataclass(slots=True)
class Expanded:
    """The document that FreeSWITCH would parse, and where each part of it comes from."""

    text: str
    variables: dict[str, str]
    unseen: list[str] = field(default_factory=list)
    """Commands that were not performed, as ``file:line: what``."""
    files: list[str] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _places: list[tuple[str, int]] = field(default_factory=list)

    def place(self, offset: int) -> tuple[str, int]:
        """The file and the line that character `offset` of the text comes from."""
        index = bisect.bisect_right(self._starts, offset) - 1
        return self._places[index] if index >= 0 else ("", 0)


def expand(files: Files, root: str, variables: Mapping[str, str]) -> Expanded:
    """Follow FreeSWITCH from its main file `root`; `variables` are its global ones, as far as they are known.

    Raises:
        ConfigurationError: the main file is missing, or includes never end.
    """
    if files.read(root) is None:
        raise ConfigurationError(f"{root} is missing: this is no configuration of FreeSWITCH")
    run = _Run(files, {name.lower(): value for name, value in variables.items()})
    run.file(posixpath.dirname(root), root, 0)
    made = run.made
    made.text = "".join(run.parts)
    return made


class _Run:
    def __init__(self, files: Files, variables: dict[str, str]) -> None:
        self._files = files
        self.made = Expanded("", variables)
        self.parts: list[str] = []
        self._size = 0

    def file(self, folder: str, path: str, depth: int) -> None:
        text = self._files.read(path)
        if text is None or depth > DEEPEST:
            return
        self.made.files.append(path)
        if len(self.made.files) > MOST_FILES:
            raise ConfigurationError(
                f"{path}: more than {MOST_FILES} files are included: an include never ends"
            )
        in_comment = False
        for number, line in enumerate(_LINE.findall(text), 1):
            in_comment = self._line(folder, (path, number), line, depth, in_comment)

    def _line(self, folder: str, place: tuple[str, int], raw: str, depth: int, in_comment: bool) -> bool:
        """Follow one line; returns whether a ``<!--#`` is still open."""
        line = self._with_variables(raw)
        looked_at = (
            raw.partition("$${")[0] if "$${" in raw else raw
        )  # as far as FreeSWITCH leaves its copy whole
        if any(mark in looked_at for mark in ("<include>", "</include>", "<?")):
            return in_comment
        if in_comment:
            _, closed, line = line.partition("-->")
            if not closed:
                return True
        at = line.lower().find("x-pre-process")
        if at >= 0:
            if at > 0 and line[at - 1] == "<":
                self._command(folder, place, line[at:], depth)
            return False
        if "<!--#" in line:
            return self._old_command(folder, place, line, depth)
        self._write(place, line)
        return False

    def _command(self, folder: str, place: tuple[str, int], line: str, depth: int) -> None:
        found = _COMMAND.search(line.partition("/>")[0])
        if found:
            self._perform(folder, place, found[1], found[2], depth)

    def _old_command(self, folder: str, place: tuple[str, int], line: str, depth: int) -> bool:
        before, _, rest = line.partition("<!--#")
        self._write(place, before)
        inside, closed, after = rest.partition("-->")
        if closed:
            self._write(place, after)
        found = _OLD_COMMAND.match(inside)
        if found and found[2]:
            quoted = found[2].split('"')
            self._perform(folder, place, found[1], quoted[1] if len(quoted) > 2 else found[2], depth)
        return not closed

    def _perform(self, folder: str, place: tuple[str, int], command: str, data: str, depth: int) -> None:
        command = command.lower()
        if command == "set":
            name, is_one, value = data.partition("=")
            if is_one:
                self.made.variables[name.rstrip(" ").lower()] = value.lstrip(" ")
        elif command == "include":
            pattern = data if data.startswith("/") else f"{folder}/{data}"
            for path in self._files.glob(pattern):
                self.file(posixpath.dirname(path), path, depth + 1)
        elif command in ("exec", "exec-set", "stun-set", "env-set"):
            self.made.unseen.append(f"{place[0]}:{place[1]}: {command} {data[:80]}")

    def _with_variables(self, line: str) -> str:
        if "$${" not in line:
            return line
        parts, at = [], 0
        while (begin := line.find("$${", at)) >= 0:
            end = _closing(line, begin + 2)
            if end < 0:
                break
            parts += [line[at:begin], self.made.variables.get(line[begin + 3 : end].lower(), "")]
            at = end + 1
        return "".join([*parts, line[at:]])

    def _write(self, place: tuple[str, int], text: str) -> None:
        if not text:
            return
        self.made._starts.append(self._size)
        self.made._places.append(place)
        self.parts.append(text)
        self._size += len(text)
        if self._size > LARGEST:
            raise ConfigurationError(f"{place[0]}: the configuration is larger than {LARGEST} characters")


def _closing(line: str, at: int) -> int:
    """Where the brace that opens at `at` is closed, -1 if it is not."""
    depth = 0
    for index in range(at, len(line)):
        if line[index] == "{":
            depth += 1
        elif line[index] == "}":
            depth -= 1
            if depth == 0:
                return index
    return -1
