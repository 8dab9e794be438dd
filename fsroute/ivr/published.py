"""How a published application lies in its folder: its place, whose turn it is, and its records."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from fsroute.errors import ApplicationError
from fsroute.ivr.manifest import NAME, VERSION, BundleRefused
from fsroute.ivr.steps import Form

CURRENT = "current"
HISTORY = "history"
LOCK = ".lock"
PATIENCE = 10.0  # seconds that a publisher waits for its turn
LONGEST_HISTORY = 50_000_000  # bytes
LONGEST_LINE = 10_000  # bytes


class Record(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A line of ``current`` and ``history``; `at` in seconds since the epoch, `size` in bytes."""

    sequence: Annotated[int, Meta(ge=1)]
    version: str
    act: Literal["publish", "rollback"]
    at: float
    sha256: str
    size: int
    contact_center: str
    key_id: str
    expires_at: int | None = None


# One application's place


def place_of(folder: Path, name: str) -> Path:
    """The folder of an application's versions.

    Raises:
        ApplicationError: `name` is no application's.
    """
    if not is_form(NAME, name):
        raise ApplicationError(f"{name!r} {NAME.words}")
    return folder / name


def is_form(form: Form, text: str) -> bool:
    """Whether the whole of `text` has this form."""
    return re.fullmatch(form.pattern, text) is not None


@contextmanager
def turn(folder: Path, name: str, *, make: bool = False) -> Iterator[Path]:
    """The place of an application, with nobody else writing there."""
    place = place_of(folder, name)
    try:
        if make:
            place.mkdir(parents=True, exist_ok=True)
        elif not place.is_dir():
            raise ApplicationError(f"{name}: nothing is published in {folder}")
        with (place / LOCK).open("ab") as lock:
            _take(lock.fileno(), f"{place}: somebody else has been publishing for {PATIENCE:.0f} s")
            yield place
    except OSError as error:
        raise ApplicationError(f"{place} cannot be written: {error.strerror}") from error


def _take(handle: int, otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise ApplicationError(otherwise) from None
            time.sleep(0.02)


def keep(path: Path, data: bytes, what: str) -> None:
    """Write the archive, unless it is there; one with another content is never replaced."""
    if path.exists():
        if path.read_bytes() != data:
            raise BundleRefused(f"{what} is published with another content; give it another version")
        return
    _write_whole(path, data)


def make_current(place: Path, record: Record) -> None:
    """Write `record` behind the history, then as what counts."""
    line = msgspec.json.encode(record) + b"\n"
    path = place / HISTORY
    before = path.read_bytes() if path.exists() else b""
    _write_whole(path, before + line)
    _write_whole(place / CURRENT, line)


def _write_whole(path: Path, content: bytes) -> None:
    """The file is there whole or not at all, whenever it is read and whatever stops."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# What is written there


def current_record(place: Path) -> Record | None:
    """The record of what counts, None if nothing does yet."""
    path = place / CURRENT
    try:
        with path.open("rb") as file:
            line = file.read(LONGEST_LINE + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ApplicationError(f"{path} cannot be read: {error.strerror}") from error
    return _record(line, str(path))


def history(place: Path) -> Iterator[Record]:
    """Every publication and rollback, oldest first."""
    path = place / HISTORY
    try:
        if path.stat().st_size > LONGEST_HISTORY:
            raise ApplicationError(f"{path}: larger than {LONGEST_HISTORY} bytes")
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ApplicationError(f"{path} cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        yield _record(line, f"{path}: line {number}")


def _record(line: bytes, where: str) -> Record:
    try:
        record = msgspec.json.decode(line, type=Record)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ApplicationError(f"{where}: is no record of a publication: {error}") from error
    if len(line) > LONGEST_LINE or not is_form(VERSION, record.version):
        raise ApplicationError(f"{where}: is no record of a publication")
    return record
