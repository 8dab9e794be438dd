"""I2, I5 and I8: each contact's life by its own events, from its arrival to its end: pure.

Of I5 the ledger can only tell that each contact went from the application to hold treatment to a bridge by
legal steps, and that no bridge was made to a leg that was not there. Whether sound reached the caller is for
the switches to tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fsroute.acd.proxy_call import AGENT_LEG_TABLE, CALL_TABLE, CALLER_LEG_TABLE, NETWORK_LEG_TABLE, On
from fsroute.model.contact import Demand, Lead, LeadKind, Outcome
from fsroute.model.other_acd import OtherAcd
from fsroute.model.proxy_call import FINAL, LIVE, WAITING, AgentLeg, CallerLeg, NetworkLeg, State
from fsroute.monitoring.events import Call, Event, Present, Step, Violation
from fsroute.monitoring.gaps import moment

CLOSED = "closed"
ARRIVED = "arrived"
KINDS = {str(on): on for on in On}

OUTCOMES = {
    State.ENDED: {Outcome.SERVED, Outcome.TRANSFERRED},  # transferred: the agent sent the caller to a number
    State.ABANDONED: {Outcome.ABANDONED, Outcome.FAILED},  # failed: fsroute itself let go of the caller
    State.LOST: {Outcome.LOST},
    State.OVERFLOWED: {Outcome.OVERFLOWED},
    State.REFUSED: {Outcome.REFUSED},
    State.UNREACHED: {Outcome.UNREACHED},
}
"""The outcomes that a contact may have after a proxy call that ended so."""

WITHOUT_A_CALL = {
    Outcome.SELF_SERVED,
    Outcome.ABANDONED,
    Outcome.TRANSFERRED,
    Outcome.REFUSED,  # by the rules, as where the contact center is closed
    Outcome.OVERFLOWED,  # by the rules: a number, or a voice message
    Outcome.LOST,
    Outcome.FAILED,
}
"""The outcomes of a contact that never stood in a queue."""

EARLY_LEGS = (NetworkLeg.WANTED, NetworkLeg.RAISING, NetworkLeg.PRESENT)
WAITING_ONLY = {
    LeadKind.OFFERED: (State.REQUESTED, State.QUEUED, State.CALLBACK),
    LeadKind.READY: (State.REQUESTED, State.QUEUED, State.CALLBACK, State.OFFERED),
}
"""By lead, the states in which a network leg may not exist; other leads may raise it at any time."""


@dataclass(slots=True)
class Life:
    """An open contact: its arrival and its latest proxy call."""

    arrived: Event
    call: Call | None = None


class Lives:
    """The contacts that are open at the event read last.

    Args:
        outside: contacts that arrived before the first event to be read; they are not judged.
    """

    def __init__(self, outside: set[str] | None = None) -> None:
        self._lives: dict[str, Life] = {}
        self._outside = outside or set()
        self.arrived = 0
        self.step: Step | None = None
        """What the event fed last did to a proxy call; None if nothing."""

    def feed(self, event: Event) -> Iterator[Violation]:
        """Take the next event of the contacts' ledger."""
        self.step = None
        contact_id = event.contact_id or ""
        life = self._lives.get(contact_id)
        if event.kind == ARRIVED:
            yield from self._arrive(contact_id, life, event)
        elif event.kind != CLOSED and event.kind not in KINDS:
            return
        elif life is None:
            if contact_id not in self._outside:
                yield violation("I2", f"{event.kind} for a contact that is closed or never arrived", event)
        elif event.kind == CLOSED:
            del self._lives[contact_id]
            yield from _closed(life, event)
        else:
            yield from self._move(life, KINDS[event.kind], event)

    def finish(self, present: Present) -> Iterator[Violation]:
        """Hold the open contacts against the tables."""
        for contact_id, life in self._lives.items():
            last = life.call.last if life.call else life.arrived
            if contact_id not in present.contacts:
                yield violation("I2", "open by its events, ended by its row", last, at=present.now)
            call = life.call if life.call and life.call.state in LIVE else None
            by_events = (call.proxy_call_id, str(call.state)) if call else None
            by_rows = present.calls.get(contact_id)
            if by_events != by_rows:
                text = f"proxy call {by_events} by its events, {by_rows} by its row"
                yield violation("I2", text, last, at=present.now)
        for contact_id in present.contacts - self._lives.keys() - self._outside:
            yield Violation("I2", present.now, f"contact {contact_id} is open by its row, not by events", ())

    def _arrive(self, contact_id: str, life: Life | None, event: Event) -> Iterator[Violation]:
        self._outside.discard(contact_id)
        if life is not None:
            yield violation("I2", "the contact arrived twice", life.arrived, event)
            return
        self.arrived += 1
        self._lives[contact_id] = Life(event)

    def _move(self, life: Life, on: On, event: Event) -> Iterator[Violation]:
        before = life.call
        if on is On.REQUESTED:
            if before is not None and before.state in LIVE:
                yield violation("I2", "a second live proxy call", before.last, event)
            life.call = requested(event)
            self.step = Step(on, event, life.call, None)
            return
        if before is None or event.proxy_call_id != before.proxy_call_id:
            yield violation("I2", f"{on} for a proxy call that is not the contact's", life.arrived, event)
            return
        yield from _transition(before, on, event)
        yield from _at_other_acd(before, on, event)
        yield from _before_answer(before, on, event)
        self.step = Step(on, event, before, before.state)
        _follow(before, on, event)
        yield from _early_leg(before)


