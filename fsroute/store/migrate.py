"""Bring a database to the schema that this fsroute knows.

``sql/migrations`` holds files named ``NNNN_words.sql``, applied in order, each in a transaction of
its own together with its row in ``schema_version``. Each is safe while the version before still runs.

What a migration locks, it locks for a moment: while it waits for a table, all who come after it wait behind it. So it
waits `LOCK_WAIT` at most, gives everything back, and tries again after a pause in which calls go on.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources.abc import Traversable

import gevent
import psycopg
from psycopg import errors

from fsroute import resources
from fsroute.errors import StoreError
from fsroute.store import connection as connections
from fsroute.store.connection import Connection
from fsroute.store.faults import translate
from fsroute.store.queries import queries

logger = logging.getLogger(__name__)

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")

LOCK_WAIT = 1.0  # seconds for a table that others use; statements of calls have 5 s in all
PAUSE = 1.0  # seconds between two attempts
PATIENCE = 120.0  # seconds in which a migration must get its tables
TURN = 0.25  # seconds between two looks whether another process has migrated
LONGEST_TURN = 1800.0  # seconds for another process to do so


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; versions count from 1 without a gap."""

    version: int
    name: str
    text: bytes

    @property
    def title(self) -> str:
        return f"{self.version:04d}_{self.name}"


@dataclass(frozen=True, slots=True)
class Patience:
    """Durations in seconds: those of the constants of the same names."""

    lock_wait: float = LOCK_WAIT
    pause: float = PAUSE
    patience: float = PATIENCE
    turn: float = TURN
    longest_turn: float = LONGEST_TURN


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


def migrate(
    conninfo: str,
    steps: list[Migration] | None = None,
    patience: Patience | None = None,
    *,
    roles: bool = False,
) -> list[str]:
    """Apply what is missing and return the names of what was applied; several at once take turns.

    `steps` are the migrations known, those that fsroute carries unless given. A database that lacks nothing is only
    read. With `roles` each part's role is made, and granted its rights (``sql/roles.sql``); where that was done before,
    it is done again after each migration.

    Raises:
        StoreError: a migration fails (it leaves nothing behind), does not get its tables, or the database is of a
            newer fsroute or of another history.
        DatabaseUnavailable: the database cannot be reached.
    """
    known = migrations() if steps is None else steps
    return _connected(conninfo, lambda connection: _migrate(connection, known, patience or Patience(), roles))


def missing(conninfo: str, steps: list[Migration] | None = None) -> list[str]:
    """The names of what `migrate` would apply; the database is only read. Raises as `migrate`."""
    known = migrations() if steps is None else steps
    return _connected(conninfo, lambda connection: [step.title for step in _missing(connection, known)])


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
        if names.get(version) != name:
            here = names.get(version, "unknown")
            raise StoreError(f"schema version {version} is {name} in the database and {here} here")
    return [step for step in known if step.version not in applied]


def _connected(conninfo: str, do: Callable[[Connection], list[str]]) -> list[str]:
    try:
        with connections.connect(connections.parameters(conninfo, "fsroute migrate", 0.0)) as connection:
            return do(connection)
    except psycopg.Error as error:
        raise translate(error, "migrate") from error


def _missing(connection: Connection, known: list[Migration]) -> list[Migration]:
    """What is missing, seen without a lock."""
    texts = queries()
    there = connection.execute(texts["migration_is_prepared"].text).fetchone()
    rows = []
    if there is not None and there["prepared"]:
        rows = connection.execute(texts["migration_versions"].text).fetchall()
    return check({row["version"]: row["name"] for row in rows}, known)


def _migrate(connection: Connection, known: list[Migration], patience: Patience, roles: bool) -> list[str]:
    if not roles and not _missing(connection, known):
        return []
    texts = queries()
    _take_turn(connection, patience)
    try:
        connection.execute(texts["migration_prepare"].text)
        found = _missing(connection, known)
        for step in found:
            _apply(connection, step, patience)
        if roles or (found and _has_roles(connection)):
            _grant(connection)
        return [step.title for step in found]
    finally:
        if not connection.closed:
            connection.execute(texts["migration_unlock"].text)


def _take_turn(connection: Connection, patience: Patience) -> None:
    """Wait while another process migrates.

    Raises:
        StoreError: it does not come to an end.
    """
    deadline, said = time.monotonic() + patience.longest_turn, False
    while True:
        row = connection.execute(queries()["migration_try_lock"].text).fetchone()
        if row is not None and row["locked"]:
            return
        if not said:
            logger.info("another process migrates the database; waiting for it")
            said = True
        if time.monotonic() > deadline:
            raise StoreError(
                f"another process has migrated the database for {patience.longest_turn:g} s and is not through: "
                "see the sessions named 'fsroute migrate' in pg_stat_activity"
            )
        gevent.sleep(patience.turn)


def _apply(connection: Connection, step: Migration, patience: Patience) -> None:
    logger.info("applying migration %s", step.title)
    deadline = time.monotonic() + patience.patience
    while True:
        try:
            _try(connection, step, patience.lock_wait)
            return
        except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
            if time.monotonic() > deadline:
                raise StoreError(
                    f"migration {step.title} did not get the tables that it changes within {patience.patience:g} s: "
                    "somebody holds them (a backup, a session left open in psql); nothing has changed"
                ) from error
            logger.info("migration %s waits: others use what it changes", step.title)
        except errors.InsufficientPrivilege as error:
            raise StoreError(
                f"migration {step.title} is missing, and is its schema's owner's to apply: {error}"
            ) from error
        except psycopg.Error as error:
            raise StoreError(f"migration {step.title}: {error}") from error
        gevent.sleep(patience.pause)


def _try(connection: Connection, step: Migration, lock_wait: float) -> None:
    texts = queries()
    with connection.transaction():
        connection.execute(texts["migration_lock_wait"].text, {"limit": f"{lock_wait * 1000:.0f}ms"})
        connection.execute(step.text)
        connection.execute(texts["migration_record"].text, {"version": step.version, "name": step.name})


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
