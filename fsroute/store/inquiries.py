"""An operator's own statements, asked read-only: the first row of each, within a time limit."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import psycopg

from fsroute.errors import ConfigurationError
from fsroute.store import connection as connections
from fsroute.store.connection import Connection
from fsroute.store.database import Row
from fsroute.store.faults import translate
from fsroute.store.pool import Pool
from fsroute.store.queries import Query, load, parse, queries
from fsroute.store.sqlfile import FileRefused, statements

OWN_PATH = '"$user",public'  # the search path of a database that is not fsroute's


class Inquiries:
    """Named statements on one database.

    Args:
        conninfo: of the database; a standby will do.
        statements: such as `statements_of` reads.
        of_fsroute: whether it is fsroute's own database, whose schema statements then find.
        size: connections at most; who finds all in use waits `patience` seconds.
    """

    def __init__(
        self,
        conninfo: str,
        statements: Mapping[str, Query],
        *,
        of_fsroute: bool = False,
        size: int = 4,
        patience: float = 1.0,
    ) -> None:
        self._conninfo = conninfo
        self._of_fsroute = of_fsroute
        self._statements = statements
        self._pool = Pool(self._connect, size, patience)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._statements)

    def first(self, name: str, parameters: Mapping[str, str], timeout: float) -> Row | None:
        """The first row of a statement, None when there is none; `timeout` in seconds.

        Raises:
            DatabaseUnavailable: the database is not there, or too slow.
            StoreError: it refused the statement, or there is none by this name.
        """
        query = self._statements[name]
        connection = self._pool.take()
        try:
            with connection.transaction():
                limit = queries()["limit_statement"]
                connection.execute(limit.text, {"milliseconds": f"{max(1, timeout * 1000):.0f}"})
                return _first(connection, query, parameters)
        except psycopg.Error as error:
            raise translate(error, name) from error
        finally:
            self._pool.give(connection)

    def close(self) -> None:
        self._pool.close()

    def _connect(self) -> Connection:
        wanted = connections.parameters(self._conninfo, "fsroute look-ups", connections.STATEMENT_TIMEOUT)
        wanted["target_session_attrs"] = "any"
        if not self._of_fsroute:
            wanted["options"] += f" -c search_path={OWN_PATH}"
        connection = connections.connect(wanted)
        connection.read_only = True
        return connection


def _first(connection: Connection, query: Query, parameters: Mapping[str, str]) -> Row | None:
    """One row is fetched, however many there are."""
    with connection.cursor() as cursor:
        rows = cursor.stream(query.text, parameters)
        assert isinstance(rows, Generator)
        with closing(rows):
            return next(rows, None)


def statements_of(path: Path) -> dict[str, Query]:
    """The statements of a folder of ``.sql`` files, or of one file, each under its name (as in ``sql/queries``).

    Raises:
        ConfigurationError: a file cannot be read, or does not hold one statement under each name.
    """
    try:
        found = load(path) if path.is_dir() else {each.name: each for each in _in_file(path)}
        for query in found.values():
            count = len(statements(query.text.decode()))
            if count != 1:
                raise ConfigurationError(f"{path}: {query.name} is {count} statements, not one")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"statements of look-ups: {error}") from error
    except FileRefused as error:
        raise ConfigurationError(f"{path}: {query.name}: {error}") from error
    return found


def _in_file(path: Path) -> Iterator[Query]:
    return parse(path.read_text(encoding="utf-8"), path.name)
