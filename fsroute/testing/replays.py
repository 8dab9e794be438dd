"""Captures as tests: each runs through the fsroute of today, by the rules of a file or those of its journal."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from fsroute.app import load_applications
from fsroute.callserver.library import Library
from fsroute.cli.replay import write_anew
from fsroute.cli.rule_files import trying_in
from fsroute.config import Config
from fsroute.coordinator.strategies import load
from fsroute.errors import FsrouteError
from fsroute.replay import format as captures
from fsroute.replay.beside import Journals
from fsroute.replay.differences import Kind
from fsroute.replay.elsewhere import CannotBeTold, CapturedCall, Comparison, staff_of
from fsroute.replay.faults import CaptureError
from fsroute.replay.player import Player
from fsroute.replay.reading import newest_document, read_call, with_what_was_seen
from fsroute.replay.report import show_calls
from fsroute.replay.telling import told
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
        self._players: dict[Path, Player] = {}

    def replay(self, path: Path, update: bool) -> Mapping[str, Any]:
        """``damaged``: what is wrong with a capture. ``skipped``: why it is no test. ``routing``: what goes elsewhere.
        ``calls``: what else differs.

        Raises:
            FsrouteError: the rules or the applications cannot be taken.
        """
        try:
            routing = self._routing(path)
            found = self._player(path).replay(captures.load(path))
        except CaptureError as error:
            return {"damaged": str(error)}
        if found.skipped:
            return {"skipped": found.skipped}
        if update and found.differences and found.accepted is not None:
            write_anew(path, found.accepted)
            found = self._player(path).replay(captures.load(path))
            routing = self._routing(path)
        left = tuple(each for each in found.differences if not (routing and each.kind is Kind.ROUTING))
        calls = [str(line) for line in told(replace(found, differences=left), WIDTH)] if left else []
        if update and calls:
            calls.append("this cannot be accepted, since what follows is not known: capture such a call anew")
        return {"routing": routing, "calls": "\n".join(calls)}

    def _player(self, path: Path) -> Player:
        """One for each folder of journals."""
        folder = self._journal or path.parent
        if folder not in self._players:
            rules = None if self._path is None else self._rules(path).new
            library = Library(load_applications(self._config))
            self._players[folder] = Player(Journals((folder,)), library, rules=rules)
        return self._players[folder]

    def _routing(self, path: Path) -> str:
        """The routing that differs, '' for none or where it cannot be told apart from the rest."""
        if self._path is None:
            return ""
        known = self._rules(path)
        comparison = Comparison(None, known.new, known.strategies, staff=known.staff, accepts=True)
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

    def _rules(self, path: Path) -> Comparison:
        """The rules of the file, read once."""
        if self._loaded is None:
            try:
                self._loaded = self._load(self._journal or path.parent)
            except FsrouteError as error:
                self._loaded = error
        if isinstance(self._loaded, FsrouteError):
            raise self._loaded
        return self._loaded

    def _load(self, folder: Path) -> Comparison:
        assert self._path is not None
        found = newest_document([folder])
        contents = EMPTY if found is None else Contents(found.document, found.agents, version=found.version)
        check = trying_in(self._house.new_database(), self._config, contents)
        loaded, before = check(self._path)
        return Comparison(
            None, loaded.rules, load().or_longest_idle, staff=staff_of(before, loaded.house.agents)
        )


def _shown(comparison: Comparison) -> str:
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    show_calls(comparison, console)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()).strip()
