"""What must always hold, checked on the ledger: events in, violations out. Pure.

Memory is bounded by the contacts that are open at once: a contact is forgotten when it is closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fsroute.model.agent import Agent, AgentStatus
from fsroute.monitoring.events import Event, Ledger, Present, Violation
from fsroute.monitoring.gaps import Answering, Gap
from fsroute.monitoring.lives import Lives
from fsroute.monitoring.qualified import at_first
from fsroute.monitoring.slots import Slots
from fsroute.monitoring.waiting import LIMIT, Waiting

INVARIANTS = {
    "I1": "an agent slot has at most one live reservation, and no agent more than weighs 100",
    "I2": "a contact has at most one live proxy call, and one end with one record",
    "I3": "no contact waits while an agent who may serve it is available, longer than 100 ms",
    "I4": "the first contact in the order is served, among those the agent may serve",
    "I5": "no caller is in silence",
    "I6": "no agent stays reserved beyond the offer time-out plus 5 s without a talk",
    "I7": "no agent gets a contact that it is not authorized or trained for",
    "I8": "no network leg exists for a caller who is only waiting, outside the lead",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What an audit knows before the first event.

    `agents` as their rows are now, by name; `undeclared` those who never declared a status; `qualified` each
    agent's ``qualified`` event that holds at the first event to be read; `outside` the contacts that arrived
    before that, `before` the agents' last events before it; `contact_center` restricts the judgement to one.
    """

    agents: Mapping[str, Agent] = field(default_factory=dict)
    undeclared: frozenset[str] = frozenset()
    qualified: Sequence[Event] = ()
    outside: frozenset[str] = frozenset()
    before: Sequence[Event] = ()
    gaps: Sequence[Gap] = ()
    contact_center: str | None = None
    limit: float = LIMIT


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit found in so many events and contacts; iterates over the violations."""

    violations: tuple[Violation, ...]
    gaps: tuple[Gap, ...]
    events: int
    contacts: int

    def __iter__(self) -> Iterator[Violation]:
        return iter(self.violations)


class Audit:
    """One pass over the ledger: feed the events in order, then finish."""

    def __init__(self, known: Known) -> None:
        answering = Answering(known.gaps)
        qualifications = at_first(known.agents, known.qualified)
        available = {
            agent_id for agent_id, agent in known.agents.items() if agent.status is AgentStatus.AVAILABLE
        }
        self._lives = Lives(set(known.outside))
        self._slots = Slots(qualifications, answering, known.contact_center)
        self._waiting = Waiting(qualifications, answering, known.undeclared & available, known.limit)
        for event in known.before:
            self._slots.prime(event)
            self._waiting.prime(event)

    @property
    def contacts(self) -> int:
        """How many contacts arrived."""
        return self._lives.arrived

    def feed(self, event: Event) -> Iterator[Violation]:
        """Take the next event, of whichever ledger; each ledger in its own order, the two by time."""
        yield from self._waiting.advance(event.at)
        if event.ledger is Ledger.AGENT:
            yield from self._slots.feed(event)
            yield from self._waiting.feed(event)
            return
        yield from self._lives.feed(event)
        step = self._lives.step
        if step is not None:
            yield from self._slots.follow(step)
            yield from self._waiting.follow(step)

    def finish(self, present: Present) -> Iterator[Violation]:
        """All events are read: hold what is open against the tables."""
        yield from self._lives.finish(present)
        yield from self._slots.finish(present)
        yield from self._waiting.finish(present)


def check(known: Known, events: Iterable[Event], present: Present) -> Report:
    """Check a whole ledger."""
    checker = Audit(known)
    found: list[Violation] = []
    number = 0
    for number, event in enumerate(events, 1):  # noqa: B007
        found += checker.feed(event)
    found += checker.finish(present)
    found.sort(key=lambda violation: violation.at)
    lasting = tuple(gap for gap in known.gaps if gap.begin > float("-inf") or gap.is_open)
    return Report(tuple(found), lasting, number, checker.contacts)
