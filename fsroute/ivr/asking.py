"""Menus and inputs: what is asked, how often, and what an answer leads to. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from fsroute.errors import ApplicationError
from fsroute.ivr.actions import Collect, Digits, Happening, NoInput, Play, Said, WrongInput
from fsroute.ivr.application import Application, as_tuple
from fsroute.ivr.going import Go, Next, Result, counted
from fsroute.ivr.hearing import digits_meant, keys_meant
from fsroute.ivr.position import Ask, Position
from fsroute.ivr.rendering import learned
from fsroute.ivr.steps import CollectStep, MenuStep

INPUT = re.compile(r"[0-9A-D*#]{1,64}")

Asking = MenuStep | CollectStep


def ask(application: Application, position: Position, step: Asking) -> Next:
    """Ask, by one execution where the prompt may be cut short, else by two."""
    language = position.language
    if step.barge_in:
        return position, _collect(application, language, step, _question(application, position, step))
    if position.heard:
        return position, _collect(application, language, step, ())
    return position, Play(_question(application, position, step), interruptible=False)


def after_asking(application: Application, position: Position, step: Asking, happening: Happening) -> Result:
    """Where an answer leads."""
    if not step.barge_in and not position.heard:
        return ask(application, replace(position, heard=True), step)
    match happening:
        case Digits(text) if text:
            return _after_keys(application, replace(position, steps_since_input=0), step, text)
        case Said():
            return _after_words(application, replace(position, steps_since_input=0), step, happening)
        case Digits() | NoInput():
            return _once_more(application, position, step, "silent")
        case WrongInput():
            return _once_more(application, replace(position, steps_since_input=0), step, "invalid")
    return ask(application, replace(counted(position), heard=False), step)


def operator_key(application: Application, step: Asking) -> tuple[str, ...]:
    """The key that leads to the operator from here, if one does."""
    operator = application.operator
    return (operator.key,) if operator is not None and step.operator else ()


def _question(application: Application, position: Position, step: Asking) -> tuple[str, ...]:
    before = {"": step.greeting, "silent": step.silent, "invalid": step.invalid, "repeat": ()}
    prompts = (*as_tuple(before[position.asks_again]), *as_tuple(step.prompt))
    return tuple(application.recording(position.language, prompt) for prompt in prompts)


def _collect(application: Application, language: str, step: Asking, files: tuple[str, ...]) -> Collect:
    repeat = (step.repeat,) if step.repeat else ()
    if isinstance(step, CollectStep):
        longest, terminators = max([step.max, *map(len, repeat)]), step.terminators
    else:
        keys = [*step.choices, *operator_key(application, step), *repeat]
        longest = max(map(len, keys))
        terminators = "#" if longest > 1 and not any("#" in key for key in keys) else ""
    return Collect(
        files,
        max=longest,
        timeout_ms=_milliseconds(step.timeout, 5.0),
        digit_timeout_ms=_milliseconds(step.digit_timeout, 3.0),
        terminators=terminators,
        grammar=_grammar(language, step),
        secret=isinstance(step, CollectStep) and step.secret,
    )


def _grammar(language: str, step: Asking) -> str:
    if step.speech is None:
        return ""
    return step.speech.grammar.replace("{language}", step.speech.language or language)


def _milliseconds(seconds: float | None, otherwise: float) -> int:
    return round((otherwise if seconds is None else seconds) * 1000)


def _after_words(application: Application, position: Position, step: Asking, said: Said) -> Result:
    speech = step.speech
    if speech is None or said.confidence < speech.min_confidence:
        return _once_more(application, position, step, "invalid")
    keys = keys_meant(speech.words, said.text)
    if not keys:
        keys = digits_meant(speech.language or position.language, said.text)
    return _after_keys(application, position, step, keys)


def _after_keys(application: Application, position: Position, step: Asking, keys: str) -> Result:
    if isinstance(step, MenuStep) and keys in step.choices:
        return Go(position, step.choices[keys])
    if keys and keys == step.repeat:
        return ask(application, replace(position, asks_again="repeat", heard=False), step)
    if keys in operator_key(application, step) and application.operator is not None:
        return Go(position, application.operator.step)
    if isinstance(step, CollectStep) and _fits(step, keys):
        return Go(replace(position, facts=learned(position, {step.fact: keys})), step.next)
    return _once_more(application, position, step, "invalid")


def _fits(step: CollectStep, keys: str) -> bool:
    return (
        INPUT.fullmatch(keys) is not None
        and step.min <= len(keys) <= step.max
        and (step.pattern is None or re.fullmatch(step.pattern, keys) is not None)
    )


def _once_more(application: Application, position: Position, step: Asking, why: Ask) -> Result:
    if position.tries + 1 < (step.tries or 1):
        again = replace(position, tries=position.tries + 1, asks_again=why, heard=False)
        return ask(application, again, step)
    way = step.on_silence if why == "silent" else step.on_invalid
    if way is None:
        raise ApplicationError("no way on after silence or wrong digits")
    return Go(position, way)
