"""Serves ``/metrics``, and keeps what is shown current. A scrape reads memory only: no database is in its way."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import gevent
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from fsroute.errors import StoreError
from fsroute.httpserver import Server, ServerLimits
from fsroute.metrics.center import CenterCollector, LedgerTail, read
from fsroute.metrics.measures import Measures
from fsroute.metrics.process import ProcessSights
from fsroute.metrics.sights import Sight
from fsroute.store.database import Statements

log = logging.getLogger(__name__)

TURN = 0.25  # seconds between two looks at how late a greenlet gets its turn
LIMITS = ServerLimits(connections=16)
LONGEST_ACCEPT = 1_000  # characters of the header that are looked at


@dataclass(frozen=True, slots=True)
class About:
    """What is constant of a process."""

    version: str
    site: str
    switch: str
    roles: str


class Exporter:
    """The metrics of one process. `look` tells how it stands; `interval` is in seconds.

    `measures` is there from the beginning: the database tells it of statements before anything serves.
    """

    def __init__(self, about: About, address: tuple[str, int], interval: float) -> None:
        self.registry = CollectorRegistry()
        self.measures = Measures(self.registry)
        self._address = address
        self._interval = interval
        self._center = CenterCollector()
        self._tail: LedgerTail | None = None
        self.server: Server | None = None
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self.registry.register(_AboutCollector(about))
        self.registry.register(self._center)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def start(self, database: Statements, look: Callable[[], Sight]) -> None:
        """Raises OSError: the address is taken."""
        self.registry.register(ProcessSights(look))
        self.server = Server(self._address, self._answer, limits=LIMITS)
        self.server.start()
        self._greenlets = [gevent.spawn(self._read, database, look), gevent.spawn(self._turns)]
        log.info("metrics at http://%s:%d/metrics", *self.server.address[:2])

    def stop(self) -> None:
        gevent.killall(self._greenlets)
        if self.server is not None:
            self.server.stop()

    def look_at_center(self, database: Statements, leads: bool) -> None:
        """Read the center's figures while this process leads, and show none otherwise."""
        if not leads:
            self._center.figures, self._tail = None, None
            return
        try:
            if self._tail is None:
                self._tail = LedgerTail(database, self.measures)
            self._tail.follow()
            self._center.figures = read(database)
        except StoreError as error:
            self._center.figures = None  # old figures would look like new ones
            log.debug("the center's figures were not read: %s", error)

    def _read(self, database: Statements, look: Callable[[], Sight]) -> None:
        while True:
            try:
                self.look_at_center(database, look().epoch is not None)
            except Exception:  # a fault of ours: the figures of this process are shown all the same
                log.exception("the center's figures were not read")
            gevent.sleep(self._interval)

    def _turns(self) -> None:
        while True:
            wanted = time.monotonic() + TURN
            gevent.sleep(TURN)
            self.measures.turns.observe(max(0.0, time.monotonic() - wanted))

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/metrics":
            return _refuse(start_response, "404 Not Found", "metrics are at /metrics\n")
        if environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            return _refuse(start_response, "405 Method Not Allowed", "only GET\n")
        encode, kind = choose_encoder(environ.get("HTTP_ACCEPT", "")[:LONGEST_ACCEPT])
        body: bytes = encode(self.registry)
        start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body] if environ["REQUEST_METHOD"] == "GET" else []


def _refuse(start_response: Callable[..., Any], status: str, text: str) -> Iterable[bytes]:
    body = text.encode()
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


class _AboutCollector(Collector):
    def __init__(self, about: About) -> None:
        self._about = about

    def collect(self) -> Iterable[Any]:
        about = self._about
        info = GaugeMetricFamily(
            "fsroute_build_info",
            "1, with what is running and where.",
            labels=("version", "site", "switch", "roles"),
        )
        info.add_metric((about.version, about.site, about.switch, about.roles), 1)
        yield info
