"""An `Explanation` as a terminal shows it, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from fsroute.model.direct import Direct
from fsroute.model.routing import Routing, Way
from fsroute.routing.explain import Explanation
from fsroute.routing.rules import Condition, Result, RuleSet
from fsroute.routing.words import (
    any_words,
    callback_words,
    limit_words,
    overflow_words,
    skill_words,
    step_words,
    way_words,
)


def lines(explanation: Explanation) -> Iterator[str]:
    """What a terminal shows."""
    inquiry, caller = explanation.inquiry, explanation.inquiry.caller
    yield f"contact center {inquiry.contact_center_id}, queue asked for {inquiry.queue or '(none)'}"
    yield f"rules: {explanation.source}"
    yield f"at {explanation.at:%A, %Y-%m-%d %H:%M:%S %Z}; region {explanation.region or '(none)'}"
    yield f"caller {caller.number or '(unknown)'} of {caller.number_called}, {caller.medium}, {caller.language}"
    for name, is_open, change, holiday in explanation.calendars:
        yield f"calendar {name}: {_opening(is_open, change, explanation.at)}{f', {holiday}' if holiday else ''}"
    if explanation.closed:
        yield f"CLOSED by command: {explanation.closed}; but for that:"
    yield ""
    if explanation.routed is not None:
        yield from (f"  {missed.rule} does not match: {missed}" for missed in explanation.routed.missed)
    yield from _decision(explanation)


def _opening(is_open: bool, change: datetime | None, at: datetime) -> str:
    word = "open" if is_open else "closed"
    if change is None:
        return f"always {word}"
    return f"{word} until {change.astimezone(at.tzinfo):%a %Y-%m-%d %H:%M}"


def _decision(explanation: Explanation) -> Iterator[str]:
    routed = explanation.routed
    if routed is None:
        yield f"  NO ROUTE: {explanation.fault}"
        return
    if routed.rule is None:
        yield "  no rule: as the queue's row says"
    else:
        yield f"  {routed.rule} matches"
    yield ""
    if routed.way is not None:
        yield f"not queued: {way_words(routed.way)}"
    if routed.direct is not None:
        yield f"before the answer: {direct_words(routed.direct)}"
    if routed.routing is not None:
        yield from _routing(routed.routing, explanation)


def direct_words(direct: Direct) -> str:
    """How a call is routed before the answer, in words."""
    shares = ", ".join(f"{site} {share:g} %" for site, share in direct.shares.items())
    tries = "1 destination" if direct.tries == 1 else f"{direct.tries} destinations"
    return f"{direct.policy}{f' ({shares})' if shares else ''}, {direct.manner}, {tries}, otherwise {direct.otherwise}"


def _routing(routing: Routing, explanation: Explanation) -> Iterator[str]:
    demand = routing.demand
    yield f"queue {routing.queue}, priority {routing.priority}, strategy {routing.strategy}, lead {routing.lead}"
    if routing.acd is not None:
        yield f"served by the ACD {routing.acd.name} ({routing.acd.adapter}, at {routing.acd.switch_id})"
    yield (
        f"skills {skill_words(demand.skills)}; sites {any_words(demand.sites)}; "
        f"teams {any_words(demand.teams)}; medium {demand.medium}"
    )
    yield (
        f"offer {routing.offer_timeout:g} s; network leg {routing.network_leg_timeout:g} s, "
        f"{routing.network_leg_tries} tries; music {routing.hold_music}"
    )
    yield (
        f"longest wait {limit_words(routing.longest_wait, ' s')}, longest queue {limit_words(routing.longest_queue)}, "
        f"then: {overflow_words(routing.overflow)}; refused when: {routing.refuse_when.replace('_', ' ')}"
    )
    yield f"callback: {callback_words(routing.callback)}"
    if routing.time_line:
        yield f"time line: at once {_agents_counted(explanation.reach[0])}"
    for number, step in enumerate(routing.time_line, 1):
        yield f"  after {step.after:g} s: {step_words(step)} ({_agents_counted(explanation.reach[number])})"
    yield ""
    yield from _agents(explanation)


def _agents_counted(count: int) -> str:
    return f"{count or 'no'} agent{'' if count == 1 else 's'}"


def _agents(explanation: Explanation) -> Iterator[str]:
    if not explanation.agents:
        yield "nobody may serve it"
    else:
        yield "agents who may serve it, in order:"
    for number, each in enumerate(explanation.agents, 1):
        agent = each.agent
        team = f", team {agent.team}" if agent.team else ""
        place = f"{number:3}." if each.busy is None else "   -"
        yield f"{place} {agent.agent_id} ({agent.name}, {agent.site_id}{team}){f' {each.busy}' if each.busy else ''}"
    if explanation.others:
        yield "the others:"
    for why, count in explanation.others:
        yield f"  {count} {why}"


def document(explanation: Explanation) -> dict[str, Any]:
    """The same as JSON's values."""
    routed, inquiry = explanation.routed, explanation.inquiry
    return {
        "contact_center": inquiry.contact_center_id,
        "queue_asked_for": inquiry.queue,
        "at": explanation.at.isoformat(),
        "version": explanation.version,
        "rules": explanation.source,
        "region": explanation.region,
        "calendars": {
            name: {"open": is_open, "next_change": change and change.isoformat(), "holiday": holiday}
            for name, is_open, change, holiday in explanation.calendars
        },
        "closed": explanation.closed or None,
        "fault": explanation.fault or None,
        "rule": routed and routed.rule,
        "missed": [{"rule": missed.rule, "why": str(missed)} for missed in (routed.missed if routed else ())],
        "way": routed.way.dump() if routed and routed.way else None,
        "direct": routed.direct.dump() if routed and routed.direct else None,
        "routing": routed.routing.dump() if routed and routed.routing else None,
        "reach": list(explanation.reach),
        "agents": [{"agent": each.agent.agent_id, "busy": each.busy} for each in explanation.agents],
        "others": dict(explanation.others),
    }


