"""What is wrong with one step by itself: pure checks. `checker` asks for them step by step."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from fsroute.ivr.application import Severity
from fsroute.ivr.hearing import normal
from fsroute.ivr.saying import KINDS, is_sayable
from fsroute.ivr.steps import (
    NUMBER,
    ApplicationFile,
    CallStep,
    CollectStep,
    HangUpStep,
    MenuStep,
    Operator,
    PlayStep,
    RecordStep,
    SayStep,
    SetStep,
    Spoken,
    Step,
    TransferStep,
)

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
LONGEST_INPUT = 64  # characters
MOST_WAYS = 2**20
"""That an expression may try before it fails: some milliseconds, while which nobody else has a turn."""

Problem = tuple[str, Severity]


def problems(file: ApplicationFile, step: Step, others: Collection[str]) -> Iterator[Problem]:
    """Each problem of a step with its severity; `others` are the applications that it may call."""
    for text in _errors(file, step):
        yield text, Severity.ERROR
    for text in _doubts(file, step, others):
        yield text, Severity.WARNING


def _errors(file: ApplicationFile, step: Step) -> Iterator[str]:
    match step:
        case CollectStep():
            yield from _collect(step)
        case MenuStep():
            yield from _words(file.operator, step)
        case RecordStep() if step.shortest >= step.longest:
            yield f"shortest is {step.shortest:g}, not less than longest, which is {step.longest:g}"
        case SetStep(language=str(language)) if language not in file.languages:
            yield f"language {language} is none of {', '.join(file.languages)}"
        case HangUpStep(cause=cause) if cause not in CAUSES:
            yield f"cause {cause} is none of {', '.join(sorted(CAUSES))}"
        case TransferStep(number=number) if "{" not in number and not re.fullmatch(NUMBER.pattern, number):
            yield f"number: {number!r}: {NUMBER.words}"
    if isinstance(step, PlayStep | MenuStep | CollectStep | RecordStep) and step.prompt in ("", ()):
        yield "a prompt is needed"
    for spoken in spoken_of(step):
        if spoken.say_as not in KINDS:
            yield f"as = {spoken.say_as!r} is none of {', '.join(KINDS)}"
        elif "{" not in spoken.text and not is_sayable(spoken.say_as, spoken.text):
            yield f"the text {spoken.text!r} cannot be said as {spoken.say_as}"


def _doubts(file: ApplicationFile, step: Step, others: Collection[str]) -> Iterator[str]:
    if isinstance(step, CallStep) and step.application not in (file.name, *others):
        yield f"there is no application {step.application} yet"
    if not isinstance(step, MenuStep | CollectStep):
        return
    operator = file.operator if step.operator else None
    if operator and step.repeat == operator.key:
        yield f"the repeat key hides the operator key {operator.key}"
    if isinstance(step, CollectStep):
        keys = (("operator", operator.key if operator else ""), ("repeat", step.repeat or ""))
        for name, key in keys:
            if key and step.min <= len(key) <= step.max and (name == "operator" or key.isdigit()):
                hint = "write operator = false" if name == "operator" else 'write repeat = ""'
                yield f"the {name} key hides the input {key}; {hint} if it can be meant"


def _collect(step: CollectStep) -> Iterator[str]:
    if step.min > step.max:
        yield f"min is {step.min}, more than max, which is {step.max}"
    if step.pattern is not None:
        wrong = wrong_pattern(step.pattern)
        if wrong:
            yield f"pattern {step.pattern!r}: {wrong}"
    yield from _phrases(step)


def _words(operator: Operator | None, step: MenuStep) -> Iterator[str]:
    if step.speech is None:
        return
    known = {*step.choices, step.repeat, operator.key if operator and step.operator else None}
    for phrase, keys in step.speech.words.items():
        if keys not in known:
            yield f"speech: {phrase!r} stands for {keys}, which is no choice"
    yield from _phrases(step)


def _phrases(step: MenuStep | CollectStep) -> Iterator[str]:
    heard: dict[str, str] = {}
    for phrase in step.speech.words if step.speech else ():
        if not normal(phrase):
            yield f"speech: {phrase!r} has no word that could be said"
        elif normal(phrase) in heard:
            yield f"speech: {phrase!r} is {heard[normal(phrase)]!r} once more"
        heard.setdefault(normal(phrase), phrase)


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
    if _most_ways(bare) > MOST_WAYS:
        return "too many alternatives beside its repeats"
    return ""


def _most_ways(bare: str) -> int:
    """In how many ways an input may be tried at most: what a repeat of no fixed count takes, by each alternative."""
    optional = bare.count("|") + bare.count("?")
    repeats = len(re.findall(r"[*+]|\{[0-9]*,[0-9]*\}", bare))
    return int(2**optional * LONGEST_INPUT**repeats)


def spoken_of(step: Step) -> tuple[Spoken, ...]:
    """The pieces that a step puts together while the call runs."""
    match step:
        case SayStep():
            return (Spoken(step.text, step.say_as),)
        case PlayStep() if not isinstance(step.prompt, str):
            return tuple(piece for piece in step.prompt if isinstance(piece, Spoken))
    return ()
