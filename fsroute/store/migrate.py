"""Bring a database to the schema that this fsroute knows.

``sql/migrations`` holds files named ``NNNN_words.sql``, applied in order, each in a transaction of
its own together with its row in ``schema_version``. Each is safe while the version before still runs.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from importlib.resources.abc import Traversable

import psycopg

from fsroute import resources
from fsroute.errors import StoreError
from fsroute.store import connection as connections
from fsroute.store.connection import Connection
from fsroute.store.faults import translate
from fsroute.store.queries import queries

logger = logging.getLogger(__name__)

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; versions count from 1 without a gap."""

    version: int
    name: str
    text: bytes


def load(folder: Traversable) -> list[Migration]:
    """The migrations in `folder`, in order.

    Raises:
        ValueError: a file is misnamed, or a number is missing or stands twice.
    """
    found = []
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".sql"):
            match = _NAME.fullmatch(file.name)
            if match is None:
                raise ValueError(f"{file.name}: a migration is named NNNN_words.sql")
            found.append(Migration(int(match[1]), match[2], file.read_text(encoding="utf-8").encode()))
    if [each.version for each in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"the migrations are not numbered one by one: {[each.version for each in found]}")
    return found


def migrations() -> list[Migration]:
    """The migrations that fsroute carries."""
    return load(resources.folder("sql").joinpath("migrations"))


def migrate(conninfo: str, steps: list[Migration] | None = None, *, roles: bool = False) -> list[str]:
    """Apply what is missing and return the names of what was applied; several at once take turns.

    `steps` are the migrations known, those that fsroute carries unless given. With `roles` each part's role is made,
    and granted its rights (``sql/roles.sql``); where that was done before, it is done again after each migration.

    Raises:
        StoreError: a migration fails (it leaves nothing behind), or the database is of a newer
            fsroute or of another history.
        DatabaseUnavailable: the database cannot be reached.
    """
    known = migrations() if steps is None else steps
    try:
        with connections.connect(connections.parameters(conninfo, "fsroute migrate", 0.0)) as connection:
            return _migrate(connection, known, roles)
    except psycopg.Error as error:
        raise translate(error, "migrate") from error


def check(applied: dict[int, str], known: list[Migration]) -> list[Migration]:
    """What is missing in a database that has `applied` (version to name).

    Raises:
        StoreError: the database has a version that is not known, or by another name.
    """
    names = {step.version: step.name for step in known}
    newest, latest = max(applied, default=0), max(names, default=0)
    if newest > latest:
        raise StoreError(
            f"the database has schema version {newest} ({applied[newest]}), this fsroute knows versions "
            f"up to {latest}: install the fsroute that the database belongs to"
        )
    for version, name in applied.items():
        if names[version] != name:
            raise StoreError(f"schema version {version} is {name} in the database and {names[version]} here")
    return [step for step in known if step.version not in applied]


def _migrate(connection: Connection, known: list[Migration], roles: bool) -> list[str]:
    texts = queries()
    connection.execute(texts["migration_lock"].text)
    try:
        connection.execute(texts["migration_prepare"].text)
        rows = connection.execute(texts["migration_versions"].text).fetchall()
        missing = check({row["version"]: row["name"] for row in rows}, known)
        for step in missing:
            _apply(connection, step)
        if roles or (missing and _has_roles(connection)):
            _grant(connection)
        return [f"{step.version:04d}_{step.name}" for step in missing]
    finally:
        if not connection.closed:
            connection.execute(texts["migration_unlock"].text)


def _apply(connection: Connection, step: Migration) -> None:
    logger.info("applying migration %04d %s", step.version, step.name)
    try:
        with connection.transaction():
            connection.execute(step.text)
            record = queries()["migration_record"].text
            connection.execute(record, {"version": step.version, "name": step.name})
    except psycopg.errors.InsufficientPrivilege as error:
        raise StoreError(
            f"migration {step.version:04d}_{step.name} is missing, and is its schema's owner's to apply: {error}"
        ) from error
    except psycopg.Error as error:
        raise StoreError(f"migration {step.version:04d}_{step.name}: {error}") from error


def _has_roles(connection: Connection) -> bool:
    row = connection.execute(queries()["migration_has_roles"].text).fetchone()
    return row is not None and bool(row["exists"])


def _grant(connection: Connection) -> None:
    text = resources.folder("sql").joinpath("roles.sql").read_text(encoding="utf-8")
    try:
        with connection.transaction():
            connection.execute(text.encode())
    except psycopg.errors.InsufficientPrivilege as error:
        raise StoreError(
            f"the roles of fsroute's parts are for the database's administrator to make, as whom"
            f" `fsroute migrate --roles` must connect the first time: {error}"
        ) from error
    except psycopg.Error as error:
        raise translate(error, "roles.sql") from error
