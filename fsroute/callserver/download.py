"""Fetching applications from remote centers: on a signal, and every so often; what is good is swapped in whole.

What waits for the disk or takes the processor's time (hashing, unpacking, loading) is done on a thread of gevent's
pool, so that calls notice nothing. What is refused changes nothing: the last good version serves on.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import gevent
import gevent.event
import gevent.lock
import msgspec

from fsroute.callserver.library import Library
from fsroute.callserver.offered import Accepted, Offer, OfferRefused, Verdict, judge
from fsroute.callserver.remote import Remote, RemoteFailed
from fsroute.callserver.shelf import Shelf
from fsroute.callserver.source import Refused, Source
from fsroute.config import ApplicationsFrom
from fsroute.errors import ApplicationError, FsrouteError
from fsroute.ivr import Application
from fsroute.workers import on_thread

log = logging.getLogger(__name__)

REFUSED_AGAIN = 600.0  # seconds until a bundle that was refused is fetched once more: keys may have changed
NOTED_EVERY = 600.0  # seconds between two notes on the disk that an application was offered still
JITTER = 0.2  # of the interval: sites do not all ask at once


class Manifest(Protocol):
    """What a bundle says of itself, and its signature vouches for."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def contact_center(self) -> str: ...
    @property
    def numbers(self) -> Sequence[str]: ...
    @property
    def expires_at(self) -> float | None: ...
    @property
    def key_id(self) -> str: ...


class Bundle(Protocol):
    """A bundle that was read and found good."""

    @property
    def manifest(self) -> Manifest: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """How bundles are read. All of it runs on threads, and raises ApplicationError for what is refused.

    Args:
        read: checks a file by the keys that its source is trusted with, at a time in seconds since the epoch.
        unpack: writes a bundle's files into a folder that is not there yet, in whole or not at all.
        load: makes an application of a folder.
    """

    read: Callable[[Path, ApplicationsFrom, float], Bundle]
    unpack: Callable[[Any, Path], object]
    load: Callable[[Path], Application]


@dataclass(frozen=True, slots=True)
class Status:
    """How one application of a source is, or (with no name) the source itself. Times in seconds since the epoch.

    `state`: ``serving``, ``refused`` (the last good version serves, if there is one), ``withdrawn`` (offered no more,
    serves on), ``unreachable``, ``gone`` (offered no more, and never served); `message` says more.
    """

    source: str
    name: str
    state: str
    message: str = ""
    known: Accepted | None = None
    contact_center: str = ""
    checked_at: float | None = None


