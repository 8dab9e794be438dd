"""Consultations: during a talk an agent speaks with somebody else, and the caller hears music.

A consultation is a contact of its own, whose caller is the agent: the agent's leg goes to the outbound socket and
waits there for another agent, through the ordinary machinery; or it is joined with a telephone number. The other
leg of the talk, a network leg or the caller's own channel, is held meanwhile. Every end leads somewhere: back to the
talk, on with whom was consulted, or to the head of the queue.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fsroute.acd.dial import dialled
from fsroute.acd.handover import Handover
from fsroute.acd.offer import Item, Offer, partner
from fsroute.acd.proxy_call import On
from fsroute.acd.transfer import WANTED, consulting, dump
from fsroute.acd.wishes import Refused
from fsroute.errors import StoreError, SwitchError
from fsroute.esl.messages import Event
from fsroute.model.contact import HEAD_PRIORITY, Outcome
from fsroute.model.proxy_call import ProxyCall, State
from fsroute.store.proxy_calls import Attempt
from fsroute.store.store import Store

if TYPE_CHECKING:
    from fsroute.acd.desk import TalkSwitch

log = logging.getLogger(__name__)

WAITS = "fsroute_consult/XML/fsroute"
RINGS = "fsroute_rings/XML/fsroute_desk"
HELD = "fsroute_held/XML/fsroute_desk"
ROOM = "fsroute_conference/XML/fsroute_desk"
ON_THE_WAY = 0.5  # seconds in which a caller of this switch finds the way back to the socket


@dataclass(slots=True)
class Consultation:
    """One that goes on. `held` is the other leg of the talk, `other` the leg of whom the agent speaks with.

    `call` is the proxy call of the consultation, None where a telephone number is consulted, whose leg is
    `number_leg`.
    """

    contact_id: str
    held: str
    call: ProxyCall | None = None
    number_leg: str = ""
    other: str = ""
    is_conference: bool = False
    is_over: bool = False


class Consultations:
    """The consultations at one switch.

    Args:
        store: rows and signals.
        switch: the agents'.
        dial_string: what is dialled to consult a telephone number, with ``{number}``; empty: it cannot be done.
        new_uuid: makes names.
    """

    def __init__(
        self, store: Store, switch: TalkSwitch, dial_string: str, new_uuid: Callable[[], str]
    ) -> None:
        self._store = store
        self._switch = switch
        self._legs = Handover(store, switch)
        self._dial_string = dial_string
        self._new_uuid = new_uuid

    def finish(self, switch_id: str, in_hand: Callable[[ProxyCall], bool]) -> None:
        """See `Handover.finish`."""
        self._legs.finish(switch_id, in_hand)

    # The beginning -----------------------------------------------------------------------------------------

    def of_agent(self, offer: Offer, routing: Mapping[str, Any], to: str, wait: float) -> Consultation:
        """Ask for an agent as `routing` says, for at most `wait` seconds: the agent's leg asks, once it is there.

        Raises:
            Refused, StoreError, SwitchError: the talk goes on as it was.
        """
        if routing.get("acd"):
            raise Refused(
                "an ACD of another make serves it: a caller may be sent there, but it cannot be consulted"
            )
        wanted = dump(consulting(routing, offer.call, wait))
        self._legs.tell(f"uuid_setvar {offer.legs.channel} {WANTED} {wanted}")
        return self._begin(offer, to, WAITS)

    def of_number(self, offer: Offer, number: str) -> Consultation:
        """Dial a telephone number for the agent, who hears it ring.

        Raises:
            Refused, StoreError, SwitchError: the talk goes on as it was.
        """
        if not self._dial_string:
            raise Refused("telephone numbers cannot be consulted here")
        consultation = self._begin(offer, "number", RINGS)
        consultation.number_leg = leg = self._new_uuid()
        offer.attend(leg)
        self._legs.tell(f"uuid_setvar {offer.legs.channel} fsroute_number_leg {leg}")
        self._legs.tell(
            f"uuid_setvar {offer.legs.channel} hangup_after_bridge false"
        )  # the number may leave first
        variables = f"origination_uuid={leg},park_timeout=60,hangup_after_bridge=true,ignore_early_media=true"
        try:
            dialled = self._dial_string.format(number=number)
            self._switch.bgapi(f"originate {{{variables}}}{dialled} &park()")
        except SwitchError:
            self._return(offer, consultation, "failed")
            raise
        return consultation

    def _begin(self, offer: Offer, to: str, where: str) -> Consultation:
        """The contact first, then the legs: whoever sees the agent's leg finds the contact."""
        held, channel = partner(offer.call), offer.legs.channel
        if held is None:
            raise Refused("there is no talk")
        consultation = Consultation(self._new_uuid(), held)
        opened = self._store.transfers.open(
            offer.agent_leg_uuid, consultation.contact_id, channel, self._switch.core_uuid, {"to": to}
        )
        if not opened:
            raise Refused("the talk is over, or somebody is being consulted")
        for name in ("fsroute_number_leg", "fsroute_room"):  # of one before, on a standing leg
            self._legs.tell(f"uuid_setvar {channel} {name}")
        for name in ("fsroute_contact", "fsroute_consultation"):
            self._legs.tell(f"uuid_setvar {channel} {name} {consultation.contact_id}")
        self._legs.tell(f"uuid_setvar {held} fsroute_hold_music {offer.call.hold_music}")
        offer.legs = replace(offer.legs, network_uuid=None)  # not the offer's to end any more
        try:
            self._switch.api(f"uuid_dual_transfer {channel} {where} {HELD}")
        except SwitchError:
            self._return(offer, consultation, "failed")
            raise
        return consultation

    def restore(self, offer: Offer) -> Consultation | None:
        """Another process began it, and died; or it died before the two were joined again."""
        channel, held = offer.legs.channel, partner(offer.call) or ""
        contact_id = self._store.transfers.consultation(offer.call.contact_id)
        begun = self._switch.variable(channel, "fsroute_consultation")
        if contact_id is None and not begun:
            return None
        consultation = Consultation(contact_id or begun, held)
        consultation.call = self._store.proxy_calls.latest(consultation.contact_id)
        consultation.number_leg = self._switch.variable(channel, "fsroute_number_leg")
        consultation.is_conference = bool(self._switch.variable(channel, "fsroute_room"))
        if consultation.number_leg:
            offer.attend(consultation.number_leg)
        offer.legs = replace(offer.legs, network_uuid=None)
        if contact_id is None or begun != contact_id:
            self._return(offer, consultation, "failed")
        else:
            self._look(offer, consultation)
        return None if consultation.is_over else consultation

    # What happens ------------------------------------------------------------------------------------------

    def take(self, offer: Offer, consultation: Consultation, item: Item) -> bool:
        """Take what the agent's offer heard; true: there is nothing left in it for the offer."""
        if item is None:
            self._talk_changed(offer, consultation, self._store.proxy_calls.get(offer.call.proxy_call_id))
            if not consultation.is_over:
                self._look(offer, consultation)
            return False
        if isinstance(item, ProxyCall):
            if item.contact_id == consultation.contact_id:
                self._call_changed(offer, consultation, item)
                return True
            if item.proxy_call_id == offer.call.proxy_call_id:
                self._talk_changed(offer, consultation, item)
            return False
        if not isinstance(item, Event):
            return False
        if item.name == "CHANNEL_HANGUP" and item.uuid == offer.legs.channel:
            self._agent_gone(offer, consultation)
            return False
        if consultation.number_leg:
            self._number_event(offer, consultation, item)
        return True

    def _look(self, offer: Offer, consultation: Consultation) -> None:
        """Go by what is true now: news may have been missed."""
        if consultation.number_leg:
            if not self._switch.exists(consultation.number_leg):
                self._return(offer, consultation, "number_left")
            elif self._switch.variable(consultation.number_leg, "endpoint_disposition") == "ANSWER":
                consultation.other = consultation.number_leg
        else:
            self._call_changed(offer, consultation, self._store.proxy_calls.latest(consultation.contact_id))

    def _talk_changed(self, offer: Offer, consultation: Consultation, row: ProxyCall | None) -> None:
        """Without the caller, or the agent, there is nothing to consult about."""
        if row is None or row.version < offer.call.version:
            return
        if row.state is not State.BRIDGED or row.agent_leg_uuid != offer.agent_leg_uuid:
            self._close(consultation, "talk_over")

    def _call_changed(self, offer: Offer, consultation: Consultation, row: ProxyCall | None) -> None:
        known = consultation.call
        if row is None or (known is not None and row.version < known.version):
            return
        consultation.call = row
        if not row.is_live:
            self._return(offer, consultation, str(row.state))
        elif row.state is State.BRIDGED and row.agent_leg_uuid is None and self._stays(offer, consultation):
            self._legs.await_end_of_talk(offer.legs.channel)
            self._return(offer, consultation, "left")
        elif row.state is State.BRIDGED and not consultation.other:
            self._joined(consultation, self._switch.variable(offer.legs.channel, "bridge_uuid"))

    def _stays(self, offer: Offer, consultation: Consultation) -> bool:
        """Whether the agent's leg stays where it is when the other one leaves, so that no session of it tells."""
        return consultation.is_conference or offer.legs.standing_uuid is not None

    def _joined(self, consultation: Consultation, other: str) -> None:
        """The agent speaks with whom was asked for; who stays, should the agent hang up."""
        consultation.other = other
        if other and not self._switch.variable(other, "fsroute_standing"):
            self._legs.tell(f"uuid_setvar {other} park_after_bridge true")

    def _number_event(self, offer: Offer, consultation: Consultation, event: Event) -> None:
        leg = consultation.number_leg
        if event.name == "BACKGROUND_JOB" and dialled(event) == leg:
            if not event.text.startswith("+OK"):
                self._return(offer, consultation, "number_" + event.text.removeprefix("-ERR").strip().lower())
            elif self._legs.join(offer.legs.channel, leg):
                self._joined(consultation, leg)
            else:
                self._return(offer, consultation, "failed")
        elif event.name == "CHANNEL_HANGUP" and event.uuid == leg:
            cause = event.get("Hangup-Cause", "").lower()
            if consultation.other:
                self._legs.await_end_of_talk(offer.legs.channel)
            self._return(offer, consultation, "number_left" if consultation.other else f"number_{cause}")

    # The ends ----------------------------------------------------------------------------------------------

    def complete(self, offer: Offer, consultation: Consultation) -> None:
        """Whom the agent consulted goes on with the caller, and the agent leaves.

        Raises:
            Refused: nobody is there yet.
        """
        if not self._complete(offer, consultation):
            raise Refused("whom the agent consults is not there yet")

    def cancel(self, offer: Offer, consultation: Consultation) -> None:
        """The agent goes on with the caller."""
        self._return(offer, consultation, "cancelled")

    def confer(self, offer: Offer, consultation: Consultation) -> None:
        """The caller, the agent and whom the agent consults talk together; who leaves, leaves.

        Raises:
            Refused: nobody is there yet, or they do so already.
            SwitchError: the consultation goes on.
        """
        if not consultation.other:
            raise Refused("whom the agent consults is not there yet")
        if consultation.is_conference:
            raise Refused("they are talking together")
        legs = (consultation.held, offer.legs.channel, consultation.other)
        for leg in legs:
            self._legs.tell(f"uuid_setvar {leg} fsroute_room {consultation.contact_id}")
        self._switch.api(f"uuid_dual_transfer {offer.legs.channel} {ROOM} {ROOM}")
        self._switch.api(f"uuid_transfer {consultation.held} {ROOM.replace('/', ' ')}")
        consultation.is_conference = True
        self._log(offer.call, "conference", {"consultation": consultation.contact_id})

    def _complete(self, offer: Offer, consultation: Consultation) -> bool:
        """The rows, then the legs, then the news: whoever hears it finds both as they are to be."""
        if not consultation.other:
            return False
        legs = {"held": consultation.held, "other": consultation.other}
        with self._store.in_doubt(offer.call, consultation.call):
            rows = self._store.transfers.complete(offer.agent_leg_uuid, {"by": "agent", **legs})
        if not rows:
            return False
        consultation.is_over = True
        self._legs.hand_over(offer.call, consultation.held, consultation.other)
        self._store.announce(offer.call, rows[0])
        for row in rows[1:]:
            self._store.announce(consultation.call, row)
        offer.release()
        offer.go_on_with(rows[0])
        return True

    def _return(self, offer: Offer, consultation: Consultation, reason: str) -> None:
        """The agent and the caller talk again."""
        call, channel = offer.call, offer.legs.channel
        consultation.is_over = True
        self._legs.tell(f"uuid_setvar {channel} fsroute_consultation")
        self._legs.tell(f"uuid_setvar {channel} fsroute_number_leg")
        self._legs.tell(f"uuid_setvar {channel} fsroute_room")
        if offer.legs.standing_uuid is None:
            self._legs.tell(f"uuid_setvar {channel} hangup_after_bridge true")
        if not self._legs.join(consultation.held, channel):
            self._legs.give_back(call, consultation.held)
        self._close(
            consultation, reason
        )  # not before, or the agent's leg would be on its way through the dialplan
        offer.legs = replace(offer.legs, network_uuid=consultation.held)
        self._log(call, "consultation_over", {"reason": reason, "consultation": consultation.contact_id})

    def _agent_gone(self, offer: Offer, consultation: Consultation) -> None:
        """Hung up: as completing if somebody is there to go on, else the caller is next in the queue."""
        if self._complete(offer, consultation):
            return
        call = offer.call
        self._close(consultation, "agent_left")
        moved = self._store.move(
            call,
            On.CONVERSATION_LOST,
            attempt=Attempt(agent_leg_uuid=offer.agent_leg_uuid),
            end_reservation="wrap_up",
            set={"priority": HEAD_PRIORITY, "held_for": ON_THE_WAY},
            data={"reason": "agent_left_consultation"},
        )
        self._legs.give_back(call, consultation.held)
        if moved is not None:
            offer.go_on_with(moved)

    def _close(self, consultation: Consultation, reason: str) -> None:
        """The contact ends, and with it its legs; a consultation that ended before stays as it ended."""
        consultation.is_over = True
        outcome = Outcome.SERVED if consultation.other else Outcome.ABANDONED
        data = {"by": "desk", "reason": reason}
        try:
            self._store.close_contact(consultation.contact_id, outcome, data, consultation.call)
        except StoreError as error:
            log.warning("consultation not closed: %s contact=%s", error, consultation.contact_id)
        if consultation.number_leg:
            self._legs.tell(f"uuid_kill {consultation.number_leg} NORMAL_CLEARING")

    def _log(self, call: ProxyCall, kind: str, data: dict[str, object]) -> None:
        try:
            self._store.contacts.log(
                call.contact_id, kind, data, call.proxy_call_id, call.agent_id, str(call.state)
            )
        except StoreError as error:
            log.warning("not logged: %s: %s contact=%s", kind, error, call.contact_id)
