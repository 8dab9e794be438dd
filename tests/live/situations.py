"""Calls of the live tests, kept by the sentence that each test is: what ``tests/replay/captures`` is made of.

``FSROUTE_KEEP_SITUATIONS=DIR`` lets both sites capture their calls, scrubbed, and cuts out those of each test.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from fsroute.replay import excerpt as cutting
from fsroute.replay import format as captures
from fsroute.replay import journal as journals
from fsroute.replay.beside import Journals
from fsroute.replay.faults import CaptureError

VARIABLE = "FSROUTE_KEEP_SITUATIONS"


def folder() -> Path | None:
    """Where the situations go; None: nothing is kept."""
    named = os.environ.get(VARIABLE)
    return Path(named).absolute() if named else None


_tests: list[tuple[str, tuple[str, ...]]] = []


def note(test: str, contact_centers: Iterable[str]) -> None:
    """These contact centers were a test's own."""
    _tests.append((test, tuple(contact_centers)))


def keep(captured: Path) -> None:
    """Cut the calls of each test out of what is `captured`, one folder below for each site, once all is written."""
    to = folder()
    if to is None:
        return
    to.mkdir(parents=True, exist_ok=True)
    for test, contact_centers in _tests:
        found = sorted(
            (path for center in contact_centers for path in captured.glob(f"*/*-{center}-*.jsonl")),
            key=lambda path: path.name,
        )
        for number, path in enumerate(found, start=1):
            _keep_one(to, path, f"{sentence(test)}{f' {number}' if len(found) > 1 else ''}")


def sentence(test: str) -> str:
    """The name of a test, with its parameters, in words."""
    return re.sub(r"[^a-z0-9]+", " ", test.removeprefix("test_").lower()).strip()


def _keep_one(to: Path, path: Path, situation: str) -> None:
    try:
        made = cutting.excerpt(captures.load(path), Journals((path.parent,)), situation)
    except CaptureError as error:
        print(f"not kept: {error}")
        return
    (to / f"{cutting.slug(situation)}.jsonl").write_bytes(b"".join(captures.write(made.capture)))
    if made.journal is not None:
        (to / made.journal.name).write_bytes(b"".join(journals.write(made.journal)))
