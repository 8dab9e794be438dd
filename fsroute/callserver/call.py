"""One caller's call at the local site, from arrival to hang-up: a greenlet with one mailbox."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from fsroute.acd.dial import shown_name, shown_number
from fsroute.acd.proxy_call import On
from fsroute.callserver import noting
from fsroute.callserver.arrears import late
from fsroute.callserver.caller import caller_information
from fsroute.callserver.consultation import consult
from fsroute.callserver.customer import Customer
from fsroute.callserver.desk import Desk
from fsroute.callserver.hold import STORE_RETRY, Hold, in_pieces
from fsroute.callserver.line import CallerGone, ChannelTaken, Line
from fsroute.callserver.numbers import callable_number
from fsroute.callserver.offering import Offer
from fsroute.callserver.performing import Performer
from fsroute.callserver.prompts import Prompts
from fsroute.callserver.request import closing, request
from fsroute.callserver.talk import Waiter
from fsroute.callserver.waiting import CALLED_BACK
from fsroute.callserver.ways import CLOSED, NotQueued, announce, take_message, way_of
from fsroute.errors import DatabaseUnavailable, FsrouteError, StoreError
from fsroute.esl.errors import SessionClosed
from fsroute.esl.session import Session
from fsroute.ivr import (
    AgentOutcome,
    Application,
    Began,
    Collect,
    Declined,
    Do,
    Failed,
    HangUp,
    Happening,
    HungUp,
    LookUp,
    NeedAgent,
    OfferCallback,
    Play,
    Position,
    Record,
    Transfer,
    advance,
    resume,
    running,
    start,
)
from fsroute.ivr.position import LONGEST_DUMP, NO_LIBRARY, Library
from fsroute.model.contact import CallerInformation, Outcome
from fsroute.model.proxy_call import ProxyCall, State
from fsroute.model.routing import Way
from fsroute.outage import Outage
from fsroute.routing.match import NoRoute
from fsroute.routing.rules import Inquiry
from fsroute.store.contacts import Contact

T = TypeVar("T")

log = logging.getLogger(__name__)

NEWS_LIMIT = 0.2  # seconds in which the news of a hang-up may follow a command that failed for it
STORE_LIMIT = (
    90.0  # seconds without a database, longer than a cluster needs to choose a primary; then without an agent
)

ANSWERED = frozenset({State.ENDED, State.OVERFLOWED, State.REFUSED})
"""How a proxy call may have ended while the caller is still there and the application does not know yet."""


class Unroutable(FsrouteError):
    """Nothing says what to do with this call: it goes to the fallback."""


class Call:
    """One session of the outbound event socket; a call that lost fsroute comes back as another one."""

    def __init__(self, desk: Desk, session: Session) -> None:
        self._desk = desk
        self._line = Line(session)
        self._performer = Performer(desk, self._line, in_pieces(desk.settings.hold_music))
        self._hung_up = False
        self._left = False
        self.is_closed = False
        self._application: Application | None = None
        self._library: Library = NO_LIBRARY
        self._position: Position | None = None
        self._proxy_call: ProxyCall | None = None
        self._talks = False  # with an agent, over a network leg
        self._contact: Contact | None = None
        self._customer: Customer | None = None
        self._is_new = False
        self._called = bool(self._line.get("variable_fsroute_callback"))  # fsroute dialled this channel
        self.contact_id = self._line.get("variable_fsroute_contact")
        self._consults = bool(self.contact_id) and self.contact_id == self._line.get(
            "variable_fsroute_consultation"
        )
        self.is_taken = self._consults  # the agent's switch looks after it
        self.outcome = Outcome.ABANDONED

    @property
    def is_over(self) -> bool:
        """The channel is gone or has left fsroute; else it is the switch's for now, and may come back."""
        return self._hung_up or self._left

    def run(self) -> None:
        """Until the caller has hung up or has left for elsewhere."""
        try:
            if self._consults:
                consult(self._desk, self._line, self.contact_id)
            else:
                self._answer()
                self._converse()
        except CallerGone:
            self._hung_up = True
        except ChannelTaken:
            self.is_taken = True
            log.debug("the switch has joined a call contact=%s", self.contact_id)
        except SessionClosed as closed:
            log.debug("a call left its socket: %s contact=%s", closed, self.contact_id)
        except FsrouteError as error:
            # a command may fail before the news of the hang-up comes
            self._hung_up = self._line.session.wait_hungup(NEWS_LIMIT)
            if not self._hung_up:
                self._give_up(str(error))
        finally:
            self._close()

    # Arrival ---------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        line = self._line
        if line.get("Answer-State") != "answered":
            line.execute("answer")
        self._is_new = not self.contact_id
        if self._is_new:
            self.contact_id = self._desk.new_uuid()
            self._make_presentable()
        line.set_variables(
            fsroute_contact=self.contact_id,
            fsroute_callserver=self._desk.settings.callserver,
            socket_resume="true",
        )
        contact, caller = self._patiently(self._open)
        self._contact = contact
        self._customer = self._customer_of(contact, caller)
        whose = (contact.contact_center_id, contact.number_called)
        self._library = self._desk.applications.for_call(*whose)  # as they are now, until the call is over
        application = self._desk.applications.answering(contact.application, *whose)
        self._application = application
        state = line.get("variable_fsroute_state")
        if self._called and not state:
            state = self._patiently(lambda: self._desk.store.contacts.application_state(self.contact_id))
        self._position = (
            resume(application, state, caller, self._library) if state else start(application, caller)
        )
        self._note(**noting.arrival(contact, application, self._desk.rules.version))
        if not self._is_new:
            self._note(**noting.return_(caller, state))
        verb = "arrived" if self._is_new else "came back"
        log.info("call %s contact=%s switch=%s", verb, self.contact_id, self._desk.settings.switch_id)

    def _note(self, **facts: object) -> None:
        self._line.session.note(**facts)

    def _patiently(self, ask: Callable[[], T]) -> T:
        """Ask the database; while it is away the caller hears music, and it is asked again.

        Raises:
            StoreError: it has been away for too long, or refuses.
        """
        give_up = self._desk.store.now() + STORE_LIMIT
        outage = Outage(log, f"a call waits for the database contact={self.contact_id}")
        music = ""
        while True:
            try:
                answer = ask()
                break
            except DatabaseUnavailable as error:
                outage.failed(error)
                if self._desk.store.now() >= give_up:
                    raise
            music = music or self._line.execute("playback", in_pieces(self._desk.settings.hold_music))
            self._line.next(STORE_RETRY)
        outage.over()
        if music:
            self._line.stop(music)
        return answer

    def _customer_of(self, contact: Contact, caller: CallerInformation) -> Customer:
        """Who is looked up from now on, while the caller is greeted; a call that comes back knows it already."""

        def keep(facts: Mapping[str, str]) -> None:
            self._note(customer=dict(facts))
            self._write(partial(self._desk.store.contacts.know_customer, contact.contact_id, facts))

        center, customers = contact.contact_center_id, self._desk.customers
        customer = Customer(customers, center, caller.number, caller.customer, keep, self._line.clock)
        if not caller.customer:
            customer.begin(caller.facts)
        return customer

    def _make_presentable(self) -> None:
        """FreeSWITCH writes a caller's name unquoted into the headers of the legs it bridges to.

        A line end in it spoils the network leg's INVITE, or adds headers to it.
        """
        number = self._line.get("Caller-Caller-ID-Number")
        name = self._line.get("Caller-Caller-ID-Name")
        if shown_number(number) != number:
            self._line.execute("set_profile_var", f"caller_id_number={shown_number(number)}")
        if shown_name(name, number) != name:
            self._line.execute("set_profile_var", f"caller_id_name={shown_name(name, number)}")

    def _open(self) -> tuple[Contact, CallerInformation]:
        store = self._desk.store
        caller = caller_information(self._line.session.channel, store.now(), store.clock_offset)
        known = None if self._is_new else store.contacts.get(self.contact_id)
        if known is not None:
            return known, store.contacts.caller(self.contact_id) or caller
        found = self._desk.numbers.owner(caller.number_called)
        if found is None:
            raise Unroutable(f"number {caller.number_called} belongs to no contact center")
        contact = Contact(
            contact_id=self.contact_id,
            contact_center_id=found[0],
            medium=caller.medium,
            switch_id=self._desk.settings.switch_id,
            channel_uuid=self._line.uuid,
            core_uuid=self._line.get("Core-UUID"),
            number_called=caller.number_called,
            application=found[1],
            arrived_at=caller.arrived_at,
        )
        self._write(partial(store.contacts.open, contact, caller))
        return contact, caller

    def _write(self, write: Callable[[], object]) -> None:
        """Now, or when the database takes it; raises StoreError as `Arrears.write` does."""
        self._desk.arrears.write(self.contact_id, write)

    # Application -------------------------------------------------------------------------------------------

    def _converse(self) -> None:
        do = self._came_back() or self._closed() or self._first()
        while not isinstance(do, HangUp):
            do = self._advance(self._perform(do))
        self.outcome = do.outcome
        self._line.session.hangup(do.cause)
        self._line.until_gone()

    def _first(self) -> Do:
        """The application's first step; it waits for what is known of the customer where the configuration says so."""
        assert self._contact is not None
        patience = self._desk.customers.patience(self._contact.contact_center_id)
        if patience > 0:
            self._know_customer({}, patience)
        return self._advance(Began())

    def _know_customer(self, learned: Mapping[str, str], most: float | None = None) -> CallerInformation:
        """The caller with what is known of the customer, who may have to be waited for."""
        assert self._position is not None
        assert self._customer is not None
        caller = self._position.caller
        music = in_pieces(self._desk.settings.hold_music)
        customer = self._customer.ask(self._line, {**caller.facts, **learned}, music, most)
        return replace(caller, customer=customer)

    def _came_back(self) -> Do | None:
        """Go on where the call was when its process died, or when the switch took it for a bridge of its own."""
        assert self._position is not None
        if self._is_new:
            return None
        call = self._patiently(lambda: self._desk.store.proxy_calls.latest(self.contact_id))
        if self._called and (call is None or not call.is_live):
            return HangUp("NORMAL_CLEARING", Outcome.ABANDONED)  # who was called back answered too late
        if call is None or not (call.is_live or call.state in ANSWERED):
            return None
        if call.proxy_call_id == self._position.answered:
            return None  # the application has its result: this is about another agent that it needs
        if call.state is State.REQUESTED:
            self._desk.store.announce(call)  # who wrote it may have died before saying so
        cause = self._line.get("variable_last_bridge_hangup_cause")
        return self._advance(
            self._hold(call, self._line.end_cause(cause, self._line.get("variable_sip_reason")))
        )

    def _closed(self) -> Do | None:
        """Who calls a contact center that is closed by command hears so at once, and nothing else."""
        assert self._contact is not None
        way = closing(self._desk, self._contact.contact_center_id)
        if way is None or not self._is_new:
            return None
        version = self._desk.rules.version
        self._note(closed=way.prompt)
        self._write(
            partial(self._desk.store.contacts.send_away, self.contact_id, None, version, way.do, CLOSED)
        )
        return self._advance(self._go(way, Outcome.REFUSED))

    def _advance(self, happening: Happening) -> Do:
        assert self._application is not None
        assert self._position is not None
        if self._customer is not None and self._customer.known != self._position.caller.customer:
            caller = replace(self._position.caller, customer=self._customer.known)
            self._position = replace(self._position, caller=caller)
        before = self._position
        self._position, do = advance(self._application, before, happening, self._library)
        if self._line.session.is_watched:
            self._note(**noting.happened(happening), **noting.step(self._position, do))
        if self._position != before and not isinstance(do, HangUp):
            self._keep_position(self._position.dump())
        return do

    def _keep_position(self, text: str) -> None:
        if len(text) <= LONGEST_DUMP:
            self._line.set_variable("fsroute_state", text)
        else:
            log.warning("the caller's position is too long to be kept contact=%s", self.contact_id)

    def _perform(self, do: Do) -> Happening:
        if isinstance(do, NeedAgent):
            return self._need_agent(do)
        if isinstance(do, OfferCallback):
            return self._offer_callback(do)
        if isinstance(do, Transfer):
            return self._transfer(do)
        return self._perform_on_line(do)

    def _perform_on_line(self, do: Do) -> Happening:
        assert self._contact is not None
        folder = self._running().folder
        match do:
            case Play():
                return self._performer.play(do, folder)
            case Collect():
                return self._performer.collect(do, folder)
            case LookUp():
                return self._performer.look_up(do, folder, self._contact.contact_center_id)
            case Record():
                return self._performer.record(do, folder, self.contact_id)
        return Failed("nobody knows how to do that")

    def _running(self) -> Application:
        """The application that the caller is in: the outermost one, or a part of it."""
        assert self._application is not None
        assert self._position is not None
        return running(self._application, self._position, self._library)

    def _transfer(self, do: Transfer) -> Happening:
        self.outcome = do.after or Outcome.TRANSFERRED
        self._left = True
        self._line.execute("transfer", f"{do.number} {self._desk.settings.transfer_to}")
        self._line.until_gone()
        return Failed("the transfer was not made")

    # An agent is needed ------------------------------------------------------------------------------------

    def _need_agent(self, do: NeedAgent, chosen: str = "") -> Happening:
        """Ask for an agent and wait; `chosen` is the number of a caller who is to be called back instead."""
        asked = self._request(do)
        if isinstance(asked, NotQueued):
            return self._send_away(asked)
        if asked is not None and asked.contact_id != self.contact_id:
            self._go_on_as(asked.contact_id)
        return Failed("no proxy call") if asked is None else self._hold(asked, chosen=chosen)

    def _offer_callback(self, do: OfferCallback) -> Happening:
        assert self._position is not None
        waiter = self._waiter()
        if not waiter.may_be_called:
            return Declined()
        music = in_pieces(self._desk.settings.hold_music)
        number = Offer(self._line, waiter, music).number(self._position.caller.number, do.prompt)
        return Declined() if number is None else self._need_agent(NeedAgent(do.queue, do.facts), number)

    def _request(self, do: NeedAgent) -> ProxyCall | NotQueued | None:
        """Write the proxy call; a database that is away is waited for, with music."""
        assert self._position is not None
        assert self._contact is not None
        caller, language = self._know_customer(do.facts), self._position.language
        contact = self._contact

        def ask() -> ProxyCall | NotQueued | None:
            self._desk.arrears.pay(contact.contact_id)
            return request(self._desk, contact, caller, do, language, self._asking)

        try:
            asked = self._patiently(ask)
        except (StoreError, NoRoute) as error:
            log.warning("no proxy call: %s contact=%s", error, self.contact_id)
            if isinstance(error, NoRoute):
                self._note(**noting.no_route(error))
            asked = None
        if asked is not None:
            self._note(**noting.routed(asked))
        return asked

    def _asking(self, inquiry: Inquiry, at: float) -> None:
        self._note(**noting.asked(inquiry, at))

    def _go_on_as(self, contact_id: str) -> None:
        """The caller kept a place in the queue and has called in again: this call is the earlier contact's now.

        By the number that it shows, which anybody may show: what the earlier call had told stays with that.
        """
        called_again, self.contact_id = self.contact_id, contact_id
        self._line.set_variable("fsroute_contact", contact_id)
        self._contact = self._desk.store.contacts.get(contact_id)
        self._desk.store.contacts.take_over(contact_id, called_again)
        data = {"by": "callserver", "reason": "called_again", "contact": contact_id}
        self._desk.store.close_contact(called_again, Outcome.TRANSFERRED, data)
        log.info("call goes on as an earlier one contact=%s was=%s", contact_id, called_again)

    def _hold(self, call: ProxyCall, last_cause: str = "", chosen: str = "") -> Happening:
        hold = Hold(self._desk, self._line, call, replace(self._waiter(), chosen=chosen), last_cause)
        try:
            result = hold.wait()
        finally:
            self._proxy_call, self._talks = hold.call, hold.is_talking
        if result == CALLED_BACK:
            return self._let_go()
        over = way_of(hold.call, closing(self._desk, call.contact_center_id))
        if over is not None:
            return self._go(*over)
        assert self._position is not None
        self._position = replace(self._position, answered=call.proxy_call_id)
        return AgentOutcome(result)  # type: ignore[arg-type]

    def _waiter(self) -> Waiter:
        assert self._position is not None
        settings = self._desk.settings
        return Waiter(
            prompts=self._prompts(),
            accepts=self._accepts,
            may_be_called=bool(settings.callback_dial_string),
            application_state=self._position.dump(),
            called=self._called,
        )

    def _accepts(self, text: str) -> str | None:
        """`text` as a number that may be called back; ours may not: they would call each other."""
        number = callable_number(text, self._desk.settings.callback_numbers)
        try:
            return None if number is None or self._desk.store.contacts.is_ours(number) else number
        except StoreError as error:  # the choice could not be kept either
            log.warning("a number is not taken: %s contact=%s", error, self.contact_id)
            return None

    def _prompts(self) -> Prompts:
        if self._application is None or self._position is None:
            return Prompts(self._application, "")
        return Prompts(self._running(), self._position.language)

    def _let_go(self) -> Happening:
        """The caller hangs up and keeps the place: the contact stays open."""
        self._line.session.hangup()
        self._line.until_gone()
        return Failed("the caller is still there")

    def _send_away(self, away: NotQueued) -> Happening:
        if away.way.do == "application":
            return AgentOutcome("refused")
        return self._go(away.way, away.outcome)

    def _go(self, way: Way, outcome: Outcome) -> Happening:
        """Where the rules send the caller who is not queued (any more)."""
        if way.do == "number":
            return self._transfer(Transfer(way.number, outcome))
        self.outcome = outcome
        if way.do == "voice_message":
            take_message(self._desk, self._line, self._prompts(), self.contact_id, way.prompt)
        else:
            announce(self._line, self._prompts(), way.prompt)
        self._line.session.hangup()
        self._line.until_gone()
        return Failed("the caller is still there")

    # The end -----------------------------------------------------------------------------------------------

    def _give_up(self, why: str) -> None:
        """Fsroute cannot go on with this call: the dialplan's fallback can."""
        log.error("call given up: %s contact=%s", why, self.contact_id)
        self.outcome = Outcome.FAILED
        self._left = True
        try:
            self._line.set_variable("socket_resume", "false")
            self._line.execute("transfer", self._desk.settings.fallback)
            self._line.until_gone()
        except CallerGone:
            self._hung_up = True
        except FsrouteError as error:
            log.debug("the caller left first: %s contact=%s", error, self.contact_id)

    def _close(self) -> None:
        """The contact ends with the caller's channel; a call that the switch has taken to a bridge lives on."""
        if not (self._hung_up or self._left) or not self.contact_id or self._consults:
            return
        if self._hung_up and self.outcome is Outcome.ABANDONED and self._application and self._position:
            _, end = advance(self._application, self._position, HungUp(), self._library)
            self.outcome = end.outcome if isinstance(end, HangUp) else self.outcome
        self._note(outcome=str(self.outcome))
        try:
            self._write(partial(self._write_end, self._desk.store.now()))
            self.is_closed = True
        except StoreError as error:
            log.warning("contact not closed yet: %s contact=%s", error, self.contact_id)

    def _write_end(self, at: float) -> None:
        """The contact ended at that time, in seconds since the epoch, however late this is written."""
        store = self._desk.store
        data: dict[str, object] = {"by": "callserver", **late(at, store.now())}
        if self._talks and self._proxy_call is not None:  # before the agent's site could say so
            store.move(self._proxy_call, On.JOINED, data={"by": "callserver"})
        store.close_contact(self.contact_id, self.outcome, data, self._proxy_call)
