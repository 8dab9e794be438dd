"""The standing legs of one switch: a greenlet for each, which performs what `standing.decide` says."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import gevent
from gevent.event import Event as Flag

from fsroute.acd.dial import PARKED, STANDS, originate_standing
from fsroute.acd.legs import TALKING
from fsroute.acd.standing import (
    Dial,
    End,
    Leg,
    Look,
    NoteLost,
    NoteUp,
    StandAgain,
    StandingAgent,
    Step,
    Use,
    Where,
    deadline,
    decide,
)
from fsroute.errors import FsrouteError, StoreError, SwitchError
from fsroute.esl.messages import Event
from fsroute.store.store import Store
from fsroute.switchlink import SwitchLink

log = logging.getLogger(__name__)

READ_AGAIN = 30.0  # seconds after which a row is read again, signal or not
RETRY = 1.0  # seconds before a step is tried again that the database or the switch did not take
DIALLED_LIMIT = 2.0  # seconds that the switch may take to make the channel of a call
LOOK_AGAIN = 0.05  # seconds between two looks for it
PARK = f"uuid_transfer {{}} {PARKED}"
"""``uuid_park`` would end the park of a leg that is back already, and leave it without media for good.

The end of an outbound socket that the leg was on before ends its park: then the next one begins.
"""


class Keeper:
    """One agent's standing leg: dialled, kept, dialled again, ended.

    Args:
        watch: called with each channel before it is asked about, so that its events come here.
        use: what a contact has a channel for.
    """

    def __init__(
        self,
        store: Store,
        link: SwitchLink,
        template: str,
        agent_id: str,
        watch: Callable[[str, Keeper], None],
        use: Callable[[str], Use],
    ) -> None:
        self._store = store
        self._link = link
        self._template = template
        self._watch = watch
        self._use = use
        self._awake = Flag()
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._dialled_at = 0.0
        self.agent_id = agent_id
        self.row: StandingAgent | None = None
        self.leg = Leg()

    def start(self) -> None:
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)
        self._awake.set()

    def stop(self) -> None:
        """The legs stay: another process will find them."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def changed(self, row: StandingAgent | None) -> None:
        self.row = row
        self._awake.set()

    def event(self, event: Event) -> None:
        """What a channel of this agent does; at once, so that the next offer finds it as it is."""
        if event.name == "BACKGROUND_JOB":
            self._dialling_ended(event)
        elif event.name == "CHANNEL_PARK" and event.uuid == self.leg.uuid:
            self.leg = self.leg.up(event.uuid, parked=True)
        elif event.name == "CHANNEL_UNPARK" and event.uuid == self.leg.uuid and self.leg.parked:
            self.leg = replace(self.leg, parked=False, unparked=True)
        elif event.name == "CHANNEL_BRIDGE":
            self.leg = self.leg.away()
        elif event.name == "CHANNEL_HANGUP":
            self._gone(event.uuid, event.get("Hangup-Cause", ""))
        self._awake.set()

    def wake(self) -> None:
        self._awake.set()

    def taken(self) -> None:
        """The leg is about to be joined: whatever comes of it, it stands no more until it is parked again."""
        self.leg = self.leg.away()

    def come_back(self) -> None:
        """Leave the talk: the leg stands again, the other end goes on in its dialplan."""
        if self.leg.uuid is not None and not self.leg.parked:
            self._tell(PARK.format(self.leg.uuid))

    def look(self, uuid: str) -> None:
        """Is a channel there that the row speaks of, or that was there before events were missed?

        Raises:
            SwitchUnavailable: the switch cannot be asked.
        """
        self._watch(uuid, self)
        known = self.leg
        state = self._link.state(uuid)
        if not state:
            if uuid == self.leg.uuid:
                self._gone(uuid, "LOSE_RACE")
            else:
                self.leg = replace(self.leg, gone=uuid)
        elif uuid != known.uuid:
            self._take_over(uuid, state)
        elif known.where is Where.UP:
            self.leg = replace(self.leg, parked=state not in TALKING)

    def check(self) -> None:
        """Events may have been missed.

        Raises:
            SwitchUnavailable: the switch cannot be asked.
        """
        young = self._store.now() < self._dialled_at + DIALLED_LIMIT
        if self.leg.uuid is not None and not (self.leg.where is Where.DIALLING and young):
            self.look(self.leg.uuid)

    def _take_over(self, uuid: str, state: str) -> None:
        """A channel that this process did not dial: the agent called in, or a process before this one did."""
        before = self.leg.uuid
        talks = state in TALKING
        stood = self._link.variable(uuid, "fsroute_standing") == self.agent_id
        self.leg = self.leg.up(uuid, parked=not talks)
        self._tell(f"uuid_setvar_multi {uuid} {';'.join(STANDS)};fsroute_standing={self.agent_id}")
        if not talks and not stood:  # still in what the agent called
            self._tell(PARK.format(uuid))
        if before is not None and before != uuid:
            self._tell(f"uuid_kill {before} NORMAL_CLEARING")
        log.info("standing leg found agent=%s channel=%s", self.agent_id, uuid)

    def _gone(self, uuid: str, cause: str) -> None:
        if uuid == self.leg.uuid:
            log.info("standing leg lost: %s agent=%s", cause, self.agent_id)
            self.leg = self.leg.lost(cause, self._store.now())

    def _dialling_ended(self, job: Event) -> None:
        text = job.text.strip()
        if text.startswith("-ERR") and self.leg.where is Where.DIALLING:
            self._gone(self.leg.uuid or "", text.removeprefix("-ERR").strip())

    # The greenlet ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._awake.clear()
            use = self._use(self.leg.uuid) if self.leg.uuid is not None else Use.NONE
            step = decide(self.row, self.leg, use, self._store.now())
            if step is None:
                self._wait()
                continue
            try:
                self._do(step)
            except FsrouteError as error:
                log.warning("standing leg: %s: %s agent=%s", type(step).__name__, error, self.agent_id)
                self._awake.wait(RETRY)
            except Exception:  # a fault of ours: the next agents' legs are kept all the same
                log.exception("standing leg agent=%s", self.agent_id)
                gevent.sleep(READ_AGAIN)

    def _wait(self) -> None:
        due = deadline(self.row, self.leg)
        now = self._store.now()
        if (
            self._awake.wait(max(0.0, min(due or now + READ_AGAIN, now + READ_AGAIN) - now))
            or due is not None
        ):
            return
        try:
            self._read()
        except StoreError as error:
            log.debug("standing leg: row not read: %s", error)

    def _read(self) -> None:
        rows = self._store.agents.standing(self._link.switch_id, self.agent_id)
        self.row = rows[0] if rows else None

    def _do(self, step: Step) -> None:
        if isinstance(step, Look):
            self.look(step.uuid)
        elif isinstance(step, Dial):
            self._dial()
        elif isinstance(step, NoteUp):
            self._store.agents.standing_leg_up(self.agent_id, step.uuid)
            self._read()
        elif isinstance(step, NoteLost):
            self._store.agents.standing_leg_lost(self.agent_id, step.uuid, step.reason)
            self._read()
        elif isinstance(step, StandAgain):
            self._stand_again(step.uuid)
        elif isinstance(step, End):
            self._end(step.uuid)

    def _dial(self) -> None:
        assert self.row is not None
        uuid = str(uuid4())
        self._watch(uuid, self)
        self._dialled_at = self._store.now()
        self.leg = replace(self.leg, where=Where.DIALLING, uuid=uuid, address=self.row.address)
        try:
            self._link.bgapi(originate_standing(self.row, uuid, self._template))
        except SwitchError as error:
            log.warning("standing leg not dialled: %s agent=%s", error, self.agent_id)
            self._gone(uuid, "SWITCH_UNAVAILABLE")

    def _stand_again(self, uuid: str) -> None:
        """A leg that has left CS_PARK goes on by itself, or is somebody's."""
        state = self._link.state(uuid)
        if not self.leg.unparked:  # taken meanwhile
            return
        self.leg = replace(self.leg, unparked=False)
        if state == "CS_PARK":
            log.info("standing leg parked again agent=%s", self.agent_id)
            self._tell(PARK.format(uuid))

    def _end(self, uuid: str) -> None:
        """A call that was only just made has no channel yet, and is ended when it has."""
        give_up = self._dialled_at + DIALLED_LIMIT
        while not self._tell(f"uuid_kill {uuid} NORMAL_CLEARING") and self._store.now() < give_up:
            gevent.sleep(LOOK_AGAIN)
        if uuid == self.leg.uuid:
            self.leg = Leg(gone=uuid, cause="ended")

    def _tell(self, command: str) -> bool:
        try:
            self._link.api(command)
        except SwitchError as error:
            log.debug("%s: %s", command.split()[0], error)
            return False
        return True


