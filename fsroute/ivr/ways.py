"""The ways from step to step, as a graph: what is reached, what goes in a circle, what is known where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fsroute.ivr.steps import (
    BranchStep,
    CallStep,
    CollectStep,
    LookUpStep,
    MenuStep,
    NeedAgentStep,
    OfferCallbackStep,
    Operator,
    PlayStep,
    RecordStep,
    SayStep,
    SetStep,
    Step,
)


@dataclass(frozen=True, slots=True)
class Way:
    """One way on: the field that names it, and where it leads.

    `by_input` is true when it is only gone after a person did something, `learns` when the facts of
    the step are known from then on.
    """

    field: str
    target: str
    by_input: bool = False
    learns: bool = False


Graph = Mapping[str, Sequence[Way]]


def ways(step: Step, operator: Operator | None) -> tuple[Way, ...]:
    """All ways that lead on from a step."""
    match step:
        case PlayStep() | SayStep() | SetStep():
            return (Way("next", step.next, learns=True),)
        case BranchStep():
            cases = [Way(f"case {value!r}", target) for value, target in step.cases.items()]
            return (*cases, Way("otherwise", step.otherwise))
        case MenuStep():
            choices = [Way(f"choice {key}", target, True) for key, target in step.choices.items()]
            return (*choices, *_asking(step, operator))
        case CollectStep():
            return (Way("next", step.next, True, learns=True), *_asking(step, operator))
        case NeedAgentStep():
            return _agent(step)
        case OfferCallbackStep():
            return (Way("on_declined", step.on_declined), *_agent(step))
        case RecordStep():
            return (Way("next", step.next, True), *_named(step, "on_silence"))
        case LookUpStep():
            otherwise = _named(step, "on_empty", "on_slow", "on_failed")
            return (Way("next", step.next, learns=True), *otherwise)
        case CallStep():
            return _call(step)
    return ()


def _named(step: Step, *fields: str) -> tuple[Way, ...]:
    return tuple(Way(field, to) for field in fields if (to := getattr(step, field)) is not None)


def _call(step: CallStep) -> tuple[Way, ...]:
    """What a part asks of the caller is not known here: a circle through it is stopped when it runs."""
    cases = [Way(f"case {value!r}", target, True, learns=True) for value, target in step.cases.items()]
    return (Way("next", step.next, True, learns=True), *cases, *_named(step, "on_missing"))


def _asking(step: MenuStep | CollectStep, operator: Operator | None) -> list[Way]:
    found = []
    if step.on_silence is not None:
        found.append(Way("on_silence", step.on_silence))
    if step.on_invalid is not None:
        found.append(Way("on_invalid", step.on_invalid, True))
    own = isinstance(step, MenuStep) and operator is not None and operator.key in step.choices
    if operator is not None and step.operator and not own:
        found.append(Way("operator", operator.step, True))
    return found


def _agent(step: NeedAgentStep | OfferCallbackStep) -> tuple[Way, ...]:
    served = () if step.on_served is None else (Way("on_served", step.on_served, True),)
    return (*served, *_named(step, "on_overflowed", "on_refused", "on_failed"))


def reachable(graph: Graph, start: str) -> frozenset[str]:
    """The steps that some caller may come to."""
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        name = ahead.pop()
        if name in graph and name not in seen:
            seen.add(name)
            ahead.extend(way.target for way in graph[name])
    return frozenset(seen)


def circles(graph: Graph) -> list[tuple[str, ...]]:
    """Circles that a caller goes round without doing anything, each once, in the graph's order."""
    found: list[tuple[str, ...]] = []
    inside: set[str] = set()
    for name in graph:
        circle = None if name in inside else _circle(graph, name)
        if circle is not None:
            found.append(circle)
            inside.update(circle)
    return found


def _circle(graph: Graph, start: str) -> tuple[str, ...] | None:
    """The shortest circle through `start` that needs no input."""
    paths: dict[str, tuple[str, ...]] = {start: (start,)}
    ahead = [start]
    for name in ahead:
        for way in graph.get(name, ()):
            if way.by_input:
                continue
            if way.target == start:
                return paths[name]
            if way.target in graph and way.target not in paths:
                paths[way.target] = (*paths[name], way.target)
                ahead.append(way.target)
    return None


def known_facts(
    graph: Graph, setters: Mapping[str, Sequence[str]], start: str, first: frozenset[str]
) -> dict[str, frozenset[str]]:
    """The facts that are certainly known on entering each step that can be reached."""
    known = {start: first}
    ahead = [start]
    while ahead:
        name = ahead.pop()
        for way in graph.get(name, ()):
            gained = frozenset(setters[name]) if way.learns else frozenset()
            arriving = known[name] | gained
            before = known.get(way.target)
            now = arriving if before is None else before & arriving
            if way.target in graph and now != before:
                known[way.target] = now
                ahead.append(way.target)
    return known
