"""The file of secrets: keys of the configuration that only their owner may read."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import Any

from fsroute.errors import ConfigurationError

LARGEST = 1_000_000  # bytes


def with_secrets_file(table: dict[str, Any], path: Path, source: str) -> dict[str, Any]:
    """`table`, and what the file at `path` has besides; `source` names the configuration in errors.

    Raises:
        ConfigurationError: the file cannot be read, others than its owner may read or write it, it belongs
            neither to root nor to us (root reads anybody's), it is no TOML, or a key stands in both.
    """
    where = f"{source}: secrets_file {path}"
    try:
        more = tomllib.loads(_read_private(path, where).decode("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{where}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{where}: is no UTF-8") from error
    except tomllib.TOMLDecodeError:
        raise ConfigurationError(f"{where}: is no TOML") from None  # the error might show a secret
    return _merged(table, more, where, "")


def _read_private(path: Path, where: str) -> bytes:
    """The file's bytes; what is checked is what is read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        entry = os.fstat(descriptor)
        if not stat.S_ISREG(entry.st_mode):
            raise ConfigurationError(f"{where}: is no file")
        if entry.st_mode & 0o077:
            mode = stat.S_IMODE(entry.st_mode)
            raise ConfigurationError(f"{where}: mode {mode:04o} lets others in: chmod 0600 {path}")
        if os.geteuid() != 0 and entry.st_uid not in (0, os.geteuid()):
            raise ConfigurationError(f"{where}: belongs to another user (uid {entry.st_uid})")
        return file.read(LARGEST)


def _merged(ours: dict[str, Any], more: dict[str, Any], where: str, path: str) -> dict[str, Any]:
    merged = dict(ours)
    for key, value in more.items():
        name = f"{path}{key}"
        if key not in ours:
            merged[key] = value
        elif isinstance(value, dict) and isinstance(ours[key], dict):
            merged[key] = _merged(ours[key], value, where, f"{name}.")
        else:
            raise ConfigurationError(f"{where}: {name} stands in the configuration, too")
    return merged
