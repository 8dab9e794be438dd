"""The database as the other rooms see it: named statements in, rows out, errors of fsroute."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import gevent
import psycopg
from psycopg.pq import TransactionStatus

from fsroute.errors import StoreError, Unanswered
from fsroute.store import connection as connections
from fsroute.store.connection import Connection
from fsroute.store.faults import (
    is_deadlock,
    is_of_a_standby,
    is_of_the_connection,
    is_outdated_plan,
    translate,
)
from fsroute.store.pool import Pool
from fsroute.store.queries import Query, queries

logger = logging.getLogger(__name__)

PAUSES = (0.02, 0.05, 0.1, 0.2)  # seconds at most before a statement that the server undid is tried again

Row = dict[str, Any]
Cursor = psycopg.Cursor[Row]
Observe = Callable[[str, float, StoreError | None], None]
"""Is told of each statement: its name, the seconds it took, what became of it if that was an error."""


class Statements:
    """The four ways to perform a named statement; `_perform` says on which connection."""

    def __init__(self, statements: Mapping[str, Query]) -> None:
        self._statements = statements

    def _perform(self, query: Query, parameters: Mapping[str, Any]) -> Cursor:
        raise NotImplementedError

    def run(self, name: str, /, **parameters: Any) -> list[Row]:
        """The rows of a statement.

        Raises:
            DatabaseUnavailable: the database could not be reached, went away or was too slow.
            Unanswered: it went away during the statement, which it may have done.
            Fenced: the epoch given is no longer the present one.
            StoreConflict: a unique constraint refused a row.
            StoreError: the database refused it for another reason.
        """
        return self._perform(self._query(name), parameters).fetchall()

    def one(self, name: str, /, **parameters: Any) -> Row | None:
        """The first row, None when there is none; raises as `run`."""
        return self._perform(self._query(name), parameters).fetchone()

    def value(self, name: str, /, **parameters: Any) -> Any:
        """The first column of the first row, None when there is none; raises as `run`."""
        row = self.one(name, **parameters)
        return None if row is None else next(iter(row.values()))

    def execute(self, name: str, /, **parameters: Any) -> int:
        """How many rows the statement touched; raises as `run`."""
        return self._perform(self._query(name), parameters).rowcount

    def _query(self, name: str) -> Query:
        try:
            return self._statements[name]
        except KeyError:
            raise StoreError(f"there is no query named {name!r}") from None


class Database(Statements):
    """A PostgreSQL database, by a pool of at most `max_size` connections.

    Each statement commits by itself, and is tried once more if it was sacrificed to a deadlock, or if it came to
    a server that has become a standby: then on a connection to the primary. A caller
    waits up to `patience` seconds when all connections are in use; a statement that takes longer than
    `statement_timeout` seconds is given up.
    `statements` are those of ``sql/queries`` unless given. `observe` must not wait.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        min_size: int = 2,
        max_size: int = 16,
        application_name: str = "fsroute",
        statement_timeout: float = connections.STATEMENT_TIMEOUT,
        patience: float = 5.0,
        statements: Mapping[str, Query] | None = None,
        observe: Observe | None = None,
    ) -> None:
        super().__init__(queries() if statements is None else statements)
        self.conninfo = conninfo
        self._name = application_name
        self._min_size = min_size
        self._statement_timeout = statement_timeout
        self.pool = self._pool = Pool(self.connect, max_size, patience)
        self._observe = observe

    def open(self) -> None:
        """Connect; raises DatabaseUnavailable or StoreError with the reason."""
        self._pool.fill(max(1, self._min_size))

    def close(self) -> None:
        self._pool.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def connect(self, purpose: str = "") -> Connection:
        """A connection outside the pool, the caller's to close; `purpose` shows in pg_stat_activity.

        Raises:
            DatabaseUnavailable, StoreError: the database is not there, or refuses us.
        """
        name = f"{self._name} {purpose}".strip()
        return connections.connect(connections.parameters(self.conninfo, name, self._statement_timeout))

    @contextmanager
    def transaction(self) -> Iterator[Statements]:
        """Statements that commit together at the end of the block, or not at all when it raises."""
        connection = self._pool.take()
        try:
            connection.autocommit = False
            yield _Transaction(connection, self._statements)
            _commit(connection)
        except BaseException as error:
            _roll_back(connection)
            if isinstance(error.__cause__, psycopg.Error) and is_outdated_plan(error.__cause__):
                connection.close()
            raise
        finally:
            if connection.pgconn.transaction_status == TransactionStatus.IDLE:
                connection.autocommit = True
            self._pool.give(connection)

    def _perform(self, query: Query, parameters: Mapping[str, Any]) -> Cursor:
        if self._observe is None:
            return self._tried(query, parameters)
        began, fault = time.perf_counter(), None
        try:
            return self._tried(query, parameters)
        except StoreError as error:
            fault = error
            raise
        finally:
            self._observe(query.name, time.perf_counter() - began, fault)

    def _tried(self, query: Query, parameters: Mapping[str, Any]) -> Cursor:
        """Perform it, and again what the server undid; after each time a longer pause, for the others to go first."""
        for pause in PAUSES:
            try:
                return self._planned(query, parameters)
            except psycopg.Error as error:
                if not (is_deadlock(error) or is_of_a_standby(error)):
                    if query.repeatable and is_of_the_connection(error):
                        break
                    raise _fault(error, query.name) from error
                logger.info("%s: %s; trying again", query.name, str(error).partition("\n")[0])
            gevent.sleep(random.uniform(pause / 2, pause))
        try:
            return self._planned(query, parameters)
        except psycopg.Error as error:
            raise _fault(error, query.name) from error

    def _planned(self, query: Query, parameters: Mapping[str, Any]) -> Cursor:
        """Perform it, on another connection where a migration has changed what it gives: each may have prepared it."""
        for _ in range(self._pool.size):
            try:
                return self._once(query, parameters)
            except psycopg.Error as error:
                if not is_outdated_plan(error):
                    raise
        return self._once(query, parameters)

    def _once(self, query: Query, parameters: Mapping[str, Any]) -> Cursor:
        connection = self._pool.take()
        try:
            return connection.execute(query.text, parameters)
        except psycopg.Error as error:
            if is_outdated_plan(error):
                connection.close()
            if is_of_a_standby(error):
                self._pool.renew(connection)
            raise
        finally:
            self._pool.give(connection)


class _Transaction(Statements):
    def __init__(self, connection: Connection, statements: Mapping[str, Query]) -> None:
        super().__init__(statements)
        self._connection = connection

    def _perform(self, query: Query, parameters: Mapping[str, Any]) -> Cursor:
        try:
            return self._connection.execute(query.text, parameters)
        except psycopg.Error as error:
            raise translate(error, query.name) from error


def _fault(error: psycopg.Error, name: str) -> StoreError:
    """What became of a statement on a connection that had been made."""
    fault = translate(error, name)
    return Unanswered(str(fault)) if is_of_the_connection(error) else fault


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except psycopg.Error as error:
        raise _fault(error, "commit") from error


def _roll_back(connection: Connection) -> None:
    """Undo, where the connection still can; the pool closes it otherwise, which undoes as well."""
    if connection.pgconn.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        try:
            connection.rollback()
        except psycopg.Error as error:
            logger.info("rollback: %s", error)
