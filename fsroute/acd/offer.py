"""One offer at the agent's switch: a greenlet that performs what `serving.decide` says."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import gevent
from gevent.queue import Empty, Queue

from fsroute.acd.desk_codes import Asked
from fsroute.acd.dial import dialled
from fsroute.acd.legs import LegCommands, Settings, Switch
from fsroute.acd.proxy_call import On, without_a_way
from fsroute.acd.serving import (
    SWITCH_DIED,
    Agent,
    Announce,
    AskForKey,
    Join,
    Legs,
    PlayRingback,
    ReportAccepted,
    ReportCallerAbsent,
    ReportFailed,
    ReportJoined,
    ReportLeft,
    ReportNetworkLegAbsent,
    Step,
    TearDown,
    deadline,
    decide,
)
from fsroute.acd.standing import Leg, Where
from fsroute.errors import StoreError, SwitchError, SwitchUnavailable
from fsroute.esl.messages import Event
from fsroute.model.proxy_call import AgentLeg, CallerLeg, NetworkLeg, ProxyCall, State
from fsroute.outage import Outage
from fsroute.store.claims import Dialling
from fsroute.store.proxy_calls import Attempt
from fsroute.store.store import Store

log = logging.getLogger(__name__)

READ_AGAIN = 10.0  # seconds after which an offer reads its row, signal or not
RETRY = 0.5  # seconds before a step is tried again that the database or the switch did not take
DIALLED_LIMIT = 2.0  # seconds that the switch may take to make the channel of a leg
LOOK_AGAIN = 0.05  # seconds between two looks for it
NOT_DIALLED_HELD_FOR = (
    30.0  # seconds for a call server to come that dials the caller: agents wait in vain else
)


class StandingLeg(Protocol):
    """An agent's standing leg, as an offer uses it: it is never hung up."""

    leg: Leg

    def taken(self) -> None: ...

    def come_back(self) -> None: ...


@dataclass(frozen=True, slots=True)
class NetworkLegArrived:
    """The network leg came in with a valid token, as this channel."""

    uuid: str
    call: ProxyCall


Item = ProxyCall | Event | NetworkLegArrived | Asked | None
"""What an offer hears of: its row, its legs, what the agent asks for by command; None: time has passed."""

Talk = Callable[[Item], bool]
"""What an agent does with a conversation: is asked first while they talk; true: nothing is left for the offer."""

Desk = Callable[["Offer"], Talk]
"""Begins it."""


