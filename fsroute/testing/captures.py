"""Captures as tests: one for each file, by its situation or its name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fsroute.testing.client import Refused, Station
from fsroute.testing.settings import Settings

LONGEST_HEAD = 1 << 16  # bytes of a first line
LOOKED_AT = 1 << 18  # bytes of a file in which the note on the contact center is looked for


def is_capture(path: Path) -> bool:
    """Its first line is the header of a captured call; a journal, or anybody else's lines of JSON, are none."""
    header = _header(path)
    is_call = header.get("session") == "outbound"
    return is_call and isinstance(header.get("capture"), int) and not isinstance(header["capture"], bool)


def _header(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            document = json.loads(file.readline(LONGEST_HEAD))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def contact_center(path: Path) -> str:
    """Of a capture, as one of its first notes has it; '' where none does."""
    try:
        with path.open("rb") as file:
            lines = file.read(LOOKED_AT).splitlines()
    except OSError:
        return ""
    for line in lines:
        if b'"contact_center"' not in line:
            continue
        try:
            note = json.loads(line)["note"]["contact_center"]
        except (ValueError, RecursionError, KeyError, TypeError):
            continue
        return note if isinstance(note, str) else ""
    return ""


class Differs(Exception):
    """The call goes another way today; the text shows it."""


class CaptureFile(pytest.File):
    """A file with one test."""

    station: Station
    settings: Settings

    def collect(self) -> Iterable[pytest.Item]:
        situation = _header(self.path).get("situation")
        name = words(situation) if isinstance(situation, str) else ""
        item: CaptureItem = CaptureItem.from_parent(self, name=name or self.path.stem)
        item.describe(contact_center(self.path), str(situation or ""))
        yield item


def words(situation: str) -> str:
    """A situation as an identifier of pytest's: it may hold what callers wrote."""
    return re.sub(r"[^\w.,'()+-]+", "_", situation).strip("_")[:120]


class CaptureItem(pytest.Item):
    """One capture: it passes if the fsroute of today does the same."""

    parent: CaptureFile

    def describe(self, center: str, situation: str) -> None:
        """Mark it by contact center and situation."""
        self.add_marker(pytest.mark.fsroute_capture(contact_center=center, situation=situation))
        if re.fullmatch(r"[a-z0-9_-]{1,40}", center):
            self.config.addinivalue_line("markers", f"fsroute_{center}: captured calls of {center}")
            self.add_marker(f"fsroute_{center}")
            self.extra_keyword_matches.add(center)
        self.extra_keyword_matches.add(self.path.stem)

    def runtest(self) -> None:
        settings = self.parent.settings
        found = self.parent.station.ask(
            "replay",
            path=str(self.path),
            rules=settings.rules,
            applications=list(settings.applications),
            journal=settings.journal,
            update=settings.update,
        )
        if found.get("damaged"):
            raise Refused(found["damaged"])
        if found.get("skipped"):
            pytest.skip(found["skipped"])
        parts = [text for text in (found.get("routing"), found.get("calls")) if text]
        if parts:
            raise Differs("\n\n".join(parts))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, Differs | Refused):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"captured call {self.name}"
