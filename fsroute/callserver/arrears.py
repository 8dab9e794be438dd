"""What is owed to the ledger: what befell contacts while the database was away, written when it is back.

An application needs no database to talk with a caller, and a caller who hangs up does not wait for one. So a contact's
arrival, what was found of its customer and how it ended are owed, in that order, and written as soon as the database
takes them. Each of these statements is such that twice is once: one whose answer was lost is simply written again.

What is owed dies with the process. Of a call that is still there nothing is lost by that: its channel carries the
contact's name, and whoever takes the call up enters it again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import gevent

from fsroute.errors import DatabaseUnavailable, StoreError
from fsroute.outage import Outage

log = logging.getLogger(__name__)

MOST = 10_000  # contacts of which something is owed; whoever comes beyond that waits with music
PATIENCE = 0.5  # seconds for which a call waits for the disk before it goes on
AGAIN = 0.5  # seconds between two attempts
LATE = 1.0  # seconds after which the end of a call is written as of when it was

Write = Callable[[], object]


def late(at: float, now: float) -> dict[str, str]:
    """What goes with the end of a contact that was at `at` and is written `now`, in seconds since the epoch."""
    return {"ended_at": datetime.fromtimestamp(at, UTC).isoformat()} if now - at > LATE else {}


class Arrears:
    """Writes of each contact in their order, now or later.

    Args:
        most: contacts of which something may be owed.
        patience: seconds for which `write` waits.
        again: seconds between two attempts while the database is away.
    """

    def __init__(self, most: int = MOST, patience: float = PATIENCE, again: float = AGAIN) -> None:
        self._most = most
        self._patience = patience
        self._again = again
        self._owed: dict[str, deque[Write]] = {}
        self._paying: dict[str, gevent.Greenlet[[str], StoreError | None]] = {}
        self._collector: gevent.Greenlet[..., None] | None = None
        self._outage = Outage(log, "what befalls contacts is kept until the database takes it")

    def __len__(self) -> int:
        """Of how many contacts something is owed."""
        return len(self._owed)

    def owes(self, contact_id: str) -> bool:
        return contact_id in self._owed

    def write(self, contact_id: str, write: Write) -> None:
        """Perform `write` after all that is owed of the contact; if the database is away or slow, later.

        Raises:
            DatabaseUnavailable: too much is owed already.
            StoreError: the database refuses it.
        """
        if contact_id not in self._owed and len(self._owed) >= self._most:
            raise DatabaseUnavailable(f"of {self._most} contacts something is owed to the database already")
        self._owed.setdefault(contact_id, deque()).append(write)
        try:
            self.pay(contact_id)
        except DatabaseUnavailable as error:
            self._outage.failed(error)
            self._collect()

    def pay(self, contact_id: str) -> None:
        """Write what is owed of a contact.

        Raises:
            DatabaseUnavailable: the database is away, or has not taken it within the patience.
            StoreError: the database refuses something, which is owed no more.
        """
        if contact_id not in self._owed:
            return
        paying = self._paying.get(contact_id)
        if paying is None:
            paying = self._paying[contact_id] = gevent.spawn(self._pay, contact_id)
        paying.join(self._patience)
        if not paying.ready():
            raise DatabaseUnavailable(f"the database takes longer than {self._patience:g} s")
        if isinstance(paying.value, StoreError):
            raise paying.value

    def settle(self, limit: float) -> None:
        """Write what is owed, within `limit` seconds: the process is about to end."""
        with suppress(gevent.Timeout), gevent.Timeout(limit):
            while self._owed:
                self._pay_some()
                if self._owed:
                    gevent.sleep(self._again)
        if self._collector is not None:
            self._collector.kill(block=False)
        if self._owed:
            log.error("the end of %d contacts is in no table: the database is away", len(self._owed))

    def _pay(self, contact_id: str) -> StoreError | None:
        """The error as a value: nobody may be there to take it."""
        try:
            self._pay_in_order(contact_id)
        except StoreError as error:
            return error
        finally:
            self._paying.pop(contact_id, None)
        return None

    def _pay_in_order(self, contact_id: str) -> None:
        owed = self._owed[contact_id]
        try:
            while owed:
                try:
                    owed[0]()
                except DatabaseUnavailable:
                    raise
                except Exception:
                    owed.popleft()  # it would be refused for ever
                    raise
                owed.popleft()
        finally:
            if not owed:
                del self._owed[contact_id]

    def _collect(self) -> None:
        if self._collector is None or self._collector.ready():
            self._collector = gevent.spawn(self._keep_collecting)

    def _keep_collecting(self) -> None:
        while self._owed:
            gevent.sleep(self._again)
            self._pay_some()
        self._outage.over()

    def _pay_some(self) -> None:
        """The oldest first, until the database is away again."""
        for contact_id in list(self._owed):
            try:
                self.pay(contact_id)
            except DatabaseUnavailable:
                return
            except StoreError as error:
                log.error("refused by the database, and given up: %s contact=%s", error, contact_id)
