"""The callserver role: the outbound event-socket server of a host, and what keeps its contacts true."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol
from uuid import uuid4

import gevent

from fsroute.acd.proxy_call import On
from fsroute.acd.rendezvous import new_token
from fsroute.acd.transfer import HELD_IN
from fsroute.callserver import enquiry, noting
from fsroute.callserver.admitting import Admission
from fsroute.callserver.arrears import late
from fsroute.callserver.call import Call
from fsroute.callserver.callback import Callbacks
from fsroute.callserver.caller import number_called
from fsroute.callserver.customer import Customers, NoCustomers
from fsroute.callserver.desk import Desk, Settings, Signalled
from fsroute.callserver.library import Library
from fsroute.callserver.looking_up import Lookups, NoLookups
from fsroute.callserver.turning_away import TurningAway
from fsroute.callserver.waiting import is_joined_here
from fsroute.errors import StoreError, SwitchError
from fsroute.esl.messages import Event
from fsroute.esl.outbound import Greeting, OutboundServer, hang_up
from fsroute.esl.session import Session
from fsroute.esl.transport import Tap
from fsroute.model.admission import Refusal
from fsroute.model.contact import Outcome
from fsroute.model.proxy_call import AgentLeg, ProxyCall, State
from fsroute.outage import Outage
from fsroute.store.rulebook import RuleBook
from fsroute.store.store import Store, switch_topic
from fsroute.switchlink import SwitchLink
from fsroute.workers import Workers

log = logging.getLogger(__name__)

BREAKABLE = frozenset(
    {"playback", "play_and_get_digits", "play_and_detect_speech"}
)  # not bridge: a conversation is left alone
STOP_LIMIT = 2.0  # seconds for what is left to be done for calls that go back to the dialplan
READ = (
    "CHANNEL_PARK",
    "CHANNEL_BRIDGE",
    "CHANNEL_EXECUTE_COMPLETE",
    "CHANNEL_HANGUP",
    "DTMF",
    "DETECTED_SPEECH",
)
"""The events of a channel that calls and agents' dialogues read."""

LOOK_AGAIN = 0.5  # seconds between two looks at a switch that is away
GONE_LOOKS = 10  # in a row at which nobody listens there, until its calls count as lost with it
NUMBERS = 10_000  # numbers called that are known by heart, for calls that come while the database is away
MOST_UNSEEN = 10_000  # calls that are looked after when the database is back
CLOSERS = 4  # contacts closed at once by the hang-ups that the switch reports


class Agents(Protocol):
    """Who serves the calls that agents place to fsroute itself."""

    def serves(self, session: Session) -> bool: ...

    def serve(self, session: Session) -> None: ...


