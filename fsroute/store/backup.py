"""A backup of the database, taken while everything runs.

It is pg_dump's: consistent as of one moment, taken through an ordinary connection, of an embedded and of any other
database alike, and restored by a newer PostgreSQL on another processor, too. (pg_basebackup would copy the embedded
server's files: a superuser's right, the same version and processor ever after, and not one database of several.)
It locks nothing that a call needs; only a migration that changes a table waits until it is through.

What makes FILE whole is done last: until then it is called ``FILE.PID.part``.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg

import fsroute
from fsroute.errors import StoreError
from fsroute.store import connection as connections
from fsroute.store.clients import client, running, without_password
from fsroute.store.connection import Connection
from fsroute.store.faults import translate
from fsroute.store.manifest import FORMAT, LONGEST, SUFFIX, Manifest, decode, encode
from fsroute.store.queries import queries

CHUNK = 1 << 20  # bytes
ABANDONED = 86_400.0  # seconds after which a part is taken for that of a backup that was killed
_NAME = re.compile(r"fsroute-\d{8}T\d{6}Z\.dump")


def file_in(folder: Path, now: datetime) -> Path:
    """The name of a backup that is made now, in UTC, among others in a folder."""
    return folder / f"fsroute-{now:%Y%m%dT%H%M%SZ}.dump"


def backup(conninfo: str, file: Path, now: datetime) -> Manifest:
    """Write a backup to `file`, and its manifest beside it.

    Raises:
        StoreError: the file is there already or cannot be written, pg_dump is missing or failed, or the database
            has no schema of fsroute's. Nothing is left then.
        DatabaseUnavailable: the database cannot be reached.
    """
    _refuse_present(file)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        _remove_abandoned(file)
        with _snapshot(conninfo) as (connection, snapshot, major):
            schema, rows = _facts(connection)
            size, digest = _dump(conninfo, part, snapshot, major)
        manifest = Manifest(
            format=FORMAT,
            made_at=now,
            fsroute=fsroute.__version__,
            postgresql=major,
            size=size,
            sha256=digest,
            schema=schema,
            rows=rows,
        )
        _publish(part, file, manifest)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror or error}") from error
    except psycopg.Error as error:
        raise translate(error, "backup") from error
    finally:
        part.unlink(missing_ok=True)
    return manifest


def prune(folder: Path, keep: int) -> list[Path]:
    """Delete all but the `keep` newest backups that `file_in` has named and that are whole; gives those deleted."""
    whole = sorted(
        file
        for file in folder.iterdir()
        if _NAME.fullmatch(file.name) and file.with_name(file.name + SUFFIX).is_file()
    )
    old = whole[: max(0, len(whole) - keep)]
    for file in old:
        file.unlink()
        file.with_name(file.name + SUFFIX).unlink(missing_ok=True)
    return old


def read_manifest(file: Path) -> Manifest:
    """The manifest beside a dump.

    Raises:
        StoreError: there is none, or it is none.
    """
    beside = file.with_name(file.name + SUFFIX)
    try:
        with beside.open("rb") as handle:
            return decode(handle.read(LONGEST + 1), str(beside))
    except FileNotFoundError:
        raise StoreError(f"{beside} is missing: {file} is not a whole backup") from None
    except OSError as error:
        raise StoreError(f"{beside}: {error.strerror}") from error


def verify(file: Path, manifest: Manifest) -> None:
    """See that the dump is the one that the manifest speaks of.

    Raises:
        StoreError: it is not, or cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    try:
        with file.open("rb") as handle:
            while chunk := handle.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}") from error
    if size != manifest.size:
        raise StoreError(f"{file} has {size} bytes and not {manifest.size}: it is not whole")
    if digest.hexdigest() != manifest.sha256:
        raise StoreError(f"{file} is not what was written: its checksum is another")


def _refuse_present(file: Path) -> None:
    if os.path.lexists(file):
        raise StoreError(f"{file} is there already; a backup replaces nothing")


@contextmanager
def _snapshot(conninfo: str) -> Iterator[tuple[Connection, str, int]]:
    """A connection that holds a snapshot for the block, the snapshot's name, and the server's major version."""
    known = queries()
    with connections.connect(connections.parameters(conninfo, "fsroute backup", 0.0)) as connection:
        connection.execute(known["backup_begin"].text)
        row = connection.execute(known["backup_snapshot"].text).fetchone()
        assert row is not None
        yield connection, row["snapshot"], row["major"]
        connection.rollback()


def _facts(connection: Connection) -> tuple[dict[int, str], dict[str, int]]:
    """The schema's versions and how many rows there are, as of the snapshot."""
    known = queries()
    try:
        versions = connection.execute(known["backup_schema"].text).fetchall()
    except psycopg.errors.UndefinedTable:
        raise StoreError("the database has no schema of fsroute's: there is nothing to back up") from None
    counts = connection.execute(known["backup_counts"].text).fetchone()
    return {row["version"]: row["name"] for row in versions}, dict(counts or {})


def _dump(conninfo: str, part: Path, snapshot: str, major: int) -> tuple[int, str]:
    """Let pg_dump write `part`; gives its bytes and their SHA-256."""
    place, environment = without_password(conninfo)
    command = [
        client("pg_dump", major),
        "--format=custom",
        "--schema=fsroute",
        "--no-owner",
        f"--snapshot={snapshot}",
        f"--dbname={place}",
    ]
    digest, size = hashlib.sha256(), 0
    with (
        open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle,
        running(command, environment) as output,
    ):
        while chunk := output.read(CHUNK):
            handle.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        handle.flush()
        os.fsync(handle.fileno())
    return size, digest.hexdigest()


def _publish(part: Path, file: Path, manifest: Manifest) -> None:
    """Give the dump its name once its manifest lies there; of two backups of one name, one comes through."""
    beside = file.with_name(file.name + SUFFIX)
    fresh = part.with_name(part.name + SUFFIX)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        _refuse_present(file)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
            handle.write(encode(manifest))
            handle.flush()
            os.fsync(handle.fileno())
        fresh.rename(beside)
        part.rename(file)
        os.fsync(folder)
    finally:
        fresh.unlink(missing_ok=True)
        os.close(folder)


def _remove_abandoned(file: Path) -> None:
    """What backups of this name that were killed have left."""
    for part in file.parent.glob("*.part*"):
        if re.fullmatch(rf"({re.escape(file.name)}|{_NAME.pattern})\.\d+\.part(\.json)?", part.name):
            with contextlib.suppress(OSError):
                if part.stat().st_mtime < time.time() - ABANDONED:
                    part.unlink()
