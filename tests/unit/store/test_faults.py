"""What the errors of PostgreSQL mean to fsroute."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from fsroute.errors import DatabaseUnavailable, Fenced, StoreError
from fsroute.store.faults import is_of_a_standby, is_of_the_connection, translate


@pytest.mark.parametrize(
    "sqlstate", ["53000", "53100", "53200", "53300", "53400", "57014", "57P01", "57P02", "57P03", "57P05", "58000",
                 "58030", "25006", "55P03", "08006"],
)  # fmt: skip
def test_a_server_that_is_short_of_something_will_take_it_later(sqlstate: str) -> None:
    assert isinstance(translate(errors.lookup(sqlstate)("text")), DatabaseUnavailable)


@pytest.mark.parametrize("sqlstate", ["23514", "42P01", "22001", "XX000", "40001"])
def test_a_statement_that_is_wrong_is_wrong_for_ever(sqlstate: str) -> None:
    error = translate(errors.lookup(sqlstate)("text"))
    assert isinstance(error, StoreError)
    assert not isinstance(error, DatabaseUnavailable)


def test_a_connection_that_was_reset_tells_nothing_of_the_statement() -> None:
    lost = psycopg.OperationalError("consuming input failed: Connection reset by peer")
    assert isinstance(translate(lost), DatabaseUnavailable)
    assert is_of_the_connection(lost)
    assert not is_of_the_connection(errors.QueryCanceled("text"))
    assert not is_of_the_connection(errors.DiskFull("text"))


def test_a_standby_did_nothing_of_what_it_was_asked() -> None:
    assert is_of_a_standby(errors.ReadOnlySqlTransaction("text"))
    assert not is_of_a_standby(errors.AdminShutdown("text"))


def test_a_fenced_leader_is_told_so() -> None:
    class Fence(psycopg.DatabaseError):
        sqlstate = "FS001"

    assert isinstance(translate(Fence("text")), Fenced)
