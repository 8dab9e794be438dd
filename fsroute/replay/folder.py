"""The folder that captures lie in: names, files that are being written, what a crash left, what is too old.

::

    20261128T203612.123Z-acme-1a2b3c4d.jsonl         a call
    link-20261128T203612.123Z-east-1-events.jsonl    a connection to a switch; later parts end in -p2, -p3…
    journal-20261128T203612.123Z-1.jsonl             what routing was told
    ….jsonl.4f5e6d7c.part                            being written by the process of that token
    .4f5e6d7c.lock                                   locked while that process lives
    .scrub-key                                       what fake names and numbers are made by

Nothing here touches gevent: a thread works with it.
"""

from __future__ import annotations

import fcntl
import os
import posix
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from fsroute.errors import ConfigurationError
from fsroute.replay import format as captures
from fsroute.replay.faults import CaptureError

STAMP: Final = "%Y%m%dT%H%M%S"
SEALED_READ: Final = 16 << 20  # bytes at the end of a cut file among which its last whole line is looked for

_APPENDS: Final = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_PART: Final = re.compile(r"(?P<name>[A-Za-z0-9_.-]+\.jsonl)\.(?P<token>[0-9a-f]{8})\.part")
_KEPT: Final = re.compile(
    r"(?:link-|journal-)?(?P<stamp>[0-9]{8}T[0-9]{6}\.[0-9]{3}Z)-[A-Za-z0-9_.-]+\.jsonl"
)
_STRANGE: Final = re.compile(r"[^A-Za-z0-9_]+")


