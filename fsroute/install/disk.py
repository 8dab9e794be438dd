"""FreeSWITCH's folders on this host's disk, changed so that no symbolic link is ever followed below them.

Every step to a file goes from folder to folder by descriptor (``O_NOFOLLOW``). A file is written beside its place and
put there in one step: whoever reads finds the old one or the new one, also after a power cut.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from fsroute.errors import ConfigurationError
from fsroute.install.manifest import Was, digest
from fsroute.install.plan import There

LARGEST = 64_000_000  # bytes of a file that is looked at
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_WITHIN = "any"  # a name, so that the folder is the one that a target lies in
_KINDS = {
    stat.S_IFLNK: "symbolic link",
    stat.S_IFDIR: "folder",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}


class Disk:
    """The roots by name; a target is ``root/path``."""

    def __init__(self, roots: Mapping[str, Path]) -> None:
        self.roots = {name: path.resolve() for name, path in roots.items()}

    def path(self, target: str) -> Path:
        root, _, rest = target.partition("/")
        return self.roots[root] / rest

    def look(self, target: str) -> There | None:
        """What lies there; None for nothing. Raises ConfigurationError where a folder on the way is a link."""
        with self._folder(target) as (folder, name):
            return None if folder is None else _look(folder, name)

    def write(self, target: str, content: bytes, was: Was | None, expected: str | None) -> None:
        """Put a file where the present content has the hash `expected` (None: nothing is there).

        Owner, mode and time are those of `was`; without it owner and mode follow from the folder.

        Raises:
            ConfigurationError: something else lies there by now, or it cannot be written.
        """
        with self._folder(target, must=True) as (folder, name):
            assert folder is not None
            fresh = f".{name}.fsroute"
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh, dir_fd=folder)
            _write_fresh(folder, fresh, content, was)
            self._expect(target, folder, name, expected)
            if expected is None:
                _put_where_nothing_is(folder, fresh, name, target)
            else:
                os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)

    def remove(self, target: str, expected: str) -> None:
        """Remove the file whose content has the hash `expected`; raises ConfigurationError where it is another."""
        with self._folder(target, must=True) as (folder, name):
            assert folder is not None
            self._expect(target, folder, name, expected)
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    def clear_fresh(self, target: str) -> None:
        """Remove what an interrupted `write` left beside the file."""
        with self._folder(target) as (folder, name), contextlib.suppress(FileNotFoundError):
            if folder is not None:
                os.unlink(f".{name}.fsroute", dir_fd=folder)

    def missing_folders(self, target: str) -> list[str]:
        """The folders on the way to a target that are not there, outermost first, as targets."""
        root, *steps = target.split("/")[:-1]
        names = ["/".join([root, *steps[: index + 1]]) for index in range(len(steps))]
        return [name for name in names if self.look(name) is None]

    def make_folder(self, target: str) -> None:
        """Make a folder, owned and open as the one it lies in."""
        with self._folder(target, must=True) as (folder, name):
            assert folder is not None
            around = os.fstat(folder)
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=folder)
                made = os.open(name, _FOLDER, dir_fd=folder)
                try:
                    _own(made, around.st_uid, around.st_gid)
                    os.fchmod(made, stat.S_IMODE(around.st_mode))
                finally:
                    os.close(made)
            os.fsync(folder)

    def remove_folder(self, target: str) -> bool:
        """Remove a folder unless something lies in it; returns whether it is gone."""
        with self._folder(target) as (folder, name):
            if folder is None:
                return True
            try:
                os.rmdir(name, dir_fd=folder)
            except FileNotFoundError:
                return True
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    return False
                raise
            os.fsync(folder)
            return True

    def folder_time(self, target: str) -> int | None:
        """When a folder, or a root, was changed last, in nanoseconds; None where it is not there."""
        with self._folder(f"{target}/{_WITHIN}") as (folder, _):
            return None if folder is None else os.fstat(folder).st_mtime_ns

    def set_folder_time(self, target: str, moment: int) -> None:
        with self._folder(f"{target}/{_WITHIN}") as (folder, _):
            if folder is not None:
                os.utime(folder, ns=(os.fstat(folder).st_atime_ns, moment))

    def _expect(self, target: str, folder: int, name: str, expected: str | None) -> None:
        lies = _look(folder, name)
        if (lies is None) != (expected is None) or (lies is not None and digest(lies.content) != expected):
            raise ConfigurationError(f"{self.path(target)} has been changed by somebody else meanwhile")

    @contextlib.contextmanager
    def _folder(self, target: str, *, must: bool = False) -> Iterator[tuple[int | None, str]]:
        """The open folder that a target lies in (None if it is not there), and the target's name in it."""
        root, *steps, name = target.split("/")
        if root not in self.roots or any(step in ("", ".", "..") for step in (*steps, name)):
            raise ConfigurationError(f"{target!r} is no place that fsroute puts a file")
        place = self.roots[root]
        descriptor: int | None = None
        try:
            descriptor = os.open(place, _FOLDER)
            for step in steps:
                place /= step
                inner = os.open(step, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
        except FileNotFoundError as error:
            if must or descriptor is None:
                raise ConfigurationError(f"{place} is not there") from error
            os.close(descriptor)
            descriptor = None
        except OSError as error:
            if descriptor is not None:
                os.close(descriptor)
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise ConfigurationError(
                    f"{place} is a symbolic link, or no folder: fsroute does not write through it"
                ) from error
            raise ConfigurationError(f"{place}: {error.strerror}") from error
        try:
            yield descriptor, name
        except OSError as error:
            raise ConfigurationError(f"{self.path(target)}: {error.strerror}") from error
        finally:
            if descriptor is not None:
                os.close(descriptor)


def _look(folder: int, name: str) -> There | None:
    try:
        entry = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(entry.st_mode):
        return There(other=_KINDS.get(stat.S_IFMT(entry.st_mode), "device"))
    if entry.st_size > LARGEST:
        return There(other=f"file of {entry.st_size} bytes")
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    with open(descriptor, "rb") as file:
        content = file.read()
    return There(content, stat.S_IMODE(entry.st_mode), entry.st_uid, entry.st_gid, entry.st_mtime_ns)


def _write_fresh(folder: int, name: str, content: bytes, was: Was | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    around = os.fstat(folder)
    mode = was.mode if was else stat.S_IMODE(around.st_mode) & 0o664
    descriptor = os.open(name, flags, 0o600, dir_fd=folder)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        _own(descriptor, was.uid if was else around.st_uid, was.gid if was else around.st_gid)
        os.fchmod(descriptor, mode)
        if was:
            os.utime(descriptor, ns=(was.mtime_ns, was.mtime_ns))
        os.fsync(descriptor)


def _put_where_nothing_is(folder: int, fresh: str, name: str, target: str) -> None:
    """In one step, and only if nobody was there first."""
    try:
        os.link(fresh, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError as error:
        raise ConfigurationError(f"{target} has been made by somebody else meanwhile") from error
    finally:
        os.unlink(fresh, dir_fd=folder)


def _own(descriptor: int, uid: int, gid: int) -> None:
    """Give a file to its folder's owner, as far as we may."""
    if os.geteuid() == 0:
        os.fchown(descriptor, uid, gid)
