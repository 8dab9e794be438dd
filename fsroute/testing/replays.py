"""Captures as tests: each runs through the fsroute of today, by the rules of a file or those of its journal."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from fsroute.cli.rule_files import FaultyRules, trying_in
from fsroute.config import Config
from fsroute.coordinator.strategies import load
from fsroute.errors import FsrouteError
from fsroute.replay.elsewhere import CannotBeTold, CapturedCall, Comparison, staff_of
from fsroute.replay.faults import CaptureError
from fsroute.replay.reading import newest_document, read_call, with_what_was_seen
from fsroute.replay.report import show_calls
from fsroute.store.scratch import EMPTY, Contents

if TYPE_CHECKING:
    from fsroute.testing.house import House

WIDTH = 100  # columns of a report


class Replays:
    """The captures of one test run under one file of rules ('': those of each journal)."""

    def __init__(self, house: House, rules: str, config: Config, journal: str) -> None:
        self._house = house
        self._path = Path(rules) if rules else None
        self._config = config
        self._journal = Path(journal) if journal else None
        self._loaded: Comparison | FsrouteError | None = None

    def replay(self, path: Path, update: bool) -> Mapping[str, Any]:
        """``damaged`` says what is wrong with a capture, ``routing`` what goes elsewhere, ``ladder`` what else differs.

        Raises:
            FsrouteError: the rules cannot be taken.
        """
        try:
            return {"routing": self._routing(path)}
        except CaptureError as error:
            return {"damaged": str(error)}

    def _routing(self, path: Path) -> str:
        """The routing that differs, '' for none or where it cannot be told apart from the rest."""
        if self._path is None:
            return ""
        comparison = self._comparison(path)
        try:
            call = read_call(path)
        except CannotBeTold:
            return ""
        for each in with_what_was_seen([] if call is None else [call], self._journal):
            if isinstance(each, CapturedCall):
                comparison.add(each)
            else:
                comparison.pass_over(*each)
        return _shown(comparison)

    def _comparison(self, path: Path) -> Comparison:
        """A fresh one, of rules that are read once."""
        if self._loaded is None:
            try:
                self._loaded = self._load(self._journal or path.parent)
            except FsrouteError as error:
                self._loaded = error
        if isinstance(self._loaded, FsrouteError):
            raise self._loaded
        known = self._loaded
        return Comparison(None, known.new, known.strategies, staff=known.staff)

    def _load(self, folder: Path) -> Comparison:
        assert self._path is not None
        found = newest_document([folder])
        contents = EMPTY if found is None else Contents(found.document, found.agents, version=found.version)
        try:
            loaded, before = trying_in(self._house.new_database(), self._config, contents)(self._path)
        except FaultyRules as error:
            raise FsrouteError("\n".join(str(fault) for fault in error.faults)) from None
        return Comparison(
            None, loaded.rules, load().or_longest_idle, staff=staff_of(before, loaded.house.agents)
        )


def _shown(comparison: Comparison) -> str:
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    show_calls(comparison, console)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()).strip()