def rule_lines(rules: RuleSet) -> Iterator[str]:
    """The rules of a version, each in one line, with its time line below."""
    for center in sorted({owner for owner, _ in rules.queues} | set(rules.rules)):
        yield f"{center} ({rules.time_zones.get(center, 'UTC')})"
        for rule in rules.rules.get(center, ()):
            state = "" if rule.enabled else " (not enabled)"
            yield f"  {rule.ordinal:5} {rule.name}{state}: if {_conditions(rule.condition)} then {_result(rule.result)}"
            for step in rule.result.terms.get("time_line", ()):
                yield f"          after {step.after:g} s: {step_words(step)}"
        for (owner, queue), routing in sorted(rules.queues.items()):
            if owner == center:
                skills = (
                    ", ".join(f"{skill} {level}+" for skill, level in routing.demand.skills) or "no skills"
                )
                yield f"  queue {queue}: {skills}, priority {routing.priority}, {routing.strategy}"


def _conditions(condition: Condition) -> str:
    said = []
    for name in ("queue", "medium", "language", "region"):
        if getattr(condition, name) is not None:
            said.append(f"{name} {getattr(condition, name)}")
    for name in ("number_called", "caller_number", "segment"):
        if getattr(condition, name) is not None:
            said.append(f"{name.replace('_', ' ')} ~ {getattr(condition, name).text}")
    said += [f"{name} ~ {pattern.text}" for name, pattern in condition.facts]
    if condition.calendar is not None:
        said.append(f"{condition.calendar} is {'open' if condition.is_open else 'closed'}")
    return ", ".join(said) or "anything"


def _result(result: Result) -> str:
    if result.way is not None:
        return way_words(result.way)
    said = [f"queue {result.queue or '(asked for)'}"]
    if result.skills is not None:
        said.append("skills " + ", ".join(f"{skill} {level}+" for skill, level in result.skills))
    said += [
        f"{name} {any_words(names)}"
        for name in ("sites", "teams")
        if (names := getattr(result, name)) is not None
    ]
    said += [
        f"{name.replace('_', ' ')} {_term(value)}"
        for name, value in result.terms.items()
        if name != "time_line"
    ]
    said += [f"callback {name.replace('_', ' ')} {value:g}" for name, value in result.callback.items()]
    return ", ".join(said)


def _term(value: Any) -> str:
    if isinstance(value, Way):
        return way_words(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
