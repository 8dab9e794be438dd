"""A person's traces in a folder of captures: calls of the person go, the rest is masked where it stands.

A connection to a switch, and the journal of what routing was told, are of many callers: numbers and names in them
are overwritten by as many bytes that say nothing, so that every frame keeps its length, and whoever writes goes on.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fsroute.customers.numbers import Plan
from fsroute.errors import ConfigurationError
from fsroute.privacy.person import Person, masked

_FILE = re.compile(r"(?P<shared>link-|journal-)?[A-Za-z0-9_.-]+\.jsonl(?P<part>\.[0-9a-f]{8}\.part)?")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What came of a folder: names of files deleted and masked, and of those that could not be."""

    deleted: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def clean(
    folder: Path, person: Person, plan: Plan, *, by_mark_alone: bool = False, dry: bool = False
) -> Cleaned:
    """Take a person out of a folder; with `dry` only say what would be done.

    `by_mark_alone`: a call goes if it is one of the person's contacts, not if only the number is the same.

    Raises:
        ConfigurationError: the folder cannot be read.
    """
    traces, calls = person.traces(plan), person.calls()
    found = _Found()
    for path, shared, in_use in _files(folder):
        try:
            data = path.read_bytes()
            of_them = traces is not None and (traces.search(data) is not None or _is_split(data, traces))
            if not shared and ((calls and calls.search(data)) or (of_them and not by_mark_alone)):
                found.delete(path, in_use, dry)
            elif shared and of_them and traces is not None:
                found.mask(path, data, traces, in_use, dry)
        except FileNotFoundError:
            continue  # deleted, or given its name, meanwhile
        except OSError as error:
            found.left.append(f"{path.name} ({error.strerror})")
    return Cleaned(tuple(found.deleted), tuple(found.masked), tuple(found.left))


class _Found:
    """What is done to files, and by whose names it is told."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.masked: list[str] = []
        self.left: list[str] = []

    def delete(self, path: Path, in_use: bool, dry: bool) -> None:
        if in_use:
            self.left.append(path.name)
            return
        if not dry:
            path.unlink()
        self.deleted.append(path.name)

    def mask(self, path: Path, data: bytes, traces: re.Pattern[bytes], in_use: bool, dry: bool) -> None:
        """Where a trace is split over two pieces there is nothing to mask: the file goes."""
        if _is_split(data, traces):
            self.delete(path, in_use, dry)
            return
        if not dry:
            _mask(path, data, traces)
        self.masked.append(path.name)


def _files(folder: Path) -> Iterator[tuple[Path, bool, bool]]:
    """(path, whether it is of many calls, whether somebody may be writing it)."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise ConfigurationError(f"captures in {folder} cannot be read: {error.strerror}") from error
    for name in names:
        found = _FILE.fullmatch(name)
        if found is not None and not (folder / name).is_symlink():
            yield folder / name, found["shared"] is not None, found["part"] is not None


def _is_split(data: bytes, traces: re.Pattern[bytes]) -> bool:
    """Whether a trace stands across two pieces of what one side said, so that no line has it."""
    said: dict[str, list[bytes]] = {}
    for line in data.splitlines():
        try:
            document = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            document = _by_the_slow_reader(line)
        if isinstance(document, dict) and isinstance(document.get("data"), str):
            said.setdefault(str(document.get("from")), []).append(
                document["data"].encode("utf-8", "surrogateescape")
            )
    return any(
        sum(1 for _ in traces.finditer(b"".join(pieces)))
        > sum(1 for piece in pieces for _ in traces.finditer(piece))
        for pieces in said.values()
    )


def _by_the_slow_reader(line: bytes) -> object:
    """Bytes that are no UTF-8 are lone surrogates; a line that was cut off is nothing."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _mask(path: Path, data: bytes, traces: re.Pattern[bytes]) -> None:
    """In place: nobody else moves a byte of a file that only grows. It stays as old as it was."""
    before = path.stat()
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        for found in traces.finditer(data):
            os.pwrite(descriptor, masked(found[0]), found.start())
        os.fsync(descriptor)
        os.utime(descriptor, ns=(before.st_atime_ns, before.st_mtime_ns))
    finally:
        os.close(descriptor)
