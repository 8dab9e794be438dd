"""What is wrong with a set of rules before any contact meets it: pure.

An error keeps the rules from being loaded: what is written cannot be meant. A warning does not: whether there are
people for a rule changes by the day, and a rule that never matches harms nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from fsroute.model.agent import Agent
from fsroute.model.other_acd import OtherAcd
from fsroute.model.routing import Routing, Way
from fsroute.routing.before_answer import direct_faults
from fsroute.routing.calendar import time_zone
from fsroute.routing.conditions import contradiction, covers, excludes, implies
from fsroute.routing.document import read
from fsroute.routing.earlier import MOST_ALIKE, Earlier
from fsroute.routing.faults import Fault, Severity
from fsroute.routing.people import queue_faults, rule_faults
from fsroute.routing.rows import Document
from fsroute.routing.rules import Condition, Rule, RuleSet
from fsroute.routing.timeline import effects


@dataclass(frozen=True, slots=True)
class House:
    """What rules refer to: agents, sites, strategies, and the queues that each application asks for.

    `asked` lacks the applications that are not known here; `prompts` are all recordings that are, none where
    they are not looked at. `acd_fault` says why an ACD of another make cannot be used, nothing where it can.
    """

    agents: Sequence[Agent] = ()
    sites: frozenset[str] = frozenset()
    strategies: frozenset[str] = frozenset({"longest_idle"})
    asked: Mapping[str, frozenset[str]] = field(default_factory=dict)
    prompts: frozenset[str] = frozenset()
    acd_fault: Callable[[OtherAcd], str] = lambda _acd: ""


def check(document: Document, house: House, now: datetime) -> tuple[RuleSet, list[Fault]]:
    """The rules of a snapshot and all that is wrong with them, errors first.

    Raises:
        RulesError: the document is of a newer program.
    """
    rules, faults = read(document, None)
    faults += _time_zones(rules)
    for (center, queue), routing in sorted(rules.queues.items()):
        faults += _terms("queue", f"{center}/{queue}", routing, house)
    for rule in _all(rules):
        faults += _references(rule, rules)
        faults += _result(rule, rules, house)
        faults += direct_faults(rule, house.sites)
    faults += _matching(rules, now)
    faults += _gaps(rules, house)
    faults += _prompts(rules, house)
    faults += _people(rules, house, now)
    return rules, sorted(faults, key=lambda fault: not fault.is_error)


def _all(rules: RuleSet) -> Iterator[Rule]:
    for center in sorted(rules.rules):
        yield from rules.rules[center]


def _at(rule: Rule) -> str:
    return f"{rule.contact_center_id}/{rule.name}"


def _error(rule: Rule, text: str) -> Fault:
    return Fault("routing_rule", _at(rule), text)


def _warning(rule: Rule, text: str) -> Fault:
    return Fault("routing_rule", _at(rule), text, Severity.WARNING)


# References


def _time_zones(rules: RuleSet) -> Iterator[Fault]:
    for center, zone in sorted(rules.time_zones.items()):
        try:
            time_zone(zone)
        except ValueError as error:
            yield Fault("contact_center", center, f"time_zone: {error}")


def _references(rule: Rule, rules: RuleSet) -> Iterator[Fault]:
    condition, center = rule.condition, rule.contact_center_id
    if condition.calendar is not None and (center, condition.calendar) not in rules.calendars:
        yield _error(rule, f"if_calendar: {center} has no calendar {condition.calendar}")
    if condition.region is not None and condition.region not in rules.regions.prefixes.values():
        yield _error(rule, f"if_region: there is no region {condition.region}")
    if rule.result.way is not None:
        return
    queue = rule.result.queue or condition.queue
    if queue is not None and (center, queue) not in rules.queues:
        column = "queue" if rule.result.queue else "if_queue (and no queue)"
        yield _error(rule, f"{column}: {center} has no queue {queue}")


def _result(rule: Rule, rules: RuleSet, house: House) -> Iterator[Fault]:
    """Of the routing as a contact would get it; what the queue's row says itself is the row's fault."""
    said = {name for name in ("sites", "teams") if getattr(rule.result, name) is not None}
    said |= rule.result.terms.keys()
    yield from _in_all(
        [
            *_terms("routing_rule", _at(rule), routing, house, said),
            *effects(rule, routing, house.sites, house.agents),
        ]
        for routing in routings(rule, rules)
    )


def routings(rule: Rule, rules: RuleSet) -> list[Routing]:
    """What contacts may get by a rule: one for each queue, where it leaves that to the application."""
    if rule.result.way is not None:
        return []
    center, wanted = rule.contact_center_id, rule.result.queue or rule.condition.queue
    bases = [
        base
        for (owner, queue), base in sorted(rules.queues.items(), key=lambda item: item[0])
        if owner == center and wanted in (None, queue)
    ]
    medium = rule.condition.medium
    return [rule.result.routing(base, medium or base.demand.medium, rule.name, None) for base in bases]


def _in_all(lists: Iterable[list[Fault]]) -> list[Fault]:
    """The faults that are in each of the lists."""
    first, *others = list(lists) or [[]]
    return [fault for fault in first if all(fault in other for other in others)]


def _terms(
    table: str, row: str, routing: Routing, house: House, said: set[str] | None = None
) -> Iterator[Fault]:
    def says(name: str) -> bool:
        return said is None or name in said

    if says("strategy") and routing.strategy not in house.strategies:
        there = ", ".join(sorted(house.strategies))
        yield Fault(table, row, f"strategy: there is no {routing.strategy}, only {there}")
    if says("sites"):
        for site in sorted(set(routing.demand.sites) - house.sites):
            yield Fault(table, row, f"sites: there is no site {site}")
    teams = {agent.team for agent in house.agents}
    if says("teams") and house.agents:
        for team in sorted(set(routing.demand.teams) - teams):
            yield Fault(table, row, f"teams: no agent is of team {team}", Severity.WARNING)
    if says("acd") and routing.acd is not None and (why := house.acd_fault(routing.acd)):
        yield Fault(table, row, f"acd {routing.acd.name}: {why}")
    without_limit = routing.longest_wait is None and routing.longest_queue is None
    if says("overflow") and routing.overflow.do != "application" and without_limit:
        text = "overflow without effect: neither longest_wait nor longest_queue is set"
        yield Fault(table, row, text, Severity.WARNING)


def _prompts(rules: RuleSet, house: House) -> Iterator[Fault]:
    """Recordings that nobody has; a path is the switch's own matter."""
    for (center, queue), routing in sorted(rules.queues.items(), key=lambda item: item[0]):
        yield from _prompt("queue", f"{center}/{queue}", "overflow_prompt", routing.overflow.prompt, house)
    for rule in _all(rules):
        row, result = _at(rule), rule.result
        overflow = result.terms.get("overflow", Way())
        yield from _prompt("routing_rule", row, "overflow_prompt", overflow.prompt, house)
        yield from _prompt("routing_rule", row, "prompt", (result.way or Way()).prompt, house)
        for number, step in enumerate(result.terms.get("time_line", ()), 1):
            yield from _prompt("rule_step", f"{row} step {number}", "prompt", step.prompt, house)


