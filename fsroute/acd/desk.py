"""What agents do during a talk: hold, transfer, consult. By feature code, or by command.

A desk is asked about everything that an offer hears of, once its legs are joined. What an agent wishes is done in
the offer's own greenlet, so that it never crosses what the offer does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from fsroute.acd.consult import ON_THE_WAY, Consultation, Consultations
from fsroute.acd.desk_codes import NOTHING, Asked, Kind, To, Wish, is_open, read
from fsroute.acd.legs import Switch
from fsroute.acd.offer import Item, Offer, partner
from fsroute.acd.proxy_call import On
from fsroute.acd.queueing import routed, step_back
from fsroute.acd.transfer import may_be_dialled, present, to_agent, to_queue
from fsroute.acd.wishes import Refused
from fsroute.errors import StoreError, SwitchError
from fsroute.esl.messages import Event
from fsroute.model.agent import AgentStatus
from fsroute.model.proxy_call import NetworkLeg, ProxyCall, State
from fsroute.store.proxy_calls import Attempt
from fsroute.store.rulebook import RuleBook
from fsroute.store.store import Store

log = logging.getLogger(__name__)

CODE = "fsroute::code"
"""The event of a feature code that the switch has caught."""

CODES = "fsroute_codes XML fsroute_desk"
NUMBER_REALM, CODE_REALM = "fsroute_number", "fsroute"
ENDLESS = ("local_stream://", "{")
DONE = "done"


class TalkSwitch(Switch, Protocol):
    """The agent's switch, as a desk uses it."""

    @property
    def core_uuid(self) -> str: ...

    def exists(self, uuid: str) -> bool: ...

    def state(self, uuid: str) -> str: ...

    def variable(self, uuid: str, name: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says of talks. Durations in seconds.

    `numbers` is the pattern of telephone numbers that agents may transfer to (empty: none), `dial_string` what
    is dialled to consult one, with ``{number}`` (empty: it cannot be done).
    """

    numbers: str = ""
    dial_string: str = ""
    agent_wait: float = 60.0  # for an agent who is to take a transfer; then the contact goes back
    pause: float = 10.0  # for others to take what goes to a queue that the agent serves, too
    success: str = "tone_stream://%(100,0,880)"
    failure: str = "tone_stream://%(250,150,300);loops=2"


class Desk:
    """The talks of one switch."""

    def __init__(
        self,
        store: Store,
        switch: TalkSwitch,
        rules: RuleBook,
        settings: Settings,
        new_uuid: Callable[[], str],
    ) -> None:
        self._store = store
        self._switch = switch
        self._rules = rules
        self._settings = settings
        self._consultations = Consultations(store, switch, settings.dial_string, new_uuid)

    def __call__(self, offer: Offer) -> Callable[[Item], bool]:
        """Begin the talk of an offer; what is returned takes all that the offer hears from then on."""
        talk = Talk(self._store, self._switch, self._rules, self._settings, self._consultations, offer)
        return talk.take

    def finish(self, switch_id: str, in_hand: Callable[[ProxyCall], bool]) -> None:
        """What a process that died left half done; see `Handover.finish`."""
        self._consultations.finish(switch_id, in_hand)


class Talk:
    """One agent's talk, from the join to the agent's leaving."""

    def __init__(
        self,
        store: Store,
        switch: TalkSwitch,
        rules: RuleBook,
        settings: Settings,
        consultations: Consultations,
        offer: Offer,
    ) -> None:
        self._store = store
        self._switch = switch
        self._rules = rules
        self._settings = settings
        self._consultations = consultations
        self._offer = offer
        self._keyed = NOTHING
        self._held_since = 0.0  # seconds since the epoch; 0: not held
        self._consultation: Consultation | None = None
        self._begin()

    # What happens ------------------------------------------------------------------------------------------

    def take(self, item: Item) -> bool:
        """What the offer heard; true: there is nothing left in it for the offer."""
        if isinstance(item, Asked):
            item.answer(self._try(item.wish))
            return True
        channel = self._offer.legs.channel
        if isinstance(item, Event) and item.uuid == channel and item.name in ("CUSTOM", "DTMF"):
            return self._key(item)
        if self._consultation is not None:
            return self._consulting(self._consultation, item)
        if isinstance(item, Event) and item.name == "CHANNEL_HANGUP" and self._held_since:
            self._tell(f"uuid_break {self._partner} all")  # the caller's music would outlast the talk
        return False

    def _key(self, event: Event) -> bool:
        code = event.name == "CUSTOM"
        if code and event.get("Event-Subclass") != CODE:
            return False
        now = self._store.now()
        before, keys = self._keyed, event.get("variable_last_matching_digits" if code else "DTMF-Digit", "")
        self._keyed, wish = read(before, keys, now)
        if is_open(self._keyed, now) and self._keyed.code != before.code:
            self._realm(NUMBER_REALM)
        elif before.code and not self._keyed.code:
            self._realm(CODE_REALM)
        if wish is not None:
            result = self._try(wish)
            if result != DONE:
                self._sound(self._settings.failure)
            elif wish.kind is Kind.TOGGLE:
                self._sound(self._settings.success)
        elif before.code and not self._keyed.code and code:
            self._sound(self._settings.failure)
        return code or bool(before.code)

    def _consulting(self, consultation: Consultation, item: Item) -> bool:
        taken = self._consultations.take(self._offer, consultation, item)
        if consultation.is_over:
            self._consultation = None
        return taken

    # What is done ------------------------------------------------------------------------------------------

    def _try(self, wish: Wish) -> str:
        """Do it; returns ``done``, or why not."""
        try:
            self._do(wish)
        except (Refused, StoreError, SwitchError) as error:
            log.info("agent's wish not done: %s: %s agent=%s", wish.kind, error, self._offer.call.agent_id)
            return str(error) or type(error).__name__
        return DONE

    def _do(self, wish: Wish) -> None:
        if self._offer.call.state is not State.BRIDGED:
            raise Refused("there is no talk")
        if wish.kind in (Kind.HOLD, Kind.RESUME, Kind.TOGGLE):
            self._not_while_consulting()
            held = self._held_since > 0
            self._hold() if wish.kind is Kind.HOLD or not (
                held or wish.kind is Kind.RESUME
            ) else self._resume()
        elif wish.kind is Kind.TRANSFER:
            self._transfer(wish)
        elif wish.kind is Kind.CONSULT:
            self._consult(wish)
        elif wish.kind is Kind.RELEASE:
            self._release()
        elif self._consultation is None:
            raise Refused("nobody is being consulted")
        else:
            consultation = self._consultation
            do = {
                Kind.COMPLETE: self._consultations.complete,
                Kind.CANCEL: self._consultations.cancel,
                Kind.CONFERENCE: self._consultations.confer,
            }
            do[wish.kind](self._offer, consultation)
            if consultation.is_over:
                self._consultation = None

    def _release(self) -> None:
        """As hanging up, for an agent whose leg is to stand on."""
        self._not_while_consulting()
        if self._held_since:
            self._tell(f"uuid_break {self._partner} all")
        self._offer.release()

    # Hold --------------------------------------------------------------------------------------------------

    def _hold(self) -> None:
        """The other end hears music, and is not heard; the agent's leg stays joined, so that codes arrive."""
        if self._held_since:
            raise Refused("the contact is on hold")
        music = self._offer.call.hold_music
        application = "playback" if music.startswith(ENDLESS) else "endless_playback"
        self._switch.execute(self._partner, application, music)
        self._held_since = self._store.now()
        self._mark("fsroute_on_hold", "true")
        self._log("held", {"by": "agent"})

    def _resume(self) -> None:
        if not self._held_since:
            raise Refused("the contact is not on hold")
        self._switch.api(f"uuid_break {self._partner} all")
        self._mark("fsroute_on_hold", "")
        self._log("resumed", {"by": "agent", "held_s": round(self._store.now() - self._held_since, 3)})
        self._held_since = 0.0

    # Blind transfer ----------------------------------------------------------------------------------------

    def _transfer(self, wish: Wish) -> None:
        """The row moves first: whoever sees the talk end knows why. The offer then ends the agent's leg."""
        self._not_while_consulting()
        call = self._offer.call
        if wish.to is To.NUMBER:
            way = {"do": "number", "number": self._number(wish.name), "prompt": ""}
            moved = self._move(On.TRANSFERRED_OUT, {"way": way}, {"to": "number"})
        elif wish.to is To.AGENT:
            agent_id = self._colleague(wish.name)
            routing = to_agent(call, agent_id, self._settings.agent_wait)
            back = {"routing": routing, "back_to": present(call)} | self._on_the_way()
            moved = self._move(On.TRANSFERRED, back, {"to": "agent"})
        else:
            moved = self._to_queue(wish.name)
        if moved is None:
            raise Refused("the talk is over")
        if self._held_since:
            self._tell(f"uuid_break {self._partner} all")
        self._offer.go_on_with(moved)

    def _to_queue(self, name: str) -> ProxyCall | None:
        """As the rules say; nobody is preferred any more, least of all the agent who sends the contact away."""
        routing = routed(self._store, self._rules, self._offer.call, name)
        step_back(self._store, self._offer.call, routing.demand, self._settings.pause)
        changes = {"routing": to_queue(routing), "preferred_agent_id": None} | self._on_the_way()
        return self._move(On.TRANSFERRED, changes, {"to": "queue"})

    def _on_the_way(self) -> dict[str, object]:
        """A caller of this switch goes back to the socket first: joined on the way, the channel would be lost."""
        return {"held_for": ON_THE_WAY} if self._offer.call.network_leg is NetworkLeg.NOT_NEEDED else {}

    def _move(self, on: On, changes: Mapping[str, object], data: Mapping[str, object]) -> ProxyCall | None:
        attempt = Attempt(agent_leg_uuid=self._offer.agent_leg_uuid)
        return self._store.move(
            self._offer.call, on, attempt=attempt, end_reservation="wrap_up", set=changes, data=data
        )

    def _colleague(self, name: str) -> str:
        found = self._store.transfers.colleague(self._offer.call, name)
        if found is None:
            raise Refused(f"there is no agent {name}")
        if found.agent_id == self._offer.call.agent_id:
            raise Refused("that is the agent who asks")
        if not found.authorized:
            raise Refused(f"agent {found.agent_id} is not authorized for this contact")
        if found.status is not AgentStatus.AVAILABLE:
            raise Refused(f"agent {found.agent_id} is {found.status.replace('_', ' ')}")
        return found.agent_id

    def _number(self, number: str) -> str:
        if not may_be_dialled(number, self._settings.numbers):
            raise Refused("that number is not allowed")
        return number

    # Consultation ------------------------------------------------------------------------------------------

    def _consult(self, wish: Wish) -> None:
        self._not_while_consulting()
        if wish.to is To.NUMBER:
            number = self._number(wish.name)
            self._let_go_of_hold()
            self._consultation = self._consultations.of_number(self._offer, number)
            return
        wait = self._settings.agent_wait
        if wish.to is To.AGENT:
            routing = to_agent(self._offer.call, self._colleague(wish.name), wait)
        else:
            routing = to_queue(routed(self._store, self._rules, self._offer.call, wish.name))
        self._let_go_of_hold()
        self._consultation = self._consultations.of_agent(self._offer, routing, str(wish.to), wait)

    def _let_go_of_hold(self) -> None:
        """A consultation holds in its own way."""
        if self._held_since:
            self._resume()

    def _not_while_consulting(self) -> None:
        if self._consultation is not None:
            raise Refused("somebody is being consulted: complete or cancel that first")

    # The switch --------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Codes from now on; what a former process began is gone on with."""
        channel, talk = self._offer.legs.channel, str(self._offer.call.proxy_call_id)
        try:
            known = not self._offer.is_new
            if known and self._switch.variable(channel, "fsroute_talk") == talk:
                self._restore(channel)
                return
            bound = known and self._switch.variable(channel, "fsroute_codes")
            before = ";fsroute_on_hold="  # of the talk before
            if self._offer.legs.standing_uuid is not None:
                before += ";fsroute_consultation="
            self._tell(f"uuid_setvar_multi {channel} fsroute_talk={talk};fsroute_codes=true{before}")
            if not bound:
                self._switch.execute(channel, "execute_extension", CODES)
        except SwitchError as error:
            log.warning("no feature codes: %s agent=%s", error, self._offer.call.agent_id)

    def _restore(self, channel: str) -> None:
        if self._switch.variable(channel, "fsroute_on_hold"):
            self._held_since = self._store.now()
        self._consultation = self._consultations.restore(self._offer)

    @property
    def _partner(self) -> str:
        return partner(self._offer.call) or ""

    def _mark(self, name: str, value: str) -> None:
        self._tell(f"uuid_setvar {self._offer.legs.channel} {name} {value}".rstrip())

    def _realm(self, realm: str) -> None:
        try:
            self._switch.execute(self._offer.legs.channel, "digit_action_set_realm", realm)
        except SwitchError as error:
            log.debug("digit_action_set_realm: %s", error)

    def _sound(self, sound: str) -> None:
        try:
            self._switch.execute(self._offer.legs.channel, "playback", sound)
        except SwitchError as error:
            log.debug("playback: %s", error)

    def _tell(self, command: str) -> None:
        try:
            self._switch.api(command)
        except SwitchError as error:
            log.debug("%s: %s", command.split()[0], error)

    def _log(self, kind: str, data: dict[str, object]) -> None:
        call = self._offer.call
        self._store.contacts.log(
            call.contact_id, kind, data, call.proxy_call_id, call.agent_id, str(call.state)
        )
