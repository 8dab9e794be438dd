"""Admission at work: the limits followed, the shares asked for, and the refusals written down, about once a second."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import gevent
import gevent.event

from fsroute.callserver.admission import Gate
from fsroute.errors import StoreError
from fsroute.model.admission import PROCESS, Limit, Refusal, Treatment, Why, center_scope
from fsroute.outage import Outage
from fsroute.store.admission import TOPIC, Admissions, CenterLimit
from fsroute.store.signals import Signals

log = logging.getLogger(__name__)

BEAT = 1.0  # seconds between two reports
SOONEST = 0.1  # seconds, where a call would be refused though others may have room
LIFETIME = 5.0  # seconds after which the share of a process that says nothing is others'
ASK_LIMIT = 1.0  # seconds that a call waits for a larger share, before it is refused
SESSIONS = Refusal(PROCESS, Why.SESSIONS, Treatment("busy", "SWITCH_CONGESTION"))


class Admission:
    """Admits calls to one switch, as one process of a site.

    Args:
        site: the site's scope and limit.
        process: the process's name, unlike any other's.
        lifetime: seconds after which its share is others', when it has said nothing.
    """

    def __init__(
        self,
        store: Admissions,
        signals: Signals,
        site: tuple[str, Limit],
        process: str,
        switch_id: str,
        clock: Callable[[], float] = time.monotonic,
        lifetime: float = LIFETIME,
    ) -> None:
        self.gate = Gate()
        self._store = store
        self._signals = signals
        self._site, self._site_limit = site
        self._process = process
        self._switch_id = switch_id
        self._clock = clock
        self._lifetime = lifetime
        self._centers: dict[str, str] = {}  # number called → scope
        self._numbers: dict[str, str] = {}  # channel → number called, of the calls that are there
        self._refusing: dict[str, int] = {}  # scope → calls refused since it began to
        self._begun = self._done = 0  # reports
        self._unread = Outage(log, "limits of contact centers are not read")
        self._asked = gevent.event.Event()
        self._answered = gevent.event.Event()
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._follow([])

    def start(self) -> None:
        """The limits, and a first share, are there before the first call."""
        self._read()
        self._beat_or_wait()
        self._subscription = self._signals.subscribe(TOPIC, lambda key, row: self._read())
        self._greenlets = [gevent.spawn(self._beats)]

    def stop(self) -> None:
        """Say what was refused last, and give back what this process had."""
        gevent.killall(self._greenlets)
        if not self._greenlets:
            return
        self._greenlets = []
        self._signals.unsubscribe(self._subscription)
        try:
            self._write_refused()
            self._store.give_back(self._process)
        except StoreError as error:
            log.debug("shares are not given back: %s", error)

    def admit(self, channel_uuid: str, number_called: str, *, taken: bool = False) -> Refusal | None:
        """Take a call, or say what becomes of it instead; `taken`: it was taken before, and came back."""
        names = self._scopes_of(number_called)
        refusal = self.gate.enter(channel_uuid, names, self._clock(), taken=taken)
        if refusal is not None and self.gate.may_ask(refusal) and self._greenlets:
            self._ask()
            refusal = self.gate.enter(channel_uuid, names, self._clock(), again=True)
        if refusal is None:
            self._numbers[channel_uuid] = number_called
        else:
            self._refuse(number_called, refusal)
        return refusal

    def _scopes_of(self, number_called: str) -> tuple[str, ...]:
        center = self._centers.get(number_called)
        return (self._site,) if center is None else (self._site, center)

    def no_session(self, number_called: str) -> None:
        """A call was refused because this process has as many as it may."""
        self._refuse(number_called, SESSIONS)

    def left(self, channel_uuid: str) -> None:
        """The channel is gone."""
        self._numbers.pop(channel_uuid, None)
        self.gate.left(channel_uuid)

    def _ask(self) -> None:
        """Wait for the share of a report that begins from now on: one that is under way knows nothing of this call."""
        wanted, give_up = self._begun + 1, self._clock() + ASK_LIMIT
        while self._done < wanted and (left := give_up - self._clock()) > 0:
            self._answered.clear()
            self._asked.set()
            self._answered.wait(left)

    def _refuse(self, number_called: str, refusal: Refusal) -> None:
        if refusal.scope not in self._refusing:
            log.warning("calls are refused: scope=%s limit=%s", refusal.scope, refusal.why)
        self._refusing[refusal.scope] = self._refusing.get(refusal.scope, 0) + 1
        self.gate.note(number_called, refusal)

    # Limits and shares -------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            self._follow(self._store.limits())
            self._unread.over()
        except StoreError as error:
            self._unread.failed(error)

    def _follow(self, centers: list[CenterLimit]) -> None:
        limits = {center_scope(each.contact_center_id): each.limit for each in centers}
        self._centers = {
            number: center_scope(each.contact_center_id) for each in centers for number in each.numbers
        }
        present = {channel: self._scopes_of(number) for channel, number in self._numbers.items()}
        self.gate.set_limits({self._site: self._site_limit, **limits}, self._clock(), present, alone=False)
        self._asked.set()

    def _beats(self) -> None:
        while True:
            self._asked.clear()
            self._begun += 1
            self._beat_or_wait()
            self._done = self._begun
            self._answered.set()
            gevent.sleep(SOONEST)
            self._asked.wait(BEAT - SOONEST)

    def _beat_or_wait(self) -> None:
        try:
            self._beat()
        except StoreError as error:  # what is known stands
            log.debug("no share of the limits: %s", error)
            self.gate.assume_alone()

    def _beat(self) -> None:
        if self._unread.lasts:
            self._read()
        uses = self.gate.report(self._clock())
        if uses:
            shares = self._store.share(self._process, self._switch_id, uses, self._lifetime)
            if self.gate.dealt(shares, self._clock()):
                self._asked.set()
        self._write_refused()

    def _write_refused(self) -> None:
        counts = self.gate.take_refused()
        refusing = {scope for _, scope, _, _ in counts}
        for scope in [name for name in self._refusing if name not in refusing]:
            log.warning("calls are taken again: scope=%s refused=%d", scope, self._refusing.pop(scope))
        if counts:
            try:
                self._store.refused(self._switch_id, list(counts.items()))
            except StoreError:
                self.gate.put_back(counts)
                raise