def _prompt(table: str, row: str, column: str, prompt: str, house: House) -> Iterator[Fault]:
    is_path = prompt.startswith("/") or "://" in prompt
    if prompt and house.prompts and not is_path and prompt not in house.prompts:
        text = f"{column}: no recording {prompt} is known here"
        yield Fault(table, row, text, Severity.WARNING)


# Which rules match


def _matching(rules: RuleSet, now: datetime) -> Iterator[Fault]:
    for center in sorted(rules.rules):
        before = Earlier()
        for rule in rules.rules[center]:
            if not rule.enabled:
                continue
            never = contradiction(rule, rules, now) or _shadowed(rule, before, rules)
            if never is not None:
                yield _warning(rule, f"can never match: {never}")
            else:
                yield from _overlaps(rule, before, rules)
                before.add(rule)
        for ordinal, count in before.crowds():
            text = f"{count} rules have ordinal {ordinal}: each is compared with the first {MOST_ALIKE} of them only"
            yield Fault("routing_rule", center, text, Severity.WARNING)


def _shadowed(rule: Rule, before: Earlier, rules: RuleSet) -> str | None:
    wider = before.wider(rule.condition)
    for earlier in wider:
        if implies(rule.condition, earlier.condition, rules.regions):
            return f"rule {earlier.name}, before it, takes all that it asks for"
    if covers([earlier.condition for earlier in wider], rule.condition, rules.regions):
        return "the rules before it take all that it asks for, open or closed"
    return None


