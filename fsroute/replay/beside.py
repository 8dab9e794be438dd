"""The journals that lie beside captured calls, each read once; what routing knew when a call began."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fsroute.replay import journal
from fsroute.replay.faults import CaptureError
from fsroute.replay.journal import Entry, Journal, Pointer, World, Worlds
from fsroute.routing.document import rule_set
from fsroute.routing.rules import RuleSet

MOST_FILES = 1000  # that one call goes over


@dataclass(slots=True)
class Journals:
    """Journals by their file names. `folders` are looked at for those that are asked for; `known` are there already."""

    folders: tuple[Path, ...] = ()
    known: dict[str, Journal | None] = field(default_factory=dict)
    _worlds: dict[Pointer, World] = field(default_factory=dict)
    _rules: dict[tuple[str, int | None, int], RuleSet] = field(default_factory=dict)

    def get(self, name: str) -> Journal | None:
        """The journal of this name; None: it is nowhere.

        Raises:
            CaptureError: it is damaged.
        """
        if name not in self.known:
            paths = (folder / f"{name}{part}" for folder in self.folders for part in ("", ".part"))
            path = next((path for path in paths if path.is_file()), None)
            self.known[name] = None if path is None else journal.load(path)
        return self.known[name]

    def prepare(self, pointers: Iterable[Pointer]) -> None:
        """Find the worlds of many calls, each journal gone through once."""
        wanted: dict[str, set[int]] = {}
        for pointer in pointers:
            if pointer not in self._worlds:
                wanted.setdefault(pointer.file, set()).add(pointer.n)
        for name, numbers in wanted.items():
            found = self.get(name)
            if found is None:
                continue
            there = {n for n in numbers if found.first <= n <= found.last}
            for n, world in found.worlds_at(there):
                self._worlds[Pointer(name, n)] = world

    def world(self, pointer: Pointer) -> World | None:
        """What was known at a pointer; None: its journal is not there.

        Raises:
            CaptureError: the journal is damaged, or does not hold it.
        """
        if pointer not in self._worlds:
            found = self.get(pointer.file)
            if found is None:
                return None
            self._worlds[pointer] = found.world_at(pointer.n)
        return self._worlds[pointer]

    def rules(self, pointer: Pointer, world: World) -> RuleSet | None:
        """The rules of a world, read once for all calls that they routed."""
        if world.rules is None:
            return None
        key = (pointer.file, world.rules_version, id(world.rules))
        if key not in self._rules:
            version = world.rules_version
            self._rules[key] = rule_set(world.rules, version, lenient=version is None)
        return self._rules[key]

    def between(self, begin: Pointer, end: Pointer | None) -> Iterator[Entry]:
        """What was taken in from `begin` to `end`, however often the file was changed meanwhile.

        Raises:
            CaptureError: a journal is damaged, or they do not follow each other.
        """
        name = begin.file
        leads: bool | None = None
        for _ in range(MOST_FILES):
            found = self.get(name)
            if found is None:
                return
            if leads is not None and found.header.leads != leads:
                yield from found.entries[: found.header.snapshot]  # what a leader begins with
            leads = found.header.leads
            is_last = end is None or end.file == name
            yield from found.after(begin.n, None if end is None or not is_last else end.n)
            if is_last:
                return
            name = journal.successor(name)
        raise CaptureError(begin.file, 0, f"the call goes over more than {MOST_FILES} journals")


def opened(world: World) -> Worlds:
    """A world that may go on; the one given stays as it is."""
    going = Worlds(world.leads)
    going.n, going.at = world.n, world.at
    going.rules_version, going.rules = world.rules_version, world.rules
    going.closed, going.numbers, going.applications = dict(world.closed), world.numbers, world.applications
    going.rates, going.handling = world.rates, world.handling
    going.agents, going.calls = dict(world.agents), dict(world.calls)
    return going


def pointer_of(facts: Mapping[str, Any], key: str) -> Pointer | None:
    """A pointer among a call's notes."""
    return Pointer.load(facts.get(key))
