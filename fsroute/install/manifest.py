"""What fsroute has put on a switch: paths, hashes, modes, and what was there before. Pure."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from fsroute.errors import ConfigurationError

FORMAT = 1


class Was(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that lay somewhere before: its content by hash (kept among the backups), owner and times."""

    sha256: str
    mode: int
    uid: int
    gid: int
    mtime_ns: int


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of ours. `before` is what the administrator had there, None for nothing."""

    target: str
    sha256: str
    mode: int
    before: Was | None = None


class FolderTime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a folder that we wrote into was changed last, in nanoseconds: by others, and then by us."""

    was: int
    left: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it. `folders` are targets of folders that we made, parents first; `roots` are where targets lie.

    `times` has the folders of others that we wrote into.
    """

    version: str
    roots: dict[str, str]
    files: tuple[Entry, ...] = ()
    folders: tuple[str, ...] = ()
    times: dict[str, FolderTime] = {}
    format: int = FORMAT

    def entry(self, target: str) -> Entry | None:
        return next((each for each in self.files if each.target == target), None)


def encode(document: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def decode(content: bytes, path: Path) -> Manifest:
    """Raises ConfigurationError where the file is damaged, or of a newer fsroute."""
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{path}: damaged, or of a newer fsroute: {error}") from error
    if manifest.format != FORMAT:
        raise ConfigurationError(f"{path}: is of another fsroute (format {manifest.format})")
    return manifest


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