def violation(invariant: str, text: str, *events: Event, at: float | None = None) -> Violation:
    """A violation at the last of its events, unless another moment is given."""
    contact_id = events[-1].contact_id
    where = f"contact {contact_id}: " if contact_id else ""
    return Violation(invariant, events[-1].at if at is None else at, where + text, events)


def requested(event: Event) -> Call:
    """The proxy call that a ``requested`` event begins."""
    data = event.data
    return Call(
        proxy_call_id=event.proxy_call_id or 0,
        contact_id=event.contact_id or "",
        demand=demanded(Demand(event.contact_center_id or "", data.get("medium", "voice")), data),
        lead=Lead.parse(data.get("lead", "offered")),
        priority=data.get("priority", 0),
        arrived_at=moment(data["arrived_at"]) if "arrived_at" in data else event.at,
        last=event,
        strategy=data.get("strategy") or "",
        acd=_acd(data),
    )


def _acd(data: Mapping[str, Any]) -> OtherAcd | None:
    return OtherAcd.load(data["acd"]) if data.get("acd") else None


def demanded(demand: Demand, data: Mapping[str, Any]) -> Demand:
    """The demand after an event: what it says of it counts, and a new routing says all of it."""
    if "queue" in data:
        demand = Demand(demand.contact_center_id, data.get("medium", demand.medium))
    changes: dict[str, Any] = {}
    if "skills" in data:
        changes["skills"] = tuple(sorted((str(skill), int(level)) for skill, level in data["skills"]))
    for name in ("sites", "teams"):
        if data.get(name) is not None:
            changes[name] = tuple(sorted(map(str, data[name])))
    if data.get("only_agent_id") is not None:
        changes["agent_id"] = str(data["only_agent_id"])
    return demand.with_(**changes) if changes else demand


