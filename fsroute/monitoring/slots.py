"""I1, I6 and I7: each agent's reservations by the agents' events: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fsroute.acd.proxy_call import On
from fsroute.model.agent import Agent
from fsroute.monitoring.events import Event, Present, Step, Violation
from fsroute.monitoring.gaps import Answering

BEYOND_OFFER = 5.0  # seconds that a reservation may outlast the offer time-out without a talk (I6)


@dataclass(slots=True)
class Reservation:
    """A live reservation; `talks` when its limit does not count any more."""

    event: Event
    proxy_call_id: int
    talks: bool = False


class Slots:
    """The live reservations at the event read last.

    Args:
        agents: as their rows are now; skills and authorizations are judged by them.
        contact_center: judge this one's reservations only.
    """

    def __init__(
        self, agents: Mapping[str, Agent], answering: Answering, contact_center: str | None = None
    ) -> None:
        self._agents = agents
        self._answering = answering
        self._contact_center = contact_center
        self._reserved: dict[str, Reservation] = {}
        self._by_call: dict[int, Reservation] = {}

    def prime(self, event: Event) -> None:
        """An agent's last reservation or release from before the first event to be read."""
        for _ in self.feed(event):
            pass
        if event.kind == "reserved":
            self._reserved[event.agent_id or ""].talks = True  # when it began to talk is not known

    def feed(self, event: Event) -> Iterator[Violation]:
        """Take the next event of the agents' ledger."""
        agent_id = event.agent_id or ""
        if event.kind == "reserved":
            known = self._reserved.get(agent_id)
            if known is not None and self._concerns(event):
                text = f"agent {agent_id} reserved while reserved"
                yield Violation("I1", event.at, text, (known.event, event))
            self._begin(agent_id, event)
        elif event.kind == "released":
            yield from self._end(agent_id, event)

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
        for agent_id, reservation in self._reserved.items():
            yield from self._too_long(reservation, present.now)
            row = present.reservations.get(agent_id)
            if row != reservation.proxy_call_id and self._concerns(reservation.event):
                text = (
                    f"agent {agent_id} reserved for {reservation.proxy_call_id} by events, for {row} by rows"
                )
                yield Violation("I1", present.now, text, (reservation.event,))
        for agent_id in sorted(present.reservations.keys() - self._reserved.keys()):
            text = (
                f"agent {agent_id} reserved for {present.reservations[agent_id]} by rows, for none by events"
            )
            yield Violation("I1", present.now, text, ())

    def _concerns(self, event: Event) -> bool:
        return self._contact_center in (None, event.contact_center_id)

    def _begin(self, agent_id: str, event: Event) -> None:
        reservation = Reservation(event, event.data.get("proxy_call_id", 0))
        self._reserved[agent_id] = reservation
        self._by_call[reservation.proxy_call_id] = reservation

    def _end(self, agent_id: str, event: Event) -> Iterator[Violation]:
        known = self._reserved.pop(agent_id, None)
        if known is not None:
            self._by_call.pop(known.proxy_call_id, None)
            yield from self._too_long(known, event.at, event)
        if not self._concerns(event):
            return
        if known is None:
            yield Violation("I1", event.at, f"agent {agent_id} released without being reserved", (event,))
        elif known.proxy_call_id != event.data.get("proxy_call_id"):
            text = f"agent {agent_id} released from another proxy call"
            yield Violation("I1", event.at, text, (known.event, event))

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
        agent = self._agents.get(event.agent_id or "")
        if agent is None:
            yield Violation("I7", event.at, f"agent {event.agent_id} is not known", (event,))
            return
        if not agent.is_authorized(demand, datetime.fromtimestamp(event.at, UTC)):
            text = f"agent {agent.agent_id} not authorized for {demand.contact_center_id}, {demand.medium}"
            yield Violation("I7", event.at, text, (event,))
        if not agent.is_trained(demand):
            skills = ", ".join(f"{skill} {level}" for skill, level in demand.skills)
            yield Violation("I7", event.at, f"agent {agent.agent_id} lacks one of: {skills}", (event,))
