"""One contact at an ACD of another make: a greenlet that performs what `entering.decide` says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import gevent
from gevent.queue import Empty, Queue

from fsroute.acd import entering, serving
from fsroute.acd.adapters import Adapter, AgentThere, Signal, Told
from fsroute.acd.dial import dialled
from fsroute.acd.entering import Place, Seen, Step, deadline, decide, leg_wanted
from fsroute.acd.legs import LegCommands, Settings
from fsroute.acd.proxy_call import On
from fsroute.acd.rendezvous import digest, new_token
from fsroute.acd.serving import REASONS, Legs
from fsroute.errors import StoreError, SwitchError
from fsroute.esl.messages import Event
from fsroute.model.proxy_call import CallerLeg, NetworkLeg, ProxyCall
from fsroute.outage import Outage
from fsroute.store.store import Store
from fsroute.switchlink import SwitchLink

log = logging.getLogger(__name__)

READ_AGAIN = 10.0  # seconds after which an entry reads its row, signal or not
RETRY = 0.5  # seconds before a step is tried again that the database or the switch did not take
HELD_FOR = 5.0  # seconds before a contact is entered again whose network leg did not come
LATE_CHANNEL = 2.0  # seconds in which the switch makes the channel of an entry that is to be ended
LOOK_AGAIN = 0.05  # seconds between two looks for it
TOKEN = "fsroute_entry_token"
"""The variable of an entry's channel with the digest of its token."""


@dataclass(frozen=True, slots=True)
class NetworkLegHere:
    """The network leg came in with a valid token, as this channel."""

    uuid: str
    call: ProxyCall


Item = ProxyCall | Event | NetworkLegHere | Signal | None
"""What an entry hears of: its row, its channels, the ACD; None: time has passed."""


