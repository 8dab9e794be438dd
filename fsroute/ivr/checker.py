"""What is wrong with an application before any caller hears it: pure checks over its steps.

Each check yields `Fault`s that name the step; ``bundle`` reads the files and gathers them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fsroute.ivr.application import DIGITS, FILE_NAME, PROMPTS, Fault, Severity, TemplateFault, as_tuple
from fsroute.ivr.position import MOST_FACTS
from fsroute.ivr.saying import KINDS, is_sayable
from fsroute.ivr.steps import (
    NUMBER,
    ApplicationFile,
    BranchStep,
    CollectStep,
    HangUpStep,
    MenuStep,
    PlayStep,
    SayStep,
    SetStep,
    Spoken,
    Step,
    TransferStep,
)
from fsroute.ivr.templates import CALLER_FIELDS, Templates
from fsroute.ivr.ways import circles, known_facts, reachable, ways

CAUSES = frozenset(
    {
        "CALL_REJECTED",
        "NORMAL_CIRCUIT_CONGESTION",
        "NORMAL_CLEARING",
        "NORMAL_TEMPORARY_FAILURE",
        "NORMAL_UNSPECIFIED",
        "NO_ANSWER",
        "NO_USER_RESPONSE",
        "SERVICE_UNAVAILABLE",
        "UNALLOCATED_NUMBER",
        "USER_BUSY",
    }
)
"""Names that FreeSWITCH has for causes of Q.850 and that make sense for a caller."""

LONGEST_PATTERN = 100  # characters
MOST_REPEATS = 3


@dataclass(frozen=True, slots=True)
class Draft:
    """An application under check: its file, its steps with the defaults filled in, its recordings.

    `complete` is false when a step could not be read, so that nothing is said of steps which only
    that one may lead to.
    """

    file: ApplicationFile
    steps: Mapping[str, Step]
    recordings: Mapping[str, frozenset[str]]
    templates: Templates
    complete: bool = True

    def fault(self, step: str, text: str, severity: Severity = Severity.ERROR) -> Fault:
        return Fault(FILE_NAME, step, text, severity)


def faults(draft: Draft) -> Iterator[Fault]:
    """All that is wrong, step by step in the order of the file, then the application as a whole."""
    for name, step in draft.steps.items():
        yield from _ways_on(draft, name, step)
        yield from _step_itself(draft, name, step)
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


# The step itself


def _step_itself(draft: Draft, name: str, step: Step) -> Iterator[Fault]:
    match step:
        case CollectStep():
            yield from _collect(draft, name, step)
        case SetStep(language=str(language)) if language not in draft.file.languages:
            yield draft.fault(name, f"language {language} is none of {', '.join(draft.file.languages)}")
        case HangUpStep(cause=cause) if cause not in CAUSES:
            yield draft.fault(name, f"cause {cause} is none of {', '.join(sorted(CAUSES))}")
        case TransferStep(number=number) if "{" not in number and not re.fullmatch(NUMBER.pattern, number):
            yield draft.fault(name, f"number: {number!r}: {NUMBER.words}")
    if isinstance(step, PlayStep | MenuStep | CollectStep) and step.prompt in ("", ()):
        yield draft.fault(name, "a prompt is needed")
    for spoken in spoken_of(step):
        if spoken.say_as not in KINDS:
            yield draft.fault(name, f"as = {spoken.say_as!r} is none of {', '.join(KINDS)}")
        elif "{" not in spoken.text and not is_sayable(spoken.say_as, spoken.text):
            yield draft.fault(name, f"the text {spoken.text!r} cannot be said as {spoken.say_as}")


def _collect(draft: Draft, name: str, step: CollectStep) -> Iterator[Fault]:
    if step.min > step.max:
        yield draft.fault(name, f"min is {step.min}, more than max, which is {step.max}")
    if step.pattern is not None:
        wrong = wrong_pattern(step.pattern)
        if wrong:
            yield draft.fault(name, f"pattern {step.pattern!r}: {wrong}")
    operator = draft.file.operator
    if operator and step.operator and step.min <= len(operator.key) <= step.max:
        text = f"the operator key hides the input {operator.key}; write operator = false if it can be meant"
        yield draft.fault(name, text, Severity.WARNING)


def wrong_pattern(pattern: str) -> str:
    """Why a regular expression is no good for digits; empty when it is.

    Besides being one, it must be quick on any input: few repeats, none of them of a group.
    """
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"no regular expression: {error}"
    if len(pattern) > LONGEST_PATTERN:
        return f"longer than {LONGEST_PATTERN} characters"
    bare = re.sub(r"\\.|\[\^?\]?[^]]*\]", "x", pattern)
    if re.search(r"\)[*+?{]|\(\?|[*+?}]\{", bare):
        return "a group must not be repeated"
    if bare.count("|") > 16 or len(re.findall(r"[*+?]|\{", bare)) > MOST_REPEATS:
        return f"more than {MOST_REPEATS} repeats, or 16 alternatives"
    return ""


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
    return ()


def spoken_of(step: Step) -> tuple[Spoken, ...]:
    """The pieces that a step puts together while the call runs."""
    match step:
        case SayStep():
            return (Spoken(step.text, step.say_as),)
        case PlayStep() if not isinstance(step.prompt, str):
            return tuple(piece for piece in step.prompt if isinstance(piece, Spoken))
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
    count = len(set(draft.file.facts) | {name for step in draft.steps.values() for name in facts_of(step)})
    if count > MOST_FACTS:
        yield draft.fault("", f"{count} facts; {MOST_FACTS} at most")


# Templates and facts


def templates_of(step: Step) -> dict[str, str]:
    """The templates of a step, by the field that holds them."""
    match step:
        case SetStep():
            return {f"facts.{name}": template for name, template in step.facts.items()}
        case BranchStep():
            return {"on": step.on}
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
