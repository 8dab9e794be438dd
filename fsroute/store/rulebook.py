"""The rules as a running process has them: in memory, whole, and swapped in whole when a version is loaded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import gevent
import gevent.lock

from fsroute.errors import DatabaseUnavailable, StoreError
from fsroute.model.routing import Way
from fsroute.outage import Outage
from fsroute.routing.document import rule_set
from fsroute.routing.faults import RulesError
from fsroute.routing.match import NoRoute, Routed, route
from fsroute.routing.rules import Inquiry, RuleSet
from fsroute.store.rules import Document, Rules, UnknownVersion
from fsroute.store.signals import Subscription
from fsroute.store.store import Store

log = logging.getLogger(__name__)

TOPIC = "rules"
READ_AGAIN = 1.0  # seconds after a read that the database refused


@dataclass(frozen=True, slots=True)
class Closing:
    """A contact center that is closed by command: the message for those who call, and whether who waits may stay."""

    prompt: str = ""
    keep_waiting: bool = False


@dataclass(frozen=True, slots=True)
class Book:
    """What a process knows at one moment: one version of the rules, and who is closed by command.

    `document` is the snapshot of the tables that the rules were read from.
    """

    rules: RuleSet
    closed: Mapping[str, Closing] = field(default_factory=dict)
    document: Document = field(default_factory=dict, repr=False)


class RuleBook:
    """Answers what is to become of a contact, from memory.

    It follows the topic "rules": a version that is loaded anywhere, and a contact center that is closed or
    opened, count from the next contact on. The last good rules stay while the database is away, or when it holds
    a version that this process cannot read. Without any version the rows of the queues are the rules.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rules = Rules(store.database)
        self._book: Book | None = None
        self._turn = gevent.lock.BoundedSemaphore()  # one read at a time: an older one never replaces a newer
        self._subscription: Subscription | None = None
        self._retry: gevent.Greenlet[..., None] | None = None
        self._outage = Outage(log, "the rules cannot be read")
        self.on_swap: Callable[[Book], None] = lambda book: None
        """Told of each book, as soon as it counts."""

    def start(self) -> None:
        """Read the rules and follow their changes; a database that is away is waited for in the background."""
        self._read()
        self._subscription = self._store.signals.subscribe(TOPIC, self._changed)

    def stop(self) -> None:
        if self._subscription is not None:
            self._store.signals.unsubscribe(self._subscription)
            self._subscription = None
        if self._retry is not None:
            self._retry.kill(block=False)
            self._retry = None

    @property
    def version(self) -> int | None:
        """The version in force; None: the rows of the queues alone (or nothing was read yet)."""
        return None if self._book is None else self._book.rules.version

    @property
    def rules(self) -> RuleSet:
        """The rules in force.

        Raises:
            DatabaseUnavailable: none could be read yet.
        """
        return self._known().rules

    def closing(self, contact_center_id: str) -> Closing | None:
        """How a contact center is closed by command; None: it is not."""
        return None if self._book is None else self._book.closed.get(contact_center_id)

    def route(self, inquiry: Inquiry, now: datetime) -> Routed:
        """What is to become of a contact; `now` is aware of its time zone.

        `Routed.routing` goes to ``store.route``; without one `Routed.way` says where the contact goes instead.
        A contact center that is closed by command gives ``Way("announce", prompt=…)`` with its message, '' where it
        has none of its own, and `Routed.closed`.

        Raises:
            NoRoute: no rule matches, and the contact center has no such queue.
            DatabaseUnavailable: no rules could be read yet; ask again.
        """
        book = self._known()
        closing = book.closed.get(inquiry.contact_center_id)
        if closing is not None:
            way = Way("announce", prompt=closing.prompt)
            return Routed(way=way, rules_version=book.rules.version, closed=True)
        try:
            return route(book.rules, inquiry, now)
        except NoRoute:
            if book.rules.version is not None or not self._read():
                raise
        return route(self._known().rules, inquiry, now)  # a queue that was added a moment ago

    def _known(self) -> Book:
        if self._book is None and not self._read():
            raise DatabaseUnavailable("no rules could be read yet")
        assert self._book is not None
        return self._book

    def _changed(self, key: object, row: Any) -> None:
        self._read()

    def _read(self) -> bool:
        """Swap in what the database holds; False: it could not be read, and what was known stays."""
        with self._turn:
            try:
                closed = {name: Closing(*how) for name, how in self._rules.closed().items()}
                rules, document = self._present()
                self._book = Book(rules, closed, document)
                self.on_swap(self._book)
                self._outage.over()
            except StoreError as error:
                self._outage.failed(error)
                self._read_again()
                return False
        return True

    def _present(self) -> tuple[RuleSet, Document]:
        """The rules of the newest version; those that are known already if it is theirs, or cannot be read."""
        version = self._rules.newest()
        book = self._book
        known = None if book is None else book.rules
        if book is not None and version is not None and book.rules.version == version:
            return book.rules, book.document
        try:
            document = self._rules.queues() if version is None else self._rules.document(version)
            rules = rule_set(document, version, lenient=version is None)
        except (RulesError, UnknownVersion) as error:
            log.error("rules version=%s cannot be read, version=%s stands: %s", version, self.version, error)
            return self._by_queues() if book is None else (book.rules, book.document)
        if known is None or rules.version != known.version:
            log.info("rules version=%s rules=%d queues=%d", rules.version, rules.count, len(rules.queues))
        return rules, document

    def _by_queues(self) -> tuple[RuleSet, Document]:
        """The rows of the queues: for a process that knows nothing better."""
        document = self._rules.queues()
        return rule_set(document, None, lenient=True), document

    def _read_again(self) -> None:
        if self._retry is None or self._retry.dead:
            self._retry = gevent.spawn(self._keep_reading)

    def _keep_reading(self) -> None:
        gevent.sleep(READ_AGAIN)
        while not self._read():
            gevent.sleep(READ_AGAIN)
