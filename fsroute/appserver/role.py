"""The appserver role: serves what is published, answers look-ups, and tells sites at once what was published anew."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import gevent

from fsroute.appserver.catalogue import Catalogue, Publications
from fsroute.appserver.lookups import Answers
from fsroute.appserver.service import Service
from fsroute.appserver.signing import Gate, Site
from fsroute.config import Appserver
from fsroute.httpserver import Server, ServerLimits, tls_of_server
from fsroute.store.inquiries import Inquiries, statements_of

log = logging.getLogger(__name__)

WATCH = 1.0  # seconds between two looks at the published folder
STOP_LIMIT = 5.0  # seconds that answers under way have, when the role stops


class AppServerRole:
    """One HTTP server.

    Args:
        settings: of the configuration.
        publications: reads the published folder.
        conninfo: of fsroute's own database, for look-ups without one of their own.
        published: is told the name of each application that was published anew.

    Raises:
        ConfigurationError: a certificate, a statement or a look-up is not as it must be.
    """

    def __init__(
        self,
        settings: Appserver,
        publications: Publications,
        conninfo: str,
        published: Callable[[str], None],
    ) -> None:
        self._published = published
        self._watcher: gevent.Greenlet[..., None] | None = None
        self._inquiries = _inquiries(settings, conninfo)
        folder = Path(settings.published) if settings.published else None
        self._catalogue = Catalogue(folder, publications)
        service = Service(
            Gate(sites(settings), settings.clock_window),
            self._catalogue,
            Answers(settings.lookups, self._inquiries),
        )
        self.server = Server(
            (settings.listen_host, settings.listen_port),
            service,
            tls_of_server(settings.certificate, settings.key),
            ServerLimits(connections=settings.max_connections),
        )

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, once started."""
        return str(self.server.server_host), int(self.server.server_port or 0)

    def start(self) -> None:
        """Read the published folder and listen.

        Raises:
            OSError: the address is taken.
        """
        self._catalogue.refresh()
        self.server.start()
        self._watcher = gevent.spawn(self._watch)
        log.info("the application server listens at %s:%d", *self.address)

    def stop(self) -> None:
        if self._watcher is not None:
            self._watcher.kill()
        self.server.stop(STOP_LIMIT)
        if self._inquiries is not None:
            self._inquiries.close()

    def _watch(self) -> None:
        while True:
            gevent.sleep(WATCH)
            for name in sorted(self._catalogue.refresh()):
                entry = self._catalogue.entries.get(name)
                what = f"{entry.version}, sequence {entry.sequence}" if entry else "not any more"
                log.info("application %s is published: %s", name, what)
                self._published(name)


def sites(settings: Appserver) -> dict[str, Site]:
    """The sites that may ask, by name."""
    return {
        each.site: Site(each.site, frozenset(each.contact_centers), each.secret.reveal().encode())
        for each in settings.sites
    }


def _inquiries(settings: Appserver, conninfo: str) -> Inquiries | None:
    if not settings.statements:
        return None
    own = settings.lookup_url.reveal()
    statements = statements_of(Path(settings.statements))
    return Inquiries(own or conninfo, statements, of_fsroute=not own, size=settings.lookup_connections)