class Offer:
    """From *reserved* to the end of the talk, for one agent leg.

    Args:
        store: where its row is.
        switch: the agent's.
        settings: what the configuration says.
        call: the row, with the reservation.
        forget: called once, when the offer is over.
        standing: the agent's standing leg, if that is how the agent is reached.
        desk: what the agent may do with the conversation.
        onward: dials the agent for the next contact, where the reservation comes with the end of this talk.
    """

    def __init__(
        self,
        store: Store,
        switch: Switch,
        settings: Settings,
        call: ProxyCall,
        forget: Callable[[Offer], None],
        standing: StandingLeg | None = None,
        desk: Desk | None = None,
        onward: Dialling | None = None,
    ) -> None:
        assert call.agent_leg_uuid is not None
        self._store = store
        self._settings = settings
        self._commands = LegCommands(switch, settings)
        self._forget = forget
        self._desk = desk
        self._onward = onward
        self._talk: Talk | None = None
        self._standing = standing
        self._took = False  # the standing leg was taken out of its park
        self._dialled = standing is not None
        self.is_new = standing is None
        """The agent's leg has come up in this offer, in this process: nothing was done to it before."""
        self._over = False
        self._outage = Outage(log, f"an offer waits for the database contact={call.contact_id}")
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self.inbox: Queue[Item] = Queue()
        self.attend: Callable[[str], None] = lambda channel: None
        """Hear of one more channel, set by whom the offers are registered with."""
        self.call = call
        self.legs = Legs(call.agent_leg_uuid, store.now(), network_uuid=partner(call))
        if standing is not None:
            self.legs = _standing(self.legs, standing.leg)

    @property
    def agent_leg_uuid(self) -> str:
        return self.legs.agent_leg_uuid

    def adopt(self, legs: Legs) -> None:
        """Another process dialled the agent; this is how far the legs are."""
        self._dialled = True
        self.is_new = False
        self._took = legs.joined
        self.legs = legs

    def start(self) -> None:
        self._greenlet = gevent.spawn(self.run)

    def leave(self) -> None:
        """Let go of the offer as it is: another process will adopt it."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def run(self) -> None:
        """Until the offer is over, whoever ends it."""
        try:
            if not self._dialled:
                self._dial()
            self._prepare_announcement()
            while not self._over:
                self._try(decide(self.call, self.legs, self._store.now()))
        except Exception:  # a fault of ours: nobody is left ringing; the coordinator ends the reservation
            log.exception("an offer failed contact=%s", self.call.contact_id)
            if not self.legs.joined:
                self._tear_down("NORMAL_TEMPORARY_FAILURE")
        finally:
            self._forget(self)

    def _dial(self) -> None:
        try:
            self._commands.dial(self.call)
        except SwitchError as error:
            log.warning("agent not dialled: %s agent=%s", error, self.call.agent_id)
            self._commands.hang_up(self.legs, "NORMAL_TEMPORARY_FAILURE")  # where only the answer was lost
            cause = SWITCH_DIED if isinstance(error, SwitchUnavailable) else "SWITCH_UNAVAILABLE"
            self.legs = replace(self.legs, agent=Agent.GONE, cause=cause)

    def _prepare_announcement(self) -> None:
        announcement = ""
        if self.call.state is State.OFFERED:
            try:
                announcement = self._store.agents.announcement(self.call.contact_center_id)
            except StoreError as error:
                log.warning("announcement not read: %s", error)
        self.legs = replace(self.legs, sounds=self._commands.sounds(self.legs, announcement))

    def _next(self) -> Item:
        now = self._store.now()
        due = deadline(self.call, self.legs)
        try:
            return self.inbox.get(timeout=max(0.01, min(now + READ_AGAIN, due or now + READ_AGAIN) - now))
        except Empty:
            return None

    # What happens ------------------------------------------------------------------------------------------

    def _take(self, item: Item) -> None:
        talks = self.legs.joined or self.call.state is State.BRIDGED
        if talks and self._talk is None and self._desk is not None:
            self._talk = self._desk(self)
        if talks and self._talk is not None and self._talk(item):
            return
        if item is None:
            self._row_changed(self._store.proxy_calls.get(self.call.proxy_call_id))
        elif isinstance(item, Asked):
            item.answer("there is no talk")
        elif isinstance(item, ProxyCall):
            self._row_changed(item)
        elif isinstance(item, NetworkLegArrived):
            if item.uuid != self.legs.network_uuid:
                self.legs = replace(self.legs, network_uuid=item.uuid, joining=False)
            self._row_changed(item.call)
        elif item.name == "BACKGROUND_JOB":
            self._originate_answered(item)
        elif item.name == "CHANNEL_BRIDGE":
            self._bridged(item)
        elif item.uuid == self.legs.channel:
            self._agent_leg_event(item)
        elif item.uuid == self.legs.network_uuid:
            self._network_leg_event(item)

    def _row_changed(self, row: ProxyCall | None) -> None:
        """Go on from the newest row; a reservation that moved to another proxy call takes the offer along."""
        if row is None:
            return
        foreign = row.proxy_call_id != self.call.proxy_call_id
        if foreign or (self.legs.joined and row.agent_leg_uuid != self.agent_leg_uuid):
            present = self._store.proxy_calls.of_agent_leg(self.agent_leg_uuid)
            if present is not None and present.proxy_call_id != self.call.proxy_call_id:
                # until now it was the leg of the agent who consulted, which goes on without this talk
                self.legs = replace(self.legs, network_uuid=partner(present))
                self.go_on_with(present)
                return
        if not foreign and row.version >= self.call.version:
            self.go_on_with(row)

    def go_on_with(self, row: ProxyCall) -> None:
        """This is the row now."""
        self.call = row
        if row.network_leg is NetworkLeg.NOT_NEEDED and row.caller_leg is CallerLeg.PRESENT:
            self.legs = replace(self.legs, network_uuid=row.channel_uuid)

    def _bridged(self, event: Event) -> None:
        """FreeSWITCH tells of a bridge once; one with somebody else is none of this offer's."""
        ends = (event.get("Bridge-A-Unique-ID"), event.get("Bridge-B-Unique-ID"))
        if self.legs.standing_uuid is None or self.legs.network_uuid in ends:
            self.legs = replace(self.legs, joined=True)

    def _originate_answered(self, job: Event) -> None:
        text = job.text.strip()
        ours = dialled(job) == self.agent_leg_uuid
        if ours and text.startswith("-ERR") and self.legs.agent is not Agent.GONE:
            self.legs = replace(self.legs, agent=Agent.GONE, cause=text.removeprefix("-ERR").strip())

    def _agent_leg_event(self, event: Event) -> None:
        name = event.name
        if name in ("CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA"):
            self._note(On.AGENT_RINGING, AgentLeg.DIALLING)
        elif name == "CHANNEL_ANSWER":
            self.legs = replace(self.legs, agent=Agent.ANSWERED)
            if self.call.accept_key is not None:
                self._note(On.AGENT_ANSWERED, AgentLeg.DIALLING, AgentLeg.RINGING)
        elif name == "CHANNEL_PARK":
            self._parked()
        elif name == "CUSTOM" and event.get("fsroute_attempt") == self.agent_leg_uuid:
            self.legs = replace(self.legs, announced=True)
        elif name == "DTMF":
            self._key(event.get("DTMF-Digit", ""))
        elif name in ("CHANNEL_HOLD", "CHANNEL_UNHOLD"):
            self._log("held" if name == "CHANNEL_HOLD" else "resumed", "agent")
        elif name == "CHANNEL_HANGUP" and self.legs.agent is not Agent.GONE:
            self.legs = replace(self.legs, agent=Agent.GONE, cause=event.get("Hangup-Cause", ""))

    def _parked(self) -> None:
        """The leg can be joined; a standing leg that was has come back from the talk.

        It may have been parked in between, after a consultation, and be joined again by now.
        """
        if self.legs.standing_uuid and self.legs.joined and self.legs.agent is not Agent.GONE:
            if not self._commands.is_talking(self.legs):
                self.legs = replace(self.legs, agent=Agent.GONE, cause="NORMAL_CLEARING")
        else:
            self.legs = replace(self.legs, parked=True)

    def _key(self, digit: str) -> None:
        """A wrong key changes nothing."""
        heard = self.legs.announced_at or self.legs.key_asked
        if heard and digit == self.call.accept_key and not self.legs.joined:
            self.legs = replace(self.legs, key=digit)

    def _network_leg_event(self, event: Event) -> None:
        if event.name == "CHANNEL_HANGUP" and not self.legs.joined:
            if self._standing is not None and self.legs.joining:
                self._standing.come_back()
                self.legs = replace(self.legs, parked=False)
            self.legs = replace(self.legs, network_uuid=None, joining=False)

    def _note(self, on: On, *expected: AgentLeg) -> None:
        """A transition that decides nothing: what the phone does."""
        if self.call.agent_leg in expected:
            try:
                self._row_changed(self._move(on))
            except StoreError as error:
                log.warning("not noted: %s %s", on, error)

    def _log(self, kind: str, who: str) -> None:
        self._store.contacts.log(
            self.call.contact_id,
            kind,
            {"by": who},
            self.call.proxy_call_id,
            self.call.agent_id,
            str(self.call.state),
        )

    # What is done ------------------------------------------------------------------------------------------

    def _try(self, step: Step | None) -> None:
        try:
            self._do(step)
            self._outage.over()
        except StoreError as error:
            self._outage.failed(f"{type(step).__name__}: {error}")
            try:
                self._take(self.inbox.get(timeout=RETRY))
            except (Empty, StoreError):
                return

    def _do(self, step: Step | None) -> None:
        if step is None:
            self._take(self._next())
        elif isinstance(step, ReportAccepted):
            wanted = self.call.network_leg is NetworkLeg.NONE
            self.legs = replace(self.legs, accepted_at=self._store.now())
            self._report(On.AGENT_ACCEPTED, network_leg=NetworkLeg.WANTED if wanted else None,
                         set={"network_switch_id": self._settings.switch_id} if wanted else None)  # fmt: skip
        elif isinstance(step, ReportFailed):
            self._report(On.AGENT_FAILED, end_reservation=step.reason,
                         data={"reason": step.reason, "cause": self.legs.cause})  # fmt: skip
        elif isinstance(step, ReportNetworkLegAbsent):
            self._report(On.NETWORK_LEG_GIVEN_UP, end_reservation="network_leg_given_up",
                         set=without_a_way(self.call), data={"reason": "absent"})  # fmt: skip
        elif isinstance(step, ReportCallerAbsent):
            self._report_caller_absent()
        elif isinstance(step, Join):
            self._join(step.network_uuid)
        elif isinstance(step, ReportJoined):
            self._report(On.JOINED)
        elif isinstance(step, ReportLeft):
            self._report_left(step.cause)
        elif isinstance(step, Announce):
            self.legs = replace(self.legs, announced_at=self._store.now())
            self.legs = replace(self.legs, announced=not self._commands.announce(self.legs))
        elif isinstance(step, AskForKey):
            self.legs = replace(self.legs, key_asked=True)
            self._commands.ask_for_key(self.legs)
        elif isinstance(step, PlayRingback):
            self.legs = replace(self.legs, waits_audibly=True)
            self._commands.ring_back(self.legs)
        elif isinstance(step, TearDown):
            self._tear_down(step.cause)

    def _report(self, on: On, **values: object) -> None:
        """A transition; if the race for it was lost, go on from what is true.

        Raises:
            StoreError: nothing moved and nothing is new, so the same would be tried again at once.
        """
        row = self._move(on, **values)
        if row is None:
            row = self._store.proxy_calls.get(self.call.proxy_call_id)
            if row is not None and row.version <= self.call.version:
                raise StoreError(f"{on} is refused in {row.state}")
        self._row_changed(row)

    def _report_caller_absent(self) -> None:
        """One more try that failed, if somebody tried at all; the agent did nothing wrong."""
        if self.call.caller_leg is not CallerLeg.DIALLING:
            log.warning("a caller is dialled by no call server contact=%s", self.call.contact_id)
            self._report(On.NETWORK_LEG_GIVEN_UP, end_reservation="network_leg_given_up",
                         set={"held_for": NOT_DIALLED_HELD_FOR}, data={"reason": "caller_not_dialled"})  # fmt: skip
            return
        on = On.CALLBACK_GIVEN_UP if self.call.callback_ends else On.CALLER_UNREACHED
        held = {} if self.call.callback_ends else {"held_for": self.call.callback.retry_after}
        self._report(on, end_reservation=str(on), set=held, data={"reason": "agent_waited"})

    def _move(self, on: On, **values: object) -> ProxyCall | None:
        attempt = Attempt(agent_leg_uuid=self.agent_leg_uuid)
        return self._store.move(self.call, on, attempt=attempt, **values)  # type: ignore[arg-type]

    def release(self) -> bool:
        """End the talk as the agent's hanging up would; a standing leg stands again. Whether there was one."""
        if not self.legs.joined or self.legs.agent is Agent.GONE:
            return False
        if self._standing is not None:
            self._standing.come_back()
        else:
            self._commands.hang_up(self.legs, "NORMAL_CLEARING")
        return True

    def _join(self, network_uuid: str) -> None:
        self.legs = replace(self.legs, joining=True)
        if self._standing is not None:
            self._took = True
            self._standing.taken()
        try:
            self._commands.join(self.call, self.legs, network_uuid)
        except SwitchError as error:
            log.warning("legs not joined: %s contact=%s", error, self.call.contact_id)
            self._report(On.JOIN_FAILED, end_reservation="join_failed", data={"reason": str(error)})

    def _report_left(self, cause: str) -> None:
        dialling = self._onward if self._standing is None else None
        self._store.agent_left(self.call, self.agent_leg_uuid, cause, dialling)
        self._over = True

    def _tear_down(self, cause: str) -> None:
        self._over = True
        if self.legs.agent is not Agent.GONE:
            self._end_agent_leg(cause)
        if self.legs.network_uuid is not None and self.legs.network_uuid != self.call.channel_uuid:
            self._commands.end_network_leg(self.legs.network_uuid, self.legs.joined)

    def _end_agent_leg(self, cause: str) -> None:
        """Hang up; a leg that was only just dialled has no channel yet, and is hung up when it has."""
        if self._standing is not None:
            self._end_on(self._standing)
            return
        give_up = self._store.now() + DIALLED_LIMIT
        while not self._commands.hang_up(self.legs, cause) and self._is_dialled_until(give_up):
            try:
                item = self.inbox.get(timeout=LOOK_AGAIN)
            except Empty:
                continue
            if isinstance(item, Event) and (item.name in ("BACKGROUND_JOB", "CHANNEL_HANGUP")):
                self._take(item)

    def _end_on(self, standing: StandingLeg) -> None:
        """It comes back by itself when the network leg ends; a caller of this switch may have to go on without it.

        A join that came to nothing leaves it between two states, without media.
        """
        if self._took:
            if not self.legs.joined or self.legs.network_uuid == self.call.channel_uuid:
                standing.come_back()
        elif self.legs.parked and self.legs.announced_at:
            self._commands.fall_silent(self.legs)

    def _is_dialled_until(self, give_up: float) -> bool:
        return self.legs.agent is Agent.DIALLED and self._store.now() < give_up


def partner(call: ProxyCall) -> str | None:
    """The channel here that is, or is to be, at the other end of the agent's."""
    return call.channel_uuid if call.network_leg is NetworkLeg.NOT_NEEDED else call.rendezvous_uuid


def _standing(legs: Legs, leg: Leg) -> Legs:
    """An offer to somebody with a standing leg: there already, or not there at all."""
    if leg.where is not Where.UP:
        return replace(legs, agent=Agent.GONE, cause="STANDING_LEG_LOST")
    return replace(legs, agent=Agent.ANSWERED, standing_uuid=leg.uuid, parked=leg.parked)
