"""The client of a switch's event socket: events over one connection, commands over another, jobs over a third.

Two more are for jobs that are begun before it is certain that they are wanted (`fsroute.esl.drafts`).

Queued events delay command replies on the same connection, and FreeSWITCH reads commands byte by byte: on a busy
host what goes out first is in the way of what follows, and a job that dials somebody waits for nobody. A greenlet
keeps all up, a second one hands events to their handler; the reading itself happens in the hub and waits for neither.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Final

import gevent
from gevent.event import Event as Flag
from gevent.queue import SimpleQueue

from fsroute.errors import SwitchError, SwitchUnavailable
from fsroute.esl import commands
from fsroute.esl.drafts import Drafts
from fsroute.esl.link import Link, Listener, NotAdmitted
from fsroute.esl.messages import Event, Message
from fsroute.esl.session import refuse_errors
from fsroute.esl.stall import STALL_LIMIT, StallWatch
from fsroute.esl.transport import COMMAND_TIMEOUT, Tap, wait_for

logger = logging.getLogger(__name__)

SLICE: Final = 0.01  # seconds of handling events in a row, before others get their turn


@dataclass(frozen=True, slots=True)
class Limits:
    """How an inbound client keeps its connections. Times in seconds."""

    timeout: float = COMMAND_TIMEOUT  # to connect, and for the commands of the set-up
    first_retry: float = 0.2  # doubled after every failure, up to
    last_retry: float = 5.0
    not_admitted_retry: float = 30.0  # FreeSWITCH leaks a little with every connection that it rejects
    heartbeat: float = 5.0  # between two beats on each connection
    lag: float = 10.0  # a beat that takes longer closes our own socket: events pile up in FreeSWITCH
    queued: int = 20_000  # events that wait for the handler; above, our own socket is closed
    stall: float = STALL_LIMIT
    poke: float = 0.002  # between two newlines while busy


class _Change(enum.Enum):
    STOP = enum.auto()


class InboundClient:
    """Keeps the connections to one switch and hands its events to `on_event`.

    `events` names what to subscribe to, subclasses of CUSTOM by their ``::`` name;
    BACKGROUND_JOB is added. `on_up()` is called when all connections stand and the
    subscription is made, before the events that follow it; `on_down(reason)` when one is lost.
    Events may have been lost in between: whoever depends on them reads its state again in
    `on_up`. All three are called from one greenlet, in order; what they raise is logged.
    """

    def __init__(
        self,
        host: str,
        port: int,
        password: str,
        *,
        events: Sequence[str],
        on_event: Callable[[Event], None],
        on_up: Callable[[], None] = lambda: None,
        on_down: Callable[[str], None] = lambda reason: None,
        limits: Limits | None = None,
        tap: Callable[[str], Tap | None] = lambda link: None,
    ) -> None:
        self._tap = tap
        self.address = (host, port)
        self.lag = 0.0
        """Seconds that the last beat on the event connection took: how far FreeSWITCH is behind."""
        self.refused = False
        """Nobody listens there: FreeSWITCH does not run, or is just starting."""
        self._password = password
        self._subscription = commands.events(dict.fromkeys([*events, "BACKGROUND_JOB"]))
        self._on_event, self._on_up, self._on_down = on_event, on_up, on_down
        self._limits = limits or Limits()
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._early: list[Event] = []
        self._lost = Flag()
        self._lost_reason = ""
        self._up = Flag()
        self._event_link: Link | None = None
        self._command_link: Link | None = None
        self._job_link: Link | None = None
        self._drafts = Drafts(lambda page: self._open("drafts", page))
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._poker = _Poker(self._limits.poke, self._poke)
        self._stall_watch = StallWatch(self._give_up, self._limits.stall)

    @property
    def connected(self) -> bool:
        """All connections stand, and the subscription is made."""
        return self._up.is_set()

    @property
    def busy(self) -> bool:
        """Somebody waits or talks: wake FreeSWITCH's 20 ms poll, so that events come in 1 to 3 ms."""
        return self._poker.running

    @busy.setter
    def busy(self, busy: bool) -> None:
        self._poker.run(busy)

    def start(self) -> None:
        """Connect in the background, and again whenever a connection is lost."""
        self._stall_watch.start()
        self._greenlets = [gevent.spawn(self._dispatch), gevent.spawn(self._keep)]

    def wait_connected(self, timeout: float | None = None) -> bool:
        return bool(self._up.wait(timeout))

    def stop(self, timeout: float = 5.0) -> None:
        """Close all connections; `on_down` is not called. Events that wait are still handled."""
        self._stall_watch.stop()
        self._poker.run(False)
        if not self._greenlets:
            return
        dispatcher, keeper = self._greenlets
        keeper.kill()
        self._close_links("stopped")
        self._inbox.put(_Change.STOP)
        if dispatcher is not gevent.getcurrent():
            dispatcher.join(timeout)
            dispatcher.kill()
        self._greenlets = []

    def api(self, command: str, timeout: float = COMMAND_TIMEOUT, *, check: bool = True) -> str:
        """The output of an api command without its last line end.

        Raises:
            CommandRefused: with `check`, when the output begins with ``-ERR`` or ``-USAGE``.
            CommandTimeout: no reply within `timeout` seconds; it may have run.
            InvalidCommand: `command` holds a line end or a NUL.
            SwitchUnavailable: not connected, or the connection went meanwhile.
        """
        reply = self._standing(self._command_link).request(commands.api(command), timeout)
        return (refuse_errors(reply) if check else reply).text

    def bgapi(self, command: str, job_uuid: str | None = None, timeout: float = COMMAND_TIMEOUT) -> str:
        """Start an api command; its result is the body of the BACKGROUND_JOB with the Job-UUID that this returns.

        The event may arrive before this returns: who needs to know first gives `job_uuid`, or goes by the event's
        ``Job-Command-Arg``.

        Raises:
            CommandRefused, CommandTimeout, InvalidCommand, SwitchUnavailable: as :meth:`api`.
        """
        whole = commands.bgapi(command, job_uuid)
        link = self._standing(self._job_link)
        waiter = self._drafts.perform(whole)
        reply = link.request(whole, timeout) if waiter is None else wait_for(waiter, whole, timeout)
        return job_uuid or refuse_errors(reply).get("Job-UUID", "")

    def draft(self, command: str) -> None:
        """Begin ``bgapi`` of this command, which is about to be wanted: FreeSWITCH has little to read then.

        Never waits, and may do nothing. What is not wanted within a second is dropped.

        Raises:
            InvalidCommand: `command` holds a line end or a NUL.
        """
        if self._up.is_set():
            self._drafts.begin(commands.bgapi(command))

    def perform_draft(self, command: str) -> None:
        """End what `draft` began of this command, and FreeSWITCH performs it; the `bgapi` that follows has the reply.

        Never waits, and does nothing where it was not begun.

        Raises:
            InvalidCommand: `command` holds a line end or a NUL.
        """
        self._drafts.end(commands.bgapi(command))

    def command(self, command: bytes, timeout: float = COMMAND_TIMEOUT) -> Message:
        """Send any command on the command connection and return its reply, whatever it says."""
        return self._standing(self._command_link).request(command, timeout)

    def message_arrived(self, message: Message) -> None:
        """For the link."""
        if not isinstance(message, Event):
            return
        if not self._up.is_set():
            self._early.append(message)
        elif len(self._inbox) >= self._limits.queued:
            self._drop_what_waits()
            self._lose(f"{self._limits.queued} events wait for their handler")
        else:
            self._inbox.put(message)

    def link_lost(self, reason: str) -> None:
        """For the link."""
        self._lose(reason)

    def _standing(self, link: Link | None) -> Link:
        if link is None or not self._up.is_set():
            raise SwitchUnavailable(f"not connected to {self.address[0]}:{self.address[1]}")
        return link

    def _keep(self) -> None:
        """Connect, stay connected, connect again."""
        retry = self._limits.first_retry
        while True:
            try:
                self._open_links()
            except SwitchError as error:
                self.refused = isinstance(error.__cause__, ConnectionRefusedError)
                self._close_links(str(error))
                if isinstance(error, NotAdmitted):
                    retry = self._limits.not_admitted_retry
                logger.warning("switch %s:%d: %s; next try in %.1f s", *self.address, error, retry)
                gevent.sleep(retry)
                retry = min(retry * 2, self._limits.last_retry)
                continue
            retry = self._limits.first_retry
            self.refused = False
            self._stay_up()
            gevent.sleep(retry)

    def _open_links(self) -> None:
        limits = self._limits
        self._lost.clear()
        self._early = []
        self._command_link = self._open("commands")
        self._job_link = self._open("jobs")
        event_link = self._open("events")
        self._event_link = event_link
        refuse_errors(event_link.request(self._subscription, limits.timeout))
        if any(link is None or link.transport.closed for link in self._links()):
            raise SwitchUnavailable(self._lost_reason)

    def _open(self, link: str, listener: Listener | None = None) -> Link:
        tap = partial(self._tap, link)
        return Link.open(self.address, self._password, listener or self, self._limits.timeout, tap)

    def _stay_up(self) -> None:
        """Tell that the switch is up, beat until a connection is lost, tell that it is down."""
        logger.info("switch %s:%d connected", *self.address)
        self._up.set()
        self._drafts.start()
        self._inbox.put(self._on_up)
        early, self._early = self._early, []
        for event in early:
            self._inbox.put(event)
        while not self._lost.wait(self._limits.heartbeat):
            self._beat()
        self._up.clear()
        reason = self._lost_reason
        self._close_links(reason)
        logger.warning("switch %s:%d lost: %s", *self.address, reason)
        self._inbox.put(lambda: self._on_down(reason))

    def _beat(self) -> None:
        """A beat on each connection; what FreeSWITCH has queued for us delays the answer."""
        beat = commands.api("uptime")
        for link in self._links():
            assert link is not None
            began = monotonic()
            try:
                link.request(beat, self._limits.lag)
            except SwitchError as error:
                self._lose(f"heart-beat: {error}")
                return
        self.lag = monotonic() - began

    def _links(self) -> tuple[Link | None, Link | None, Link | None]:
        return (self._command_link, self._job_link, self._event_link)

    def _lose(self, reason: str) -> None:
        """Give the connections up; the keeper makes new ones. Safe in the hub."""
        if not self._lost.is_set():
            self._lost_reason = reason
            self._lost.set()
            self._close_links(reason)

    def _close_links(self, reason: str) -> None:
        links = self._links()
        self._command_link = self._job_link = self._event_link = None
        self._up.clear()
        self._drafts.stop(reason)
        for link in links:
            if link is not None:
                link.close(reason)

    def _drop_what_waits(self) -> None:
        """Forget the events of a connection that is given up; calls to on_up and on_down stay."""
        kept = []
        while len(self._inbox):
            item = self._inbox.get()
            if not isinstance(item, Event):
                kept.append(item)
        for item in kept:
            self._inbox.put(item)

    def _dispatch(self) -> None:
        yielded_at = monotonic()
        while True:
            item = self._inbox.get()
            if item is _Change.STOP:
                return
            self._hand_on(item)
            if monotonic() - yielded_at > SLICE:
                gevent.sleep(0)
                yielded_at = monotonic()

    def _hand_on(self, item: Any) -> None:
        try:
            if isinstance(item, Event):
                self._on_event(item)
            else:
                item()
        except Exception:
            logger.exception("switch %s:%d: the handler of %r failed", *self.address, item)

    def _poke(self) -> None:
        if self._event_link is not None and self._up.is_set():
            self._event_link.transport.poke()

    def _give_up(self) -> None:
        """In the watch's own thread: only system calls."""
        for link in self._links():
            if link is not None:
                link.transport.shut_down()


class _Poker:
    """A timer of the hub's that calls `poke` every `interval` seconds while it runs."""

    def __init__(self, interval: float, poke: Callable[[], None]) -> None:
        self._interval = interval
        self._poke = poke
        self._timer: Any = None

    @property
    def running(self) -> bool:
        return self._timer is not None

    def run(self, on: bool) -> None:
        if on and self._timer is None:
            loop: Any = gevent.get_hub().loop
            self._timer = loop.timer(self._interval, self._interval)
            self._timer.start(self._poke)
        elif not on and self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None


__all__ = ["InboundClient", "Limits"]
