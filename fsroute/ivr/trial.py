"""Talking to an application without a telephone: lines go in, lines come out. Pure.

The interpreter runs as it does for a call; `manners` stand for the switch and for everybody else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fsroute.ivr import canned
from fsroute.ivr.actions import Began, Collect, Happening, HungUp, Said
from fsroute.ivr.application import Application
from fsroute.ivr.interpreter import advance
from fsroute.ivr.manners import Answer, Over, Trial, manner_of
from fsroute.ivr.position import NO_LIBRARY, Library, start
from fsroute.ivr.texts import clean
from fsroute.ivr.transcripts import Texts
from fsroute.model import CallerInformation

HELP = (
    "A line of keys is what the caller keys; an empty line is silence.",
    "/say WORDS    the caller says something",
    "/facts        what the application knows",
    "/where        the step that the caller is at",
    "/hangup       the caller hangs up",
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What is shown, and what is asked then; without a question the call is over."""

    lines: tuple[str, ...]
    question: str = ""


def begin(
    application: Application,
    caller: CallerInformation,
    *,
    library: Library = NO_LIBRARY,
    texts: Mapping[str, Texts] | None = None,
    answers: canned.Answers | None = None,
) -> tuple[Trial, Turn]:
    """A call begins: what is heard until the caller is asked something."""
    position = start(application, caller)
    trial = Trial(application, position, None, library, texts or {}, answers or {})
    return _go_on(trial, Began())


def answer(trial: Trial, line: str) -> tuple[Trial, Turn]:
    """What follows from a line that was typed."""
    line = line.strip()
    if line.startswith("/"):
        return _command(trial, line)
    heard = manner_of(trial.do).hear(trial, trial.do, line)
    return _after(trial, heard, ())


def hang_up(trial: Trial) -> tuple[Trial, Turn]:
    """The caller hangs up, whatever is going on."""
    return _go_on(trial, HungUp())


def _command(trial: Trial, line: str) -> tuple[Trial, Turn]:
    word, _, rest = line.partition(" ")
    match word:
        case "/hangup":
            return hang_up(trial)
        case "/say" if isinstance(trial.do, Collect):
            return _go_on(trial, Said(clean(rest.strip())))
        case "/facts":
            lines = _facts(trial)
        case "/where":
            lines = (f"application {trial.position.application}, step {trial.position.step}",)
        case _:
            lines = HELP
    return trial, Turn(lines, manner_of(trial.do).question(trial, trial.do))


def _facts(trial: Trial) -> tuple[str, ...]:
    known = {**trial.running.facts, **trial.position.caller.facts, **trial.position.facts}
    return tuple(clean(f"{name} = {value}") for name, value in sorted(known.items())) or ("no facts",)


def _go_on(trial: Trial, happening: Happening) -> tuple[Trial, Turn]:
    """On to the next question, or to the end."""
    lines: list[str] = []
    while True:
        position, do = advance(trial.application, trial.position, happening, trial.library)
        trial = replace(trial, position=position, do=do)
        manner = manner_of(do)
        lines += (clean(line) for line in manner.tell(trial, do))
        question = manner.question(trial, do)
        if question:
            return trial, Turn(tuple(lines), question)
        heard = manner.hear(trial, do, "")
        if heard is None or isinstance(heard, Over):
            return _after(trial, heard, lines)
        happening = heard


def _after(trial: Trial, heard: Answer, before: Sequence[str]) -> tuple[Trial, Turn]:
    if isinstance(heard, Over):
        return trial, Turn((*before, *([heard.line] if heard.line else [])))
    if heard is None:
        question = manner_of(trial.do).question(trial, trial.do)
        return trial, Turn((*before, "That is no answer here; /help says what is."), question)
    trial, turn = _go_on(trial, heard)
    return trial, Turn((*before, *turn.lines), turn.question)
