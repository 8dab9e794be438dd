"""Hears a switch, holds it against the switch's own lists, and writes what comes of it.

Three greenlets beside that of the client: one asks for the lists after each connection and now and then, one writes,
one reads what the database knows of fsroute's own agents and calls. The first change is written at once, then at most
one write every `SPACING`. A write that fails is made up for by the next, which tells everything; what was counted
meanwhile goes with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic

import gevent
from gevent.event import Event as Flag

from fsroute.cti import activity as act
from fsroute.cti import asking, events
from fsroute.cti.activity import Activity
from fsroute.cti.lists import ListedChannel
from fsroute.cti.owning import Owning
from fsroute.cti.writing import dump
from fsroute.errors import DatabaseUnavailable, Fenced, FsrouteError, StoreError, SwitchError
from fsroute.esl.inbound import InboundClient, Limits
from fsroute.esl.messages import Event
from fsroute.outage import Outage
from fsroute.store.activity import ActivityWriting

log = logging.getLogger(__name__)

SPACING = 0.05  # seconds between two writes
TICK = 1.0
AGAIN = 3.0  # seconds after a connection: by then the switch's tables show what happened before it
RETRY = 1.0
SETTLE = 0.15  # seconds after the lists were read in which what they tell may still be heard
BUSY_LIMIT = 30.0  # seconds after which a queue that is always busy is believed as it is listed
MOST_HELD = 20_000  # events that wait until it is known which FreeSWITCH process they are of
ROLL_UP = 3600.0
LAST_WRITE = 2.0  # seconds that the last write may take
LIMITS = Limits(heartbeat=2.0, lag=4.0)


@dataclass(frozen=True, slots=True)
class Settings:
    """Which sources there are, and how often what happens. Times in seconds, retention in days."""

    callcenter: bool = True
    phones: bool = True
    calls: bool = True
    heartbeat: float = 2.0
    reconcile: float = 60.0
    retention_intervals: int = 35
    retention: int = 400

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """As narrow as the sources allow: telephones are seen talking by their channels."""
        return (
            (*events.CHANNELS,) * (self.calls or self.phones)
            + events.CALLCENTER * self.callcenter
            + events.REGISTRATIONS * self.phones
        )


class Collector:
    """The activity of one switch while this process is its CTI processor.

    Args:
        activity: what is known, from the processor before this one.
        writing: where it is written.
        client: makes a client of the switch, given the events and who hears them.
        settings: what is watched.
        now: the database's clock, in seconds since the epoch.
        owning: fsroute's own agents and calls; None: they are no source.
    """

    def __init__(
        self,
        activity: Activity,
        writing: ActivityWriting,
        client: Callable[..., InboundClient],
        settings: Settings,
        now: Callable[[], float],
        owning: Owning | None = None,
    ) -> None:
        self.activity = activity
        self.fenced = Flag()
        """Another processor writes for this switch."""
        self._writing = writing
        self._settings = settings
        self._now = now
        self._owning = owning
        self._true = False  # what is known has been held against the switch since it was connected
        self._held: list[Event] | None = None
        self._heard: dict[str, float] = {}  # queue to when something was heard of it, monotonic
        self._dirty = Flag()
        self._look = Flag()
        self._wrote_at = self._beat_at = self._ticked_at = self._rolled_up_at = -ROLL_UP  # monotonic
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._unread = Outage(log, "the switch's lists cannot be read")
        self._unwritten = Outage(log, "activity waits for the database")
        self.client = client(
            events=settings.subscriptions,
            on_event=self._event,
            on_up=self._up,
            on_down=self._down,
            limits=LIMITS,
        )

    def start(self) -> None:
        if self._owning is not None:
            self._owning.start(self.apply)
        self._greenlets = [gevent.spawn(self._keep_true), gevent.spawn(self._keep_writing)]
        self.client.start()

    def stop(self) -> None:
        """Stop hearing; what is not written is written once more, if the database answers."""
        if self._owning is not None:
            self._owning.stop()
        gevent.killall(self._greenlets)
        self.client.stop()
        if self._greenlets and not self.fenced.is_set():
            with gevent.Timeout(LAST_WRITE, DatabaseUnavailable("no answer")):
                self._write(seen=False)

    def apply(self, event: object) -> None:
        """Take in an event of any source."""
        if self.activity.apply(event, self._now()):
            self._dirty.set()

    # The switch ------------------------------------------------------------------------------------------------

    def _up(self) -> None:
        self._held = []
        self._look.set()

    def _down(self, reason: str) -> None:
        self._true, self._held = False, None
        self.apply(act.LinkDown())

    def _event(self, event: Event) -> None:
        if self._held is not None:
            self._held.append(event)
            if len(self._held) > MOST_HELD:
                self._held = self._held[: MOST_HELD // 2]  # the lists that are read next make up for it
            return
        what = events.heard(event)
        if what is None:
            return
        if isinstance(
            what, events.MemberJoined | events.MemberServed | events.MemberLeft | events.BridgeFailed
        ):
            self._heard[what.queue] = monotonic()
        if not self._settings.calls and isinstance(what, events.ChannelCreated):
            what = events.ChannelCreated(what.uuid, False, "", what.user)
        self.apply(what)

    def _keep_true(self) -> None:
        again = False
        while True:
            again = bool(
                self._look.wait(min(AGAIN, self._settings.reconcile) if again else self._settings.reconcile)
            )
            self._look.clear()
            if not self.client.connected:
                continue
            try:
                self._reconcile()
                self._unread.over()
            except SwitchError as error:
                self._unread.failed(error)
                gevent.sleep(RETRY)
                self._look.set()
            except Exception:  # a fault of ours: what is heard still counts
                log.exception("the switch's lists are not held against what was heard")
                gevent.sleep(RETRY)

    def _reconcile(self) -> None:
        """Hold what is known against what the switch says."""
        core_uuid = asking.core_uuid(self._api)
        self.apply(act.LinkUp(core_uuid))
        held, self._held = self._held, None
        for event in held or ():
            self._event(event)
        if self._settings.phones:
            self.apply(act.PhonesListed(asking.phones(self._api)))
        if self._settings.calls or self._settings.phones:
            self.apply(act.ChannelsListed(self._channels()))
        if self._settings.callcenter:
            self._reconcile_callcenter()
        if self.client.connected:
            self._true = True
            self._dirty.set()

    def _channels(self) -> tuple[ListedChannel, ...]:
        listed = asking.channels(self._api)
        if self._settings.calls:
            return listed
        return tuple(replace(channel, counts=False) for channel in listed if channel.user)

    def _reconcile_callcenter(self) -> None:
        """Again, while something is heard of a queue whose calls are to be counted."""
        began = monotonic()
        while True:
            asked = monotonic()
            found = asking.callcenter_lists(self._api)
            if found is None:
                return
            gevent.sleep(SETTLE)
            late = monotonic() - began > BUSY_LIMIT
            busy = frozenset(
                queue for queue, heard_at in self._heard.items() if heard_at >= asked - SETTLE and not late
            )
            self.apply(act.CallcenterListed(found, busy))
            if not (busy or self.activity.undecided):
                self._heard.clear()
                return
            gevent.sleep(RETRY)

    def _api(self, command: str) -> str:
        return self.client.api(command, check=False)

    # The database ------------------------------------------------------------------------------------------------

    def _keep_writing(self) -> None:
        while True:
            self._dirty.wait(TICK)
            gevent.sleep(max(0.0, self._wrote_at + SPACING - monotonic()))
            self._dirty.clear()
            try:
                arrived = self._write_what_there_is(monotonic())
            except Exception:  # a fault of ours: the site is stale until it can be written
                log.exception("activity is not written")
                arrived = False
            if not arrived:
                gevent.sleep(RETRY)

    def _write_what_there_is(self, now: float) -> bool:
        """A write where something has changed or a sign of life is due; False: it did not arrive."""
        if now - self._ticked_at >= TICK:
            self.activity.apply(act.Tick(), self._now())
            self._ticked_at = now
        beat = now - self._beat_at >= self._settings.heartbeat
        if not (self.activity.is_dirty or beat):
            return True
        self._wrote_at = now
        if not self._write(self._true, beat):
            return False
        self._beat_at = now if beat else self._beat_at
        if now - self._rolled_up_at > ROLL_UP:
            self._roll_up()
            self._rolled_up_at = now
        return True

    def _write(self, seen: bool, beat: bool = True) -> bool:
        """One write; whether it arrived."""
        news = self.activity.take(self._now(), seen, beat)
        try:
            self._writing.write(dump(news))
        except Fenced as error:
            log.warning("%s", error)
            self.fenced.set()
        except StoreError as error:
            self._unwritten.failed(error)
        except BaseException:
            self.activity.give_back(news)
            raise
        else:
            self._unwritten.over()
            return True
        self.activity.give_back(news)
        return False

    def _roll_up(self) -> None:
        try:
            self._writing.roll_up(self._settings.retention_intervals, self._settings.retention)
        except FsrouteError as error:
            log.warning("the history of activity is not rolled up: %s", error)
