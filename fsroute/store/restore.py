"""A backup is restored beside the present database, and takes its place in one transaction.

Until then nothing has changed; after it the database that was there is still there, under another name. So a restore
that fails, or was a mistake, has cost time and room and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import Identifier

from fsroute.errors import DatabaseUnavailable, StoreError
from fsroute.store import connection as connections
from fsroute.store.backup import read_manifest, verify
from fsroute.store.clients import client, running, without_password
from fsroute.store.connection import Connection
from fsroute.store.faults import translate
from fsroute.store.manifest import Manifest
from fsroute.store.migrate import check, migrate, migrations
from fsroute.store.queries import queries

logger = logging.getLogger(__name__)

MAINTENANCE = ("postgres", "template1")  # databases from which others are made and renamed
LONGEST_NAME = 40  # bytes of the database's name that are kept in the names of others; PostgreSQL takes 63 in all


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore would do. `missing` are migrations that the backup lacks; `manifest` None: it has none.

    `aside` is what the present database will be called; None: it is empty, and dropped.
    """

    file: Path
    manifest: Manifest | None
    database: str
    size: int
    aside: str | None
    fresh: str
    major: int
    missing: tuple[str, ...]


def plan(conninfo: str, file: Path, now: datetime, *, force: bool = False) -> Plan:
    """Look at everything, and change nothing. With `force` a manifest may be missing, or another's.

    Raises:
        StoreError: it cannot be done, or must not now; the text says why, and what to do.
        DatabaseUnavailable: the database cannot be reached.
    """
    manifest = _trusted(file, force)
    missing = [] if manifest is None else check(dict(manifest.schema), migrations())
    with _connected(conninfo) as connection:
        known = queries()
        present = connection.execute(known["restore_present"].text).fetchone()
        assert present is not None
        _refuse_served(connection, present["name"])
        empty = not present["has_schema"] or connection.execute(known["restore_is_empty"].text).fetchone()
    _refuse_unable(present)
    stem, stamp = present["name"].encode()[:LONGEST_NAME].decode(errors="ignore"), f"{now:%Y%m%d_%H%M%S}"
    return Plan(
        file=file,
        manifest=manifest,
        database=present["name"],
        size=present["size"],
        aside=None if empty is True or (empty and empty["empty"]) else f"{stem}_before_{stamp}",
        fresh=f"{stem}_restore_{stamp}",
        major=present["major"],
        missing=tuple(f"{step.version:04d}_{step.name}" for step in missing),
    )


def restore(conninfo: str, plan: Plan) -> dict[str, int]:
    """Do what `plan` says, and give how many rows there are of each table that is counted.

    Raises:
        StoreError: it failed, and the present database is as it was.
    """
    fresh = make_conninfo(conninfo, dbname=plan.fresh)
    try:
        with _maintenance(conninfo) as maintenance:
            _perform(maintenance, "restore_create", plan.fresh)
            try:
                _load(fresh, plan)
                rows = _settle(fresh, plan)
                migrate(fresh)
                with _connected(fresh) as connection:
                    connection.execute(queries()["restore_analyze"].text)
                _swap(maintenance, conninfo, plan)
            except BaseException:
                _perform(maintenance, "restore_drop", plan.fresh)
                raise
            return rows
    except psycopg.Error as error:
        raise translate(error, "restore") from error


def _trusted(file: Path, force: bool) -> Manifest | None:
    if not file.is_file():
        raise StoreError(f"{file} is no file")
    try:
        manifest = read_manifest(file)
        verify(file, manifest)
    except StoreError as error:
        if not force:
            raise StoreError(f"{error} (--force restores it all the same)") from None
        logger.warning("%s; restored all the same", error)
        return None
    return manifest


def _refuse_served(connection: Connection, database: str) -> None:
    connected = connection.execute(queries()["restore_connected"].text).fetchall()
    if connected:
        who = ", ".join(f"{row['program']} ({row['host']})" for row in connected)
        raise StoreError(
            f"the database {database} is in use by {who}: stop what serves, on all hosts, and try again"
        )


def _refuse_unable(present: Mapping[str, Any]) -> None:
    if not (present["may_create"] and present["is_owner"]):
        raise StoreError(
            f"the role {present['role']} may not replace the database {present['name']}: it must own it and have "
            f"CREATEDB; or let an administrator make an empty database and fill it with pg_restore --no-owner, "
            "then run fsroute migrate"
        )


def _load(fresh: str, plan: Plan) -> None:
    place, environment = without_password(fresh)
    oldest = plan.major if plan.manifest is None else max(plan.major, plan.manifest.postgresql)
    command = [
        client("pg_restore", oldest),
        "--no-owner",
        "--no-privileges",
        "--single-transaction",
        "--exit-on-error",
        f"--dbname={place}",
        str(plan.file.absolute()),
    ]
    with running(command, environment) as output:
        output.read()


def _settle(fresh: str, plan: Plan) -> dict[str, int]:
    """See that all is there that was backed up, and make events readable in this cluster."""
    known = queries()
    with _connected(fresh) as connection:
        with connection.transaction():
            connection.execute(known["restore_early"].text)
        rows = connection.execute(known["backup_counts"].text).fetchone()
    counted = dict(rows or {})
    if plan.manifest is not None and counted != plan.manifest.rows:
        raise StoreError(f"the restored database has {counted} rows, and the backup had {plan.manifest.rows}")
    return counted


def _swap(maintenance: Connection, conninfo: str, plan: Plan) -> None:
    """Nobody may be connected to either: PostgreSQL refuses to rename them otherwise, and all is as it was."""
    aside = plan.aside or f"{plan.fresh}_empty"
    with maintenance.transaction():
        _perform(maintenance, "restore_rename", plan.database, aside)
        _perform(maintenance, "restore_rename", plan.fresh, plan.database)
    if plan.aside is None:
        _perform(maintenance, "restore_drop", aside)


def _perform(connection: Connection, name: str, database: str, other: str = "-") -> None:
    text = queries()[name].text
    for mark, value in ((b"{name}", database), (b"{template}", other)):
        text = text.replace(mark, Identifier(value).as_bytes(connection))
    connection.execute(text)


@contextmanager
def _connected(conninfo: str) -> Iterator[Connection]:
    wanted = connections.parameters(conninfo, "fsroute restore", 0.0)
    with connections.connect(wanted) as connection:
        yield connection


def _maintenance(conninfo: str) -> Connection:
    """A connection to another database of the server: one's own cannot be renamed from within."""
    own = conninfo_to_dict(conninfo).get("dbname")
    fault: StoreError = DatabaseUnavailable("there is no database from which another can be made")
    for name in MAINTENANCE:
        if name != own:
            try:
                return connections.connect(
                    connections.parameters(make_conninfo(conninfo, dbname=name), "fsroute restore", 0.0)
                )
            except StoreError as error:
                fault = error
    raise fault
