"""Captured calls under two sets of rules: which would go elsewhere, and how many by what. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import zip_longest
from typing import Any

from fsroute.errors import FsrouteError
from fsroute.model.agent import Agent
from fsroute.replay.aspects import Difference, asked_differences, differences, rule_words
from fsroute.replay.decision import Asked, Decision, Seen, Strategies, decide, local_time, with_people
from fsroute.replay.noted import is_as_noted
from fsroute.routing.rules import Inquiry, RuleSet

FORMAT = 1
"""Of the report as JSON."""


class CannotBeTold(FsrouteError):
    """A call cannot be compared; the text says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request of a captured call: what was asked, what routing saw, and the rules that decided.

    `rule` is the name of the rule that decided then, None where none did; `is_known`: the capture says so. `rules`
    None: the journal does not hold those that decided. `noted` is all that the capture says of what was decided.
    """

    asked: Asked
    seen: Seen
    rules_version: int | None = None
    rule: str | None = None
    is_known: bool = False
    rules: RuleSet | None = None
    noted: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Again:
    """What a replay of a call asks the rules for, and what they make of it; `at` in seconds since the epoch."""

    at: float
    inquiry: Inquiry
    decision: Decision


@dataclass(frozen=True, slots=True)
class CapturedCall:
    """What a capture says of a call's routing; `name` is that of the file."""

    name: str
    contact_center_id: str
    number_called: str
    application: str
    requests: tuple[Request, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """One request under both; without `differences` it goes the same way. `moment` is in local time."""

    number: int
    queue: str
    moment: datetime
    was: Decision
    would_be: Decision
    differences: tuple[Difference, ...]

    def dump(self) -> dict[str, Any]:
        return {
            "request": self.number,
            "at": self.moment.isoformat(timespec="seconds"),
            "queue_asked_for": self.queue,
            "differences": [each.dump() for each in self.differences],
            "was": self.was.dump(),
            "would_be": self.would_be.dump(),
        }


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A call that would go elsewhere, with the requests that would."""

    call: CapturedCall
    requests: tuple[Compared, ...]

    def dump(self) -> dict[str, Any]:
        return {
            "capture": self.call.name,
            "contact_center": self.call.contact_center_id,
            "number_called": self.call.number_called,
            "requests": [each.dump() for each in self.requests],
        }


@dataclass(slots=True)
class Tally:
    """What became of the calls of one contact center."""

    calls: int = 0
    without_request: int = 0
    elsewhere: int = 0
    not_told: int = 0


@dataclass(slots=True)
class Comparison:
    """Takes calls one after another; then it is the report.

    `present` None: of each request those that decided then. `present_source` and `new_source` say where the rules are
    from. `staff` makes of the agents who were there then those who would be by the new rules' file. A call whose
    contact center is not known counts under ``''``. `accepts`: what `is_accepted` by the capture is no difference.
    """

    present: RuleSet | None
    new: RuleSet
    strategies: Strategies
    present_source: str = ""
    new_source: str = ""
    staff: Callable[[Sequence[Agent]], Sequence[Agent]] | None = None
    accepts: bool = False
    elsewhere: list[Elsewhere] = field(default_factory=list)
    not_told: list[tuple[str, str]] = field(default_factory=list)
    centers: dict[str, Tally] = field(default_factory=dict)
    rules: Counter[tuple[str, str, str]] = field(
        default_factory=Counter
    )  # center, from, to: of those elsewhere
    requests: int = 0

    @property
    def calls(self) -> int:
        return sum(tally.calls for tally in self.centers.values())

    @property
    def without_request(self) -> int:
        return sum(tally.without_request for tally in self.centers.values())

    def add(self, call: CapturedCall) -> None:
        """Compare one more call."""
        tally = self._tally(call.contact_center_id)
        tally.calls += 1
        tally.without_request += not call.requests
        try:
            pairs = [self._compare(call, request) for request in call.requests]
        except CannotBeTold as error:
            self._not_told(tally, call.name, str(error))
            return
        self._count(tally, call, pairs)

    def _count(self, tally: Tally, call: CapturedCall, pairs: Sequence[Compared]) -> None:
        self.requests += len(pairs)
        found = tuple(pair for pair in pairs if pair.differences)
        if not found:
            return
        tally.elsewhere += 1
        self.elsewhere.append(Elsewhere(call, found))
        for pair in found:
            self.rules[call.contact_center_id, rule_words(pair.was), rule_words(pair.would_be)] += 1

    def _not_told(self, tally: Tally, name: str, reason: str) -> None:
        tally.not_told += 1
        self.not_told.append((name, reason))

    def add_replayed(self, call: CapturedCall, askings: Sequence[Again], stopped: str = "") -> None:
        """Compare one more call with what the present program asks and decides for it.

        `stopped` is why the replay did not come to the end: what it has not come to cannot be told.
        """
        tally = self._tally(call.contact_center_id)
        tally.calls += 1
        try:
            if stopped and len(askings) < len(call.requests):
                raise CannotBeTold(stopped)
            pairs = list(self._replayed(call, askings))
        except CannotBeTold as error:
            self._not_told(tally, call.name, str(error))
            return
        tally.without_request += not pairs
        self._count(tally, call, pairs)

    def pass_over(self, name: str, reason: str, contact_center_id: str = "") -> None:
        """A call that cannot be compared."""
        tally = self._tally(contact_center_id)
        tally.calls += 1
        self._not_told(tally, name, reason)

    def _tally(self, contact_center_id: str) -> Tally:
        return self.centers.setdefault(contact_center_id, Tally())

    def _compare(self, call: CapturedCall, request: Request) -> Compared:
        present, was = self._then(call, request)
        would_be = self._decide(call, request, self.new)
        if self.accepts and is_accepted(would_be, request.noted):
            was = would_be
        return self._compared(request, present, was, request.asked, would_be)

    def _then(self, call: CapturedCall, request: Request) -> tuple[RuleSet, Decision]:
        present = self.present or request.rules
        if present is None:
            raise CannotBeTold(
                f"request {request.asked.number}: the journal does not hold the rules that decided"
            )
        was = self._decide(call, request, present)
        if present.version is not None and present.version == request.rules_version:
            _see_that_it_is(was, request)
        return present, was

    def _compared(
        self, request: Request, rules: RuleSet, was: Decision, now: Asked, would_be: Decision
    ) -> Compared:
        asked = request.asked
        if was.fate != would_be.fate or self.staff is not None:
            was = with_people(was, asked, request.seen, self.strategies)
            would_be = with_people(would_be, now, self._seen(request.seen), self.strategies)
        found = differences(was, would_be)
        if not (was.unasked or would_be.unasked):
            found = (*asked_differences(asked.inquiry, now.inquiry), *found)
        return Compared(asked.number, now.inquiry.queue, local_time(rules, asked), was, would_be, found)

    def _replayed(self, call: CapturedCall, askings: Sequence[Again]) -> Iterator[Compared]:
        last: Request | None = None
        for request, again in zip_longest(call.requests, askings):
            if request is None:
                assert again is not None
                known = last or Request(Asked(1, again.at, again.inquiry), Seen())
                asked = replace(
                    known.asked, number=known.asked.number + 1, at=again.at, inquiry=again.inquiry
                )
                last = replace(known, asked=asked)
                yield self._compared(last, self.new, Decision(unasked=True), asked, again.decision)
                continue
            last = request
            present, was = self._then(call, request)
            if again is None:
                yield self._compared(request, present, was, request.asked, Decision(unasked=True))
            else:
                now = replace(request.asked, inquiry=again.inquiry)
                yield self._compared(request, present, was, now, again.decision)

    def _decide(self, call: CapturedCall, request: Request, rules: RuleSet) -> Decision:
        center = _owner(call, rules)
        asked = request.asked
        if center != asked.inquiry.contact_center_id:
            asked = replace(asked, inquiry=replace(asked.inquiry, contact_center_id=center))
        return decide(rules, asked, request.seen)

    def _seen(self, seen: Seen) -> Seen:
        return seen if self.staff is None else replace(seen, agents=self.staff(seen.agents))

    def dump(self) -> dict[str, Any]:
        """As JSON's values."""
        return {
            "format": FORMAT,
            "present": self.present_source,
            "new": self.new_source,
            "calls": self.calls,
            "without_request": self.without_request,
            "requests": self.requests,
            "elsewhere": [each.dump() for each in self.elsewhere],
            "not_told": [{"capture": name, "reason": reason} for name, reason in self.not_told],
            "by_rule": [
                {"contact_center": center, "from": left, "to": right, "requests": count}
                for center, left, right, count in self.by_rule()
            ],
            "by_contact_center": [
                {
                    "contact_center": center,
                    "calls": tally.calls,
                    "without_request": tally.without_request,
                    "elsewhere": tally.elsewhere,
                    "not_told": tally.not_told,
                }
                for center, tally in self.by_center()
            ],
        }

    def by_rule(self) -> Iterator[tuple[str, str, str, int]]:
        """(contact center, rule, rule that would be, requests), the most frequent of each contact center first."""
        order = sorted(self.rules.items(), key=lambda item: (item[0][0], -item[1], item[0]))
        for (center, left, right), count in order:
            yield center, left, right, count

    def by_center(self) -> Iterator[tuple[str, Tally]]:
        yield from sorted(self.centers.items())


def _owner(call: CapturedCall, rules: RuleSet) -> str:
    """The contact center that a number belongs to by these rules, as long as its application is the same."""
    owner = rules.numbers.get(call.number_called)
    if owner is None:
        return call.contact_center_id  # as it was then: the number is not the rules' own matter
    center, application = owner
    if application != call.application:
        raise CannotBeTold(
            f"{call.number_called} is answered by the application {application} by these rules, "
            f"by {call.application} then: what it asks for is not known"
        )
    return center


def is_accepted(decision: Decision, noted: Mapping[str, Any]) -> bool:
    """A capture that was accepted says itself that this is decided, whatever its journal says."""
    if decision.routing is None:
        way = decision.way and decision.way.dump()
        return bool(noted) and noted.get("rule") == decision.rule and noted.get("way") == way
    return is_as_noted(decision.routing, noted)


def _see_that_it_is(was: Decision, request: Request) -> None:
    """The rules that decided then must lead to what was decided."""
    if request.is_known and not was.closed and was.rule != request.rule:
        raise CannotBeTold(
            f"request {request.asked.number}: version {request.rules_version} leads to {rule_words(was)} with what "
            f"the capture holds, and led to {request.rule or 'none'} then"
        )


def staff_of(
    before: Sequence[Agent], after: Sequence[Agent]
) -> Callable[[Sequence[Agent]], Sequence[Agent]] | None:
    """How a file of rules changes who there is, from the agents before and after it ran; None: not at all.

    What an agent may do is taken as the file leaves it; what the agent did at the time of a call stays.
    """
    known = {agent.agent_id: agent for agent in before}
    left = {agent.agent_id: agent for agent in after}
    changed = {
        name: agent
        for name, agent in left.items()
        if name not in known or _skills(known[name]) != _skills(agent)
    }
    gone = known.keys() - left.keys()
    if not changed and not gone:
        return None
    return lambda agents: _changed(agents, changed, gone)


def _changed(agents: Sequence[Agent], changed: Mapping[str, Agent], gone: set[str]) -> Sequence[Agent]:
    there = {agent.agent_id for agent in agents}
    kept = [_as_in(agent, changed.get(agent.agent_id)) for agent in agents if agent.agent_id not in gone]
    return [*kept, *(agent for name, agent in changed.items() if name not in there)]


_OF_THE_FILE = ("skills", "authorizations", "team", "site_id", "switch_id", "media", "rate")


def _skills(agent: Agent) -> tuple[object, ...]:
    return tuple(getattr(agent, name) for name in _OF_THE_FILE)


def _as_in(agent: Agent, after: Agent | None) -> Agent:
    return agent if after is None else replace(agent, **{name: getattr(after, name) for name in _OF_THE_FILE})
