"""I1, I6 and I7: each agent's reservations by the agents' events: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fsroute.acd.proxy_call import On
from fsroute.model.agent import CAPACITY
from fsroute.monitoring.events import Event, Present, Step, Violation
from fsroute.monitoring.gaps import Answering
from fsroute.monitoring.qualified import QUALIFIED, Qualification

BEYOND_OFFER = 5.0  # seconds that a reservation may outlast the offer time-out without a talk (I6)
AT_ONCE = 0.1  # seconds for which an agent's former qualification may still count: claim and change cross

Slot = tuple[str, int]
"""A medium, and which of the agent's slots for it."""


@dataclass(slots=True)
class Reservation:
    """A live reservation; `talks` when its limit does not count any more."""

    event: Event
    proxy_call_id: int
    agent_id: str
    slot: Slot
    weight: int
    talks: bool = False


@dataclass(slots=True)
class Holder:
    """An agent with what is reserved of the agent's slots, and what the agent may serve, and might before."""

    slots: dict[Slot, Reservation] = field(default_factory=dict)
    qualification: Qualification | None = None
    former: Qualification | None = None
    since: float = float("-inf")

    def qualifications(self, at: float) -> list[Qualification]:
        """Which may have counted at a moment."""
        known = [self.qualification, self.former if at - self.since <= AT_ONCE else None]
        return [each for each in known if each is not None]