class Entry:
    """A contact at another ACD, from *queued* to the end of the talk.

    Args:
        store: where its row is.
        link: the switch beside the ACD.
        settings: of the role.
        adapter: speaks with the ACD.
        call: the row.
        forget: called once, when nothing of the contact is left here.
        new_uuid: makes the names of entries.
    """

    def __init__(
        self,
        store: Store,
        link: SwitchLink,
        settings: Settings,
        adapter: Adapter,
        call: ProxyCall,
        forget: Callable[[Entry], None],
        new_uuid: Callable[[], str],
    ) -> None:
        assert call.acd is not None
        self._store = store
        self._link = link
        self._settings = settings
        self._commands = LegCommands(link, settings)
        self._adapter = adapter
        self._forget = forget
        self._new_uuid = new_uuid
        self._over = False
        self._outage = Outage(log, f"a contact at another ACD waits contact={call.contact_id}")
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self.is_left = False  # for another process
        self.inbox: Queue[Item] = Queue()
        self.call = call
        self.acd = call.acd
        self.token_digest = ""
        self.attend: Callable[[str], None] = lambda channel: None
        """Hear of one more channel, set by whom the entries are registered with."""
        self._seen = Seen(settings.switch_id, call.acd)

    @property
    def seen(self) -> Seen:
        return self._seen

    @seen.setter
    def seen(self, seen: Seen) -> None:
        before, self._seen = self._seen, seen
        for name in ("entry_uuid", "agent_leg", "network_uuid"):
            channel = getattr(seen, name)
            if channel and channel != getattr(before, name):
                self.attend(channel)

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels here that are the entry's."""
        return tuple(
            name for name in (self.seen.entry_uuid, self.seen.agent_leg, self.seen.network_uuid) if name
        )

    def start(self) -> None:
        self._greenlet = gevent.spawn(self.run)

    def leave(self) -> None:
        """Let go of it as it is: another process will adopt it."""
        self.is_left = True
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def run(self) -> None:
        """Until nothing is left to be done here for the contact."""
        try:
            while not self._over:
                self._try(decide(self.call, self.seen, self._store.now()))
        except Exception:  # a fault of ours: nobody rings or waits for it in vain
            log.exception(
                "an entry at another ACD failed contact=%s acd=%s", self.call.contact_id, self.acd.name
            )
            self._end_channels()
        finally:
            self._forget(self)

    # A process before this one began it ----------------------------------------------------------------------

    def adopt(self) -> None:
        """Go on with an entry that the row names.

        Raises:
            SwitchError: the switch cannot be asked.
        """
        call, entry_uuid = self.call, self.call.acd_entry_uuid
        if entry_uuid is None:
            return
        began = call.acd_since.timestamp() if call.acd_since is not None else self._store.now()
        self.seen = replace(self.seen, entry_uuid=entry_uuid, entered_at=began, place=Place.ENTERING)
        self.token_digest = self._link.variable(entry_uuid, TOKEN)
        for leg in (call.channel_uuid if self._is_here() else call.rendezvous_uuid,):
            if leg and self._link.exists(leg):
                self.seen = replace(self.seen, network_uuid=leg)
        if call.accepted_at is not None:
            self.seen = replace(self.seen, accepted_at=call.accepted_at.timestamp())
        if self._link.exists(entry_uuid):
            self._hear(self._adapter.look(self.acd, entry_uuid, self._ask))
        else:
            self.seen = self.seen.ended("entry_lost")
        if call.acd_leg_uuid:
            self._adopt_agent(call.acd_leg_uuid)

    def _adopt_agent(self, leg: str) -> None:
        """A human was there already; the entry may have ended when the two were joined."""
        there = self._link.exists(leg)
        joined = bool(there and self.seen.network_uuid) and (
            self._link.variable(leg, "bridge_uuid") == self.seen.network_uuid
        )
        self.seen = replace(
            self.seen,
            place=Place.WAITS, agent=self.call.acd_agent or "", agent_leg=leg, joinable=there, joined=joined,
            gone=not there, cause="" if there else "LOSE_RACE",
        )  # fmt: skip

    def check(self) -> None:
        """Events may have been missed.

        Raises:
            SwitchError: the switch cannot be asked.
        """
        entry_uuid, leg, network = self.seen.entry_uuid, self.seen.agent_leg, self.seen.network_uuid
        if leg and not self._link.exists(leg):
            self.inbox.put(_hangup(leg))
        elif entry_uuid and not leg and self.seen.place is Place.WAITS and not self._link.exists(entry_uuid):
            self.inbox.put(_hangup(entry_uuid))
        if network and not self._link.exists(network):
            self.inbox.put(_hangup(network))

    # What happens ------------------------------------------------------------------------------------------

    def _next(self) -> Item:
        now = self._store.now()
        due = min(now + READ_AGAIN, deadline(self.call, self.seen) or now + READ_AGAIN)
        try:
            return self.inbox.get(timeout=max(0.01, due - now))
        except Empty:
            return None

    def _take(self, item: Item) -> None:
        if item is None:
            self._row_changed(self._store.proxy_calls.get(self.call.proxy_call_id))
        elif isinstance(item, ProxyCall):
            self._row_changed(item)
        elif isinstance(item, NetworkLegHere):
            if item.uuid != self.seen.network_uuid:
                self.seen = replace(self.seen, network_uuid=item.uuid, joining=False)
            self._row_changed(item.call)
        elif isinstance(item, Event):
            self._event(item)
        else:
            self._hear([item])

    def _row_changed(self, row: ProxyCall | None) -> None:
        if row is None or row.version < self.call.version:
            return
        self.call = row
        if row.network_leg is NetworkLeg.NOT_NEEDED and row.caller_leg is CallerLeg.PRESENT:
            self.seen = replace(self.seen, network_uuid=row.channel_uuid)

    def _event(self, event: Event) -> None:
        if self.seen.entry_uuid:
            self._hear(self._adapter.hear(self.acd, self.seen.entry_uuid, event))
        name, uuid = event.name, event.uuid
        if name == "CHANNEL_BRIDGE":
            ends = {event.get("Bridge-A-Unique-ID"), event.get("Bridge-B-Unique-ID")}
            if self.seen.agent_leg and ends == {self.seen.agent_leg, self.seen.network_uuid}:
                self.seen = replace(self.seen, joined=True)
        elif name == "CHANNEL_ANSWER" and uuid == self.seen.entry_uuid:
            self._prepare()
        elif name == "BACKGROUND_JOB":
            self._originate_answered(event)
        elif name == "CHANNEL_HANGUP":
            self._hung_up(uuid, event.get("Hangup-Cause", ""))

    def _hear(self, signals: Iterable[Signal]) -> None:
        for signal in signals:
            if isinstance(signal, AgentThere) and not self.seen.agent_leg:
                log.info(
                    "another ACD's agent is there contact=%s acd=%s", self.call.contact_id, self.acd.name
                )
            if isinstance(signal, Told) and not self.call.is_waiting:
                continue
            self.seen = self.seen.hear(signal)
            if isinstance(signal, Told):
                self._write_progress()

    def _write_progress(self) -> None:
        call, seen = self.call, self.seen
        if seen.position is not None:
            try:
                self._store.proxy_calls.write_progress(
                    [(call.proxy_call_id, seen.position, seen.expected_wait, "acd", None)]
                )
            except StoreError as error:
                log.warning("progress not written: %s", error)

    def _prepare(self) -> None:
        legs = Legs(self.seen.entry_uuid, 0.0)
        for application, argument in self._adapter.answered(self.acd, self.seen.entry_uuid):
            self._commands.execute(legs, application, argument)

    def _originate_answered(self, job: Event) -> None:
        text = job.text.strip()
        if dialled(job) == self.seen.entry_uuid and text.startswith("-ERR"):
            cause = text.removeprefix("-ERR").strip()
            log.warning(
                "not entered at the ACD %s: %s contact=%s", self.acd.name, cause, self.call.contact_id
            )
            self.seen = self.seen.over(REASONS.get(cause, "failed"))

    def _hung_up(self, uuid: str, cause: str) -> None:
        seen = self.seen
        if uuid == seen.agent_leg:
            self.seen = replace(seen, gone=True, cause=cause)
        elif uuid == seen.entry_uuid:
            self.seen = seen.over(REASONS.get(cause, "failed"))
        elif uuid == seen.network_uuid and not seen.joined:
            self.seen = replace(seen, network_uuid=None, joining=False)

    # What is done ------------------------------------------------------------------------------------------

    def _try(self, step: Step | None) -> None:
        try:
            self._do(step)
            self._outage.over()
        except (StoreError, SwitchError) as error:
            self._outage.failed(f"{type(step).__name__}: {error}")
            try:
                self._take(self.inbox.get(timeout=RETRY))
            except (Empty, StoreError):
                return

    def _do(self, step: Step | None) -> None:
        if step is None:
            self._take(self._next())
        elif isinstance(step, entering.Enter):
            self._enter()
        elif isinstance(step, entering.Withdraw):
            self._end_channels()
            self.seen = self.seen.ended(step.reason)
        elif isinstance(step, entering.Forget):
            self._end_channels()
            self.seen = self.seen.forgotten(self._store.now())
        elif isinstance(step, serving.Join):
            self._join(step.network_uuid)
        elif isinstance(step, serving.PlayRingback):
            self.seen = replace(self.seen, waits_audibly=True)
            self._commands.tell(f"uuid_broadcast {self.seen.agent_leg} {self._settings.ringback} aleg")
        elif isinstance(step, entering.TearDown):
            self._over = True
            self._end_channels()
        else:
            self._report_step(step)

    def _report_step(self, step: Step) -> None:
        """The steps that are a transition."""
        here, entry = self._settings.switch_id, self.seen.entry_uuid
        agent = {"acd_agent": self.seen.agent or min(self.seen.ringing, default="")}
        if isinstance(step, entering.ReportEntered):
            self._report(
                On.ACD_ENTERED, set={"acd_entry": entry, "acd_entry_is": ""}, data={"acd_name": self.acd.name}
            )
        elif isinstance(step, entering.ReportLeft):
            left = self.call.acd_entry_uuid or ""
            self._report(
                On.ACD_LEFT, set={"acd_entry": "", "acd_entry_is": left}, data={"reason": step.reason}
            )
        elif isinstance(step, entering.ReportGivenUp):
            self._report(
                On.LIMIT_PASSED, set={"way": self.call.overflow.dump()}, data={"reason": step.reason}
            )
        elif isinstance(step, entering.WantLeg):
            self._report(On.NETWORK_LEG_WANTED, set={"network_switch_id": here})
        elif isinstance(step, entering.WantCaller):
            self._report(On.CALLER_WANTED)
        elif isinstance(step, entering.ReportOffered):
            self.seen = replace(self.seen, position=None, expected_wait=None)  # the row forgets them, too
            self._report(On.ACD_OFFERED, network_leg=leg_wanted(self.call, here),
                         set={"acd_entry_is": entry, "network_switch_id": here, **agent})  # fmt: skip
        elif isinstance(step, serving.ReportAccepted):
            self._report_accepted(agent)
        elif isinstance(step, serving.ReportFailed):
            self._report(On.AGENT_FAILED, set={"acd_entry_is": self.call.acd_entry_uuid or ""},
                         data={"reason": step.reason, "cause": self.seen.cause})  # fmt: skip
        elif isinstance(step, serving.ReportNetworkLegAbsent):
            self._report(On.NETWORK_LEG_GIVEN_UP, set={"held_for": HELD_FOR, "acd_entry_is": entry},
                         data={"reason": "absent"})  # fmt: skip
        elif isinstance(step, serving.ReportCallerAbsent):
            self._report_caller_absent()
        elif isinstance(step, serving.ReportJoined):
            waited = round(1000 * (self._store.now() - self.seen.accepted_at))
            self._report(On.JOINED, set={"acd_entry_is": entry},
                         data={"agent_waited_ms": waited})  # fmt: skip
        elif isinstance(step, entering.ReportAgentLeft):
            self._report(On.AGENT_LEFT, set={"acd_entry_is": entry}, data={"cause": step.cause})

    def _report(
        self,
        on: On,
        *,
        network_leg: NetworkLeg | None = None,
        set: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
    ) -> None:
        """A transition; if the race for it was lost, go on from what is true.

        Raises:
            StoreError: nothing moved and nothing is new, so the same would be tried again at once.
        """
        row = self._store.move(self.call, on, network_leg=network_leg, set=set, data=data)
        if row is None:
            row = self._store.proxy_calls.get(self.call.proxy_call_id)
            if row is not None and row.version <= self.call.version:
                raise StoreError(f"{on} is refused in {row.state}")
        self._row_changed(row)

    def _report_accepted(self, agent: dict[str, str]) -> None:
        wanted = self.call.network_leg is NetworkLeg.NONE
        self.seen = replace(self.seen, accepted_at=self._store.now())
        where = {"network_switch_id": self._settings.switch_id} if wanted else {}
        self._report(
            On.AGENT_ACCEPTED,
            network_leg=NetworkLeg.WANTED if wanted else None,
            set={"acd_entry_is": self.seen.entry_uuid, "acd_leg": self.seen.agent_leg, **agent, **where},
        )

    def _report_caller_absent(self) -> None:
        """One more try that failed; the agent did nothing wrong."""
        on = On.CALLBACK_GIVEN_UP if self.call.callback_ends else On.CALLER_UNREACHED
        held: dict[str, object] = (
            {} if self.call.callback_ends else {"held_for": self.call.callback.retry_after}
        )
        self._report(on, set={"acd_entry_is": self.seen.entry_uuid, **held}, data={"reason": "agent_waited"})

    def _enter(self) -> None:
        """Events find the entry by its name, so that comes first."""
        token, entry_uuid = new_token(), self._new_uuid()
        self.token_digest = digest(token)
        now = self._store.now()
        self.seen = replace(self.seen, entry_uuid=entry_uuid, entered_at=now, place=Place.ENTERING)
        command = self._adapter.enter(self.call, self.acd, entry_uuid, token, now)
        named = command.replace("{", f"{{{TOKEN}={self.token_digest},", 1)
        try:
            self._link.bgapi(named)
        except SwitchError as error:
            log.warning("not entered at the ACD %s: %s", self.acd.name, error)
            self.seen = self.seen.ended("switch_unavailable")

    def _join(self, network_uuid: str) -> None:
        self.seen = replace(self.seen, joining=True)
        try:
            self._commands.join(self.call, Legs(self.seen.agent_leg, 0.0), network_uuid)
        except SwitchError as error:
            log.warning("legs not joined: %s contact=%s", error, self.call.contact_id)
            self._report(
                On.JOIN_FAILED, set={"acd_entry_is": self.seen.entry_uuid}, data={"reason": str(error)}
            )

    def _end_channels(self) -> None:
        """The entry, the agent's channel, and the network leg that has nobody any more; who is gone already, is."""
        seen = self.seen
        if seen.agent_leg and not seen.gone:
            self._commands.tell(
                f"uuid_kill {seen.agent_leg} {'NORMAL_CLEARING' if seen.joined else 'ORIGINATOR_CANCEL'}"
            )
        if seen.entry_uuid and seen.entry_uuid != seen.agent_leg:
            self._end_entry(seen.entry_uuid)
        if seen.network_uuid and seen.network_uuid != self.call.channel_uuid:
            self._commands.end_network_leg(seen.network_uuid, seen.joined)

    def _end_entry(self, entry_uuid: str) -> None:
        """One that was only just made has no channel yet, and is hung up when it has."""
        give_up = self._store.now() + LATE_CHANNEL
        may_come = self.seen.place is Place.ENTERING
        while not self._commands.tell(f"uuid_kill {entry_uuid} ORIGINATOR_CANCEL") and may_come:
            if self._store.now() >= give_up:
                return
            gevent.sleep(LOOK_AGAIN)

    def _is_here(self) -> bool:
        return self.call.switch_id == self._settings.switch_id

    def _ask(self, command: str) -> str:
        return self._link.client.api(command, check=False)


def _hangup(uuid: str) -> Event:
    return Event.plain(f"Event-Name: CHANNEL_HANGUP\nUnique-ID: {uuid}\nHangup-Cause: LOSE_RACE\n\n".encode())
