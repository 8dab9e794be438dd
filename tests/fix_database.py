"""Databases for tests: one PostgreSQL for the session, a fresh copy of a migrated template for each test.

``FSROUTE_TEST_DATABASE`` may hold the connection string of another server, of a role that may
create databases.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fsroute.store.database import Database
from fsroute.store.embedded import EmbeddedPostgres
from fsroute.store.migrate import migrate
from fsroute.store.scratch import SETTINGS, new_folder

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The connection string of a server on which the tests may create databases."""
    given = os.environ.get("FSROUTE_TEST_DATABASE")
    if given:
        yield given
        return
    folder = new_folder()
    server = EmbeddedPostgres(folder, safe=False, settings=SETTINGS)
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated_template(postgres: str) -> Iterator[str]:
    """The name of a database with the present schema, to be copied."""
    name = f"fsroute_template_{os.getpid()}"
    perform(postgres, f"create database {name}")
    migrate(make_conninfo(postgres, dbname=name))
    yield name
    perform(postgres, f"drop database {name} with (force)")


@pytest.fixture
def new_database(postgres: str) -> Iterator[Callable[[str], str]]:
    """A function that makes a database from a template and returns its connection string."""
    made = []

    def make(template: str = "template1") -> str:
        name = f"fsroute_test_{os.getpid()}_{next(_numbers)}"
        perform(postgres, f"create database {name} template {template} strategy file_copy")
        made.append(name)
        return make_conninfo(postgres, dbname=name)

    yield make
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


def perform(conninfo: str, statement: str) -> None:
    """Perform one statement outside any transaction."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(statement.encode())
