"""What is wrong with an application before any caller hears it: pure checks over its steps.

Each check yields `Fault`s that name the step; ``bundle`` reads the files and gathers them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fsroute.ivr.application import DIGITS, FILE_NAME, PROMPTS, Fault, Severity, TemplateFault, as_tuple
from fsroute.ivr.numerals import needed
from fsroute.ivr.position import MOST_FACTS
from fsroute.ivr.rendering import renaming
from fsroute.ivr.step_checks import problems, spoken_of
from fsroute.ivr.steps import (
    ApplicationFile,
    BranchStep,
    CallStep,
    CollectStep,
    LookUpStep,
    MenuStep,
    OfferCallbackStep,
    PlayStep,
    RecordStep,
    ReturnStep,
    SayStep,
    SetStep,
    Step,
    TransferStep,
)
from fsroute.ivr.templates import CALLER_FIELDS, Templates
from fsroute.ivr.ways import circles, known_facts, reachable, ways

RECORDED = {"numbers": "number", "money": "money", "dates": "date", "times": "time", "letters": "letters"}
"""Folders of pieces, and the ``as`` that they are for."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An application under check: its file, its steps with the defaults filled in, its recordings.

    `complete` is false when a step could not be read, so that nothing is said of steps which only
    that one may lead to. `others` are the names of the applications that this one may call.
    """

    file: ApplicationFile
    steps: Mapping[str, Step]
    recordings: Mapping[str, frozenset[str]]
    templates: Templates
    complete: bool = True
    others: frozenset[str] = frozenset()

    def fault(self, step: str, text: str, severity: Severity = Severity.ERROR) -> Fault:
        return Fault(FILE_NAME, step, text, severity)


def faults(draft: Draft) -> Iterator[Fault]:
    """All that is wrong, step by step in the order of the file, then the application as a whole."""
    for name, step in draft.steps.items():
        yield from _ways_on(draft, name, step)
        for text, severity in problems(draft.file, step, draft.others):
            yield draft.fault(name, text, severity)
        yield from _prompts(draft, name, prompts_of(step))
        yield from _templates(draft, name, step)
    yield from _whole(draft)
    if draft.complete:
        yield from _graph(draft)


# Ways on


def _ways_on(draft: Draft, name: str, step: Step) -> Iterator[Fault]:
    for way in ways(step, draft.file.operator):
        if way.target not in draft.steps and draft.complete:
            yield draft.fault(name, f"{way.field} leads to step {way.target}, which does not exist")
    if isinstance(step, MenuStep | CollectStep):
        for event, target in (("silence", step.on_silence), ("invalid", step.on_invalid)):
            if target is None:
                yield draft.fault(name, f"no way on: write on_{event} here or in [defaults]")
    if isinstance(step, RecordStep) and step.on_silence is None:
        yield draft.fault(name, "no way on: write on_silence here or in [defaults]")


def _graph(draft: Draft) -> Iterator[Fault]:
    graph = {name: ways(step, draft.file.operator) for name, step in draft.steps.items()}
    if draft.file.start not in graph:
        yield draft.fault("", f"start is step {draft.file.start}, which does not exist")
        return
    reached = reachable(graph, draft.file.start)
    for name in (name for name in graph if name not in reached):
        yield draft.fault(name, "unreachable: no step leads here")
    for circle in circles(graph):
        path = " → ".join((*circle, circle[0]))
        yield draft.fault(circle[0], f"endless loop without anything from the caller: {path}")
    yield from _facts_on_the_way(draft)


# Prompts


def prompts_of(step: Step) -> tuple[str, ...]:
    """The names of the recordings that a step plays."""
    match step:
        case PlayStep():
            pieces = (step.prompt,) if isinstance(step.prompt, str) else step.prompt
            return tuple(piece for piece in pieces if isinstance(piece, str))
        case MenuStep() | CollectStep():
            parts = (step.greeting, step.prompt, step.silent, step.invalid)
            return tuple(prompt for part in parts for prompt in as_tuple(part))
        case RecordStep() | OfferCallbackStep():
            return as_tuple(step.prompt)
        case LookUpStep():
            return as_tuple(step.meanwhile)
    return ()


def _prompts(draft: Draft, step: str, prompts: tuple[str, ...]) -> Iterator[Fault]:
    fall_back, *others = draft.file.languages
    for prompt in dict.fromkeys(prompts):
        if prompt not in draft.recordings.get(fall_back, ()):
            yield draft.fault(step, f"prompt {prompt} is missing: {PROMPTS}/{fall_back}/{prompt}.wav")
            continue
        for language in others:
            if prompt not in draft.recordings.get(language, ()):
                text = f"prompt {prompt} is missing in {language}, callers hear it in {fall_back}"
                yield draft.fault(step, text, Severity.WARNING)


def _whole(draft: Draft) -> Iterator[Fault]:
    yield from _prompts(draft, "", as_tuple(draft.file.sorry.prompt))
    if not as_tuple(draft.file.sorry.prompt):
        yield draft.fault("", "[sorry]: a prompt is needed")
    operator = draft.file.operator
    if operator and operator.step not in draft.steps and draft.complete:
        yield draft.fault("", f"[operator]: leads to step {operator.step}, which does not exist")
    for language in draft.file.languages:
        missing = [d for d in DIGITS if f"digits/{d}" not in draft.recordings.get(language, ())]
        if 0 < len(missing) < len(DIGITS):
            yield draft.fault("", f"in {language} the digits {', '.join(missing)} are not recorded")
        yield from _pieces(draft, language)
    count = len(set(draft.file.facts) | {name for step in draft.steps.values() for name in facts_of(step)})
    if count > MOST_FACTS:
        yield draft.fault("", f"{count} facts; {MOST_FACTS} at most")


def _pieces(draft: Draft, language: str) -> Iterator[Fault]:
    """Pieces of numbers that are recorded in part are not used at all."""
    recorded = draft.recordings.get(language, frozenset())
    folders = {name.partition("/")[0] for name in recorded if "/" in name}
    for folder, say_as in RECORDED.items():
        missing = sorted(needed(language, say_as) - recorded)
        if folder in folders and (missing or not needed(language, say_as)):
            lacking = f"not recorded: {', '.join(missing[:5])}{' …' if missing[5:] else ''}"
            why = lacking if missing else "the language has no table"
            text = f"in {language} the switch says as = {say_as!r}; {why}"
            yield draft.fault("", text, Severity.WARNING)


# Templates and facts


def templates_of(step: Step) -> dict[str, str]:
    """The templates of a step, by the field that holds them."""
    match step:
        case SetStep():
            return {f"facts.{name}": template for name, template in step.facts.items()}
        case BranchStep():
            return {"on": step.on}
        case LookUpStep():
            return {f"parameters.{name}": template for name, template in step.parameters.items()}
        case CallStep():
            return {f"with.{name}": template for name, template in step.given.items()}
        case ReturnStep():
            return {"result": step.result}
        case TransferStep():
            return {"number": step.number}
        case PlayStep() | SayStep():
            return {f"text {spoken.text!r}": spoken.text for spoken in spoken_of(step)}
    return {}


def facts_of(step: Step) -> tuple[str, ...]:
    """The facts that a step sets."""
    match step:
        case CollectStep():
            return (step.fact,)
        case SetStep():
            return tuple(step.facts)
        case LookUpStep():
            return tuple(renaming(step.taken))
        case CallStep():
            return tuple(renaming(step.returns))
    return ()


def _templates(draft: Draft, name: str, step: Step) -> Iterator[Fault]:
    for where, template in templates_of(step).items():
        try:
            uses = draft.templates.uses(template)
        except TemplateFault as error:
            yield draft.fault(name, f"{where}: {error}")
            continue
        for use in uses:
            if use.mapping == "caller" and use.entry not in CALLER_FIELDS:
                yield draft.fault(name, f"{where}: caller.{use.entry} is none of {', '.join(CALLER_FIELDS)}")
            if use.mapping in ("customer", "network") and not use.guarded:
                text = f"{where}: {use.mapping}.{use.entry} may be missing; add | default('…')"
                yield draft.fault(name, text, Severity.WARNING)


def _facts_on_the_way(draft: Draft) -> Iterator[Fault]:
    graph = {name: ways(step, draft.file.operator) for name, step in draft.steps.items()}
    setters = {name: facts_of(step) for name, step in draft.steps.items()}
    known = known_facts(graph, setters, draft.file.start, frozenset(draft.file.facts))
    for name, step in draft.steps.items():
        have = known.get(name)
        if have is None:
            continue
        for where, template in templates_of(step).items():
            for use in _uses(draft, template):
                if use not in have:
                    hint = f"add it to [facts], or write facts.{use} | default('…')"
                    yield draft.fault(name, f"{where}: fact {use} may not be known here; {hint}")


def _uses(draft: Draft, template: str) -> tuple[str, ...]:
    try:
        uses = draft.templates.uses(template)
    except TemplateFault:
        return ()
    return tuple(use.entry for use in uses if use.mapping == "facts" and not use.guarded)
