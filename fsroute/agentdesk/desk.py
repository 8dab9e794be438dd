"""The agents' desk: performs the dialogue with an agent who dialled a feature code, a greenlet for each call."""

from __future__ import annotations

import logging
import secrets

import gevent

from fsroute.acd.dial import PARKED
from fsroute.agentdesk import dialogue as talk
from fsroute.agentdesk import pin as pins
from fsroute.agentdesk import speech
from fsroute.agentdesk.dialogue import (
    Ask,
    Do,
    HangUp,
    Happening,
    Keyed,
    Nothing,
    NotProved,
    Perform,
    Performed,
    Person,
    Prove,
    Proved,
    Refused,
    Say,
    Stand,
    Standing,
)
from fsroute.agentdesk.features import Feature
from fsroute.callserver.line import CallerGone, Line
from fsroute.errors import Declined, FsrouteError, StoreError
from fsroute.esl.errors import SessionClosed
from fsroute.esl.session import Session
from fsroute.store.duty import Phone
from fsroute.store.store import Store

log = logging.getLogger(__name__)

FEATURE = "variable_fsroute_feature"
"""The channel variable by which the dialplan sends a call here."""

LONGEST_CALL = 300.0  # seconds

_NOBODYS = pins.encode(pins.generate(secrets.randbelow), secrets.token_bytes(pins.SALT))
"""Compared where there is no PIN to compare, so that it takes as long."""


class AgentDesk:
    """Serves the agents who call one switch."""

    def __init__(self, store: Store, switch_id: str) -> None:
        self._store = store
        self._switch_id = switch_id

    def serves(self, session: Session) -> bool:
        """Whether a call is an agent's feature code."""
        return session.channel.get(FEATURE) is not None

    def serve(self, session: Session) -> None:
        """Until the agent has hung up, or stands in the standing leg; a call given up hears the dialplan's tone."""
        try:
            with gevent.Timeout(LONGEST_CALL, FsrouteError(f"it lasts longer than {LONGEST_CALL:g} s")):
                _Conversation(self._store, self._switch_id, Line(session)).run()
        except (CallerGone, SessionClosed) as gone:
            log.debug("an agent hung up: %s", gone)
        except FsrouteError as error:
            log.warning("an agent's call is given up: %s switch=%s", error, self._switch_id)


