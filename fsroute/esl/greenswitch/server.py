"""greenswitch's OutboundESLServer, on a server that listens instead of polling."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

from gevent.event import Event as Flag

from fsroute.esl.greenswitch.outbound import session_of
from fsroute.esl.outbound import Greeting, OutboundServer
from fsroute.esl.session import Session

logger = logging.getLogger(__name__)

SILENT = Greeting(linger=None, myevents=False, guarded=False)  # the application says what it wants


class OutboundESLServer:
    """Runs ``application(session).run()`` for each call, in a greenlet of its own."""

    def __init__(
        self,
        bind_address: str = "127.0.0.1",
        bind_port: int | Sequence[int] = 8000,
        application: Callable[[Any], Any] | None = None,
        max_connections: int = 100,
    ) -> None:
        ports: list[Any] = list(bind_port) if isinstance(bind_port, (list, tuple)) else [bind_port]
        if not ports:
            raise ValueError("bind_port must be a string or list with port numbers")
        if not application:
            raise ValueError("You need an Application to control your calls.")
        self.bind_address = bind_address
        self.bind_port = ports
        self.application = application
        self.max_connections = max_connections
        self.bound_port: int | None = None
        self.server: OutboundServer | None = None
        self._stopped = Flag()

    @property
    def connection_count(self) -> int:
        return 0 if self.server is None else len(self.server.sessions)

    def listen(self) -> None:
        """Serve until :meth:`stop`, and then until the last call has ended.

        Raises:
            SystemExit: none of the ports can be listened on.
        """
        self._stopped.clear()
        server = self._start()
        if server is None:
            logger.error("Could not bind server, no ports available.")
            sys.exit()
        self.server = server
        self.bound_port = server.address[1]
        self._stopped.wait()
        server.stop()

    def stop(self) -> None:
        """Accept no more calls; :meth:`listen` returns when the present ones have ended."""
        self._stopped.set()

    def _start(self) -> OutboundServer | None:
        for port in self.bind_port:
            server = OutboundServer(
                self._handle,
                (self.bind_address, int(port)),
                max_sessions=self.max_connections,
                greeting=SILENT,
                new_session=session_of,
            )
            try:
                server.start()
            except OSError:
                logger.info("Failed to bind to port %s, trying next in range...", port)
                continue
            return server
        return None

    def _handle(self, session: Session) -> None:
        self.application(session.context).run()
