"""The interpreter of interactive applications: what the caller did in, what to do next out.

Pure: no I/O, no clock, nothing random; templates are rendered by what the application carries.
`advance` never raises: an application that cannot go on says so to the caller (its ``[sorry]``),
then hangs up or transfers, and leaves a warning in the log.

==============  ==========================  ==============================================
step            does                        goes on at
==============  ==========================  ==============================================
play, say       Play                        next, when played or cut short by a key
menu            Collect                     the choice; on_silence, on_invalid after the tries
collect         Collect                     next, with the digits as a fact; on_silence, on_invalid
set, branch     nothing: resolved at once   next; the case or otherwise
need_agent      NeedAgent                   on_served (else hang up), on_overflowed, on_refused,
                                            on_failed (else sorry)
transfer        Transfer                    sorry, if it failed
hang_up         HangUp
==============  ==========================  ==============================================
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from fsroute.errors import ApplicationError
from fsroute.ivr.actions import (
    AgentOutcome,
    Began,
    Collect,
    Digits,
    Do,
    Failed,
    HangUp,
    Happening,
    HungUp,
    NeedAgent,
    NoInput,
    Play,
    Say,
    Transfer,
    WrongInput,
)
from fsroute.ivr.application import Application, as_tuple
from fsroute.ivr.position import LONGEST_FACT, SORRY, Ask, Position
from fsroute.ivr.saying import CannotBeSaid, spoken
from fsroute.ivr.steps import (
    NUMBER,
    BranchStep,
    CollectStep,
    HangUpStep,
    MenuStep,
    NeedAgentStep,
    PlayStep,
    SayStep,
    SetStep,
    Spoken,
    Step,
    TransferStep,
)
from fsroute.model import Outcome

logger = logging.getLogger(__name__)

MOST_STEPS = 100
"""Steps without anything from the caller, after which an application counts as running in a circle."""

INPUT = re.compile(r"[0-9A-D*#]{1,64}")
CLEARING = "NORMAL_CLEARING"

_OUTCOMES = {
    "served": Outcome.SERVED,
    "overflowed": Outcome.OVERFLOWED,
    "refused": Outcome.REFUSED,
    "failed": Outcome.FAILED,
}

Next = tuple[Position, Do]
Names = Mapping[str, object]


def advance(application: Application, position: Position, happening: Happening) -> Next:
    """Where the caller stands after `happening`, and what to do there.

    A happening that does not belong to the step (late, or twice) makes the step be done again.
    """
    if isinstance(happening, HungUp):
        return position, HangUp(CLEARING, _outcome(position, Outcome.ABANDONED))
    try:
        if position.step == SORRY:
            return _after_sorry(application, position, happening)
        return _advance(application, position, happening)
    except ApplicationError as error:
        logger.warning("application %s %s cannot go on: %s", application.name, application.version, error)
        return _say_sorry(application, position)


def _advance(application: Application, position: Position, happening: Happening) -> Next:
    step = _step(application, position)
    if isinstance(happening, Began):
        return _perform(application, replace(position, heard=False))
    match step:
        case NeedAgentStep():
            return _after_agent(application, position, step, happening)
        case HangUpStep():
            return _perform(application, position)
        case TransferStep():
            raise ApplicationError(f"step {position.step}: the transfer failed")
    if isinstance(happening, Failed):
        raise ApplicationError(f"step {position.step} could not be done: {happening.reason}")
    match step:
        case PlayStep() | SayStep():
            return _after_play(application, position, step, happening)
        case MenuStep() | CollectStep():
            return _after_asking(application, position, step, happening)
    return _perform(application, position)


# Going from step to step


def _go(application: Application, position: Position, step: str) -> Next:
    return _perform(application, _enter(position, step))


def _enter(position: Position, step: str) -> Position:
    return replace(
        _counted(position),
        step=step,
        tries=0,
        asks_again="",
        heard=False,
    )


def _counted(position: Position) -> Position:
    if position.steps_since_input >= MOST_STEPS:
        raise ApplicationError(f"more than {MOST_STEPS} steps without anything from the caller")
    return replace(position, steps_since_input=position.steps_since_input + 1)


def _perform(application: Application, position: Position) -> Next:
    """Resolve set and branch steps, then say what the step that is reached does."""
    while True:
        step = _step(application, position)
        position = replace(position, served=position.served or step.served)
        try:
            if not isinstance(step, SetStep | BranchStep):
                return _do(application, position, step)
            position = _resolve(application, position, step)
        except ApplicationError as error:
            raise ApplicationError(f"step {position.step}: {error}") from error


def _step(application: Application, position: Position) -> Step:
    step = application.steps.get(position.step)
    if step is None:
        raise ApplicationError(f"there is no step {position.step}")
    return step


def _resolve(application: Application, position: Position, step: SetStep | BranchStep) -> Position:
    if isinstance(step, SetStep):
        return _enter(_after_set(application, position, step), step.next)
    value = _render(application, position, step.on).strip()
    return _enter(position, step.cases.get(value, step.otherwise))


def _do(application: Application, position: Position, step: Step) -> Next:
    match step:
        case PlayStep() | SayStep():
            return position, _play(application, position, step)
        case MenuStep() | CollectStep():
            return _ask(application, position, step)
        case NeedAgentStep():
            return _need_agent(application, position, step)
        case TransferStep():
            return position, Transfer(_number(application, position, step), _agent_outcome(position))
        case HangUpStep():
            return position, HangUp(step.cause, _outcome(position, Outcome.ABANDONED))
    raise ApplicationError("this kind of step does nothing")


def _after_set(application: Application, position: Position, step: SetStep) -> Position:
    learned = dict(position.facts)
    for name, template in step.facts.items():
        learned[name] = _render(application, position, template).strip()[:LONGEST_FACT]
    language = application.language_for(step.language) if step.language else position.language
    return replace(position, facts=MappingProxyType(learned), language=language)


# Play and say


def _play(application: Application, position: Position, step: PlayStep | SayStep) -> Play:
    pieces: tuple[str | Spoken, ...]
    if isinstance(step, SayStep):
        pieces = (Spoken(step.text, step.say_as),)
    else:
        pieces = (step.prompt,) if isinstance(step.prompt, str) else step.prompt
    items: list[str | Say] = []
    for piece in pieces:
        items.extend(_items(application, position, piece))
    return Play(tuple(items), step.barge_in)


def _items(application: Application, position: Position, piece: str | Spoken) -> tuple[str | Say, ...]:
    if isinstance(piece, str):
        return (application.recording(position.language, piece),)
    text = _render(application, position, piece.text).strip()
    try:
        return spoken(application, position.language, piece.say_as, text)
    except CannotBeSaid as error:
        raise ApplicationError(str(error)) from error


def _after_play(
    application: Application, position: Position, step: PlayStep | SayStep, happening: Happening
) -> Next:
    if isinstance(happening, Digits):
        position = replace(position, steps_since_input=0)
    if isinstance(happening, AgentOutcome):
        return _perform(application, _counted(position))
    return _go(application, position, step.next)


# Menu and collect


def _ask(application: Application, position: Position, step: MenuStep | CollectStep) -> Next:
    if step.barge_in:
        return position, _collect(application, step, _question(application, position, step))
    if position.heard:
        return position, _collect(application, step, ())
    return position, Play(_question(application, position, step), interruptible=False)


def _question(application: Application, position: Position, step: MenuStep | CollectStep) -> tuple[str, ...]:
    before = {"": step.greeting, "silent": step.silent, "invalid": step.invalid}
    prompts = (*as_tuple(before[position.asks_again]), *as_tuple(step.prompt))
    return tuple(application.recording(position.language, prompt) for prompt in prompts)


def _collect(application: Application, step: MenuStep | CollectStep, files: tuple[str, ...]) -> Collect:
    if isinstance(step, CollectStep):
        longest, terminators = step.max, step.terminators
    else:
        keys = [*step.choices, *_operator_key(application, step)]
        longest = max(map(len, keys))
        terminators = "#" if longest > 1 and not any("#" in key for key in keys) else ""
    return Collect(
        files,
        max=longest,
        timeout_ms=_milliseconds(step.timeout, 5.0),
        digit_timeout_ms=_milliseconds(step.digit_timeout, 3.0),
        terminators=terminators,
    )


def _milliseconds(seconds: float | None, otherwise: float) -> int:
    return round((otherwise if seconds is None else seconds) * 1000)


def _operator_key(application: Application, step: MenuStep | CollectStep) -> tuple[str, ...]:
    operator = application.operator
    return (operator.key,) if operator is not None and step.operator else ()


def _after_asking(
    application: Application, position: Position, step: MenuStep | CollectStep, happening: Happening
) -> Next:
    if not step.barge_in and not position.heard:
        return _ask(application, replace(position, heard=True), step)
    match happening:
        case Digits(text) if text:
            return _after_digits(application, replace(position, steps_since_input=0), step, text)
        case Digits() | NoInput():
            return _once_more(application, position, step, "silent", step.on_silence)
        case WrongInput():
            position = replace(position, steps_since_input=0)
            return _once_more(application, position, step, "invalid", step.on_invalid)
    return _ask(application, replace(_counted(position), heard=False), step)


def _after_digits(
    application: Application, position: Position, step: MenuStep | CollectStep, digits: str
) -> Next:
    if isinstance(step, MenuStep) and digits in step.choices:
        return _go(application, position, step.choices[digits])
    if digits in _operator_key(application, step) and application.operator is not None:
        return _go(application, position, application.operator.step)
    if isinstance(step, CollectStep) and _fits(step, digits):
        learned = MappingProxyType({**position.facts, step.fact: digits})
        return _go(application, replace(position, facts=learned), step.next)
    return _once_more(application, position, step, "invalid", step.on_invalid)


def _fits(step: CollectStep, digits: str) -> bool:
    return (
        INPUT.fullmatch(digits) is not None
        and step.min <= len(digits) <= step.max
        and (step.pattern is None or re.fullmatch(step.pattern, digits) is not None)
    )


def _once_more(
    application: Application,
    position: Position,
    step: MenuStep | CollectStep,
    why: Ask,
    afterwards: str | None,
) -> Next:
    if position.tries + 1 < (step.tries or 1):
        again = replace(position, tries=position.tries + 1, asks_again=why, heard=False)
        return _ask(application, again, step)
    if afterwards is None:
        raise ApplicationError("no way on after silence or wrong digits")
    return _go(application, position, afterwards)


# Asking for an agent


def _need_agent(application: Application, position: Position, step: NeedAgentStep) -> Next:
    facts = MappingProxyType({**application.facts, **position.caller.facts, **position.facts})
    return replace(position, agent_result=""), NeedAgent(step.queue, facts)


def _after_agent(
    application: Application, position: Position, step: NeedAgentStep, happening: Happening
) -> Next:
    match happening:
        case AgentOutcome(result):
            pass
        case Failed():
            result = "failed"
        case _:
            return _perform(application, _counted(position))
    position = replace(position, agent_result=result)
    way = {
        "served": step.on_served,
        "overflowed": step.on_overflowed,
        "refused": step.on_refused,
    }.get(result, step.on_failed)
    if way is not None:
        return _go(application, position, way)
    if result == "served":
        return position, HangUp(CLEARING, Outcome.SERVED)
    return _say_sorry(application, position)


# The end of a call


def _say_sorry(application: Application, position: Position) -> Next:
    there = replace(position, step=SORRY, heard=False, steps_since_input=0)
    prompts = as_tuple(application.sorry.prompt)
    files = tuple(application.recording(there.language, prompt) for prompt in prompts)
    return there, Play(files, interruptible=False)


def _after_sorry(application: Application, position: Position, happening: Happening) -> Next:
    if isinstance(happening, Began) and not position.heard:
        return _say_sorry(application, position)
    number = application.sorry.transfer
    if number is not None and (not position.heard or isinstance(happening, Began)):
        return replace(position, heard=True), Transfer(number, _agent_outcome(position))
    return position, HangUp(CLEARING, _outcome(position, Outcome.FAILED))


def _agent_outcome(position: Position) -> Outcome | None:
    return _OUTCOMES.get(position.agent_result)


def _outcome(position: Position, otherwise: Outcome) -> Outcome:
    by_agent = _agent_outcome(position)
    if by_agent is not None:
        return by_agent
    return Outcome.SELF_SERVED if position.served else otherwise


# Templates


def _number(application: Application, position: Position, step: TransferStep) -> str:
    number = re.sub(r"[\s().-]", "", _render(application, position, step.number))
    if re.fullmatch(NUMBER.pattern, number) is None:
        raise ApplicationError("the number to transfer to is none")
    return number


def _render(application: Application, position: Position, template: str) -> str:
    if "{" not in template:
        return template
    return application.render(template, _names(application, position))


def _names(application: Application, position: Position) -> Names:
    caller = position.caller
    known = {**application.facts, **caller.facts, **position.facts}
    about = {
        "number": caller.number,
        "name": caller.name,
        "number_called": caller.number_called,
        "arrived_at": caller.arrived_at.isoformat(timespec="seconds"),
        "medium": caller.medium,
        "language": caller.language,
    }
    return {
        "caller": _cut(about),
        "facts": _cut(known),
        "customer": _cut(caller.customer),
        "network": _cut(caller.network),
        "language": position.language,
    }


def _cut(mapping: Mapping[str, str]) -> dict[str, str]:
    return {name: value[:LONGEST_FACT] for name, value in mapping.items()}
