"""One remote center as downloads see it: what it offers, and what was seen of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import gevent.event

from fsroute.callserver.offered import Offer, Terms, offers
from fsroute.callserver.remote import Remote, RemoteFailed
from fsroute.callserver.shelf import Incoming

log = logging.getLogger(__name__)

LIST_TIMEOUT = 15.0  # seconds
LIST_LIMIT = 1_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """An offer that was refused, why, and when it is looked at again (seconds since the epoch)."""

    offer: Offer
    message: str
    again_at: float


class Source:
    """One remote center, and what was seen of it."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.name = remote.source.name
        self.interval = remote.source.interval
        self.terms = Terms(self.name, frozenset(remote.source.contact_centers), remote.source.max_size)
        self.wake = gevent.event.Event()
        self.checked_at: float | None = None
        self.refused: dict[str, Refused] = {}
        self.offered: frozenset[str] = frozenset()
        self._tag = ""
        self._list: list[Offer] = []
        self._fault = ""

    def list(self) -> list[Offer]:
        """What it offers; the server sends it when it has changed.

        Raises:
            RemoteFailed: it cannot be asked.
            OfferRefused: its answer is no list.
        """
        headers = {"If-None-Match": f'"{self._tag}"'} if self._tag else {}
        reply = self.remote.ask(
            "GET", "/v1/applications", timeout=LIST_TIMEOUT, limit=LIST_LIMIT, headers=headers
        )
        if reply.status == 304 and self._tag:
            return self._list
        if reply.status != 200:
            raise RemoteFailed(f"{self.name} gives no list of applications: status {reply.status}")
        self._list = offers(reply.body)
        self._tag = reply.tag
        return self._list

    def fetch(self, offer: Offer, incoming: Incoming) -> None:
        """The bundle, into a file; it is the one that was offered.

        Raises:
            RemoteFailed: it does not come.
            OfferRefused: another one comes.
        """
        source = self.remote.source
        reply = self.remote.ask(
            "GET",
            f"/v1/applications/{offer.name}",
            timeout=source.download_timeout,
            limit=min(offer.size, source.max_size),
            sink=incoming,
        )
        if reply.status != 200:
            raise RemoteFailed(f"{self.name} does not give application {offer.name}: status {reply.status}")
        incoming.complete()
        if reply.sha256 != offer.sha256:
            raise RemoteFailed(f"application {offer.name} is not the one that was offered: its hash differs")

    def offers_now(self, names: frozenset[str]) -> frozenset[str]:
        """Note which applications it offers; those that it offers no more are forgotten, and returned."""
        gone, self.offered = self.offered - names, names
        self.refused = {name: refused for name, refused in self.refused.items() if name in names}
        return gone

    def note(self, fault: str) -> None:
        """Log a fault once, and its end."""
        if fault and not self._fault:
            log.warning("applications of %s cannot be asked for, the last ones serve: %s", self.name, fault)
        if self._fault and not fault:
            log.warning("applications of %s can be asked for again", self.name)
        self._fault = fault
