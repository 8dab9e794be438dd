"""One call at the outbound socket, before anybody has answered: redirected or bridged to where it is decided to go.

Whatever fails, the call goes back to the dialplan, which sends it the ordinary way: answered, and queued if need be.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from fsroute.acd.dial import shown_name, shown_number
from fsroute.acd.proxy_call import On
from fsroute.callserver.caller import caller_information
from fsroute.callserver.line import CallerGone, Line
from fsroute.errors import FsrouteError, StoreError, SwitchError
from fsroute.esl.errors import SessionClosed
from fsroute.esl.messages import Event
from fsroute.esl.session import Session
from fsroute.model.contact import Outcome
from fsroute.model.direct import Manner
from fsroute.model.proxy_call import State
from fsroute.scp.deciding import Decider, NotRouted, Plan
from fsroute.scp.directing import Claim, Directed, Director
from fsroute.store.store import Store

log = logging.getLogger(__name__)

READ = ("CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP", "CHANNEL_PARK")
"""The events of a channel that are read here."""

REDIRECT_LIMIT = 3.0  # seconds for a channel to go that was redirected
LOOK_AGAIN = 30.0  # seconds
ORDERLY = frozenset({"NORMAL_CLEARING", "SUCCESS", ""})
CANCELLED = "ORIGINATOR_CANCEL"
OURS = "scp"
"""Who looks after a channel, in the variable in which call servers write their address."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is dialled, and where calls are sent on.

    `link_dial_string` has ``{token}`` and ``{address}`` for a network leg, `dial_string` the ``{address}``
    (``user@host``) of agents and doors outside fsroute; `ring` is how long those may ring, in seconds. `number_to` is
    the dialplan and context of numbers that rules send calls to.
    """

    link_dial_string: str = "sofia/fsroute_link/{token}@{address}"
    dial_string: str = "sofia/fsroute_link/{address}"
    ring: float = 20.0
    number_to: str = "XML default"


class EarlyCall:
    """One session, from its arrival to the end of the call or its way back to the dialplan."""

    def __init__(
        self, store: Store, decider: Decider, director: Director, settings: Settings, session: Session
    ) -> None:
        self._store = store
        self._decider = decider
        self._director = director
        self._settings = settings
        self._session = session
        self._line = Line(session)
        self._directed: Directed | None = None
        self._talked = False

    def run(self) -> None:
        try:
            self._route()
        except CallerGone as gone:
            self._close(Outcome.ABANDONED, str(gone) or "the caller hung up")
        except SessionClosed as closed:
            log.debug("a call left its socket: %s", closed)
        except NotRouted as why:
            log.info("call %s goes the ordinary way: %s", self._session.uuid, why)
        except (FsrouteError, SwitchError) as error:
            log.warning("call %s goes the ordinary way: %s", self._session.uuid, error)

    def _route(self) -> None:
        if self._line.get("Answer-State") == "answered" or self._line.get("variable_fsroute_contact"):
            raise NotRouted("it has been here before")
        caller = caller_information(self._session.channel, self._store.now(), self._store.clock_offset)
        plan = self._decider.plan(caller)
        redirected = plan.direct.manner is Manner.REDIRECT
        core = self._line.get("Core-UUID") or None
        self._directed = self._director.begin(plan, self._session.uuid, core, redirected)
        if not redirected:
            self._stay()
            self._name(self._directed.contact_id)
        while (claim := self._director.next(self._directed)) is not None:
            if redirected:
                self._redirect(claim)
                return
            self._tell()
            if self._bridge(claim):
                return
        self._elsewhere(plan)

    def _tell(self) -> None:
        assert self._directed is not None
        directed = self._directed
        log.info("call %s contact=%s: %s", self._session.uuid, directed.contact_id, directed.line)

    def _stay(self) -> None:
        """From now on the call is parked here, and the dialplan's guard is off."""
        self._session.connect()
        self._line.api(f"sched_del {self._session.uuid}")

    def _name(self, contact_id: str) -> None:
        """The channel says whose it is before anything is claimed: whoever has it after us finds the contact."""
        self._line.set_variables(fsroute_contact=contact_id, fsroute_callserver=OURS)

    # Redirected -------------------------------------------------------------------------------------------------

    def _redirect(self, claim: Claim) -> None:
        """302, with further doors after the first destination; who has cancelled meanwhile is nobody's any more."""
        assert self._directed is not None
        doors = [each.door for each in claim.decision.destinations[1:] if each.door is not None]
        self._session.redirect([claim.uri, *(door.address for door in doors)])
        self._tell()  # nobody waits for that
        cause = self._until_gone()
        if claim.call is None:
            self._close(Outcome.TRANSFERRED, "redirected")
        elif cause == CANCELLED:
            self._close(Outcome.ABANDONED, "cancelled before the redirection")

    def _until_gone(self) -> str:
        """The cause with which the channel hung up; '' if the news of it did not come."""
        try:
            give_up = self._store.now() + REDIRECT_LIMIT
            while (left := give_up - self._store.now()) > 0:
                self._line.next(left)
        except CallerGone as gone:
            return str(gone)
        except SessionClosed:
            return ""
        raise SwitchError("the redirected channel is still there")

    # Bridged ----------------------------------------------------------------------------------------------------

    def _bridge(self, claim: Claim) -> bool:
        """Call the destination and stay until the call is over; False: it did not answer, and the caller is there."""
        assert self._directed is not None
        own = claim.call is not None
        if self._directed.tries == 1:
            self._prepare()
        self._line.set_variables(
            continue_on_fail="true",
            ignore_early_media="true",
            hangup_after_bridge="false" if own else "true",
        )
        event = self._completed(self._line.execute("bridge", self._dial(claim)))
        if event.get("Answer-State") != "answered":
            self._did_not_answer(claim, event)
            return False
        self._talked = True
        if own:
            self._after_talk(event)
        else:
            self._session.hangup()
            self._close(Outcome.TRANSFERRED, "the talk is over")
        return True

    def _prepare(self) -> None:
        """The caller hears ringing; whoever fails is no reason to hang up on the caller."""
        number, name = self._line.get("Caller-Caller-ID-Number"), self._line.get("Caller-Caller-ID-Name")
        if shown_number(number) != number:
            self._line.execute("set_profile_var", f"caller_id_number={shown_number(number)}")
        if shown_name(name, number) != name:
            self._line.execute("set_profile_var", f"caller_id_name={shown_name(name, number)}")
        self._line.execute("ring_ready")

    def _dial(self, claim: Claim) -> str:
        if claim.call is None:
            return (
                f"{{leg_timeout={max(1, round(self._settings.ring))}}}"
                + self._settings.dial_string.format(address=claim.address)
            )
        call = claim.call
        rings = max(1, round(call.offer_timeout + call.network_leg_timeout))
        comes = max(1, round(call.network_leg_timeout))
        dialled = self._settings.link_dial_string.format(token=claim.user, address=claim.host)
        variables = f"origination_uuid={claim.leg_uuid},leg_timeout={rings},leg_progress_timeout={comes}"
        return f"{{{variables}}}{dialled}"

    def _completed(self, event_uuid: str) -> Event:
        while True:
            item = self._line.next(LOOK_AGAIN)
            if isinstance(item, Event) and item.get("Application-UUID") == event_uuid:
                return item

    def _did_not_answer(self, claim: Claim, event: Event) -> None:
        """An agent of fsroute's own who did not come was let go by the agent's switch; else it is done here."""
        assert self._directed is not None
        cause = event.get("variable_originate_disposition", "")
        log.info(
            "call %s contact=%s: %s did not answer: %s",
            self._session.uuid, self._directed.contact_id, claim.destination, cause,
        )  # fmt: skip
        self._director.failed(claim)
        call = None if claim.call is None else self._store.proxy_calls.latest(self._directed.contact_id)
        if call is not None and call.state in (State.OFFERED, State.READY):
            self._store.move(
                call,
                On.NETWORK_LEG_GIVEN_UP,
                end_reservation="network_leg_given_up",
                data={"cause": cause},
            )

    def _after_talk(self, event: Event) -> None:
        """An agent who hung up has ended the call; what else ended the bridge is the call server's to go on with."""
        assert self._directed is not None
        cause = self._line.end_cause(
            event.get("variable_last_bridge_hangup_cause") or event.get("variable_bridge_hangup_cause") or "",
            event.get("variable_sip_reason") or "",
            goes_on=True,
        )
        call = self._store.proxy_calls.latest(self._directed.contact_id)
        if call is not None and call.is_live and (call.state is not State.BRIDGED or cause not in ORDERLY):
            log.info("call %s contact=%s goes on at the call server", self._session.uuid, call.contact_id)
            self._directed = None  # its contact stays open
            return
        if call is not None and call.state is State.BRIDGED:
            self._store.move(call, On.CONVERSATION_OVER, end_reservation="wrap_up", data={"cause": cause})
        self._session.hangup()
        self._close(Outcome.SERVED, "the talk is over")

    # Elsewhere --------------------------------------------------------------------------------------------------

    def _elsewhere(self, plan: Plan) -> None:
        """No destination takes the call: the rule's other way."""
        assert self._directed is not None
        if plan.direct.manner is Manner.REDIRECT:
            self._stay()
        otherwise = plan.direct.otherwise
        self._director.elsewhere(self._directed, otherwise)
        self._tell()
        ways: dict[str, Callable[[Plan], None]] = {
            "queue": self._queue, "number": self._to_number, "site": self._to_site, "busy": self._refuse,
        }  # fmt: skip
        ways[otherwise.do](plan)

    def _queue(self, _plan: Plan) -> None:
        """The dialplan goes on with it, and the call server answers: the contact is the same."""
        assert self._directed is not None
        self._line.set_variables(fsroute_contact=self._directed.contact_id, hangup_after_bridge="false")
        self._director.queue(self._directed)

    def _to_number(self, plan: Plan) -> None:
        self._close(Outcome.OVERFLOWED, "sent to another number", On.LIMIT_PASSED)
        self._line.set_variables(fsroute_contact="", hangup_after_bridge="true")
        self._line.execute("transfer", f"{plan.direct.otherwise.number} {self._settings.number_to}")
        self._session.leaving = True

    def _to_site(self, plan: Plan) -> None:
        assert self._directed is not None
        door = self._decider.door(plan, plan.direct.otherwise)
        if door is None:
            self._refuse(plan)
            return
        user, _, host = door.address.partition(":")[2].partition("@")
        if plan.direct.manner is Manner.REDIRECT:
            self._session.redirect([f"sip:{user}@{host}"])
            self._until_gone()
        else:
            self._line.set_variables(hangup_after_bridge="true", continue_on_fail="false")
            self._completed(
                self._line.execute("bridge", self._settings.dial_string.format(address=f"{user}@{host}"))
            )
            self._session.hangup()
        self._close(Outcome.OVERFLOWED, "sent to another site", On.LIMIT_PASSED)

    def _refuse(self, plan: Plan) -> None:
        self._session.hangup(plan.direct.otherwise.cause)
        self._close(Outcome.REFUSED, "nobody takes it", On.LIMIT_PASSED)

    def _close(self, outcome: Outcome, reason: str, on: On = On.CALLER_GONE) -> None:
        directed, self._directed = self._directed, None
        if directed is None:
            return
        try:
            self._director.close(directed, outcome, reason, on)
        except (
            StoreError
        ) as error:  # the call server's look at its switch, or the next one for overdue calls, will
            log.warning("contact not closed yet: %s contact=%s", error, directed.contact_id)