def _overlaps(rule: Rule, before: Earlier, rules: RuleSet) -> Iterator[Fault]:
    for earlier in before.beside(rule):
        if not excludes(rule.condition, earlier.condition, rules.regions):
            yield _warning(
                rule,
                f"overlaps rule {earlier.name}: both have ordinal {rule.ordinal}, and a contact may match both; "
                f"{earlier.name} goes first by its name",
            )


# Gaps


def _gaps(rules: RuleSet, house: House) -> Iterator[Fault]:
    """Contacts for which nothing says what to do."""
    for number, (center, application) in sorted(rules.numbers.items()):
        asked = house.asked.get(application)
        for queue in sorted(asked or ()):
            yield from _gap(rules, number, center, queue)
        if asked is None and center not in rules.rules and not _has_queue(rules, center):
            text = f"{center} has neither a queue nor a rule"
            yield Fault("number_called", number, text, Severity.WARNING)
    for center, queue in sorted(_asked_by_rules(rules, house)):
        if (center, queue) not in rules.queues and not _covered(rules, center, Condition(queue=queue)):
            text = f"contacts that no rule matches have no way: {center} has no queue {queue}"
            yield Fault("routing_rule", f"{center} if_queue {queue}", text, Severity.WARNING)


def _gap(rules: RuleSet, number: str, center: str, queue: str) -> Iterator[Fault]:
    """One number, and a queue that its application asks for."""
    if (center, queue) in rules.queues:
        return
    contact = Condition(queue=queue)
    may = [rule for rule in rules.rules.get(center, ()) if rule.enabled and _may_match(rule, number, queue)]
    lost = [rule.name for rule in may if rule.result.way is None and rule.result.queue is None]
    if lost:
        text = f"rule {', '.join(lost)} leaves the queue to the application, which asks for {queue}: there is none"
        yield Fault("number_called", number, text)
    elif not may:
        text = f"no rule matches, and {center} has no queue {queue}, which its application asks for"
        yield Fault("number_called", number, text)
    elif not covers([_without_number(rule) for rule in may], contact, rules.regions):
        names = ", ".join(rule.name for rule in may)
        text = (
            f"who needs queue {queue} has no way unless rule {names} matches: add a rule without conditions"
        )
        yield Fault("number_called", number, text, Severity.WARNING)


def _may_match(rule: Rule, number: str, queue: str) -> bool:
    condition = rule.condition
    called = condition.number_called
    return condition.queue in (None, queue) and (called is None or called.matches(number))


def _without_number(rule: Rule) -> Condition:
    return replace(rule.condition, number_called=None)


def _asked_by_rules(rules: RuleSet, house: House) -> set[tuple[str, str]]:
    """Queues that rules expect to be asked for, of contact centers whose applications are not known here."""
    known = {center for center, application in rules.numbers.values() if application in house.asked}
    return {
        (rule.contact_center_id, rule.condition.queue)
        for rule in _all(rules)
        if rule.enabled and rule.condition.queue is not None and rule.contact_center_id not in known
    }


def _covered(rules: RuleSet, center: str, contact: Condition) -> bool:
    enabled = (rule.condition for rule in rules.rules.get(center, ()) if rule.enabled)
    return covers(enabled, contact, rules.regions)


def _has_queue(rules: RuleSet, center: str) -> bool:
    return any(owner == center for owner, _ in rules.queues)


# People


def _people(rules: RuleSet, house: House, now: datetime) -> Iterator[Fault]:
    if not house.agents:
        yield Fault(
            "agent", "(none)", "there are no agents: who could serve is not checked", Severity.WARNING
        )
        return
    for (center, queue), routing in sorted(rules.queues.items()):
        yield from queue_faults(f"{center}/{queue}", routing, house.agents, now)
    for rule in _all(rules):
        if rule.enabled:
            yield from _in_all(
                list(rule_faults(rule, routing, house.agents, now)) for routing in routings(rule, rules)
            )
