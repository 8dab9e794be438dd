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
look_up         LookUp                      next, with the facts taken; on_empty, on_slow, on_failed
record          Record                      next; on_silence after the tries
need_agent      NeedAgent                   on_served (else hang up), on_overflowed, on_refused,
                                            on_failed (else sorry)
offer_callback  OfferCallback               on_declined; as need_agent where the caller accepts
call            nothing: the part begins    the part's start; on_missing
return          nothing: the part is over   the caller's case or next; hangs up where nobody called
transfer        Transfer                    sorry, if it failed
hang_up         HangUp
==============  ==========================  ==============================================
"""

from __future__ import annotations

import logging
from dataclasses import replace
from types import MappingProxyType

from fsroute.errors import ApplicationError
from fsroute.ivr.actions import (
    AgentOutcome,
    Began,
    Declined,
    Digits,
    Failed,
    HangUp,
    Happening,
    HungUp,
    LookedUp,
    LookUp,
    NeedAgent,
    NoInput,
    OfferCallback,
    Play,
    Record,
    Recorded,
    Say,
    Transfer,
)
from fsroute.ivr.application import Application, as_tuple
from fsroute.ivr.asking import after_asking, ask
from fsroute.ivr.going import MOST_STEPS, Go, Next, Result, counted, entered
from fsroute.ivr.parts import Applications, call, come_back, facts_of_contact
from fsroute.ivr.position import NO_LIBRARY, SORRY, Library, Position
from fsroute.ivr.rendering import learned, number, render, rendered, taken
from fsroute.ivr.saying import CannotBeSaid, spoken
from fsroute.ivr.steps import (
    BranchStep,
    CallStep,
    CollectStep,
    HangUpStep,
    LookUpStep,
    MenuStep,
    NeedAgentStep,
    OfferCallbackStep,
    PlayStep,
    RecordStep,
    ReturnStep,
    SayStep,
    SetStep,
    Spoken,
    Step,
    TransferStep,
)
from fsroute.model import Outcome

__all__ = ["MOST_STEPS", "advance", "running"]

logger = logging.getLogger(__name__)

CLEARING = "NORMAL_CLEARING"

_OUTCOMES = {
    "served": Outcome.SERVED,
    "overflowed": Outcome.OVERFLOWED,
    "refused": Outcome.REFUSED,
    "failed": Outcome.FAILED,
}


def advance(
    application: Application, position: Position, happening: Happening, library: Library = NO_LIBRARY
) -> Next:
    """Where the caller stands after `happening`, and what to do there.

    A happening that does not belong to the step (late, or twice) makes the step be done again.
    `application` is the outermost one, which the call began with; `library` has those that may be
    parts of it.
    """
    if isinstance(happening, HungUp):
        return position, HangUp(CLEARING, _outcome(position, Outcome.ABANDONED))
    applications = Applications(application, library)
    here = running(application, position, library)
    try:
        if position.step == SORRY:
            return _after_sorry(here, position, happening)
        return _settled(applications, _after(applications, position, happening))
    except ApplicationError as error:
        logger.warning("application %s %s cannot go on: %s", here.name, here.version, error)
        return _say_sorry(here, position)


def running(application: Application, position: Position, library: Library = NO_LIBRARY) -> Application:
    """The application that the caller is in: whose recordings are played."""
    found = Applications(application, library).find(position.application) if position.frames else application
    return found or application


# Going from step to step


def _settled(applications: Applications, result: Result) -> Next:
    """Go on until there is something to do."""
    while isinstance(result, Go):
        result = _perform(applications, entered(result.position, result.step))
    return result


def _perform(applications: Applications, position: Position) -> Result:
    """What the step that was reached does."""
    application = applications.running(position)
    step = _step(application, position)
    position = replace(position, served=position.served or step.served)
    try:
        return _do(applications, application, position, step)
    except ApplicationError as error:
        raise ApplicationError(f"step {position.step}: {error}") from error


def _step(application: Application, position: Position) -> Step:
    step = application.steps.get(position.step)
    if step is None:
        raise ApplicationError(f"there is no step {position.step}")
    return step


def _do(applications: Applications, application: Application, position: Position, step: Step) -> Result:
    match step:
        case PlayStep() | SayStep():
            return position, _play(application, position, step)
        case MenuStep() | CollectStep():
            return ask(application, position, step)
        case SetStep():
            return Go(_after_set(application, position, step), step.next)
        case BranchStep():
            value = render(application, position, step.on).strip()
            return Go(position, step.cases.get(value, step.otherwise))
        case LookUpStep():
            return position, _look_up(application, position, step)
        case RecordStep():
            return position, _record(application, position, step)
        case NeedAgentStep():
            facts = facts_of_contact(applications, position)
            return replace(position, agent_result=""), NeedAgent(step.queue, facts)
        case OfferCallbackStep():
            facts = facts_of_contact(applications, position)
            return replace(position, agent_result=""), OfferCallback(step.queue, facts, step.prompt or "")
        case CallStep():
            return _call(applications, application, position, step)
        case ReturnStep():
            return _return(applications, position, step)
        case TransferStep():
            to = number(application, position, step.number)
            return position, Transfer(to, _agent_outcome(position))
        case HangUpStep():
            return position, HangUp(step.cause, _outcome(position, Outcome.ABANDONED))


def _after(applications: Applications, position: Position, happening: Happening) -> Result:
    """Where what happened leads."""
    application = applications.running(position)
    step = _step(application, position)
    if isinstance(happening, Began):
        return _perform(applications, replace(position, heard=False))
    match step:
        case OfferCallbackStep() if isinstance(happening, Declined):
            return Go(position, step.on_declined)
        case NeedAgentStep() | OfferCallbackStep():
            return _after_agent(applications, application, position, step, happening)
        case LookUpStep():
            return _after_look_up(applications, position, step, happening)
        case TransferStep():
            raise ApplicationError(f"step {position.step}: the transfer failed")
        case SetStep() | BranchStep() | CallStep() | ReturnStep() | HangUpStep():
            return _perform(applications, position)
    if isinstance(happening, Failed):
        raise ApplicationError(f"step {position.step} could not be done: {happening.reason}")
    if isinstance(step, RecordStep):
        return _after_record(applications, position, step, happening)
    if isinstance(step, PlayStep | SayStep):
        return _after_play(applications, position, step, happening)
    return after_asking(application, position, step, happening)


def _after_set(application: Application, position: Position, step: SetStep) -> Position:
    facts = rendered(application, position, step.facts)
    language = application.language_for(step.language) if step.language else position.language
    return replace(position, facts=learned(position, facts), language=language)


# Parts


def _call(applications: Applications, application: Application, position: Position, step: CallStep) -> Result:
    part = applications.find(step.application)
    if part is not None:
        return _perform(applications, counted(call(application, part, position, step)))
    logger.warning(
        "application %s %s: step %s calls application %s, which is not here",
        application.name, application.version, position.step, step.application,
    )  # fmt: skip
    if step.on_missing is None:
        raise ApplicationError(f"there is no application {step.application}")
    return Go(position, step.on_missing)


def _return(applications: Applications, position: Position, step: ReturnStep) -> Result:
    if not position.frames:
        return position, HangUp(CLEARING, _outcome(position, Outcome.ABANDONED))
    return Go(*come_back(applications, position, step))


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
    text = render(application, position, piece.text).strip()
    try:
        return spoken(application, position.language, piece.say_as, text)
    except CannotBeSaid as error:
        raise ApplicationError(str(error)) from error


def _after_play(
    applications: Applications, position: Position, step: PlayStep | SayStep, happening: Happening
) -> Result:
    if isinstance(happening, Digits):
        position = replace(position, steps_since_input=0)
    if isinstance(happening, AgentOutcome):
        return _perform(applications, counted(position))
    return Go(position, step.next)


# Looking up and recording


def _recordings(application: Application, position: Position, prompts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(application.recording(position.language, prompt) for prompt in prompts)


def _look_up(application: Application, position: Position, step: LookUpStep) -> LookUp:
    return LookUp(
        step.name,
        application.contact_center,
        MappingProxyType(rendered(application, position, step.parameters)),
        step.timeout,
        _recordings(application, position, as_tuple(step.meanwhile)),
    )


def _after_look_up(
    applications: Applications, position: Position, step: LookUpStep, happening: Happening
) -> Result:
    """An answer is data: its facts are values of facts, and nothing else."""
    match happening:
        case LookedUp("found", facts):
            return Go(replace(position, facts=learned(position, taken(step.taken, facts))), step.next)
        case LookedUp(result):
            pass
        case Failed():
            result = "failed"
        case _:
            return _perform(applications, counted(position))
    way = {"empty": step.on_empty, "slow": step.on_slow}.get(result) or step.on_failed
    if way is None:
        raise ApplicationError(f"step {position.step}: the look-up {step.name} ended {result}")
    return Go(position, way)


def _record(application: Application, position: Position, step: RecordStep) -> Record:
    return Record(
        _recordings(application, position, as_tuple(step.prompt)),
        longest=step.longest,
        silence=step.silence,
        shortest=step.shortest,
        terminators=step.terminators,
        beep=step.beep,
    )


def _after_record(
    applications: Applications, position: Position, step: RecordStep, happening: Happening
) -> Result:
    match happening:
        case Recorded():
            return Go(replace(position, steps_since_input=0), step.next)
        case NoInput() if position.tries + 1 >= step.tries:
            if step.on_silence is None:
                raise ApplicationError("no way on after silence")
            return Go(position, step.on_silence)
        case NoInput():
            return _perform(applications, replace(position, tries=position.tries + 1))
    return _perform(applications, counted(position))


# Asking for an agent


def _after_agent(
    applications: Applications,
    application: Application,
    position: Position,
    step: NeedAgentStep | OfferCallbackStep,
    happening: Happening,
) -> Result:
    match happening:
        case AgentOutcome(result):
            pass
        case Failed():
            result = "failed"
        case _:
            return _perform(applications, counted(position))
    position = replace(position, agent_result=result)
    way = {
        "served": step.on_served,
        "overflowed": step.on_overflowed,
        "refused": step.on_refused,
    }.get(result, step.on_failed)
    if way is not None:
        return Go(position, way)
    if result == "served":
        return position, HangUp(CLEARING, Outcome.SERVED)
    return _say_sorry(application, position)


# The end of a call


def _say_sorry(application: Application, position: Position) -> Next:
    there = replace(position, step=SORRY, heard=False, steps_since_input=0)
    files = _recordings(application, there, as_tuple(application.sorry.prompt))
    return there, Play(files, interruptible=False)


def _after_sorry(application: Application, position: Position, happening: Happening) -> Next:
    if isinstance(happening, Began) and not position.heard:
        return _say_sorry(application, position)
    to = application.sorry.transfer
    if to is not None and (not position.heard or isinstance(happening, Began)):
        return replace(position, heard=True), Transfer(to, _agent_outcome(position))
    return position, HangUp(CLEARING, _outcome(position, Outcome.FAILED))


def _agent_outcome(position: Position) -> Outcome | None:
    return _OUTCOMES.get(position.agent_result)


def _outcome(position: Position, otherwise: Outcome) -> Outcome:
    by_agent = _agent_outcome(position)
    if by_agent is not None:
        return by_agent
    return Outcome.SELF_SERVED if position.served else otherwise
