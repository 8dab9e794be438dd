"""Signals: the hint that a row has changed, to this process at once and to all others by NOTIFY.

A signal is never the data. It is published after the commit; it may be lost while a connection is
down, so that after each connection every subscriber hears the key None: read everything again.
A subscriber that could not read it, because the database was away, is told again.
Notifications are gathered, since commits that notify wait for each other throughout the server.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import weakref
from collections.abc import Callable
from typing import Any

import gevent
import gevent.event
import psycopg
from gevent import monkey
from psycopg import sql

import fsroute
from fsroute.errors import DatabaseUnavailable, StoreError
from fsroute.outage import Outage
from fsroute.store.connection import Connection
from fsroute.store.database import Database
from fsroute.store.faults import translate
from fsroute.store.payload import Inbox, Key, decode, encode
from fsroute.store.queries import queries
from fsroute.store.waiting import readable

logger = logging.getLogger(__name__)

PREFIX = "fsroute."
GATHER = 0.002  # seconds between two notifying commits
CHECK = 5.0  # seconds of silence after which the server is asked whether it is still there
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0  # seconds between attempts to connect
AGAIN = 0.5  # seconds before a subscriber hears again what it could not read
MOST_PENDING = 10_000  # keys of a topic; beyond that "everything" is shorter

Callback = Callable[[Key, Any], None]


class Subscription:
    """One callback with a greenlet of its own, so that a slow one delays nobody else.

    A signal that the callback could not follow, since the database did not answer, comes again without its row.
    """

    def __init__(self, topic: str, callback: Callback) -> None:
        self.topic = topic
        self._callback = callback
        self._inbox = Inbox()
        self._filled = gevent.event.Event()
        self._unread = Outage(logger, f"signals of {topic} wait for the database")
        self._greenlet = gevent.spawn(self._dispatch)

    def post(self, key: Key, row: Any = None) -> None:
        self._inbox.add(key, row)
        self._filled.set()

    def cancel(self) -> None:
        self._greenlet.kill(block=False)

    def _dispatch(self) -> None:
        while True:
            self._filled.wait()
            self._filled.clear()
            while (signal := self._inbox.take()) is not None:
                try:
                    self._callback(*signal)
                    self._unread.over()
                except StoreError as error:
                    self._unread.failed(error)
                    gevent.spawn_later(AGAIN, self.post, signal[0])
                except Exception:
                    logger.exception("a subscriber of %s failed on %r", self.topic, signal[0])


class Signals:
    """Publishes and receives signals for one process; start it before publishing across processes."""

    def __init__(self, database: Database) -> None:
        self.listening = gevent.event.Event()
        """Set while notifications of all topics subscribed to arrive."""
        self._database = database
        self._id = secrets.token_hex(4)
        self._subscriptions: dict[str, list[Subscription]] = {}
        self._listened: set[str] = set()
        self._pending: dict[str, dict[Key, None]] = {}
        self._dirty = gevent.event.Event()
        self._flushed = gevent.event.Event()
        self._flushed.set()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        close = monkey.get_original("os", "close")  # gevent's wants an event loop; this runs in any
        weakref.finalize(self, close, self._wake)
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._hearing = Outage(logger, "signals are interrupted")
        self._sending = Outage(logger, "signals wait for the database")

    def start(self) -> None:
        """Connect in the background; each subscriber hears None as soon as its topic is listened to."""
        if not self._greenlets:
            self._greenlets = [gevent.spawn(self._listen), gevent.spawn(self._flush)]

    def stop(self, timeout: float = 2.0) -> None:
        """Send what is pending, within `timeout` seconds, and end."""
        if self._greenlets:
            self._flushed.wait(timeout)
        gevent.killall(self._greenlets)
        self._greenlets = []
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                subscription.cancel()
        self._subscriptions = {}
        self._listened = set()
        self.listening.clear()

    def subscribe(self, topic: str, callback: Callback) -> Subscription:
        """Call `callback(key, row)` for each signal of `topic`, in a greenlet of its own.

        `row` is what the publisher gave if it is in this process, else None. Signals that wait are
        merged by key. The key None says that signals may have been missed. Where it raises
        `StoreError` it is called again for that key until it does not.

        Raises:
            ValueError: the name is too long for a channel of PostgreSQL (63 bytes with its prefix).
        """
        if len((PREFIX + topic).encode()) > 63:
            raise ValueError(f"the topic {topic!r} is too long")
        subscription = Subscription(topic, callback)
        self._subscriptions.setdefault(topic, []).append(subscription)
        if topic in self._listened:
            subscription.post(None)
        else:
            self.listening.clear()
            os.eventfd_write(self._wake, 1)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        subscription.cancel()
        self._subscriptions[subscription.topic].remove(subscription)

    def publish(self, topic: str, key: Key, row: Any = None) -> None:
        """Say that the row `key` changed; call it after the commit. Never blocks, never fails."""
        self._deliver(topic, key, row)
        keys = self._pending.setdefault(topic, {})
        if key is None or len(keys) >= MOST_PENDING:
            keys.clear()
            key = None
        if None not in keys:
            keys[key] = None
        self._flushed.clear()
        self._dirty.set()

    @property
    def sender(self) -> str:
        """What this process's notifications carry, so that it does not hear them itself."""
        return self._id

    def tell(self, topic: str, key: Key, row: Any = None) -> None:
        """Say so in this process alone: all others are told by what the database has committed. Never blocks."""
        self._deliver(topic, key, row)

    def _deliver(self, topic: str, key: Key, row: Any = None) -> None:
        for subscription in self._subscriptions.get(topic, ()):
            subscription.post(key, row)

    # -- sending

    def _flush(self) -> None:
        while True:
            self._dirty.wait()
            self._dirty.clear()
            gevent.sleep(0)  # who was told in this process goes first
            notifications = [
                (PREFIX + topic, payload)
                for topic, keys in self._pending.items()
                for payload in encode(self._id, keys)
            ]
            sent, self._pending = self._pending, {}
            try:
                self._notify(notifications)
                self._sending.over()
            except StoreError as error:
                self._sending.failed(error)
                self._send_later(sent)
                gevent.sleep(FIRST_PAUSE)
            if not self._pending:
                self._flushed.set()
            gevent.sleep(GATHER)

    def _notify(self, notifications: list[tuple[str, str]]) -> None:
        if notifications:
            channels, payloads = (list(column) for column in zip(*notifications, strict=True))
            self._database.execute("notify", channels=channels, payloads=payloads)

    def _send_later(self, unsent: dict[str, dict[Key, None]]) -> None:
        for topic, keys in unsent.items():
            present = self._pending.setdefault(topic, {})
            present.update(keys)
            if None in present or len(present) > MOST_PENDING:
                self._pending[topic] = {None: None}
        self._dirty.set()

    # -- receiving

    def _listen(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                connection = self._database.connect(f"signals {fsroute.__version__}")
                pause = FIRST_PAUSE
                try:
                    self._follow(connection)
                finally:
                    connection.close()
            except psycopg.Error as error:
                self._hearing.failed(translate(error))
            except StoreError as error:
                self._hearing.failed(error)
            self._listened = set()
            self.listening.clear()
            gevent.sleep(pause * random.uniform(0.7, 1.3))
            pause = min(2 * pause, LONGEST_PAUSE)

    def _follow(self, connection: Connection) -> None:
        """Deliver what arrives until the connection fails."""
        while True:
            while new := self._subscriptions.keys() - self._listened:
                topic = new.pop()
                connection.execute(sql.SQL("listen {}").format(sql.Identifier(PREFIX + topic)))
                self._listened.add(topic)
                self._deliver(topic, None)
            self.listening.set()
            self._hearing.over()
            for notification in connection.notifies(timeout=0):
                self._receive(notification)
            self._wait(connection)

    def _receive(self, notification: psycopg.Notify) -> None:
        by, keys = decode(notification.payload)
        if by == self._id:
            return
        for key in keys:
            self._deliver(notification.channel.removeprefix(PREFIX), key)

    def _wait(self, connection: Connection) -> None:
        """Wait for a notification or a new topic; after a silence see that the server is there."""
        ready = readable([connection.fileno(), self._wake], CHECK)
        if self._wake in ready:
            os.eventfd_read(self._wake)
        if not ready:
            with gevent.Timeout(CHECK, DatabaseUnavailable(f"the database has not answered for {CHECK:g} s")):
                connection.execute(queries()["heartbeat"].text)
