"""The contacts of one switch that ACDs of other makes serve: each with its entry; what they share."""

from __future__ import annotations

import hmac
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import gevent

from fsroute.acd.adapters import ENTRY, Adapter, Signal, Told
from fsroute.acd.adapters.loading import fault
from fsroute.acd.dial import dialled
from fsroute.acd.entry import Entry, NetworkLegHere
from fsroute.acd.legs import Settings
from fsroute.acd.proxy_call import On
from fsroute.acd.rendezvous import digest, is_token
from fsroute.errors import FsrouteError, StoreError, SwitchError
from fsroute.esl.messages import Event
from fsroute.model.other_acd import OtherAcd
from fsroute.model.proxy_call import ProxyCall, State
from fsroute.store.store import Store
from fsroute.switchlink import SwitchLink

log = logging.getLogger(__name__)

PLACES_EVERY = 2.0  # seconds between two looks at the places in the queues
PACE_OF = 20  # services that the pace of a queue is reckoned from
LEAST_SERVICES = 3
_CONCERNED = (State.QUEUED, State.CALLBACK, State.OFFERED, State.READY, State.BRIDGED)


@dataclass(slots=True)
class Pace:
    """How often a queue of another ACD serves somebody: the mean time between the last services."""

    moments: deque[float] = field(default_factory=lambda: deque(maxlen=PACE_OF + 1))

    def note(self, now: float) -> None:
        self.moments.append(now)

    def expected(self, position: int) -> float | None:
        """Seconds until the contact at this place is served, if the queue goes on like that; None: not known yet."""
        if len(self.moments) <= LEAST_SERVICES:
            return None
        return position * (self.moments[-1] - self.moments[0]) / (len(self.moments) - 1)


