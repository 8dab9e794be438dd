"""Leadership among several processes: who holds a name, and since which epoch.

Two signs, and which one decides:

- The row in ``lease`` is the truth. Its epoch grows with each leader and fences every write: a
  leader that has been replaced is refused by the database, whatever it believes.
- A session advisory lock shows at once that a leader's process has died: the kernel closes its
  connection, the server frees the lock, and the next one who tries has it.

When a leader's host or link has died, its session may linger with the lock. Then the standby counts
for how long it has *itself* seen the row not being renewed, by a database that answered quickly all
the while: a slow database is not a dead leader. After the lease's duration the standby raises the
epoch and ends that session.

A leader does not step down because the database is slow or away: nobody can replace it there, and if
somebody did, the epoch tells. One whose process was hanging asks first (`Lease.is_overdue`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gevent
import gevent.event
import gevent.lock
import psycopg

from fsroute.errors import DatabaseUnavailable, StoreError
from fsroute.outage import Outage
from fsroute.store.connection import Connection
from fsroute.store.database import Database
from fsroute.store.faults import is_of_a_standby, translate
from fsroute.store.queries import queries
from fsroute.store.waiting import readable

logger = logging.getLogger(__name__)

DURATION = 10.0  # seconds without renewal after which a leader counts as dead
POLL = 0.25  # seconds between a standby's attempts to get the lock
RENEWALS = 5  # per duration
PULSES = 10  # per duration: how often a leader sees that its process runs
SLOW = 1.0  # seconds; an answer that takes longer tells nothing of the leader
GRACE = 1.5  # seconds that a standby whose own connection died leaves to the leader, whose did too
RESIGN_LIMIT = 2.0  # seconds


@dataclass(slots=True)
class Watch:
    """For how long a standby has seen one and the same state of the row, undisturbed. Pure.

    `state` is what changes with each renewal; times are monotonic seconds.
    """

    state: object = None
    since: float = 0.0
    last: float = 0.0

    def seen(self, state: object, asked: float, answered: float) -> float:
        """Note an answer and return how long the state has stood.

        The count begins anew when the state changes, when the answer was slow, and when the last
        one is long ago: in that time the leader may have been unable to renew.
        """
        if state != self.state or answered - asked > SLOW or asked - self.last > 2 * SLOW:
            self.state, self.since = state, answered
        self.last = answered
        return answered - self.since


class Lease:
    """The lease `name`, for which `holder` (unique for each process) stands.

    `on_lost` is called in a greenlet of its own when somebody else has the lease that we held.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        holder: str,
        duration: float = DURATION,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.holder = holder
        self.duration = duration
        self.epoch: int | None = None
        self.lost = gevent.event.Event()
        """Set while we do not lead."""
        self.lost.set()
        self.on_lost = on_lost
        self._database = database
        self._connection: Connection | None = None
        self._locked = False
        self._broke_at = -GRACE
        self._pulse_at = 0.0  # monotonic seconds: when this process was seen to run
        self._hung_at: float | None = (
            None  # when it was seen to have been hanging; None: asked since whether it is ours
        )
        self._one_at_a_time = gevent.lock.RLock()
        self._renewer: gevent.Greenlet[..., None] | None = None
        self._pulse: gevent.Greenlet[..., None] | None = None
        self._standing_by = Outage(logger, f"standing by for {name}")
        self._renewing = Outage(logger, f"renewing {name}")

    @property
    def held(self) -> bool:
        """Do we lead, as far as we know?"""
        return self.epoch is not None

    @property
    def is_overdue(self) -> bool:
        """This process was hanging for the whole duration, and has not asked since whether the lease is ours.

        What it does now, as one that leads, may cross what its successor has done since. A database that is slow or
        away is no such reason.
        """
        if not self.held:
            return False
        self._feel_pulse()
        return self._hung_at is not None

    def _feel_pulse(self) -> None:
        now = time.monotonic()
        if now - self._pulse_at > self.duration:
            self._hung_at = now
        self._pulse_at = now

    def _keep_pulse(self) -> None:
        while True:
            self._feel_pulse()
            gevent.sleep(self.duration / PULSES)

    def campaign(self, timeout: float | None = None) -> int | None:
        """Wait until we lead and return our epoch; None after `timeout` seconds without success.

        A database that is away only prolongs the wait.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        watch = Watch()
        while self.epoch is None:
            try:
                with self._one_at_a_time:
                    self._try_to_lead(watch)
                self._standing_by.over()
            except StoreError as error:
                self._standing_by.failed(error)
            if self.epoch is None:
                if deadline is not None and time.monotonic() >= deadline:
                    return None
                gevent.sleep(POLL)
        return self.epoch

    def renew(self) -> bool:
        """Renew now, and learn whether we still lead; for whoever was told `Fenced`.

        Raises:
            DatabaseUnavailable: the database does not answer; that tells nothing.
        """
        with self._one_at_a_time:
            if self.epoch is None:
                return False
            self._feel_pulse()
            hung_at = self._hung_at
            renewed = self._one("lease_renew", holder=self.holder, epoch=self.epoch, duration=self.duration)
            if self._hung_at == hung_at:
                self._hung_at = None
            if renewed is None:
                self._lose()
            elif not self._locked:
                self._get_lock()
        return self.epoch is not None

    def resign(self) -> None:
        """Give the lease up, so that a standby has it at its next attempt; never fails."""
        self._stop_renewing()
        try:
            with gevent.Timeout(RESIGN_LIMIT, DatabaseUnavailable("no answer")), self._one_at_a_time:
                if self.epoch is not None:
                    self._one("lease_resign", holder=self.holder, epoch=self.epoch)
                    logger.info("%s resigned from %s, epoch %d", self.holder, self.name, self.epoch)
        except StoreError as error:
            logger.warning("resigning from %s: %s", self.name, error)
        self.epoch = None
        self._disconnect()
        self.lost.set()

    # -- becoming leader

    def _try_to_lead(self, watch: Watch) -> None:
        if self._connection is None:
            self._one("lease_prepare")
        locked = time.monotonic() > self._broke_at + GRACE and self._try_lock()
        asked = time.monotonic()
        row = self._one("lease_look")
        if row is None:
            self._disconnect()
            return
        stood = watch.seen((row["epoch"], row["renewed_at"]), asked, time.monotonic())
        if locked or (row["expired"] and stood >= self.duration):
            self._take(row)

    def _take(self, seen: dict[str, Any]) -> None:
        taken = self._one("lease_take", holder=self.holder, epoch=seen["epoch"], duration=self.duration)
        if taken is None:
            return
        self.epoch = int(taken["epoch"])
        self._pulse_at, self._hung_at = time.monotonic(), None
        self.lost.clear()
        logger.info("%s leads %s, epoch %d", self.holder, self.name, self.epoch)
        if not self._locked:
            logger.warning("%s had not renewed %s for %g s", seen["holder"], self.name, self.duration)
            self._get_lock()
        self._renewer = gevent.spawn(self._keep_renewing)
        self._pulse = gevent.spawn(self._keep_pulse)

    def _try_lock(self) -> bool:
        if not self._locked:
            row = self._one("lease_try_lock")
            self._locked = row is not None and bool(row["locked"])
        return self._locked

    def _get_lock(self) -> None:
        """Get the lock that belongs to our epoch from the session of a former holder."""
        if self._try_lock():
            return
        try:
            self._one("lease_end_other_holder")
        except DatabaseUnavailable:
            raise
        except StoreError as error:
            logger.warning("cannot end the session of the former holder of %s: %s", self.name, error)
        self._try_lock()

    # -- leading

    def _keep_renewing(self) -> None:
        while self.epoch is not None:
            self._pause()
            try:
                self.renew()
                self._renewing.over()
            except StoreError as error:
                self._renewing.failed(error)

    def _pause(self) -> None:
        """Wait until the next renewal, or until the server hangs up."""
        if self._connection is None:
            gevent.sleep(POLL)
        else:
            readable([self._connection.fileno()], self.duration / RENEWALS)

    def _lose(self) -> None:
        logger.error("%s lost %s, epoch %s", self.holder, self.name, self.epoch)
        self.epoch = None
        self._disconnect()
        self.lost.set()
        self._stop_renewing()
        if self.on_lost is not None:
            gevent.spawn(self.on_lost)

    def _stop_renewing(self) -> None:
        if self._pulse is not None:
            self._pulse.kill(block=False)
            self._pulse = None
        renewer, self._renewer = self._renewer, None
        if renewer is not None and renewer is not gevent.getcurrent():
            renewer.kill(block=False)

    # -- the connection that holds the lock

    def _one(self, query: str, **parameters: Any) -> dict[str, Any] | None:
        """Perform a statement on the connection that holds the lock.

        No limit of ours in time: a dead link shows by TCP, and giving up on a slow database would
        give up the lock.
        """
        try:
            if self._connection is None:
                self._connection = self._database.connect(f"lease {self.name}")
            cursor = self._connection.execute(queries()[query].text, {"name": self.name, **parameters})
            return cursor.fetchone() if cursor.description else None
        except psycopg.Error as error:
            # A statement that only took too long leaves us the connection, and so the lock.
            if self._connection is not None and (self._connection.closed or is_of_a_standby(error)):
                self._broke_at = time.monotonic()
                self._disconnect()
            raise translate(error, query) from error
        except StoreError:
            self._broke_at = time.monotonic()
            raise
        except BaseException:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        connection, self._connection, self._locked = self._connection, None, False
        if connection is not None:
            connection.close()
