"""What the application server publishes: each application's present bundle, with its hash."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from fsroute.errors import FsrouteError
from fsroute.workers import on_thread

log = logging.getLogger(__name__)


class Publication(Protocol):
    """The present version of one application in the published folder."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def contact_center(self) -> str: ...
    @property
    def path(self) -> Path: ...


Publications = Callable[[Path, dict[str, str]], Iterable[Publication]]
"""Reads the published folder; raises FsrouteError or OSError.

An application that cannot be read is noted in the mapping by its name: others', who share the folder, are served.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One application as sites may fetch it; `sequence` counts its publications, `size` is in bytes."""

    name: str
    version: str
    sequence: int
    contact_center: str
    sha256: str
    size: int
    path: Path


_Hashes = dict[tuple[Path, int, int, int], str]


class Catalogue:
    """The published folder as it was last read; requests are answered from memory. Without a folder it is empty."""

    def __init__(self, folder: Path | None, publications: Publications) -> None:
        self._folder = folder
        self._publications = publications
        self._hashes: _Hashes = {}
        self._fault = ""
        self.entries: Mapping[str, Entry] = MappingProxyType({})

    def refresh(self) -> set[str]:
        """Read the folder again, on a thread of its own; returns the names of what changed.

        What cannot be read stays as it was.
        """
        if self._folder is None:
            return set()
        try:
            found, hashes, faults = on_thread(_read, self._folder, self._publications, self._hashes)
        except (FsrouteError, OSError) as error:
            self._note(str(error))
            return set()
        self._note("; ".join(faults.values()))
        before = self.entries
        found |= {name: before[name] for name in faults if name in before}
        self.entries, self._hashes = MappingProxyType(found), hashes
        return {name for name in before.keys() | found.keys() if before.get(name) != found.get(name)}

    def of(self, contact_centers: frozenset[str]) -> list[Entry]:
        """The applications of these contact centers, in order of their names."""
        entries = sorted(self.entries.values(), key=lambda entry: entry.name)
        return [entry for entry in entries if entry.contact_center in contact_centers]

    def _note(self, fault: str) -> None:
        if fault and fault != self._fault:
            log.error("the published applications cannot be read, the last ones stay: %s", fault)
        self._fault = fault


def _read(
    folder: Path, publications: Publications, known: _Hashes
) -> tuple[dict[str, Entry], _Hashes, dict[str, str]]:
    entries: dict[str, Entry] = {}
    hashes: _Hashes = {}
    faults: dict[str, str] = {}
    for each in publications(folder, faults):
        try:
            entries[each.name] = _entry(each, known, hashes)
        except OSError as error:
            faults[each.name] = str(error)
    return entries, hashes, faults


def _entry(each: Publication, known: _Hashes, hashes: _Hashes) -> Entry:
    state = each.path.stat()
    key = (each.path, state.st_ino, state.st_size, state.st_mtime_ns)
    hashes[key] = known.get(key) or _hash(each.path)
    return Entry(
        each.name, each.version, each.sequence, each.contact_center, hashes[key], state.st_size, each.path
    )


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
