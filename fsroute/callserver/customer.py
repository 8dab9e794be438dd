"""The customer of a call: looked up while the application greets the caller, known when an agent is asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from types import MappingProxyType
from typing import Protocol

import gevent

from fsroute.callserver.line import Line
from fsroute.callserver.looking_up import MOST_PIECES, meanwhile
from fsroute.errors import StoreError
from fsroute.lookups.answers import Answer, Found

log = logging.getLogger(__name__)

Facts = Mapping[str, str]
NOTHING: Facts = MappingProxyType({})


class Customers(Protocol):
    """Who knows customers (`fsroute.customers.customers.Customers`); never raises."""

    def limit(self, contact_center: str) -> float: ...
    def patience(self, contact_center: str) -> float: ...
    def keys(self, contact_center: str, number: str, learned: Facts) -> frozenset[tuple[str, str]]: ...
    def facts(self, contact_center: str, number: str, learned: Facts = NOTHING) -> Facts: ...


class NoCustomers:
    """Where nothing is known of customers."""

    def limit(self, contact_center: str) -> float:
        return 0.0

    def patience(self, contact_center: str) -> float:
        return 0.0

    def keys(self, contact_center: str, number: str, learned: Facts) -> frozenset[tuple[str, str]]:
        return frozenset()

    def facts(self, contact_center: str, number: str, learned: Facts = NOTHING) -> Facts:
        return NOTHING


class Customer:
    """Of one call.

    Args:
        customers: who is asked.
        contact_center: whose customer it is.
        number: the caller's, as the switch presents it.
        known: what was found before, as for a call that comes back.
        keep: writes the facts to the contact; may raise StoreError.
        clock: gives seconds.
    """

    def __init__(
        self,
        customers: Customers,
        contact_center: str,
        number: str,
        known: Facts,
        keep: Callable[[Facts], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.known = known
        self._customers = customers
        self._contact_center = contact_center
        self._number = number
        self._keep = keep
        self._clock = clock
        self._asked: frozenset[tuple[str, str]] | None = None
        self._began = 0.0
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def begin(self, learned: Facts) -> None:
        """Look the customer up, unless that was done by the same keys; nobody waits."""
        if self._customers.limit(self._contact_center) <= 0:
            return
        keys = self._customers.keys(self._contact_center, self._number, learned)
        if keys == self._asked:
            return
        self._asked, self._began = keys, self._clock()
        self._greenlet = gevent.spawn(self._look_up, self._greenlet, dict(learned))

    def ask(self, line: Line, learned: Facts, music: str, most: float | None = None) -> Facts:
        """What is known of the customer by all that was learned.

        Who is looked up still is waited for to the look-up's limit, or `most` seconds if that is less; the caller
        hears music.

        Raises:
            CallerGone, SessionClosed: the caller hung up, or the connection went.
        """
        self.begin(learned)
        greenlet = self._greenlet
        if greenlet is None or greenlet.ready():
            return self.known
        left = self._began + self._customers.limit(self._contact_center) - self._clock()
        left = left if most is None else min(left, most)
        if left > 0:
            meanwhile(line, lambda: self._after(greenlet), left, _repeated(music))
        return self.known

    def _after(self, greenlet: gevent.Greenlet[..., None]) -> Answer:
        greenlet.join()
        return Found(self.known)

    def _look_up(self, before: gevent.Greenlet[..., None] | None, learned: Facts) -> None:
        facts = self._customers.facts(self._contact_center, self._number, learned)
        if before is not None:
            before.join()  # what was learned since counts, however long the first look-up took
        if not facts or facts == self.known:
            return
        self.known = facts
        try:
            self._keep(facts)
        except StoreError as error:
            log.warning("what is known of a customer was not written: %s", error)


def _repeated(music: str) -> Iterator[str]:
    return iter([music] * MOST_PIECES)