def _transition(call: Call, on: On, event: Event) -> Iterator[Violation]:
    """Is the step one of the tables'?"""
    target = _target(call, on, event)
    if target is None:
        yield violation("I2", f"{on} cannot happen in {call.state}", call.last, event)
    elif target != event.state:
        yield violation("I2", f"{on} in {call.state} leads to {target}, not {event.state}", call.last, event)
    agent_leg, network_leg = event.data.get("agent_leg"), event.data.get("network_leg")
    caller_leg = event.data.get("caller_leg")
    if on is On.JOINED and not _all_there(call):
        text = f"joined with agent leg {call.agent_leg} and network leg {call.network_leg}"
        if call.caller_leg is not CallerLeg.PRESENT:
            text += f", the caller's {call.caller_leg}"
        yield violation("I5", text, call.last, event)
    elif target is not None and caller_leg and caller_leg != _caller_leg_after(call, on, target):
        yield violation("I2", f"{on} with caller leg {call.caller_leg} to {caller_leg}", call.last, event)
    elif target is not None and agent_leg and agent_leg != _agent_leg_after(call, on, target):
        yield violation("I2", f"{on} with agent leg {call.agent_leg} to {agent_leg}", call.last, event)
    elif "moved_to" in event.data:
        return  # a consultation that was completed: its network leg lives on in the conversation
    elif target is not None and network_leg and network_leg not in _network_legs_after(call, on, target):
        yield violation("I2", f"{on} with network leg {call.network_leg} to {network_leg}", call.last, event)


OTHER_ACDS = frozenset({On.ACD_ENTERED, On.ACD_LEFT, On.ACD_OFFERED})


def _at_other_acd(call: Call, on: On, event: Event) -> Iterator[Violation]:
    """Where another ACD serves, it alone does, and the contact stands there once."""
    if call.acd is None and on in OTHER_ACDS:
        yield violation("I2", f"{on} for a contact that fsroute itself serves", call.last, event)
    elif call.acd is not None and on is On.AGENT_RESERVED:
        text = f"agent {event.agent_id} reserved for a contact that the ACD {call.acd.name} serves"
        yield violation("I2", text, call.last, event)
    elif on is On.ACD_ENTERED and call.is_entered:
        yield violation(
            "I2", f"entered at {event.data.get('acd_name', 'the other ACD')} twice", call.last, event
        )
    elif on is On.ACD_OFFERED and not call.is_entered:
        yield violation("I2", "offered by another ACD in whose queue it is not", call.last, event)


def _before_answer(call: Call, on: On, event: Event) -> Iterator[Violation]:
    """Whose agent did not come is held for whoever directs the call, or ends: nobody who was redirected waits here."""
    if on is On.NOT_TAKEN and call.directed_for != 0:
        yield violation("I2", "ended as not taken, though the caller was not redirected", call.last, event)
    elif call.directed_for is None or event.state != State.QUEUED or call.state not in (State.OFFERED, State.READY):
        return
    elif call.directed_for == 0:
        yield violation("I2", "queued, though the caller was redirected", call.last, event)
    elif not event.data.get("held_for_s"):
        yield violation("I2", "queued before the answer, and held for nobody", call.last, event)


def _target(call: Call, on: On, event: Event) -> State | None:
    """Who is back in the queue without the caller is to be called back."""
    target = CALL_TABLE.targets(on).get(call.state)
    absent = CallerLeg(event.data.get("caller_leg", call.caller_leg)) is not CallerLeg.PRESENT
    return State.CALLBACK if target is State.QUEUED and absent else target


def _all_there(call: Call) -> bool:
    return (
        call.agent_leg is AgentLeg.ACCEPTED
        and call.network_leg in (NetworkLeg.PRESENT, NetworkLeg.NOT_NEEDED)
        and call.caller_leg is CallerLeg.PRESENT
    )


def _has_no_legs(call: Call, target: State) -> bool:
    return target in FINAL or (target in WAITING and call.state not in WAITING)


def _caller_leg_after(call: Call, on: On, target: State) -> CallerLeg | None:
    after = CALLER_LEG_TABLE.targets(on).get(call.caller_leg, call.caller_leg)
    return CallerLeg.ABSENT if _has_no_legs(call, target) and after is not CallerLeg.PRESENT else after


def _agent_leg_after(call: Call, on: On, target: State) -> AgentLeg | None:
    if _has_no_legs(call, target):
        return AgentLeg.NONE
    known = AGENT_LEG_TABLE.targets(on)
    return known.get(call.agent_leg) if known else call.agent_leg


