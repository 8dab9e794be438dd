"""Where `fsroute install` remembers what it did: manifest, backups by hash, and the journal of what is under way.

It lies below fsroute's own state folder, one folder for each FreeSWITCH: nothing of it is in FreeSWITCH's tree.
The state folder belongs to the user that fsroute runs as, while the installer is mostly root. So what is read here
counts only where it is root's or our own, and nobody else may write to it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from fsroute.errors import ConfigurationError
from fsroute.install.manifest import Manifest, Was, decode, digest, encode


class Change(msgspec.Struct, frozen=True):
    """One file that is being changed: its hash afterwards (None: removed), and what it was (None: nothing)."""

    target: str
    new: str | None
    old: Was | None


class Journal(msgspec.Struct, frozen=True):
    """What is under way. `manifest` is the hash of the manifest that makes it done, empty for none."""

    roots: dict[str, str]
    changes: tuple[Change, ...]
    made_folders: tuple[str, ...]
    removed_folders: tuple[str, ...]
    manifest: str


class Book:
    """The memory for the FreeSWITCH whose configuration lies in `conf_dir`."""

    def __init__(self, state: Path, conf_dir: Path) -> None:
        name = hashlib.sha256(os.fsencode(conf_dir.resolve())).hexdigest()[:12]
        self.folder = state / "install" / name
        self._manifest = self.folder / "manifest.json"
        self._journal = self.folder / "journal.json"
        self.backups = self.folder / "backups"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One at a time; the kernel frees the lock of a process that died.

        Raises:
            ConfigurationError: another `fsroute install` is under way.
        """
        self._make_folder()
        _trusted(self.folder, self.folder.lstat())
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigurationError("another fsroute install or uninstall is under way") from None
            yield
        finally:
            os.close(handle)

    def manifest(self) -> Manifest | None:
        content = _read(self._manifest)
        return None if content is None else decode(content, self._manifest)

    def journal(self) -> Journal | None:
        content = _read(self._journal)
        try:
            return None if content is None else msgspec.json.decode(content, type=Journal)
        except msgspec.DecodeError as error:
            raise ConfigurationError(f"{self._journal}: damaged: {error}") from error

    def is_done(self, journal: Journal) -> bool:
        """Whether the manifest is the one that the journal leads to: only the journal is left to be thrown away."""
        content = _read(self._manifest)
        return journal.manifest == (digest(content) if content is not None else "")

    def begin(self, journal: Journal) -> None:
        self._make_folder()
        _write(self._journal, encode(journal))

    def finish(self, manifest: Manifest | None) -> None:
        """What was begun is done: from now on `manifest` is the truth."""
        if manifest is None:
            self._manifest.unlink(missing_ok=True)
        else:
            _write(self._manifest, encode(manifest))
        self.forget_journal()

    def forget_journal(self) -> None:
        self._journal.unlink(missing_ok=True)
        _sync(self.folder)

    def keep(self, content: bytes) -> Path:
        """Put a content among the backups; returns where it is."""
        self._make_folder()
        self.backups.mkdir(mode=0o700, exist_ok=True)
        path = self.backups / digest(content)
        if not path.exists():
            _write(path, content)
        return path

    def keep_edited(self, target: str, content: bytes) -> Path:
        """Keep for the administrator what somebody wrote into a file of ours; returns where it is."""
        self._make_folder()
        folder = self.folder / "edited"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{target.replace('/', '_')}.{digest(content)[:12]}"
        _write(path, content)
        return path

    def kept(self, sha256: str) -> bytes:
        """Raises ConfigurationError where the backup is gone or damaged."""
        content = _read(self.backups / sha256)
        if content is None or digest(content) != sha256:
            raise ConfigurationError(f"the backup {self.backups / sha256} is missing or damaged")
        return content

    def clear_backups(self, needed: set[str]) -> None:
        """Forget the contents that nothing refers to any more."""
        if self.backups.is_dir():
            for path in self.backups.iterdir():
                if path.name not in needed:
                    path.unlink()

    def _make_folder(self) -> None:
        try:
            self.folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"{self.folder}: cannot be made: {error.strerror}") from error


def _read(path: Path) -> bytes | None:
    try:
        _trusted(path.parent, path.parent.lstat())
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    with open(descriptor, "rb") as file:
        _trusted(path, os.fstat(descriptor))
        return file.read()


def _trusted(path: Path, entry: os.stat_result) -> None:
    """Raise ConfigurationError where somebody else could have written what lies there."""
    plain = stat.S_ISREG(entry.st_mode) or stat.S_ISDIR(entry.st_mode)
    if not plain or entry.st_uid not in (0, os.geteuid()) or entry.st_mode & 0o022:
        raise ConfigurationError(
            f"{path} is not ours alone: somebody else may have written it, so it is not believed"
        )


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