class Slots:
    """The live reservations at the event read last.

    Args:
        qualifications: what agents may serve at the first event.
        contact_center: judge this one's reservations only.
    """

    def __init__(
        self,
        qualifications: Mapping[str, Qualification],
        answering: Answering,
        contact_center: str | None = None,
    ) -> None:
        self._answering = answering
        self._contact_center = contact_center
        self._holders = {name: Holder(qualification=known) for name, known in qualifications.items()}
        self._by_call: dict[int, Reservation] = {}

    def prime(self, event: Event) -> None:
        """A reservation that was live before the first event to be read."""
        for _ in self.feed(event):
            pass
        if event.kind == "reserved":
            self._by_call[event.data.get("proxy_call_id", 0)].talks = True  # when it began to is not known

    def feed(self, event: Event) -> Iterator[Violation]:
        """Take the next event of the agents' ledger."""
        if event.kind == "reserved":
            yield from self._begin(event)
        elif event.kind == "released":
            yield from self._end(event)
        elif event.kind == "moved" and "proxy_call_id" in event.data:
            yield from self._move(event)
        elif event.kind == QUALIFIED:
            holder = self._holder(event)
            holder.former, holder.since = holder.qualification, event.at
            holder.qualification = Qualification.load(event.data)

    def follow(self, step: Step) -> Iterator[Violation]:
        """Take a step of a proxy call."""
        if step.on is On.AGENT_RESERVED:
            yield from self._qualified(step)
        elif step.on is On.JOINED:
            reservation = self._by_call.get(step.call.proxy_call_id)
            if reservation is not None:
                yield from self._too_long(reservation, step.event.at, step.event)
                reservation.talks = True

    def finish(self, present: Present) -> Iterator[Violation]:
        """Hold the live reservations against the tables, and judge those that have not ended."""
        for proxy_call_id, reservation in self._by_call.items():
            yield from self._too_long(reservation, present.now)
            row = present.reservations.get(proxy_call_id)
            if row != reservation.agent_id and self._concerns(reservation.event):
                text = f"agent {reservation.agent_id} reserved for {proxy_call_id} by events, {row or 'none'} by rows"
                yield Violation("I1", present.now, text, (reservation.event,))
        for proxy_call_id in sorted(present.reservations.keys() - self._by_call.keys()):
            text = f"agent {present.reservations[proxy_call_id]} reserved for {proxy_call_id} by rows, not by events"
            yield Violation("I1", present.now, text, ())

    def _concerns(self, event: Event) -> bool:
        return self._contact_center in (None, event.contact_center_id)

    def _holder(self, event: Event) -> Holder:
        return self._holders.setdefault(event.agent_id or "", Holder())

    def _begin(self, event: Event) -> Iterator[Violation]:
        holder, data = self._holder(event), event.data
        slot = (str(data.get("medium", "voice")), int(data.get("slot", 1)))
        known = holder.slots.get(slot)
        if known is not None:
            self._by_call.pop(known.proxy_call_id, None)
            if self._concerns(event):
                text = f"agent {event.agent_id}, slot {slot[1]} for {slot[0]}, reserved while reserved"
                yield Violation("I1", event.at, text, (known.event, event))
        reservation = Reservation(
            event,
            int(data.get("proxy_call_id", 0)),
            event.agent_id or "",
            slot,
            int(data.get("weight", CAPACITY)),
        )
        holder.slots[slot] = self._by_call[reservation.proxy_call_id] = reservation
        if self._concerns(event):
            yield from self._too_many(holder, reservation)

    @staticmethod
    def _too_many(holder: Holder, reservation: Reservation) -> Iterator[Violation]:
        event, (medium, number) = reservation.event, reservation.slot
        weight = sum(each.weight for each in holder.slots.values())
        if weight > CAPACITY:
            events = (*(each.event for each in holder.slots.values() if each is not reservation), event)
            text = f"agent {event.agent_id} reserved for contacts that weigh {weight}, {CAPACITY} are allowed"
            yield Violation("I1", event.at, text, events)
        known = holder.qualifications(event.at)
        if known and number > max(each.slots_of(medium).slots for each in known):
            text = f"agent {event.agent_id} has no slot {number} for {medium}"
            yield Violation("I1", event.at, text, (event,))

    def _end(self, event: Event) -> Iterator[Violation]:
        proxy_call_id = event.data.get("proxy_call_id")
        known = self._by_call.get(proxy_call_id or 0)
        if known is not None and known.agent_id == event.agent_id:
            del self._by_call[known.proxy_call_id]
            self._holder(event).slots.pop(known.slot, None)
            yield from self._too_long(known, event.at, event)
        elif self._concerns(event):
            others = tuple(each.event for each in self._holder(event).slots.values())
            text = f"agent {event.agent_id} released from proxy call {proxy_call_id} without being reserved for it"
            yield Violation("I1", event.at, text, (*others, event))

    def _move(self, event: Event) -> Iterator[Violation]:
        """After a consultation the agent goes on with the caller: the reservation is for another proxy call."""
        number, proxy_call_id = event.data.get("from_proxy_call_id", 0), int(event.data["proxy_call_id"])
        known = self._by_call.pop(number, None)
        if known is None:
            text = f"agent {event.agent_id} moved from proxy call {number} without being reserved for it"
            yield Violation("I1", event.at, text, (event,))
            return
        if proxy_call_id in self._by_call:
            other = self._by_call[proxy_call_id].event
            text = f"agent {event.agent_id} moved to proxy call {proxy_call_id}, which has one"
            yield Violation("I1", event.at, text, (other, event))
        known.proxy_call_id = proxy_call_id
        self._by_call[proxy_call_id] = known

    def _too_long(self, reservation: Reservation, until: float, *events: Event) -> Iterator[Violation]:
        event = reservation.event
        if reservation.talks or not self._concerns(event):
            return
        limit = float(event.data.get("offer_timeout", 0.0)) + BEYOND_OFFER
        lasted = self._answering.total(event.at, until)
        if lasted > limit:
            text = (
                f"agent {event.agent_id} reserved for {lasted:.3f} s without a talk, {limit:g} s are allowed"
            )
            yield Violation("I6", until, text, (event, *events))

    def _qualified(self, step: Step) -> Iterator[Violation]:
        event, demand = step.event, step.call.demand
        known = self._holder(event).qualifications(event.at)
        if not known:
            yield Violation("I7", event.at, f"agent {event.agent_id} is not known", (event,))
            return
        if not any(each.is_authorized(demand, event.at) for each in known):
            text = f"agent {event.agent_id} not authorized for {demand.contact_center_id}, {demand.medium}"
            yield Violation("I7", event.at, text, (event,))
        if not any(each.is_trained(demand) for each in known):
            skills = [f"{skill} {level}" for skill, level in demand.skills]
            asked = ", ".join([*skills, *demand.sites, *demand.teams])
            yield Violation("I7", event.at, f"agent {event.agent_id} lacks one of: {asked}", (event,))
        if demand.agent_id not in (None, event.agent_id):
            text = f"agent {event.agent_id} reserved for a contact that only {demand.agent_id} may serve"
            yield Violation("I7", event.at, text, (event,))