def _network_legs_after(call: Call, on: On, target: State) -> tuple[NetworkLeg | None, ...]:
    """The network leg's states that a step may lead to; where the agent is decides some of them."""
    if _has_no_legs(call, target):
        return (NetworkLeg.NONE,)
    if on in (On.AGENT_RESERVED, On.ACD_OFFERED):
        return (NetworkLeg.NOT_NEEDED, NetworkLeg.NONE, NetworkLeg.WANTED, call.network_leg)
    if on is On.AGENT_ACCEPTED and call.network_leg is NetworkLeg.NONE:
        return (NetworkLeg.NONE, NetworkLeg.WANTED)
    known = NETWORK_LEG_TABLE.targets(on)
    return (known.get(call.network_leg) if known else call.network_leg,)


def _follow(call: Call, on: On, event: Event) -> None:
    """Take over what the event says, legal or not."""
    call.state = State(event.state) if event.state else call.state
    call.agent_leg = AgentLeg(
        event.data.get("agent_leg", AgentLeg.NONE if on is On.AGENT_LEFT else call.agent_leg)
    )
    call.network_leg = NetworkLeg(event.data.get("network_leg", call.network_leg))
    call.caller_leg = CallerLeg(event.data.get("caller_leg", call.caller_leg))
    call.priority = event.data.get("priority", call.priority)
    call.demand = demanded(call.demand, event.data)
    if "lead" in event.data:
        call.lead = Lead.parse(event.data["lead"])
    if "queue" in event.data:  # another routing: who serves is part of it
        call.acd, call.is_entered = _acd(event.data), False
    if on in (On.AGENT_RESERVED, On.DIRECTED):
        call.directed_for = None
    if "directed_for_s" in event.data:
        call.directed_for = float(event.data["directed_for_s"])
    if on in (On.ACD_ENTERED, On.ACD_LEFT):
        call.is_entered = on is On.ACD_ENTERED
    call.strategy = event.data.get("strategy", call.strategy)
    call.last = event
    if call.state in FINAL:
        call.agent_leg, call.network_leg = AgentLeg.NONE, NetworkLeg.NONE


def _early_leg(call: Call) -> Iterator[Violation]:
    if call.network_leg in EARLY_LEGS and call.state in _without_a_leg(call):
        text = f"network leg {call.network_leg} while {call.state}, though the lead is {call.lead}"
        yield violation("I8", text, call.last)
    elif call.network_leg in EARLY_LEGS[1:] and call.caller_leg is not CallerLeg.PRESENT:
        yield violation(
            "I8", f"network leg {call.network_leg} for a caller who is {call.caller_leg}", call.last
        )


def _without_a_leg(call: Call) -> tuple[State, ...]:
    """Where another ACD tells of no offers, the lead ``offered`` has come while the contact waits there."""
    if call.acd is not None and not call.acd.tells_offers and call.lead.kind is LeadKind.OFFERED:
        return () if call.is_entered else WAITING_ONLY[LeadKind.OFFERED]
    return WAITING_ONLY.get(call.lead.kind, ())


def _closed(life: Life, event: Event) -> Iterator[Violation]:
    """Is the outcome what the last proxy call came to?"""
    outcome, call = event.data.get("outcome"), life.call
    if call is not None and call.state in LIVE:
        yield violation("I2", f"closed while its proxy call is {call.state}", call.last, event)
    elif call is None and outcome == Outcome.SERVED and "parent_contact_id" in life.arrived.data:
        return  # an agent who consulted a telephone number
    elif outcome not in (WITHOUT_A_CALL if call is None else OUTCOMES[call.state]):
        came = "no proxy call" if call is None else f"a proxy call that is {call.state}"
        yield violation("I2", f"outcome {outcome} after {came}", call.last if call else life.arrived, event)