class Entries:
    """Begins an entry for each contact that waits at an ACD beside this switch, and hands on what happens.

    Args:
        store: rows and signals.
        link: the switch.
        settings: of the role.
        adapters: by name (``fsroute.acd.adapters.loading``).
        new_uuid: makes the names of entries.
    """

    def __init__(
        self,
        store: Store,
        link: SwitchLink,
        settings: Settings,
        adapters: Mapping[str, Adapter],
        new_uuid: Callable[[], str],
    ) -> None:
        self._store = store
        self._link = link
        self._settings = settings
        self._adapters = adapters
        self._new_uuid = new_uuid
        self._entries: dict[int, Entry] = {}  # by proxy call
        self._on_channel: dict[str, Entry] = {}
        self.changed: Callable[[], None] = lambda: None
        """Called when there are more entries or fewer, set by the role."""
        self._over: dict[int, int] = {}  # proxy calls that are over here, by the version that ended them
        self._faulty: set[OtherAcd] = set()
        self._paces: dict[str, Pace] = {}
        self._looks: gevent.Greenlet[..., None] | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def stop(self) -> None:
        """Let go of all as they are: another process will adopt them."""
        for entry in list(self._entries.values()):
            entry.leave()
        if self._looks is not None:
            self._looks.kill(block=False)

    def knows(self, channel: str) -> bool:
        """Whether a channel is one of an entry's."""
        return channel in self._on_channel

    # What happens ------------------------------------------------------------------------------------------

    def row(self, call: ProxyCall) -> None:
        """A proxy call has changed."""
        entry = self._entries.get(call.proxy_call_id)
        if entry is not None:
            entry.inbox.put(call)
        elif self._is_ours(call):
            self._begin(call)

    def event(self, event: Event) -> None:
        """Something has happened at the switch."""
        if not self._entries:
            return
        for entry in {self._on_channel[name] for name in _names(event) if name in self._on_channel}:
            entry.inbox.put(event)
        for adapter in self._adapters.values():
            queue = adapter.serves(event)
            if queue:
                self._paces.setdefault(queue, Pace()).note(self._store.now())

    def network_leg(self, uuid: str, call: ProxyCall) -> None:
        """A network leg was admitted, as this channel."""
        entry = self._entries.get(call.proxy_call_id)
        if entry is not None:
            entry.inbox.put(NetworkLegHere(uuid, call))

    def told(self, token: str, signal: Signal) -> bool:
        """The ACD itself says something of the call with this token; False: no such call waits here."""
        if not is_token(token):
            return False
        known = digest(token)
        for entry in self._entries.values():
            if entry.token_digest and hmac.compare_digest(entry.token_digest, known):
                entry.inbox.put(signal)
                return True
        return False

    def leg_of(self, token: str) -> str:
        """The channel of the call with this token; empty if no such call waits here."""
        known = digest(token)
        found = (entry for entry in self._entries.values() if entry.token_digest == known)
        return next((entry.seen.entry_uuid for entry in found), "")

    # After a restart, or when signals or events may have been missed -----------------------------------------

    def reconcile(self) -> None:
        """Hold the rows against the channels.

        Raises:
            StoreError, SwitchError: to be done again.
        """
        for call in self._store.proxy_calls.live_of_other_acds(self._settings.switch_id):
            entry = self._entries.get(call.proxy_call_id)
            if entry is None:
                self.row(call)
            else:
                entry.inbox.put(call)
                entry.check()

    def is_ghost(self, channel: str) -> bool:
        """Whether a channel is an entry of nobody; one may begin while the switch is asked."""
        if self.knows(channel):
            return False
        return bool(self._link.variable(channel, ENTRY)) and not self.knows(channel)

    # Entries -----------------------------------------------------------------------------------------------

    def _is_ours(self, call: ProxyCall) -> bool:
        here = call.acd is not None and call.acd.switch_id == self._settings.switch_id
        ended = self._over.get(call.proxy_call_id, -1) >= call.version
        return here and call.state in _CONCERNED and not ended

    def _begin(self, call: ProxyCall) -> None:
        assert call.acd is not None
        adapter = self._adapter(call.acd)
        if adapter is None:
            gevent.spawn(self._give_up, call)
            return
        entry = Entry(self._store, self._link, self._settings, adapter, call, self._forget, self._new_uuid)
        self._entries[call.proxy_call_id] = entry
        entry.attend = lambda channel: self._on_channel.__setitem__(channel, entry)
        try:
            entry.adopt()
        except (StoreError, SwitchError):
            self._remove(entry)
            raise
        self.changed()
        entry.inbox.put(None)  # the row may have changed since it was read
        entry.start()
        if self._looks is None or self._looks.dead:
            self._looks = gevent.spawn(self._look_at_places)

    def _adapter(self, acd: OtherAcd) -> Adapter | None:
        """None: what the row of `other_acd` says cannot be used."""
        why = fault(self._adapters, acd)
        if not why:
            return self._adapters[acd.adapter]
        if acd not in self._faulty:
            self._faulty.add(acd)
            log.error("other_acd %s cannot be used: %s", acd.name, why)
        return None

    def _give_up(self, call: ProxyCall) -> None:
        """Nobody would ever enter it: better another way at once than music for ever."""
        try:
            self._store.move(
                call, On.LIMIT_PASSED, set={"way": call.overflow.dump()}, data={"reason": "acd_faulty"}
            )
        except StoreError as error:
            log.warning("not given up: %s contact=%s", error, call.contact_id)

    def _forget(self, entry: Entry) -> None:
        number = entry.call.proxy_call_id
        self._remove(entry)
        self.changed()
        if not entry.call.is_live:
            self._over[number] = entry.call.version
            while len(self._over) > 1000:
                del self._over[next(iter(self._over))]
        elif not entry.is_left and self._is_ours(entry.call):  # under another routing, at the same switch
            self.row(entry.call)

    def _remove(self, entry: Entry) -> None:
        if self._entries.get(entry.call.proxy_call_id) is entry:
            del self._entries[entry.call.proxy_call_id]
        for channel in [name for name, other in self._on_channel.items() if other is entry]:
            del self._on_channel[channel]

    # Places ------------------------------------------------------------------------------------------------

    def _look_at_places(self) -> None:
        while self._entries:
            gevent.sleep(PLACES_EVERY)
            for acd in {entry.acd for entry in self._entries.values() if entry.call.is_waiting}:
                try:
                    self._tell_places(acd)
                except FsrouteError as error:
                    log.debug("places at %s not read: %s", acd.name, error)

    def _tell_places(self, acd: OtherAcd) -> None:
        adapter = self._adapters[acd.adapter]
        places = adapter.places(acd, lambda command: self._link.client.api(command, check=False))
        pace = self._paces.get(adapter.queue(acd), Pace())
        for entry in self._entries.values():
            position = places.get(entry.seen.entry_uuid)
            told = Told(position, None if position is None else pace.expected(position))
            if entry.acd == acd and position is not None and told != _last(entry):
                entry.inbox.put(told)


def _last(entry: Entry) -> Told:
    return Told(entry.seen.position, entry.seen.expected_wait)


def _names(event: Event) -> Iterator[str]:
    """The channels that an event is about."""
    yield event.uuid
    if event.name == "CHANNEL_BRIDGE":
        yield event.get("Bridge-A-Unique-ID", "")
        yield event.get("Bridge-B-Unique-ID", "")
    elif event.name == "BACKGROUND_JOB":
        yield dialled(event)
    elif event.name == "DETECTED_TONE":
        yield event.get("Detected-Tone", "")
    elif event.name == "CUSTOM":
        yield event.get("CC-Member-Session-UUID", "")