class CallServerRole:
    """Serves the callers of one switch.

    A call's own session closes its contact. What no session saw — a hang-up while this process was down, or in a
    bridge of the switch's own — is seen on the switch's event socket, or by holding the contacts against the
    channels that exist. `tap` gives who is shown a new call.
    """

    def __init__(
        self,
        store: Store,
        link: SwitchLink,
        rules: RuleBook,
        settings: Settings,
        applications: Library,
        address: tuple[str, int],
        max_sessions: int = 1000,
        agents: Agents | None = None,
        lookups: Lookups | None = None,
        tap: Callable[[], Tap | None] = lambda: None,
        customers: Customers | None = None,
        admission: Admission | None = None,
    ) -> None:
        self._store = store
        self._admission = admission
        self._turning_away = TurningAway(settings.transfer_to)
        self._link = link
        self._agents = agents
        self._settings = settings
        self._watched: dict[int, Session] = {}
        self._calls: dict[str, Call] = {}  # by channel
        self._left: set[str] = set()  # consultations whose agent has left: the acd has one beat to close them
        self._unseen: dict[str, str] = {}  # channel → contact, to be looked after when the database is there
        self._unlooked = Outage(log, "calls that left their process are not looked after yet")
        self._unclosed = Outage(log, "contacts that are over are not closed yet")
        self._closers = Workers(CLOSERS)
        self._callbacks = Callbacks(store, link, settings, self._close)
        self._desk = Desk(
            settings, store, rules, applications, self._watch, self._unwatch, lambda: str(uuid4()), new_token,
            lookups or NoLookups(), customers=customers or NoCustomers(),
        )  # fmt: skip
        greeting = Greeting(events=READ, only=True)
        self.server = OutboundServer(
            self._serve,
            address,
            max_sessions=max_sessions,
            on_refuse=self._refuse,
            greeting=greeting,
            new_session=lambda sock: Session(sock, tap()),
        )

    def start(self) -> None:
        self._link.listen(self._event, self._link_came_up, self.reconcile, self._await_switch)
        self._store.signals.subscribe(switch_topic(self._settings.switch_id), self._signalled)
        if self._admission is not None:
            self._admission.start()
        self._desk.numbers.learn(self._store.contacts.numbers_called(NUMBERS))
        self.server.start()

    def stop(self, drain: float) -> None:
        """Take no new calls; present ones have `drain` seconds to end, the rest goes back to the dialplan."""
        self.server.stop(drain)
        self._closers.join(STOP_LIMIT)
        self._callbacks.stop(STOP_LIMIT)
        if self._admission is not None:
            self._admission.stop()
        self._desk.arrears.settle(STOP_LIMIT)

    def calls(self) -> int:
        return len(self._calls)

    def _serve(self, session: Session) -> None:
        if enquiry.is_one(session):
            enquiry.answer(session)
            return
        if self._agents is not None and self._agents.serves(session):
            session.note(serves="agent desk")
            self._agents.serve(session)
            return
        refusal = self._admit(session)
        if refusal is not None:
            session.note(**noting.refused(refusal))
            self._turning_away.turn_away(session, refusal)
            return
        call = Call(self._desk, session)
        self._calls[session.uuid] = call
        try:
            call.run()
        finally:
            if self._calls.get(session.uuid) is call:
                del self._calls[session.uuid]
            if call.is_over and self._admission is not None:
                self._admission.left(session.uuid)
            if call.contact_id and not (call.is_closed or call.is_taken):
                self._closers.spawn(self._look_after, call.contact_id, session.uuid)

    def _admit(self, session: Session) -> Refusal | None:
        """Nothing, where the call is taken; agents who consult are no callers."""
        channel = session.channel
        contact_id = channel.get("variable_fsroute_contact", "")
        if self._admission is None or (
            contact_id and contact_id == channel.get("variable_fsroute_consultation")
        ):
            return None
        was_taken = bool(contact_id or channel.get("variable_fsroute_callback"))
        return self._admission.admit(session.uuid, number_called(channel), taken=was_taken)

    def _refuse(self, session: Session) -> None:
        """This process has as many sessions as it may."""
        if self._admission is not None:
            self._admission.no_session(number_called(session.channel))
        hang_up(session)

    def _look_after(self, contact_id: str, channel_uuid: str) -> None:
        """The connection of a call was lost or given up: the caller hung up, or goes on by the dialplan."""
        try:
            if self._link.exists(channel_uuid):
                self._fetch_one(contact_id, channel_uuid)
            else:
                self._write_end(contact_id, "the caller left unseen", Outcome.ABANDONED, On.CALLER_GONE)
            self._unlooked.over()
        except SwitchError as error:  # the connection will come back, and all contacts are looked at then
            log.debug("call not looked after: %s contact=%s", error, contact_id)
        except StoreError as error:
            self._unlooked.failed(f"{error} contact={contact_id}")
            if len(self._unseen) < MOST_UNSEEN:  # `reconcile` finds who is gone
                self._unseen[channel_uuid] = contact_id

    # Signals -----------------------------------------------------------------------------------------------

    def _watch(self, proxy_call_id: int, session: Session) -> None:
        self._watched[proxy_call_id] = session

    def _unwatch(self, proxy_call_id: int) -> None:
        self._watched.pop(proxy_call_id, None)

    def _signalled(self, key: str | int | None, row: object) -> None:
        if key is None:
            for session in list(self._watched.values()):
                session.post(Signalled(None))
            with suppress(SwitchError):  # not connected yet: all are looked at when it is
                self._callbacks.reconcile()
            return
        kind, _, number = str(key).partition(":")
        if kind != "p":
            return  # an agent's: the acd's concern
        proxy_call_id = int(number)
        call = row if isinstance(row, ProxyCall) else None
        waiting = self._watched.get(proxy_call_id)
        if waiting is not None:
            waiting.post(Signalled(call))
        if call is None or call.switch_id == self._settings.switch_id:
            self._callbacks.signalled(proxy_call_id, call)

    # Contacts that no session closes -----------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        self._callbacks.event(event)
        if event.name == "CHANNEL_HANGUP" and event.uuid not in self._calls and self._admission is not None:
            self._admission.left(event.uuid)
        if event.name != "CHANNEL_HANGUP" or event.uuid in self._calls:
            return
        if event.get("variable_fsroute_callserver", "") not in ("", self._settings.callserver):
            return  # another call server's, which knows the outcome
        contact_id = event.get("variable_fsroute_contact")
        if contact_id == event.get("variable_fsroute_consultation"):
            return  # the acd's
        is_callers = event.get("Call-Direction") == "inbound" or event.get("variable_fsroute_callback")
        if contact_id and is_callers:
            self._closers.spawn(self._hung_up, contact_id, event.uuid, event.get("Hangup-Cause", ""))

    def _hung_up(self, contact_id: str, channel_uuid: str, cause: str) -> None:
        """A channel ended that the contact may have left before: who is called back has another one."""
        if self._desk.arrears.owes(contact_id):  # its end among it: it is known better there
            return
        end = partial(self._write_hangup, contact_id, channel_uuid, cause, self._store.now())
        try:
            self._desk.arrears.write(contact_id, end)
        except StoreError as error:
            log.warning("contact not closed yet: %s contact=%s", error, contact_id)

    def _write_hangup(self, contact_id: str, channel_uuid: str, cause: str, at: float) -> None:
        contact = self._store.contacts.get(contact_id)
        if contact is not None and contact.channel_uuid == channel_uuid:
            data = {"by": "switch", "cause": cause, **late(at, self._store.now())}
            self._store.close_contact(contact_id, Outcome.ABANDONED, data, on=On.CALLER_GONE)

    def _close(
        self, contact_id: str, cause: str, outcome: Outcome = Outcome.ABANDONED, on: On = On.CALLER_GONE
    ) -> None:
        try:
            self._write_end(contact_id, cause, outcome, on)
            self._unclosed.over()
        except StoreError as error:  # `reconcile` finds it again
            self._unclosed.failed(f"{error} contact={contact_id}")

    def _write_end(self, contact_id: str, cause: str, outcome: Outcome, on: On) -> None:
        self._store.close_contact(contact_id, outcome, {"by": "switch", "cause": cause}, on=on)

    def _link_came_up(self) -> None:
        self.reconcile()
        self._fetch()

    def _fetch(self) -> None:
        """Callers whose process died hear its music, which has no end: broken, they come back by the dialplan."""
        for contact_id, channel_uuid, _, _ in self._store.contacts.live_of_switch(self._settings.switch_id):
            if channel_uuid not in self._calls and self._was_ours(channel_uuid):
                self._fetch_one(contact_id, channel_uuid)

    def _was_ours(self, channel_uuid: str) -> bool:
        return self._link.variable(channel_uuid, "fsroute_callserver") == self._settings.callserver

    def _fetch_one(self, contact_id: str, channel_uuid: str) -> None:
        if self._link.variable(channel_uuid, "current_application") not in BREAKABLE:
            return
        call = self._store.proxy_calls.latest(contact_id)
        if call is not None and is_joined_here(call):
            return  # the switch's own bridge, which leaves the application's name as it was
        if self._link.variable(channel_uuid, "destination_number") in HELD_IN:
            return  # held by an agent who consults, or just did: the agent's switch goes on
        with suppress(SwitchError):  # it may have gone
            log.info("call fetched contact=%s", contact_id)
            self._link.api(f"uuid_break {channel_uuid}")

    def reconcile(self) -> None:
        """Close the contacts whose callers left while nobody looked, and see to those who are to be called back."""
        self._callbacks.reconcile()
        self._look_again()
        left = set()
        for contact_id, channel_uuid, core_uuid, is_consultation in self._store.contacts.live_of_switch(
            self._settings.switch_id
        ):
            if channel_uuid in self._calls or self._desk.arrears.owes(contact_id):
                continue
            if core_uuid and self._link.core_uuid and core_uuid != self._link.core_uuid:
                self._close(contact_id, "the switch was restarted", Outcome.LOST, On.SWITCH_DIED)
            elif not self._link.exists(channel_uuid):
                if is_consultation and contact_id not in self._left:
                    left.add(contact_id)
                else:
                    self._close(contact_id, "the caller left unseen")
        self._left = left
        self._fetch_left()
        self._count_again()

    def _count_again(self) -> None:
        """Calls that the switch took for a bridge of its own, and whose end nobody saw, are not there any more."""
        admission = self._admission
        for channel_uuid in [] if admission is None else admission.gate.channels():
            if channel_uuid not in self._calls and not self._link.exists(channel_uuid):
                assert admission is not None
                admission.left(channel_uuid)

    def _look_again(self) -> None:
        """At the calls that the database was away for."""
        unseen, self._unseen = self._unseen, {}
        for channel_uuid, contact_id in unseen.items():
            if channel_uuid not in self._calls:
                self._closers.spawn(self._look_after, contact_id, channel_uuid)

    def _await_switch(self) -> None:
        """A switch that does not run any more has no calls: agents elsewhere are not offered them until it is back."""
        client, looks = self._link.client, 0
        unclosed = Outage(log, "calls of a switch that does not run are not closed yet")
        while not client.connected and looks < GONE_LOOKS:
            gevent.sleep(LOOK_AGAIN)
            looks = looks + 1 if client.refused else 0
        while not client.connected:
            try:
                if self._close_lost():
                    unclosed.over()
                    return
            except StoreError as error:
                unclosed.failed(error)
            gevent.sleep(LOOK_AGAIN)

    def _close_lost(self) -> bool:
        """Whether all are closed; what is still owed of a contact may be its end, which is known better there."""
        live = self._store.contacts.live_of_switch(self._settings.switch_id)
        ours = [contact_id for contact_id, channel_uuid, _, _ in live if channel_uuid not in self._calls]
        lost = [contact_id for contact_id in ours if not self._desk.arrears.owes(contact_id)]
        for contact_id in lost:
            self._write_end(contact_id, "the switch does not run", Outcome.LOST, On.SWITCH_DIED)
        return lost == ours

    def _fetch_left(self) -> None:
        """Callers whose agent on this switch has left, but whom music began for while the two were being joined."""
        for call in self._store.proxy_calls.live_of_caller_switch(self._settings.switch_id):
            left = call.state is State.BRIDGED and call.agent_leg is AgentLeg.NONE
            if left and call.channel_uuid not in self._calls and self._was_ours(call.channel_uuid):
                self._fetch_one(call.contact_id, call.channel_uuid)
