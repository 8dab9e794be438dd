"""The ways from step to step, as a graph: what is reached, what goes in a circle, what is known where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fsroute.ivr.steps import (
    BranchStep,
    CollectStep,
    MenuStep,
    NeedAgentStep,
    Operator,
    PlayStep,
    SayStep,
    SetStep,
    Step,
)


@dataclass(frozen=True, slots=True)
class Way:
    """One way on: the field that names it, and where it leads.

    `by_input` is true when it is only gone after a person did something.
    """

    field: str
    target: str
    by_input: bool = False


Graph = Mapping[str, Sequence[Way]]


def ways(step: Step, operator: Operator | None) -> tuple[Way, ...]:
    """All ways that lead on from a step."""
    match step:
        case PlayStep() | SayStep() | SetStep():
            return (Way("next", step.next),)
        case BranchStep():
            cases = [Way(f"case {value!r}", target) for value, target in step.cases.items()]
            return (*cases, Way("otherwise", step.otherwise))
        case MenuStep():
            choices = [Way(f"choice {key}", target, True) for key, target in step.choices.items()]
            return (*choices, *_asking(step, operator))
        case CollectStep():
            return (Way("next", step.next, True), *_asking(step, operator))
        case NeedAgentStep():
            return _agent(step)
    return ()


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


def _agent(step: NeedAgentStep) -> tuple[Way, ...]:
    outcomes = (
        ("on_served", step.on_served),
        ("on_overflowed", step.on_overflowed),
        ("on_refused", step.on_refused),
        ("on_failed", step.on_failed),
    )
    return tuple(Way(field, to, field == "on_served") for field, to in outcomes if to is not None)


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
            gained = frozenset(setters[name]) if way.field == "next" else frozenset()
            arriving = known[name] | gained
            before = known.get(way.target)
            now = arriving if before is None else before & arriving
            if way.target in graph and now != before:
                known[way.target] = now
                ahead.append(way.target)
    return known
