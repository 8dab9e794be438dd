"""Sends mod_callcenter's events at a switch: rows in, ``sendevent`` out, on a connection of their own.

FreeSWITCH reads commands byte by byte: on the connection that calls use, an event would be in their way. Nobody waits
for what is sent here; what cannot be sent is dropped.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import gevent
from gevent.event import Event as Flag

from fsroute.callcenter.info import SENT_BY, SUBCLASS, Info, Naming, Seen, Teller, counted
from fsroute.errors import FsrouteError, StoreError, SwitchError, UnknownAgent
from fsroute.esl import commands
from fsroute.esl.link import Link
from fsroute.esl.messages import Message
from fsroute.model.agent import AgentStatus
from fsroute.model.proxy_call import ProxyCall
from fsroute.store.lease import Lease
from fsroute.store.payload import Key
from fsroute.store.store import COORDINATOR, Store, switch_topic

log = logging.getLogger(__name__)

MOST_WAITING = 2_000  # events; the oldest are dropped
MOST_CALLS = 20_000  # that are remembered
RETRY = 2.0  # seconds between two attempts to connect
LIMIT = 5.0  # seconds for FreeSWITCH to take an event


class CallcenterEvents:
    """Of one switch; of several processes beside it, the one that holds `lease` sends.

    Args:
        store: whose signals and rows tell what happens.
        lease: of this switch's events.
        address: host and port of the switch's event socket.
        password: of that.
        switch_id: the switch's.
        naming: how queues and agents are called.
    """

    def __init__(
        self,
        store: Store,
        lease: Lease,
        address: tuple[str, int],
        password: str,
        switch_id: str,
        naming: Naming,
    ) -> None:
        self._store = store
        self._lease = lease
        self._address = address
        self._password = password
        self._switch_id = switch_id
        self._teller = Teller(switch_id, naming)
        self._calls: dict[int, Seen] = {}
        self._statuses: dict[str, AgentStatus] = {}
        self._waiting: deque[Info] = deque(maxlen=MOST_WAITING)
        self._filled = Flag()
        self._knows = False
        self._link: Link | None = None
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self.dropped = 0
        """Events that could not be sent."""

    @property
    def is_ready(self) -> bool:
        """This process sends, and knows what there is."""
        return self._lease.held and self._knows

    def start(self) -> None:
        self._greenlets = [gevent.spawn(self._lead), gevent.spawn(self._send_all)]
        self._store.signals.subscribe(switch_topic(self._switch_id), self._call_changed)
        self._store.signals.subscribe(COORDINATOR, self._agent_changed)

    def stop(self) -> None:
        gevent.killall(self._greenlets)
        self._lease.resign()
        if self._link is not None:
            self._link.close("stopped")

    # Rows

    def _lead(self) -> None:
        while True:
            self._lease.campaign()
            log.info("events of mod_callcenter are sent at switch %s", self._switch_id)
            self._guarded(self._remember)
            self._lease.lost.wait()
            self._knows = False

    def _remember(self) -> None:
        """What there is already is no news."""
        self._calls = {row.proxy_call_id: self._as_seen(row) for row in self._live()}
        self._statuses = {
            each.agent_id: each.status
            for each in self._store.duty.states()
            if each.switch_id == self._switch_id
        }
        self._knows = True

    def _as_seen(self, row: ProxyCall) -> Seen:
        return Seen(row, row if row.bridged_at is not None and row.agent_id is not None else None)

    def _live(self) -> list[ProxyCall]:
        calls = self._store.proxy_calls
        rows = [*calls.live_of_caller_switch(self._switch_id), *calls.live_of_agent_switch(self._switch_id)]
        return list({row.proxy_call_id: row for row in rows}.values())

    def _call_changed(self, key: Key, row: object) -> None:
        if not self.is_ready:
            return
        if key is None:
            self._guarded(self._catch_up)
            return
        kind, _, number = str(key).partition(":")
        if kind == "p" and number.isdecimal():
            known = row if isinstance(row, ProxyCall) else None
            self._guarded(lambda: self._see(known or self._store.proxy_calls.get(int(number))))

    def _catch_up(self) -> None:
        """Signals may have been missed: what has changed since is told now."""
        live = {row.proxy_call_id: row for row in self._live()}
        gone = [number for number in self._calls if number not in live]
        for row in [*live.values(), *self._store.proxy_calls.some(gone)]:
            self._see(row)

    def _see(self, row: ProxyCall | None) -> None:
        if row is None or (row.proxy_call_id not in self._calls and len(self._calls) >= MOST_CALLS):
            return
        seen = self._calls.get(row.proxy_call_id)
        after, told = self._teller.call(seen, row, self._store.now(), self._reason)
        if after is None:
            self._calls.pop(row.proxy_call_id, None)
        else:
            self._calls[row.proxy_call_id] = after
        for info in told:
            self._put(info)

    def _reason(self, row: ProxyCall) -> str:
        try:
            return str(
                self._store.database.value("reservation_ended", agent_leg_uuid=row.agent_leg_uuid) or ""
            )
        except StoreError:
            return ""

    def _agent_changed(self, key: Key, row: object) -> None:
        if not self.is_ready:
            return
        if key is None:
            self._guarded(self._see_agents)
            return
        kind, _, agent_id = str(key).partition(":")
        if kind == "a" and agent_id:
            self._guarded(lambda: self._see_agent(agent_id))

    def _see_agents(self) -> None:
        for each in self._store.duty.states():
            if each.switch_id == self._switch_id:
                self._see_status(each.agent_id, each.status)

    def _see_agent(self, agent_id: str) -> None:
        try:
            agent = self._store.duty.state(agent_id)
        except UnknownAgent:
            self._statuses.pop(agent_id, None)
            return
        if agent.switch_id == self._switch_id:
            self._see_status(agent_id, agent.status)

    def _see_status(self, agent_id: str, status: AgentStatus) -> None:
        before = self._statuses.get(agent_id)
        self._statuses[agent_id] = status
        if before is not None and before is not status:
            self._put(self._teller.status(agent_id, status))

    def _guarded(self, do: Callable[[], None]) -> None:
        try:
            do()
        except FsrouteError as error:
            log.warning("events of mod_callcenter are missing: %s", error)

    # Sending

    def _put(self, info: Info) -> None:
        self.dropped += len(self._waiting) == MOST_WAITING
        self._waiting.append(info)
        self._filled.set()

    def _send_all(self) -> None:
        while True:
            self._filled.wait()
            self._filled.clear()
            while self._waiting:
                try:
                    self._send(self._with_count(self._waiting.popleft()))
                except FsrouteError as error:
                    self.dropped += 1
                    log.debug("an event of mod_callcenter was not sent: %s", error)
                    if isinstance(error, SwitchError) and self._link is None:
                        gevent.sleep(RETRY)

    def _with_count(self, info: Info) -> Info:
        if info.count_of is None:
            return info
        center, queue = info.count_of
        count = self._store.database.value("members_of_queue", contact_center_id=center, queue=queue)
        return counted(info, int(count))

    def _send(self, info: Info) -> None:
        if self._link is None or self._link.transport.closed:
            self._link = None
            self._link = Link.open(self._address, self._password, self, LIMIT)
        self._link.request(commands.sendevent(SUBCLASS, dict((*info.headers, SENT_BY))), LIMIT)

    def message_arrived(self, message: Message) -> None:
        """For the link: nothing is subscribed to."""

    def link_lost(self, reason: str) -> None:
        """For the link: the next event makes another one."""
        log.debug("the connection for events of mod_callcenter was lost: %s", reason)
