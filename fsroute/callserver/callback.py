"""Callers of one switch who keep their place are called back: performs what `calling.decide` says.

Several call servers of a switch may do this: who moves the row from *wanted* to *dialling* dials. What became
of an attempt is seen by all of them on the switch's event socket, so that one whose process died is found out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import uuid4

import gevent

from fsroute.acd.proxy_call import On
from fsroute.callserver.calling import Cancel, CloseContact, Dial, after_failure, decide, originate
from fsroute.callserver.desk import Settings
from fsroute.errors import DatabaseUnavailable, FsrouteError, SwitchError
from fsroute.esl.messages import Event
from fsroute.model.proxy_call import CallerLeg, ProxyCall
from fsroute.outage import Outage
from fsroute.store.store import Store
from fsroute.switchlink import SwitchLink
from fsroute.workers import Workers

log = logging.getLogger(__name__)

WORKERS = 8  # callers called at once; the ringing itself occupies nobody
LOOK_AGAIN = 0.2  # seconds between two looks whether the caller's first channel is gone
CLEARS = 10.0  # seconds for it to go
DIALLED_LIMIT = 5.0  # seconds after which an attempt must have a channel


class Callbacks:
    """The callers to call back, by proxy call.

    Args:
        close: ends a contact whose proxy call is over.
    """

    def __init__(
        self, store: Store, link: SwitchLink, settings: Settings, close: Callable[[str, str], None]
    ) -> None:
        self._store = store
        self._link = link
        self._settings = settings
        self._close = close
        self._known: dict[int, ProxyCall] = {}
        self._attempts: dict[int, str] = {}  # the channels that this process calls on
        self._missing: dict[str, float] = {}  # attempts of others that have no channel, and since when
        self._outage = Outage(log, "callers who are called back wait for the database")
        self._working: set[int] = set()
        self._workers = Workers(WORKERS)
        self._dialling = Workers(WORKERS)  # who waits for a channel to go holds up nothing else

    def __len__(self) -> int:
        return len(self._known)

    def stop(self, limit: float) -> None:
        self._workers.join(limit)
        self._dialling.join(limit)

    # What is heard -----------------------------------------------------------------------------------------

    def signalled(self, proxy_call_id: int, row: ProxyCall | None) -> None:
        """The row may have changed; None: read it, if it is one that matters here."""
        if row is not None:
            self._row(row)
        elif proxy_call_id in self._known:
            self._workers.spawn(self._guarded, self._read, proxy_call_id)

    def event(self, event: Event) -> None:
        """An attempt ended: the switch's answer to the command, or the hang-up of its channel."""
        if event.name == "BACKGROUND_JOB":
            text = event.text.strip()
            if text.startswith("-ERR"):
                self._ended(event.get("Job-UUID", ""), text.removeprefix("-ERR").strip())
        elif event.name == "CHANNEL_HANGUP" and event.get("variable_fsroute_callback"):
            self._ended(event.uuid, event.get("Hangup-Cause", ""))

    def reconcile(self) -> None:
        """Hold the rows against the switch: what was not heard, and what another process left."""
        switch_id = self._settings.switch_id
        calls = self._store.proxy_calls.live_of_caller_switch(switch_id)
        self._outage.over()
        away = [call for call in calls if call.caller_leg is not CallerLeg.PRESENT]
        for call in away:
            self._row(call)
        for proxy_call_id in self._known.keys() - {call.proxy_call_id for call in away}:
            self._read(proxy_call_id)
        dialled = [call for call in away if call.caller_leg is CallerLeg.DIALLING]
        self._missing = {
            uuid: since for uuid, since in self._missing.items() if uuid in {c.channel_uuid for c in dialled}
        }
        for call in dialled:
            if call.channel_uuid not in self._attempts.values():
                self._look_for(call)

    def _look_for(self, call: ProxyCall) -> None:
        """Somebody called the caller on this channel; if there is none, that somebody is gone."""
        if self._link.exists(call.channel_uuid):
            self._missing.pop(call.channel_uuid, None)
            return
        now = self._store.now()
        if now - self._missing.setdefault(call.channel_uuid, now) >= DIALLED_LIMIT:
            self._failed(call.proxy_call_id, call.channel_uuid, "LOSE_RACE")

    # What is done ------------------------------------------------------------------------------------------

    def _row(self, call: ProxyCall) -> None:
        known = self._known.get(call.proxy_call_id)
        if known is not None and known.version > call.version:
            return
        if call.is_live and call.caller_leg is not CallerLeg.PRESENT:
            self._known[call.proxy_call_id] = call
        elif known is None:
            return
        step = decide(call, self._attempts.get(call.proxy_call_id))
        if isinstance(step, Cancel):
            self._attempts.pop(call.proxy_call_id, None)
            self._workers.spawn(self._guarded, self._cancel, step.channel_uuid)
            step = decide(call, None)
        if isinstance(step, Dial) and call.proxy_call_id not in self._working:
            self._working.add(call.proxy_call_id)
            self._dialling.spawn(self._guarded, self._dial, call)
        elif isinstance(step, CloseContact):
            self._workers.spawn(self._guarded, self._over, call)
        if not call.is_live or call.caller_leg is CallerLeg.PRESENT:
            self._known.pop(call.proxy_call_id, None)
            self._attempts.pop(call.proxy_call_id, None)

    def _read(self, proxy_call_id: int) -> None:
        call = self._store.proxy_calls.get(proxy_call_id)
        if call is not None:
            self._row(call)

    def _over(self, call: ProxyCall) -> None:
        self._close(call.contact_id, f"callback {call.state}")

    def _dial(self, call: ProxyCall) -> None:
        try:
            if not call.callback_number or not self._settings.callback_dial_string:
                self._report_failure(call, "no number")
            elif self._has_left(call):
                self._originate(call)
        finally:
            self._working.discard(call.proxy_call_id)

    def _has_left(self, call: ProxyCall) -> bool:
        """Who has just chosen to be called back may be on the line still, and is served there if so."""
        give_up = self._store.now() + CLEARS
        while self._link.exists(call.channel_uuid):
            if self._store.now() >= give_up:
                return False
            gevent.sleep(LOOK_AGAIN)
        return True

    def _originate(self, call: ProxyCall) -> None:
        contact = self._store.contacts.get(call.contact_id)
        if contact is None or contact.ended_at is not None:
            return
        uuid = str(uuid4())
        moved = self._store.move(call, On.CALLER_DIALLED, set={"channel_uuid": uuid})
        newest = self._known.get(call.proxy_call_id)
        if (
            moved is None or newest is None
        ):  # another call server does it, or the caller is not wanted any more
            return
        newest = moved if moved.version > newest.version else newest
        if isinstance(decide(newest, uuid), Cancel):  # the row went on meanwhile
            return
        self._known[call.proxy_call_id] = newest  # older news, under way still, do not know of the attempt
        self._attempts[call.proxy_call_id] = uuid
        settings = self._settings
        command = originate(
            moved, uuid, settings.callback_dial_string, contact.number_called, settings.callserver
        )
        log.info("a caller is called back contact=%s try=%d", call.contact_id, call.callback_failures + 1)
        try:
            self._link.bgapi(command, uuid)
        except SwitchError as error:
            self._failed(call.proxy_call_id, uuid, str(error))

    def _cancel(self, channel_uuid: str) -> None:
        """Hang up a telephone that rings; one whose channel is only being made is hung up when it is there."""
        give_up = self._store.now() + DIALLED_LIMIT
        while self._store.now() < give_up:
            if not self._link.client.api(
                f"uuid_kill {channel_uuid} ORIGINATOR_CANCEL", check=False
            ).startswith("-ERR"):
                return
            gevent.sleep(LOOK_AGAIN)

    def _ended(self, channel_uuid: str, cause: str) -> None:
        for proxy_call_id, call in self._known.items():
            if channel_uuid in (self._attempts.get(proxy_call_id), call.channel_uuid):
                self._workers.spawn(self._guarded, self._failed, proxy_call_id, channel_uuid, cause)
                return

    def _failed(self, proxy_call_id: int, channel_uuid: str, cause: str) -> None:
        """An attempt is over that the caller did not come back by; one that the row does not speak of is nothing."""
        if self._attempts.get(proxy_call_id) == channel_uuid:
            del self._attempts[proxy_call_id]
        call = self._store.proxy_calls.get(proxy_call_id)
        if call is None or not call.is_live or call.channel_uuid != channel_uuid:
            return
        if call.caller_leg is CallerLeg.DIALLING:
            self._report_failure(call, cause)

    def _report_failure(self, call: ProxyCall, cause: str) -> None:
        failure = after_failure(call)
        data = {"cause": cause, "failures": call.callback_failures + 1}
        moved = self._store.move(
            call, failure.on, end_reservation=failure.end_reservation, set=failure.values, data=data
        )
        log.info("a caller was not reached: %s contact=%s", cause, call.contact_id)
        if moved is not None and not moved.is_live:
            self._over(moved)

    def _guarded(self, do: Callable[..., None], *arguments: object) -> None:
        """What failed for the database or the switch is found again by `reconcile`."""
        try:
            do(*arguments)
        except DatabaseUnavailable as error:
            self._outage.failed(f"{getattr(do, '__name__', do)}: {error}")
        except FsrouteError as error:
            log.warning("callback: %s: %s", getattr(do, "__name__", do), error)
