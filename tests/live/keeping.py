"""Keeps calls as captures: those of each test under the sentence that it is named by.

The files are complete when the processes have ended; until then it is only noted whose calls are wanted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fsroute.replay import format as captures
from fsroute.replay import journal as journals
from fsroute.replay.beside import Journals
from fsroute.replay.excerpt import excerpt, slug
from fsroute.replay.format import OUTBOUND, Capture, Side
from fsroute.replay.journal import Pointer
from tests.live.process import FsrouteRun


@dataclass
class Keeping:
    """`raw` has a folder for each site, as the processes write them; `folder` gets the calls that are kept."""

    raw: Path
    folder: Path
    _wanted: dict[str, list[str]] = field(default_factory=dict)

    def capture(self, *runs: FsrouteRun) -> None:
        """These processes, which have not started yet, keep their calls."""
        for run in runs:
            run.options = ("--capture", str(self.raw / run.site), "--scrub")

    def want(self, situation: str, contacts: Sequence[str]) -> None:
        """Keep the calls of these contacts, by their ids."""
        self._wanted.setdefault(situation, []).extend(contacts)

    def cut(self) -> None:
        """Cut out what is wanted, in the place of what the folder has of these situations."""
        self.folder.mkdir(parents=True, exist_ok=True)
        found = [(path, captures.load(path)) for path in sorted(self.raw.glob("*/2*.jsonl"))]
        for situation, contacts in self._wanted.items():
            self._forget(situation)
            of_them = [each for each in found if _is_of(each[1], contacts)]
            of_them.sort(key=lambda each: each[1].header.at or 0.0)
            for number, (path, capture) in enumerate(of_them, 1):
                self._keep(path, capture, situation if number == 1 else f"{situation}, session {number}")

    def _keep(self, path: Path, capture: Capture, situation: str) -> None:
        made = excerpt(capture, Journals((path.parent,)), situation)
        (self.folder / f"{slug(situation)}.jsonl").write_bytes(b"".join(captures.write(made.capture)))
        if made.journal is not None:
            (self.folder / made.journal.name).write_bytes(b"".join(journals.write(made.journal)))

    def _forget(self, situation: str) -> None:
        for path in self.folder.glob(f"{slug(situation)}*.jsonl"):
            if re.fullmatch(rf"{slug(situation)}(_session_\d+)?", path.stem):
                capture = captures.load(path)
                assert capture.header.session == OUTBOUND
                pointer = Pointer.load(capture.facts.get("journal"))
                if pointer is not None:
                    (self.folder / pointer.file).unlink(missing_ok=True)
                path.unlink()


def _is_of(capture: Capture, contacts: Sequence[str]) -> bool:
    """A call of one of these contacts; agents who consult somebody have one, too."""
    said = capture.said_by(Side.FREESWITCH)
    return any(
        capture.facts.get("contact") == contact or f"variable_fsroute_contact: {contact}".encode() in said
        for contact in contacts
    )


def sentence(test: str) -> str:
    """The situation that a test is named by: ``test_a_caller_waits[east]`` is "a caller waits (east)"."""
    words = test.removeprefix("test_").replace("_", " ")
    return re.sub(r"\[(.*)\]$", r" (\1)", words)
