"""The cti role: one process for each switch watches it and writes its activity."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import gevent

from fsroute.cti import activity, collector
from fsroute.cti.collector import Collector
from fsroute.cti.owning import Owning
from fsroute.cti.writing import load
from fsroute.errors import StoreError
from fsroute.esl.inbound import InboundClient
from fsroute.model.activity import INTERVAL
from fsroute.store.activity import ActivityWriting
from fsroute.store.lease import Lease
from fsroute.store.store import Store

log = logging.getLogger(__name__)

RETRY = 0.5  # seconds before the lease is campaigned for again
LOOK = 0.5  # seconds between two looks at the lease


@dataclass(frozen=True, slots=True)
class Settings:
    """`own`: fsroute's queues and agents are a source."""

    switch_id: str
    own: bool = True
    watching: collector.Settings = field(default_factory=collector.Settings)
    counting: activity.Settings = field(default_factory=activity.Settings)


class CtiRole:
    """Holds the switch's lease for activity; the holder alone watches and writes.

    Args:
        store: rows, signals, the database's clock.
        client: makes a client of the switch's event socket.
        settings: what the configuration says.
        lease: whose epoch fences the writes.
    """

    def __init__(
        self, store: Store, client: Callable[..., InboundClient], settings: Settings, lease: Lease
    ) -> None:
        self._store = store
        self._client = client
        self._settings = settings
        self._lease = lease
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self.collector: Collector | None = None
        """There while this process is the switch's CTI processor."""

    def start(self) -> None:
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()
        self._stop_collecting()
        self._lease.resign()

    def _run(self) -> None:
        while True:
            try:
                if (epoch := self._lease.campaign()) is not None:
                    self._collect(epoch)
                    while self._lease.held and self.collector and not self.collector.fenced.wait(LOOK):
                        pass
            except StoreError as error:
                log.warning("activity of switch %s: %s", self._settings.switch_id, error)
            except (
                Exception
            ):  # a fault of ours: to hold the lease without watching would leave the site stale
                log.exception("switch %s is watched no longer", self._settings.switch_id)
                self._lease.resign()
            self._stop_collecting()
            gevent.sleep(RETRY)

    def _collect(self, epoch: int) -> None:
        """Go on from what the processor before this one has written."""
        switch_id, watching = self._settings.switch_id, self._settings.watching
        writing = ActivityWriting(self._store.database, switch_id, epoch)
        now = self._store.now()
        written = writing.before()
        writing.begin()
        before = load(
            written.calls,
            written.windows,
            writing.intervals(now - 2 * INTERVAL),
            written.marks,
            written.core_uuid,
            written.age,
        )
        known = activity.Activity(self._settings.counting, before, now)
        owning = None
        if self._settings.own:
            counted = lambda: (known.newest_own, known.own_calls())  # noqa: E731
            owning = Owning(self._store, switch_id, counted, watching.reconcile)
        self.collector = Collector(known, writing, self._client, watching, self._store.now, owning)
        self.collector.start()
        log.info("this process watches switch %s, epoch=%d", switch_id, epoch)

    def _stop_collecting(self) -> None:
        if self.collector is not None:
            self.collector.stop()
            self.collector = None
