"""The shelf: accepted applications of remote centers on this host's disk, from which they serve without any network.

::

    applications/
      .users                          locked, shared, by each process that has the shelf
      .incoming/…                     what is being fetched
      orders/accepted.json            which version serves, and where it came from
      orders/1.2-0a1b2c3d/            its application.toml and prompts
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from fsroute.callserver.offered import Accepted
from fsroute.errors import ConfigurationError, FsrouteError

log = logging.getLogger(__name__)

RECORD = "accepted.json"
INCOMING = ".incoming"
USERS = ".users"
LONGEST_RECORD = 65_536  # bytes
KEPT_FREE = 500_000_000  # bytes of the disk, which the database may be on: no center fills it up


class ShelfFailed(FsrouteError):
    """The disk does not take what is fetched."""


class Shelf:
    """One folder. Its methods wait for the disk: they are called on a thread of their own.

    Several processes of one host may have it at a time, as while one takes the place of another: only who is alone
    throws anything away, since calls of the others may hear it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._users: BinaryIO | None = None

    def open(self) -> None:
        """Make the folder, and throw away what was being fetched when the process ended.

        Raises:
            ConfigurationError: it cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.close()
            self._users = (self.folder / USERS).open("ab")
            if self._is_alone():
                shutil.rmtree(self.folder / INCOMING, ignore_errors=True)
            (self.folder / INCOMING).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"{self.folder}: applications cannot be kept: {error.strerror}"
            ) from error

    def close(self) -> None:
        """Leave the folder to others."""
        if self._users is not None:
            self._users.close()
            self._users = None

    def _is_alone(self) -> bool:
        """Whether no other process has the shelf; this one has it from now on."""
        if self._users is None:
            return False
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            fcntl.flock(self._users, fcntl.LOCK_SH)
        return True

    def accepted(self) -> list[Accepted]:
        """What serves, in order of the names; a record that cannot be read is left out, and said."""
        found = []
        for path in sorted(self.folder.glob(f"*/{RECORD}")):
            try:
                if path.stat().st_size > LONGEST_RECORD:
                    raise ValueError("too long")
                record = msgspec.json.decode(path.read_bytes(), type=Accepted)
                if record.name != path.parent.name:
                    raise ValueError(f"it is of {record.name}")
                found.append(record)
            except (OSError, ValueError, msgspec.DecodeError) as error:
                log.error("%s cannot be read, the application does not serve: %s", path, error)
        return found

    def place(self, record: Accepted) -> Path:
        """Where its files are."""
        return (self.folder / record.name / f"{record.version}-{record.sha256[:8]}").resolve()

    def incoming(self, file_name: str) -> Incoming:
        """A new file of this name to fetch into.

        Raises:
            ShelfFailed: the disk is nearly full.
        """
        free = shutil.disk_usage(self.folder).free
        if free < KEPT_FREE:
            raise ShelfFailed(f"{self.folder}: {free} bytes are free, {KEPT_FREE} are kept free")
        return Incoming(Path(tempfile.mkdtemp(dir=self.folder / INCOMING)) / file_name)

    def put(self, record: Accepted, unpack: Callable[[Path], object]) -> Path:
        """Have `unpack` write the files, unless they are there; it does so in whole or not at all.

        Raises:
            ApplicationError, OSError: it could not.
        """
        place = self.place(record)
        if not place.is_dir():
            place.parent.mkdir(exist_ok=True)
            unpack(place)
        return place

    def take(self, record: Accepted) -> None:
        """Throw away files that turned out not to be an application."""
        shutil.rmtree(self.place(record), ignore_errors=True)

    def note(self, record: Accepted) -> None:
        """Write down what serves: after this, a restart serves it.

        Raises:
            OSError: the disk does not take it.
        """
        path = self.folder / record.name / RECORD
        path.parent.mkdir(exist_ok=True)
        new = path.with_suffix(f".{secrets.token_hex(4)}.new")
        with new.open("wb") as file:
            file.write(msgspec.json.encode(record))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def prune(self, name: str, keep: Collection[Path]) -> None:
        """Throw away the versions of an application that are not to be kept."""
        if not self._is_alone():
            return
        for place in (self.folder / name).iterdir():
            if place.is_dir() and place.resolve() not in keep:
                shutil.rmtree(place, ignore_errors=True)


class Incoming:
    """A file that is being fetched; it is gone when it is closed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")

    def restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()

    def write(self, piece: bytes) -> None:
        """Take a piece.

        Raises:
            ShelfFailed: the disk does not take it.
        """
        try:
            self._file.write(piece)
        except OSError as error:  # not the server's fault, as it would pass for in the middle of its answer
            raise ShelfFailed(f"{self.path.parent.parent} cannot be written: {error.strerror}") from error

    def complete(self) -> None:
        self._file.flush()

    def close(self) -> None:
        with suppress(OSError):  # of what a full disk did not take
            self._file.close()
        shutil.rmtree(self.path.parent, ignore_errors=True)
