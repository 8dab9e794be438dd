"""The scp role: the picture of all sites, the outbound socket for calls that nobody has answered, decisions by HTTP."""

from __future__ import annotations

import _socket
import logging
from dataclasses import dataclass
from uuid import uuid4

import gevent
import gevent.event

from fsroute.acd.rendezvous import new_token
from fsroute.errors import StoreError
from fsroute.esl.outbound import Greeting, OutboundServer
from fsroute.esl.session import Session
from fsroute.httpserver import Server, ServerLimits
from fsroute.outage import Outage
from fsroute.scp import directing
from fsroute.scp.deciding import Decider, Facts, no_facts
from fsroute.scp.directing import Director
from fsroute.scp.http import Service
from fsroute.scp.rate import Rate
from fsroute.scp.routing import HttpRouting
from fsroute.scp.selection import Limits
from fsroute.scp.server import READ, EarlyCall, Settings
from fsroute.scp.watch import Watch
from fsroute.store.rulebook import RuleBook
from fsroute.store.store import Store

log = logging.getLogger(__name__)

SWEEP = 0.5  # seconds between two looks for redirected calls that came nowhere
STOP_LIMIT = 3.0  # seconds for such a look to end
READY_LIMIT = 10.0  # seconds that the start waits for the picture


@dataclass(frozen=True, slots=True)
class Http:
    """Where decisions are had by HTTP, and by whom: who shows the token."""

    address: tuple[str, int]
    token: str
    connections: int = 100
    rate: float = 200.0  # requests per second


class ScpRole:
    """Routes calls before the answer. Several may run, on one host and on many: they meet in the database."""

    def __init__(
        self,
        store: Store,
        rules: RuleBook,
        site_id: str,
        address: tuple[str, int] | None,
        settings: Settings,
        host: directing.Settings,
        limits: Limits,
        max_sessions: int = 1000,
        facts: Facts = no_facts,
        http: Http | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self.watch = Watch(store, limits)
        self.decider = Decider(store, rules, self.watch, site_id, limits, facts)
        self.director = Director(store, self.decider, self.watch, host, lambda: str(uuid4()), new_token)
        greeting = Greeting(events=READ, only=True, looks=True)
        self.server = (
            None
            if address is None
            else OutboundServer(
                self._serve,
                address,
                max_sessions=max_sessions,
                greeting=greeting,
                new_session=self._new_session,
            )
        )
        self.http: Server | None = None
        if http is not None:
            routing = HttpRouting(store, self.decider, self.director, settings)
            service = Service(routing, http.token, Rate(http.rate), store.now)
            self.http = Server(http.address, service, limits=ServerLimits(connections=http.connections))
        self._over = gevent.event.Event()
        self._sweeper: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        """Listen as soon as the picture is there.

        Raises:
            OSError: the address is taken.
        """
        self.watch.start()
        if not self.watch.ready.wait(READY_LIMIT):
            log.warning("the routing processor begins without a picture of the sites: the database is slow")
        if self.server is not None:
            self.server.start()
        if self.http is not None:
            self.http.start()
            log.info("routing decisions by HTTP listen on %s:%d", *self.http.address)
        self._sweeper = gevent.spawn(self._sweep)

    def stop(self, drain: float) -> None:
        """Take no new calls; present ones have `drain` seconds to end, the rest goes back to the dialplan."""
        if self.http is not None:
            self.http.stop(1.0)
        if self.server is not None:
            self.server.stop(drain)
        self._over.set()
        if self._sweeper is not None:
            self._sweeper.join(STOP_LIMIT)
            self._sweeper.kill(block=False)
        self.watch.stop()

    def _new_session(self, sock: _socket.socket) -> Session:
        """What has changed is read while the switch says which call has come."""
        self.watch.ask()
        return Session(sock)

    def _serve(self, session: Session) -> None:
        EarlyCall(self._store, self.decider, self.director, self._settings, session).run()

    def _sweep(self) -> None:
        unseen = Outage(log, "redirected calls are not looked at")
        while not self._over.wait(SWEEP):
            try:
                self.director.close_overdue()
                unseen.over()
            except StoreError as error:
                unseen.failed(error)