def stamp(at: float) -> str:
    """`at` seconds since the epoch, as names have it: sorted by name is sorted by time."""
    seconds, thousandths = divmod(int(at * 1e6 + 0.5) // 1000, 1000)
    return f"{_second(seconds)}.{thousandths:03d}Z"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(STAMP)


def call_name(at: float, contact_center: str, channel_uuid: str) -> str:
    return f"{stamp(at)}-{_word(contact_center)}-{_word(channel_uuid[:8])}.jsonl"


def link_name(at: float, switch: str, link: str, part: int) -> str:
    later = f"-p{part}" if part > 1 else ""
    return f"link-{stamp(at)}-{_word(switch)}-{_word(link)}{later}.jsonl"


def _word(text: str) -> str:
    """A piece of a name: what others wrote is cut down to letters, digits and ``_``."""
    return _STRANGE.sub("_", text)[:40] or "none"


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of the folder: its name, bytes, and when it was last written (seconds since the epoch)."""

    name: str
    size: int
    written: float

    @property
    def is_journal(self) -> bool:
        return self.name.startswith("journal-")

    @property
    def began(self) -> str:
        """Its stamp; those of two files compare as their times do."""
        found = _KEPT.fullmatch(self.name)
        return found["stamp"] if found else ""


def too_many(files: Iterable[Kept], now: float, max_age: float, max_total_size: int) -> list[str]:
    """The names of those that go: older than `max_age` seconds, or the oldest beyond `max_total_size` bytes.

    A journal goes when no call is left that may point into it: none that began before its last line.
    """
    found = sorted(files, key=lambda each: (each.written, each.name))
    calls = [each for each in found if not each.is_journal]
    journals = [each for each in found if each.is_journal]
    total = sum(each.size for each in found)
    gone: list[Kept] = []

    def is_due(each: Kept) -> bool:
        return now - each.written > max_age or total > max_total_size

    while True:
        first = min((each.began for each in calls), default="~")
        while journals and stamp(journals[0].written + 1.0) < first and (calls or is_due(journals[0])):
            gone.append(journals.pop(0))
            total -= gone[-1].size
        if not calls or not is_due(calls[0]):
            return [each.name for each in gone]
        gone.append(calls.pop(0))
        total -= gone[-1].size


class Folder:
    """One folder, as one process writes to it.

    Raises:
        ConfigurationError: it cannot be made or written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._prefix = f"{path}{os.sep}"
        self.turns = 0
        """How often a file was written to: each time the interpreter was left to others."""
        self._token = secrets.token_hex(4)
        self._lock: int | None = None

    def open(self) -> None:
        """Make it if it is not there, for our eyes only, and finish what dead processes left."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self._lock_path(self._token), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        except OSError as error:
            raise ConfigurationError(f"captures cannot be kept in {self.path}: {error.strerror}") from error
        self.seal_what_was_left()

    def close(self) -> None:
        if self._lock is not None:
            self._lock_path(self._token).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def scrub_key(self) -> bytes:
        """The folder's secret, made when it is first asked for.

        Raises:
            ConfigurationError: it cannot be read or written.
        """
        path = self.path / ".scrub-key"
        try:
            if not path.exists():
                self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
                beside = self.path / f".scrub-key.{secrets.token_hex(4)}"
                self.append(str(beside), secrets.token_hex(32).encode())
                try:
                    os.link(beside, path)  # unless another process was first
                except FileExistsError:
                    pass
                beside.unlink()
            return path.read_bytes().strip()
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror}") from error

    def part(self, name: str) -> str:
        """Where a file is written that will be `name`."""
        return f"{self._prefix}{name}.{self._token}.part"

    def append(self, part: str, *pieces: bytes) -> None:
        """Raises OSError; a file that could not be written to the end is cut back to where it was."""
        self.turns += 1
        descriptor = os.open(part, _APPENDS, 0o600)
        try:
            written = os.writev(descriptor, pieces)
            if written < sum(map(len, pieces)):
                _write_rest(descriptor, b"".join(pieces), written)
        finally:
            posix.close(descriptor)  # that of `os` is gevent's, which looks for a watcher

    def complete(self, part: str, name: str) -> str:
        """Give a finished file its name; the one that it got, since another may have it. Raises OSError."""
        stem = name.removesuffix(".jsonl")
        for number in range(1, 1000):
            final = name if number == 1 else f"{stem}-{number}.jsonl"
            if not os.access(self._prefix + final, os.F_OK):
                break
        os.rename(part, self._prefix + final)
        return final

    def kept(self) -> Iterator[Kept]:
        """The finished files. Raises OSError."""
        with os.scandir(self.path) as entries:
            for entry in entries:
                if _KEPT.fullmatch(entry.name):
                    about = entry.stat(follow_symlinks=False)
                    yield Kept(entry.name, about.st_size, about.st_mtime)

    def tidy(self, now: float, max_age: float, max_total_size: int) -> int:
        """Delete what is too old or too much; how many files went. Raises OSError."""
        names = too_many(self.kept(), now, max_age, max_total_size)
        for name in names:
            (self.path / name).unlink(missing_ok=True)
        return len(names)

    def seal_what_was_left(self, own: bool = False) -> int:
        """Finish files that nobody writes to any more, with a last note that says so; how many.

        `own`: those of this process, too, which has given them up. Raises OSError.
        """
        sealed = 0
        for path in sorted(self.path.glob("*.part")):
            found = _PART.fullmatch(path.name)
            if found is None or not (
                self._is_dead(found["token"]) or (own and found["token"] == self._token)
            ):
                continue
            why = "given up" if found["token"] == self._token else "the process ended"
            if _seal(path, found["name"].startswith("journal-"), why):
                self.complete(str(path), found["name"])
                sealed += 1
            else:
                path.unlink()
        for lock in self.path.glob(".*.lock"):
            token = lock.name[1:].removesuffix(".lock")
            if token != self._token and self._is_dead(token):
                lock.unlink(missing_ok=True)
        return sealed

    def _lock_path(self, token: str) -> Path:
        return self.path / f".{token}.lock"

    def _is_dead(self, token: str) -> bool:
        """Nobody holds the lock of that token."""
        if token == self._token:
            return False
        try:
            descriptor = os.open(self._lock_path(token), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        return True


def _write_rest(descriptor: int, data: bytes, written: int) -> None:
    try:
        while written < len(data):
            written += os.write(descriptor, data[written:])
    except OSError:
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
        raise


def _seal(path: Path, is_journal: bool, why: str) -> bool:
    """Cut a file back to its last whole line and say there that it was cut off; False: there is no whole line."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - SEALED_READ)
        file.seek(start)
        tail = file.read()
        end = tail.rfind(b"\n") + 1
        file.truncate(start + end if end else 0)
        if end and not is_journal:
            file.seek(0, os.SEEK_END)
            file.write(captures.note_line(_last_time(tail[:end]), {"truncated": why, "end": why}))
    return bool(end)


def _last_time(text: bytes) -> float:
    """The t of the last line; no line after it may have a smaller one."""
    last = text.rstrip(b"\n").rpartition(b"\n")[2]
    found = re.match(rb'\{"t":([0-9.e+-]+),', last)
    return float(found[1]) if found else 0.0


def paths_of(path: Path) -> list[Path]:
    """The captures of calls and links in a folder, or the one file, oldest first.

    Raises:
        CaptureError: there is no such file.
    """
    if path.is_dir():
        return sorted(each for each in path.glob("*.jsonl") if not each.name.startswith("journal-"))
    if not path.exists():
        raise CaptureError(str(path), 0, "there is no such file")
    return [path]