class Downloads:
    """Keeps the applications of all sources as they are published.

    Args:
        report: is told how each is, whenever it was looked at; it must not raise.
        now: the time in seconds since the epoch.
    """

    def __init__(
        self,
        remotes: Sequence[Remote],
        shelf: Shelf,
        library: Library,
        reading: Reading,
        report: Callable[[Status], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._shelf = shelf
        self._library = library
        self._reading = reading
        self._report = report
        self._now = now
        self._known: dict[str, Accepted] = {}
        self._noted: dict[str, float] = {}
        self._turn = gevent.lock.BoundedSemaphore()  # one bundle is unpacked and swapped in at a time
        self._sources = [Source(remote) for remote in remotes]
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def start(self) -> None:
        """Serve what is on the shelf, then ask the sources in the background.

        Raises:
            ConfigurationError: the shelf's folder cannot be made.
        """
        self._shelf.open()
        for record in self._shelf.accepted():
            self._restore(record)
        self._greenlets = [gevent.spawn(self._follow, source) for source in self._sources]

    def stop(self) -> None:
        gevent.killall(self._greenlets)
        self._greenlets = []
        self._shelf.close()

    def check(self) -> None:
        """Ask all sources now; returns at once."""
        for source in self._sources:
            source.wake.set()

    def signalled(self, key: object, row: object) -> None:
        """What subscribes to the topic `applications`."""
        self.check()

    # The shelf

    def _restore(self, record: Accepted) -> None:
        """Sources may have got another name; the contact center says whose it is."""
        sources = [each for each in self._sources if record.contact_center in each.terms.contact_centers]
        if not sources:
            log.warning("application %s %s is of no source, and does not serve", record.name, record.version)
            return
        try:
            application = on_thread(self._reading.load, self._shelf.place(record))
        except (ApplicationError, OSError) as error:
            log.error("application %s %s of the shelf cannot serve: %s", record.name, record.version, error)
            return
        source = sources[0]
        source.checked_at = max(record.checked_at, source.checked_at or 0.0)
        self._serve(msgspec.structs.replace(record, source=source.name), application)

    def _serve(self, record: Accepted, application: Application) -> None:
        self._known[record.name] = record
        mine = replace(application, contact_center=record.contact_center, numbers=record.numbers)
        self._library.put(mine)
        log.info(
            "application %s %s serves, sequence %d of %s",
            record.name,
            record.version,
            record.sequence,
            record.source,
            extra={"contact_center": record.contact_center, "sha256": record.sha256[:16]},
        )

    # A source

    def _follow(self, source: Source) -> None:
        while True:
            source.wake.clear()
            try:
                self._look(source)
            except Exception:  # a fault of ours: the next look may be without it
                log.exception("applications of %s not looked at", source.name)
            source.wake.wait(source.interval * random.uniform(1 - JITTER, 1 + JITTER))

    def _look(self, source: Source) -> None:
        """One round: the list, then each application of it that is new."""
        try:
            listed = source.list()
        except (RemoteFailed, OfferRefused) as error:
            source.note(str(error))
            self._tell(source, "unreachable", str(error))
            return
        source.note("")
        source.checked_at = self._now()
        self._report(Status(source.name, "", "serving", checked_at=source.checked_at))
        for offer in listed:
            self._look_at(source, offer)
        names = frozenset(offer.name for offer in listed)
        for name in source.offers_now(names) - self._known.keys():
            self._report(Status(source.name, name, "gone"))
        for record in self._of(source):
            if record.name not in names:
                self._say(source, record.name, "withdrawn", "its server offers it no more")

    def _look_at(self, source: Source, offer: Offer) -> None:
        refused = source.refused.get(offer.name)
        if refused is not None and refused.offer == offer and self._now() < refused.again_at:
            self._say(source, offer.name, "refused", refused.message, offer.contact_center)
            return
        try:
            self._take(source, offer)
        except RemoteFailed as error:
            self._say(source, offer.name, "unreachable", str(error), offer.contact_center)
            return
        except (FsrouteError, OSError) as error:
            self._refuse(source, offer, str(error))
            return
        except Exception as error:  # a fault of ours, which others' applications shall not suffer from
            log.exception("application %s %s of %s", offer.name, offer.version, source.name)
            self._refuse(source, offer, f"cannot be taken: {type(error).__name__}")
            return
        source.refused.pop(offer.name, None)
        record = self._known[offer.name]
        expired = record.expires_at is not None and record.expires_at <= self._now()
        self._say(source, offer.name, "serving", "it has expired and serves on" if expired else "")

    def _take(self, source: Source, offer: Offer) -> None:
        verdict = judge(offer, self._known.get(offer.name), source.terms)
        if verdict is Verdict.FETCH:
            file_name = f"{offer.name}-{offer.version}.fsapp"
            with closing(on_thread(self._shelf.incoming, file_name)) as incoming:
                source.fetch(offer, incoming)
                with self._turn:
                    # another source may have been first
                    judge(offer, self._known.get(offer.name), source.terms)
                    self._accept(source, offer, incoming.path)
        else:
            self._confirm(offer, verdict)
        on_thread(self._shelf.prune, offer.name, self._library.in_use())

    def _confirm(self, offer: Offer, verdict: Verdict) -> None:
        """What serves is what is offered; the disk hears of it now and then."""
        known = self._known[offer.name]
        record = msgspec.structs.replace(known, sequence=offer.sequence, checked_at=self._now())
        self._known[offer.name] = record
        if verdict is Verdict.AGAIN or record.checked_at >= self._noted.get(offer.name, 0.0) + NOTED_EVERY:
            self._noted[offer.name] = record.checked_at
            on_thread(self._shelf.note, record)

    def _accept(self, source: Source, offer: Offer, path: Path) -> None:
        now = self._now()
        bundle = on_thread(self._reading.read, path, source.remote.source, now)
        record = accepted(offer, bundle.manifest, source.name, now)
        place = on_thread(self._shelf.put, record, lambda folder: self._reading.unpack(bundle, folder))
        try:
            application = on_thread(self._reading.load, place)
            if (application.name, application.version) != (offer.name, offer.version):
                raise OfferRefused(f"the application calls itself {application.name} {application.version}")
        except Exception:
            on_thread(self._shelf.take, record)
            raise
        on_thread(self._shelf.note, record)
        self._serve(record, application)

    # What is told

    def _of(self, source: Source) -> list[Accepted]:
        return [record for record in self._known.values() if record.source == source.name]

    def _refuse(self, source: Source, offer: Offer, message: str) -> None:
        before = source.refused.get(offer.name)
        if before is None or (before.offer, before.message) != (offer, message):
            log.error(
                "application %s %s of %s is refused: %s", offer.name, offer.version, source.name, message
            )
        source.refused[offer.name] = Refused(offer, message, self._now() + REFUSED_AGAIN)
        self._say(source, offer.name, "refused", message, offer.contact_center)

    def _tell(self, source: Source, state: str, message: str) -> None:
        """The same of a source and of all its applications."""
        self._report(Status(source.name, "", state, message, checked_at=source.checked_at))
        for record in self._of(source):
            self._say(source, record.name, state, message)

    def _say(self, source: Source, name: str, state: str, message: str, contact_center: str = "") -> None:
        known = self._known.get(name)
        if known is not None and known.source != source.name:
            known = None
        center = known.contact_center if known is not None else contact_center
        checked_at = known.checked_at if known is not None else source.checked_at
        self._report(Status(source.name, name, state, message, known, center, checked_at))


def accepted(offer: Offer, manifest: Manifest, source: str, now: float) -> Accepted:
    """The record of a bundle whose manifest agrees with what was offered.

    Raises:
        OfferRefused: it does not.
    """
    for word in ("name", "version", "contact_center"):
        ours, theirs = getattr(offer, word), getattr(manifest, word)
        if ours != theirs:
            raise OfferRefused(
                f"application {offer.name}: {word} {theirs} is in the bundle, {ours} was offered"
            )
    return Accepted(
        name=offer.name,
        version=offer.version,
        sequence=offer.sequence,
        contact_center=offer.contact_center,
        sha256=offer.sha256,
        source=source,
        fetched_at=now,
        checked_at=now,
        numbers=tuple(manifest.numbers),
        key_id=manifest.key_id,
        expires_at=manifest.expires_at,
    )
