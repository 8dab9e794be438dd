"""Databases for tests: one PostgreSQL for the session, a fresh copy of a migrated template for each test.

``FSROUTE_TEST_DATABASE`` may hold the connection string of another server, of a role that may
create databases.
"""

from __future__ import annotations

import itertools
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fsroute.store.database import Database
from fsroute.store.embedded import EmbeddedPostgres
from fsroute.store.migrate import migrate
from fsroute.store.scratch import SETTINGS, new_folder

_numbers = itertools.count()
_lookers: dict[str, psycopg.Connection[tuple[Any, ...]] | None] = {}
"""By the databases of the present test."""
_one_connects = threading.Lock()


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres | None]:
    """A server of the tests' own, None where another is given."""
    if os.environ.get("FSROUTE_TEST_DATABASE"):
        yield None
        return
    folder = new_folder()
    server = EmbeddedPostgres(folder, safe=False, settings=SETTINGS)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(server: EmbeddedPostgres | None) -> str:
    """The connection string of a server on which the tests may create databases."""
    return os.environ["FSROUTE_TEST_DATABASE"] if server is None else server.start()


@pytest.fixture(scope="session")
def migrated_template(postgres: str) -> Iterator[str]:
    """The name of a database with the present schema, to be copied."""
    name = f"fsroute_template_{os.getpid()}"
    perform(postgres, f"create database {name}")
    migrate(make_conninfo(postgres, dbname=name))
    yield name
    perform(postgres, f"drop database {name} with (force)")


@pytest.fixture
def new_database(server: EmbeddedPostgres | None, postgres: str) -> Iterator[Callable[[str], str]]:
    """A function that makes a database from a template and returns its connection string.

    Where the server has died under a test before, that test alone fails.
    """
    if server is not None and not server.is_running():
        server.start()
    made = []

    def make(template: str = "template1") -> str:
        name = f"fsroute_test_{os.getpid()}_{next(_numbers)}"
        perform(postgres, f"create database {name} template {template} strategy file_copy")
        made.append(name)
        conninfo = make_conninfo(postgres, dbname=name)
        _lookers[conninfo] = None
        return conninfo

    yield make
    while _lookers:
        _, connection = _lookers.popitem()
        if connection is not None:
            connection.close()
    for name in made:
        perform(postgres, f"drop database if exists {name} with (force)")


@pytest.fixture
def conninfo(migrated_template: str, new_database: Callable[[str], str]) -> str:
    """The connection string of a fresh, migrated database of the test's own."""
    return new_database(migrated_template)


@pytest.fixture
def database(conninfo: str) -> Iterator[Database]:
    """A fresh, migrated database of the test's own, opened."""
    with Database(conninfo) as opened:
        yield opened


def look(conninfo: str, text: str) -> list[tuple[Any, ...]]:
    """The rows of a statement in schema fsroute, which commits.

    In a database of the test's own by one connection that stays: who waits for something asks again and
    again, and to connect costs a hundred times as much as to ask.
    """
    if conninfo not in _lookers:
        with _connect(conninfo) as connection:
            return connection.execute(text.encode()).fetchall()
    kept = _looker(conninfo)
    try:
        return kept.execute(text.encode()).fetchall()
    except psycopg.OperationalError:
        if not kept.closed:
            raise
    return _looker(conninfo).execute(text.encode()).fetchall()  # somebody has ended all connections


def _looker(conninfo: str) -> psycopg.Connection[tuple[Any, ...]]:
    with _one_connects:
        kept = _lookers[conninfo]
        if kept is None or kept.closed:
            kept = _lookers[conninfo] = _connect(conninfo)
        return kept


def _connect(conninfo: str) -> psycopg.Connection[tuple[Any, ...]]:
    options = "-c search_path=fsroute"
    return psycopg.connect(conninfo, autocommit=True, prepare_threshold=None, options=options)


def perform(conninfo: str, statement: str) -> None:
    """Perform one statement outside any transaction."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(statement.encode())