class StandingLegs:
    """Every standing leg of one switch, by agent and by channel."""

    def __init__(self, store: Store, link: SwitchLink, template: str, use: Callable[[str], Use]) -> None:
        self._store = store
        self._link = link
        self._template = template
        self._use = use
        self._keepers: dict[str, Keeper] = {}
        self._channels: dict[str, Keeper] = {}

    def stop(self) -> None:
        for keeper in self._keepers.values():
            keeper.stop()
        self._keepers, self._channels = {}, {}

    def of(self, agent_id: str | None) -> Keeper | None:
        """Who keeps an agent's standing leg; None: this agent is dialled for each contact."""
        keeper = self._keepers.get(agent_id or "")
        if keeper is None or keeper.row is None or (keeper.row.leg != "standing" and keeper.leg.uuid is None):
            return None
        return keeper

    def knows(self, uuid: str) -> bool:
        """Whether a channel is somebody's standing leg."""
        keeper = self._channels.get(uuid)
        return keeper is not None and keeper.leg.uuid == uuid

    def event(self, uuid: str, event: Event) -> None:
        keeper = self._channels.get(uuid)
        if keeper is None:
            return
        keeper.event(event)
        if event.name == "CHANNEL_HANGUP":
            del self._channels[uuid]

    def freed(self, uuid: str) -> bool:
        """A contact has the channel no more. Whether it stands and can be joined with the next."""
        keeper = self._channels.get(uuid)
        if keeper is None:
            return False
        keeper.wake()
        return keeper.leg.uuid == uuid and keeper.leg.parked

    def changed(self, agent_id: str) -> None:
        """An agent's row is not as it was.

        Raises:
            StoreError: it cannot be read.
        """
        rows = self._store.agents.standing(self._link.switch_id, agent_id)
        if rows or agent_id in self._keepers:
            keeper = self._keeper(agent_id)
            keeper.changed(rows[0] if rows else None)
            keeper.start()

    def reconcile(self) -> None:
        """Hold the rows against the channels that really exist; afterwards the legs that are up are known.

        Raises:
            StoreError: the rows cannot be read.
            SwitchUnavailable: the switch cannot be asked.
        """
        rows = {row.agent_id: row for row in self._store.agents.standing(self._link.switch_id)}
        for agent_id in {*rows, *self._keepers}:
            keeper = self._keeper(agent_id)
            keeper.changed(rows.get(agent_id))
            keeper.check()
            named = keeper.row.uuid if keeper.row is not None else None
            if named is not None and keeper.leg.uuid is None:
                keeper.look(named)
            keeper.start()

    def _keeper(self, agent_id: str) -> Keeper:
        keeper = self._keepers.get(agent_id)
        if keeper is None:
            keeper = Keeper(
                self._store, self._link, self._template, agent_id, self._channels.__setitem__, self._use
            )
            self._keepers[agent_id] = keeper
        return keeper
