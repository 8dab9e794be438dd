"""Connections kept open for reuse, in the manner of gevent.

psycopg_pool is not used: a greenlet that is killed while it waits for a connection (its caller hung
up) takes that connection out of the pool for good, and after an outage the pool tries again only
after pauses that double without a bound of ours. Here a caller connects in its own greenlet, and
learns the true reason when that fails.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from gevent.lock import BoundedSemaphore
from psycopg.pq import TransactionStatus

from fsroute.errors import DatabaseUnavailable, StoreError
from fsroute.store.connection import Connection, is_alive

logger = logging.getLogger(__name__)

PAUSE = 0.25  # seconds after a failure to connect during which nobody tries; after it one does


class Pool:
    """At most `size` connections made by `connect`; the one used last is taken first.

    `patience` is how long a caller waits, in seconds, when all are in use.
    """

    def __init__(self, connect: Callable[[], Connection], size: int, patience: float = 5.0) -> None:
        self.size = size
        self._connect = connect
        self._patience = patience
        self._slots = BoundedSemaphore(size)
        self._idle: list[Connection] = []
        self._fault: StoreError | None = None
        self._failed_at = self._away_since = 0.0
        self._trying = False
        self._closed = False
        self.opened = 0
        """Connections made so far; more than `size` means that some were lost."""
        self.failures = 0
        """Attempts to connect that failed."""

    @property
    def in_use(self) -> int:
        return self.size - self._slots.counter

    @property
    def idle(self) -> int:
        return len(self._idle)

    def take(self) -> Connection:
        """A connection that is not known to be dead; give it back with `give`.

        Raises:
            DatabaseUnavailable: the database cannot be reached, or all connections are in use.
        """
        if not self._slots.acquire(timeout=self._patience):
            raise DatabaseUnavailable(f"all {self.size} connections were in use for {self._patience:g} s")
        try:
            return self._idle_one() or self._new()
        except BaseException:
            self._slots.release()
            raise

    def give(self, connection: Connection) -> None:
        """Take a connection back; one that is broken or amid a statement is closed."""
        try:
            if self._closed or connection.pgconn.transaction_status != TransactionStatus.IDLE:
                connection.close()
            else:
                self._idle.append(connection)
        finally:
            self._slots.release()

    def fill(self, number: int) -> None:
        """Open `number` connections in advance."""
        taken: list[Connection] = []
        try:
            for _ in range(min(number, self.size)):
                taken.append(self.take())
        finally:
            for connection in taken:
                self.give(connection)

    def renew(self, connection: Connection) -> None:
        """This connection, and so each idle one, leads to a server that is not the primary any more: begin anew."""
        connection.close()
        while self._idle:
            self._idle.pop().close()

    def close(self) -> None:
        """Close the idle connections now and the others when they are given back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _idle_one(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if is_alive(connection):
                return connection
            connection.close()
        return None

    def _new(self) -> Connection:
        if self._closed:
            raise DatabaseUnavailable("the database was closed")
        if self._fault is not None:
            if self._trying or time.monotonic() < self._failed_at + PAUSE:
                raise type(self._fault)(str(self._fault))
            self._trying = True
        try:
            connection = self._connect()
        except StoreError as fault:
            self._failed(fault)
            raise
        finally:
            self._trying = False
        self.opened += 1
        if self._fault is not None:
            logger.warning("the database answers again after %.1f s", time.monotonic() - self._away_since)
            self._fault = None
        return connection

    def _failed(self, fault: StoreError) -> None:
        self.failures += 1
        if self._fault is None:
            self._away_since = time.monotonic()
            logger.error("the database does not answer: %s", " ".join(str(fault).split()))
        self._fault, self._failed_at = fault, time.monotonic()
