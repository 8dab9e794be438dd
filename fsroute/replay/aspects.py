"""In what two decisions on one request differ, each aspect in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fsroute.model.routing import Routing
from fsroute.replay.decision import Decision, People
from fsroute.routing.rules import Inquiry
from fsroute.routing.words import (
    any_words,
    callback_words,
    limit_words,
    overflow_words,
    skill_words,
    step_words,
    way_words,
)

NOTHING = "-"
"""What stands where a decision has no such aspect."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One aspect in which a request would go another way; both sides are for people."""

    aspect: str
    was: str
    would_be: str

    def dump(self) -> dict[str, str]:
        return {"aspect": self.aspect, "was": self.was, "would_be": self.would_be}


def rule_words(decision: Decision) -> str:
    """Which rule decided; in brackets what did so in its stead."""
    if decision.unasked:
        return "(no agent asked for)"
    if decision.closed:
        return "(closed by command)"
    if decision.fault:
        return "(no route)"
    return decision.rule or "(the queue's row)"


def fate_words(decision: Decision) -> str:
    """What becomes of the contact, in a few words."""
    if decision.unasked:
        return "no agent is asked for"
    if decision.fault:
        return f"no route: {decision.fault}"
    if decision.way is not None:
        return way_words(decision.way)
    refused = decision.people and decision.people.refused
    return f"refused: {refused.replace('_', ' ')}" if refused else "waits for an agent"


_OF_THE_ROUTING: tuple[tuple[str, Callable[[Routing], str]], ...] = (
    ("queue", lambda routing: routing.queue),
    ("skills", lambda routing: skill_words(routing.demand.skills)),
    ("sites", lambda routing: any_words(routing.demand.sites)),
    ("teams", lambda routing: any_words(routing.demand.teams)),
    ("medium", lambda routing: routing.demand.medium),
    ("priority", lambda routing: str(routing.priority)),
    ("strategy", lambda routing: routing.strategy.replace("_", " ")),
    ("lead", lambda routing: str(routing.lead)),
    ("hold music", lambda routing: routing.hold_music),
    ("offer", lambda routing: f"{routing.offer_timeout:g} s"),
    ("network leg", lambda routing: f"{routing.network_leg_timeout:g} s, {routing.network_leg_tries} tries"),
    ("longest wait", lambda routing: limit_words(routing.longest_wait, " s")),
    ("longest queue", lambda routing: limit_words(routing.longest_queue)),
    ("afterwards", lambda routing: overflow_words(routing.overflow)),
    ("refused when", lambda routing: routing.refuse_when.replace("_", " ")),
    ("time line", lambda routing: _time_line(routing)),
    ("callback", lambda routing: callback_words(routing.callback)),
    ("ACD", lambda routing: "fsroute" if routing.acd is None else routing.acd.name),
)

_ALONE = ("queue", "skills", "priority")
"""What is worth telling of a routing that is compared with none."""


def differences(was: Decision, would_be: Decision) -> tuple[Difference, ...]:
    """The aspects that differ, in a fixed order; none: the request goes the same way."""
    return tuple(each for each in _pairs(was, would_be) if each.was != each.would_be)


def asked_differences(then: Inquiry, now: Inquiry) -> tuple[Difference, ...]:
    """What an application asks for otherwise, and which facts it has learned otherwise."""
    facts = sorted(
        name
        for name in then.caller.facts.keys() | now.caller.facts.keys()
        if then.caller.facts.get(name) != now.caller.facts.get(name)
    )
    pairs = [
        Difference("queue asked for", then.queue or NOTHING, now.queue or NOTHING),
        Difference("language", then.caller.language, now.caller.language),
        Difference("facts", _facts(then, facts), _facts(now, facts)),
    ]
    return tuple(each for each in pairs if each.was != each.would_be)


def _facts(inquiry: Inquiry, names: list[str]) -> str:
    known = inquiry.caller.facts
    return ", ".join(f"{name} {known[name]}" if name in known else f"no {name}" for name in names)


def _pairs(was: Decision, would_be: Decision) -> Iterator[Difference]:
    yield Difference("rule", rule_words(was), rule_words(would_be))
    yield Difference("fate", fate_words(was), fate_words(would_be))
    left, right = was.routing, would_be.routing
    for aspect, words in _OF_THE_ROUTING:
        if (left is not None and right is not None) or aspect in _ALONE:
            yield Difference(
                aspect, NOTHING if left is None else words(left), NOTHING if right is None else words(right)
            )
    yield Difference("agents", *_crowds(was.people, would_be.people))
    yield Difference("picked", _picked(was.people), _picked(would_be.people))


def _time_line(routing: Routing) -> str:
    return "; ".join(f"{step.after:g} s: {step_words(step)}" for step in routing.time_line) or "none"


def _picked(people: People | None) -> str:
    return NOTHING if people is None else people.picked or "nobody at once"


# Agents

MOST_NAMED = 12  # agents of one request that are named; the rest is counted

_KEPT = {
    "is logged out": "logged out",
    "is on a break": "break",
    "has as many contacts as the slots allow": "busy",
}


def _crowds(was: People | None, would_be: People | None) -> tuple[str, str]:
    """Who may serve on either side; where the difference is beyond those who are named, what it is."""
    left, right = _names(was), _names(would_be)
    texts = _crowd(left), _crowd(right)
    if left == right or texts[0] != texts[1]:
        return texts
    only = ([name for name in left or () if name not in (right or ())],
            [name for name in right or () if name not in (left or ())])  # fmt: skip
    if not any(only):
        return texts[0], f"{texts[1]}, in another order"
    return f"{texts[0]}{_with(only[0])}", f"{texts[1]}{_with(only[1])}"


def _names(people: People | None) -> list[str] | None:
    """The idle ones in order, then the busy ones.

    How long somebody is set aside changes by the second and decides nothing.
    """
    if people is None:
        return None
    return [*people.idle, *(f"{agent_id} ({_KEPT.get(why, 'set aside')})" for agent_id, why in people.busy)]


def _crowd(names: list[str] | None) -> str:
    if names is None:
        return NOTHING
    if len(names) <= MOST_NAMED:
        return ", ".join(names) or "nobody"
    return f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} more"


def _with(names: list[str]) -> str:
    return f", with {_crowd(names)}" if names else ""
