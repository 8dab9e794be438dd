"""What has changed is read when somebody asks for it: once for all who ask meanwhile, never for a signal alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import gevent
import gevent.event

from fsroute.errors import StoreError

log = logging.getLogger(__name__)

READ_AGAIN = 1.0  # seconds after a read that the database refused
MOST_MARKS = 50  # changes that wait for whoever asks: with more, the next to ask would have much to read


class Reading:
    """One kind of rows. `read` takes what is noted as changed, at once, and notes it again where it fails.

    `mark` notes that something has changed. Whoever needs it asks, and waits for what was marked until then: it is
    read by a statement that began after the mark. After a read that failed nobody reads or waits for `READ_AGAIN`:
    what is known goes on to be used.

    Args:
        read: raises `StoreError` where it fails.
        most: so many marks are read without being asked for.
        clock: in seconds.
    """

    def __init__(
        self,
        read: Callable[[], None],
        most: int = MOST_MARKS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._most = most
        self._clock = clock
        self._marks = 0  # changes so far; of them:
        self._wanted = 0  # were asked for
        self._tried = 0  # were read, or could not be
        self._not_before = 0.0
        self._stopped = False
        self._fault: StoreError | None = None
        self._ended = gevent.event.Event()  # of the present read
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def mark(self) -> None:
        """Something has changed."""
        self._marks += 1
        if self._marks - self._tried >= self._most:
            self.ask()

    def ask(self) -> int:
        """Begin to read what was marked up to now. Does not wait; returns what `wait` waits for."""
        self._wanted = self._marks
        if self._greenlet is None and self._is_due():
            self._greenlet = gevent.spawn(self._keep_reading)
        return self._wanted

    def wait(self, asked: int, until: float | None = None) -> bool:
        """Until what was asked for is read, or cannot be; False: not by then, in seconds of the clock."""
        while self._tried < asked and self._greenlet is not None:
            if not self._ended.wait(None if until is None else max(0.0, until - self._clock())):
                return False
        return True

    def read(self) -> None:
        """Read in any case, and wait for that.

        Raises:
            StoreError: the database cannot be read.
        """
        self._not_before = 0.0
        self.mark()
        self.wait(self.ask())
        if self._fault is not None:
            raise self._fault

    def stop(self) -> list[gevent.Greenlet[..., None]]:
        """Begin nothing more; returns what is still under way."""
        self._stopped = True
        return [] if self._greenlet is None else [self._greenlet]

    def _is_due(self) -> bool:
        return self._tried < self._wanted and self._clock() >= self._not_before and not self._stopped

    def _keep_reading(self) -> None:
        try:
            while self._is_due():
                self._read_once()
        finally:
            self._greenlet = None
            self._end()

    def _read_once(self) -> None:
        marks, fault = self._marks, None
        try:
            self._read()
        except StoreError as error:
            fault = error
        except Exception as error:  # a fault of ours: it is tried again like one of the database's
            log.exception("the picture of the sites is not read")
            fault = StoreError(str(error))
        self._tried, self._fault = marks, fault
        if fault is not None:
            self._marks += 1
            self._not_before = self._clock() + READ_AGAIN
        self._end()

    def _end(self) -> None:
        ended, self._ended = self._ended, gevent.event.Event()
        ended.set()
