"""What the errors of PostgreSQL mean to fsroute: the one place where they are translated."""

from __future__ import annotations

import psycopg
from psycopg import errors

from fsroute.errors import (
    DatabaseUnavailable,
    Declined,
    Fenced,
    StoreConflict,
    StoreError,
    UnknownAgent,
)

FENCED = "FS001"
"""The SQLSTATE that fsroute's own SQL raises when the epoch given is no longer the present one."""

UNKNOWN_AGENT, DECLINED = "FS041", "FS042"
"""Those of the functions that agents and operators call; the detail is a word for programs."""

_OF_THE_CONNECTION = (
    errors.InterfaceError,
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
)

_UNAVAILABLE = (
    *_OF_THE_CONNECTION,
    errors.IdleInTransactionSessionTimeout,
    errors.LockNotAvailable,
    errors.ReadOnlySqlTransaction,  # the primary became a standby under us
)

_PASSING = ("53", "57", "58")
"""Classes of SQLSTATE that tell of the server, not of the statement.

It is short of something (disk, memory, connections), an operator or a time limit intervened, or the system below it
failed: what is refused now will be taken later.
"""


def translate(error: psycopg.Error, name: str = "") -> StoreError:
    """The error of fsroute for one of psycopg's; `name` is the statement's, for the text."""
    text = f"{name}: {error}".strip().removeprefix(": ")
    if error.sqlstate == FENCED:
        return Fenced(text)
    if error.sqlstate in (UNKNOWN_AGENT, DECLINED):
        return _declined(error)
    if isinstance(error, errors.UniqueViolation | errors.ExclusionViolation):
        return StoreConflict(text, error.diag.constraint_name)
    if (
        isinstance(error, _UNAVAILABLE)
        or (error.sqlstate or "").startswith(_PASSING)
        or _is_connection(error)
    ):
        return DatabaseUnavailable(text)
    return StoreError(text)


def _declined(error: psycopg.Error) -> Declined:
    text = error.diag.message_primary or str(error)
    if error.sqlstate == UNKNOWN_AGENT:
        return UnknownAgent(text, "unknown_agent")
    return Declined(text, error.diag.message_detail or "")


def is_of_the_connection(error: psycopg.Error) -> bool:
    """Did the connection fail, so that the statement may be tried on another one?"""
    return isinstance(error, _OF_THE_CONNECTION) or _is_connection(error)


def is_of_a_standby(error: psycopg.Error) -> bool:
    """Was the statement refused since the server takes no writes? Nothing was done, and the primary is elsewhere."""
    return isinstance(error, errors.ReadOnlySqlTransaction)


def is_deadlock(error: psycopg.Error) -> bool:
    """Was the statement sacrificed to a deadlock? All of it is undone, so that any may be tried again."""
    return isinstance(error, errors.DeadlockDetected)


def _is_connection(error: psycopg.Error) -> bool:
    """An operational error without a SQLSTATE comes from libpq; class 08 is the connection's."""
    if not isinstance(error, errors.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith("08")