class _Conversation:
    def __init__(self, store: Store, switch_id: str, line: Line) -> None:
        self._store = store
        self._duty = store.duty
        self._switch_id = switch_id
        self._line = line
        self._language = speech.language_of(line.get("variable_default_language"))
        self._phone = Phone(
            switch_id, line.get("variable_sip_auth_username"), line.get("variable_domain_name")
        )
        self._owners = self._duty.of_phone(self._phone) if self._phone.username else []
        self._entries = 0

    def run(self) -> None:
        line = self._line
        line.set_variable(
            "sensitive_dtmf", "true"
        )  # keys are a PIN's: not in the switch's log nor its events
        if line.get("Answer-State") != "answered":
            line.execute("answer")
        owner = self._owners[0] if len(self._owners) == 1 else None  # a shared phone is nobody's
        code, argument = line.get(FEATURE), line.get("variable_fsroute_feature_argument")
        phone = None if owner is None else Person(owner.agent_id, owner.own_phone)
        dialogue = talk.start(code, argument, phone)
        happening: Happening = talk.Began()
        while True:
            dialogue, do = talk.advance(dialogue, happening)
            if isinstance(do, HangUp):
                self._line.session.hangup()
                self._line.until_gone()
                return
            if isinstance(do, Stand):
                self._stand(do.agent_id)
                return
            happening = self._do(do)

    def _do(self, do: Do) -> Happening:
        if isinstance(do, Ask):
            return self._ask(do)
        if isinstance(do, Prove):
            return self._prove(do)
        if isinstance(do, Perform):
            return self._perform(do)
        assert isinstance(do, Say)
        self._line.completed(self._line.execute(*speech.say(do, self._language)))
        return talk.Began()

    def _ask(self, do: Ask) -> Happening:
        """What is keyed stays in no variable of the channel."""
        self._entries += 1
        variable = f"fsroute_keyed_{self._entries}"
        complete = self._line.completed(self._line.execute(*speech.ask(do, self._language, variable)))
        digits = complete.get(f"variable_{variable}")
        for name in (variable, f"{variable}_invalid"):
            self._line.set_variable(name, "")
        return Keyed(digits) if digits else Nothing()

    # Who it is ---------------------------------------------------------------------------------------------

    def _prove(self, do: Prove) -> Happening:
        """PINs are counted for each agent, and for all of them together by where the call comes from."""
        source = self._phone.address if self._phone.username else ""
        attempt = self._duty.pin_attempt_begins(self._switch_id, source)
        if attempt is None:
            log.warning("no PIN is taken: too many were wrong phone=%s switch=%s", source, self._switch_id)
            return NotProved(locked=True)
        proof = self._compare(do)
        if self._duty.pin_attempt_over(attempt, isinstance(proof, Proved)):
            log.warning("PINs are being guessed phone=%s switch=%s", source, self._switch_id)
        return proof

    def _compare(self, do: Prove) -> Proved | NotProved:
        owner = do.agent_id or self._of_extension(do.extension)
        if not owner:
            _fits(do.pin, _NOBODYS)
            log.warning("an agent's PIN for an extension that there is not switch=%s", self._switch_id)
            return NotProved()
        stored, locked = self._duty.pin_attempt(owner)
        if locked:
            log.warning("an agent's PIN while it is locked agent=%s switch=%s", owner, self._switch_id)
            return NotProved(locked=True)
        right = _fits(do.pin, stored or _NOBODYS) and stored is not None
        locked = self._duty.pin_checked(owner, right)
        if right:
            return Proved(Person(owner))
        log.warning("wrong PIN%s agent=%s switch=%s", ", locked" * locked, owner, self._switch_id)
        return NotProved(locked)

    def _of_extension(self, extension: str) -> str:
        owner = self._duty.of_extension(extension)
        return "" if owner is None else owner.agent_id

    # What is done -------------------------------------------------------------------------------------------

    def _perform(self, do: Perform) -> Happening:
        """A rule's no is an answer; so is a database that is away: the agent hears it."""
        try:
            self._take_effect(do)
            state = self._duty.state(do.agent_id)
        except Declined as error:
            log.info("feature code %s: %s agent=%s", do.feature.name.lower(), error, do.agent_id)
            return Refused(error.reason)
        except StoreError as error:
            log.warning("feature code %s: %s agent=%s", do.feature.name.lower(), error, do.agent_id)
            return Refused("unavailable")
        log.info("feature code %s agent=%s switch=%s", do.feature.name.lower(), do.agent_id, self._switch_id)
        return Performed(Standing(state.status, state.state, state.contacts_served))

    def _take_effect(self, do: Perform) -> None:
        duty, agent_id = self._duty, do.agent_id
        match do.feature:
            case Feature.LOG_ON:
                self._log_on(agent_id)
            case Feature.LOG_OFF:
                duty.log_off(agent_id)
            case Feature.BREAK:
                duty.take_break(agent_id, self._reason(do.argument))
            case Feature.READY:
                duty.ready(agent_id)
            case Feature.END_WRAP_UP:
                duty.end_wrap_up(agent_id)
            case Feature.OUTCOME:
                duty.outcome(agent_id, do.argument)
            case Feature.STANDING:
                self._may_stand(agent_id)

    def _log_on(self, agent_id: str) -> None:
        """At another registered phone than the agent's own it is a move; any other telephone is a mere way in."""
        here = not self._phone.username or agent_id in (owner.agent_id for owner in self._owners)
        if here:
            self._duty.log_on(agent_id)
        else:
            self._duty.log_on(agent_id, self._phone.address, self._switch_id)

    def _reason(self, digits: str) -> str | None:
        reason = self._duty.break_reason(digits) if digits else None
        if digits and reason is None:
            raise Declined(f"no reason has the digits {digits}", "unknown_reason")
        return reason

    # The standing leg ----------------------------------------------------------------------------------------

    def _may_stand(self, agent_id: str) -> None:
        if self._duty.state(agent_id).leg != "standing":
            raise Declined(f"agent {agent_id} has no standing leg", "no_standing_leg")

    def _stand(self, agent_id: str) -> None:
        """The row names the channel, which is parked: whoever drives the switch keeps it from there."""
        line = self._line
        line.set_variable("sensitive_dtmf", "false")
        line.set_variable("socket_resume", "false")
        self._duty.stand(agent_id, self._switch_id, line.uuid)
        log.info("standing leg called in agent=%s switch=%s", agent_id, self._switch_id)
        line.execute("transfer", PARKED)
        line.until_gone()


def _fits(pin: str, stored: str) -> bool:
    """In a thread of its own: it takes the time of several hundred events."""
    return bool(gevent.get_hub().threadpool.apply(pins.verify, (pin, stored)))
