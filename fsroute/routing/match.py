"""Which rule routes a contact, and why each one before it does not: pure, quick enough for every call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from fsroute.errors import FsrouteError
from fsroute.model.direct import Direct
from fsroute.model.routing import Routing, Way
from fsroute.routing.rules import Condition, Inquiry, Rule, RuleSet


class NoRoute(FsrouteError):
    """No rule matches, and the contact center has no queue of the name that the application asks for."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A rule that does not match: its first condition that does not hold, what it asks and what there is.

    `found` may be personal data (a number, a fact): for people at a terminal, not for logs.
    """

    rule: str
    condition: str
    wanted: str = ""
    found: str = ""

    def __str__(self) -> str:
        if not self.wanted:
            return self.condition
        if not self.found:
            return f"{self.condition} is not known (wanted: {self.wanted})"
        return f"{self.condition} is {self.found}, not {self.wanted}"


@dataclass(frozen=True, slots=True)
class Routed:
    """What is to become of a contact: exactly one of `routing` (it is queued) and `way` (it is not).

    A `way` that does ``application`` means refused: the application goes on as it does for that. `rule` is None
    where the queue's row alone decided, or where the contact center is `closed` by command. `missed` are the
    rules before it. `direct`: the rule routes calls before the answer, by these terms.
    """

    routing: Routing | None = None
    way: Way | None = None
    rule: str | None = None
    rules_version: int | None = None
    missed: tuple[Missed, ...] = ()
    closed: bool = False
    direct: Direct | None = None


def route(rules: RuleSet, inquiry: Inquiry, now: datetime) -> Routed:
    """The first rule of the contact center that matches; without one the row of the queue asked for.

    `now` is aware of its time zone.

    Raises:
        NoRoute: nothing says what to do.
    """
    contact = _Contact(rules, inquiry, now)
    missed: list[Missed] = []
    for rule in rules.rules.get(inquiry.contact_center_id, ()):
        why = contact.misses(rule)
        if why is None:
            return _result(rules, inquiry, rule, tuple(missed))
        missed.append(why)
    return _by_queue(rules, inquiry, tuple(missed))


def _result(rules: RuleSet, inquiry: Inquiry, rule: Rule, missed: tuple[Missed, ...]) -> Routed:
    result = rule.result
    if result.way is not None:
        return Routed(way=result.way, rule=rule.name, rules_version=rules.version, missed=missed)
    base = _queue(rules, inquiry, result.queue or inquiry.queue, f"rule {rule.name}: ")
    routing = result.routing(base, inquiry.caller.medium, rule.name, rules.version)
    return Routed(routing, rule=rule.name, rules_version=rules.version, missed=missed, direct=result.direct)


def _by_queue(rules: RuleSet, inquiry: Inquiry, missed: tuple[Missed, ...]) -> Routed:
    base = _queue(rules, inquiry, inquiry.queue, "no rule matches, and ")
    demand = replace(base.demand, medium=inquiry.caller.medium)
    routing = replace(base, demand=demand, rules_version=rules.version)
    return Routed(routing, rules_version=rules.version, missed=missed)


def _queue(rules: RuleSet, inquiry: Inquiry, queue: str, why: str) -> Routing:
    base = rules.queues.get((inquiry.contact_center_id, queue))
    if base is None:
        raise NoRoute(f"{why}contact center {inquiry.contact_center_id} has no queue {queue}")
    return base


@dataclass(slots=True)
class _Contact:
    """One contact under the rules: what several of them ask is found out once."""

    rules: RuleSet
    inquiry: Inquiry
    now: datetime
    _region: tuple[str | None] | None = None
    _open: dict[str, bool] = field(default_factory=dict)

    def misses(self, rule: Rule) -> Missed | None:
        """The first condition that does not hold; None: the rule matches."""
        if not rule.enabled:
            return Missed(rule.name, "it is not enabled")
        condition = rule.condition
        for check in _CHECKS:
            why = check(self, rule.name, condition)
            if why is not None:
                return why
        return None

    def plain(self, rule: str, condition: Condition) -> Missed | None:
        """The words that must be equal, then the patterns."""
        inquiry, caller = self.inquiry, self.inquiry.caller
        if condition.queue is not None and condition.queue != inquiry.queue:
            return Missed(rule, "the queue asked for", condition.queue, inquiry.queue)
        if condition.medium is not None and condition.medium != caller.medium:
            return Missed(rule, "the medium", condition.medium, caller.medium)
        if condition.language is not None and not speaks(caller.language, condition.language):
            return Missed(rule, "the language", condition.language, caller.language)
        if condition.number_called is not None and not condition.number_called.matches(caller.number_called):
            return Missed(rule, "the number called", condition.number_called.text, caller.number_called)
        if condition.caller_number is not None and not condition.caller_number.matches(caller.number):
            return Missed(rule, "the caller's number", condition.caller_number.text, caller.number)
        return None

    def region(self, rule: str, condition: Condition) -> Missed | None:
        if condition.region is None:
            return None
        if self._region is None:
            self._region = (self.rules.regions.region(self.inquiry.caller.number),)
        region = self._region[0]
        return (
            None if region == condition.region else Missed(rule, "the region", condition.region, region or "")
        )

    def calendar(self, rule: str, condition: Condition) -> Missed | None:
        name = condition.calendar
        if name is None:
            return None
        if name not in self._open:
            calendar = self.rules.calendars.get((self.inquiry.contact_center_id, name))
            self._open[name] = calendar is not None and calendar.is_open(self.now)
        is_open = self._open[name]
        if is_open == condition.is_open:
            return None
        return Missed(rule, f"calendar {name}", _opened(not is_open), _opened(is_open))

    def customer(self, rule: str, condition: Condition) -> Missed | None:
        """Segment and facts; what is not known matches nothing, not even an empty pattern."""
        caller = self.inquiry.caller
        if condition.segment is not None:
            segment = caller.customer.get("segment", caller.facts.get("segment"))
            if segment is None or not condition.segment.matches(str(segment)):
                return Missed(rule, "the segment", condition.segment.text, str(segment or ""))
        for name, pattern in condition.facts:
            fact = caller.facts.get(name, caller.customer.get(name))
            if fact is None or not pattern.matches(str(fact)):
                return Missed(rule, f"fact {name}", pattern.text, str(fact or ""))
        return None


Check = Callable[[_Contact, str, Condition], Missed | None]

_CHECKS: tuple[Check, ...] = (_Contact.plain, _Contact.region, _Contact.customer, _Contact.calendar)


def speaks(language: str, wanted: str) -> bool:
    """Is a language the one wanted? ``en`` is met by ``en-US`` too; upper case and _ make no difference."""
    have, want = (text.lower().replace("_", "-") for text in (language, wanted))
    return have == want or have.startswith(f"{want}-")


def _opened(is_open: bool) -> str:
    return "open" if is_open else "closed"


def matching(rules: RuleSet, inquiry: Inquiry, now: datetime) -> Iterator[str]:
    """The names of all rules that match, the first of which routes the contact."""
    contact = _Contact(rules, inquiry, now)
    for rule in rules.rules.get(inquiry.contact_center_id, ()):
        if contact.misses(rule) is None:
            yield rule.name
