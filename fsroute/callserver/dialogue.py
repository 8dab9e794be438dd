"""The talk in which a waiting caller chooses to be called back: pure.

Keys, the end of a prompt and silence go in; what to say, how long to listen, or the end comes out. While it
listens the caller hears the hold music; nothing here ever keeps a bridge waiting, since it can be left at any
moment.

=========  =========================================  ============================================
at         says                                       on
=========  =========================================  ============================================
offer      shall we call you back?                    1: confirm (enter, if the number is none that
                                                      may be called); 2, ``*``, silence: declined
confirm    the number, digit by digit; is it right?   1: chosen; 2: enter; ``*``: declined
enter      give a number, then ``#``                  ``#`` or silence after digits: confirm, or ask
                                                      again; ``*``: declined
=========  =========================================  ============================================
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace

from fsroute.callserver.prompts import digits

LISTENS = 6.0  # seconds for the first key after a prompt
BETWEEN_KEYS = 4.0  # seconds from digit to digit, after which a number is taken as complete
TRIES = 3  # times that a number is asked for
LONGEST = 20  # digits


class At(enum.StrEnum):
    """Which question is open."""

    OFFER = "offer"
    CONFIRM = "confirm"
    ENTER = "enter"


@dataclass(frozen=True, slots=True)
class Dialogue:
    """How far the talk is. `number` is the one that is offered, `asked` counts the asking of this question."""

    at: At = At.OFFER
    number: str = ""
    keyed: str = ""
    asked: int = 1


@dataclass(frozen=True, slots=True)
class Key:
    """The caller pressed a key."""

    digit: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said is over."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing was keyed in the time given."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Play these recordings, one after the other."""

    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listen:
    """End what is played; music, for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """The caller wants to be called back at `number`."""

    number: str


@dataclass(frozen=True, slots=True)
class Declined:
    """The caller goes on waiting; `prompts` say so."""

    prompts: tuple[str, ...] = ()


Happening = Key | Heard | Silence
Do = Speak | Listen | Chosen | Declined
Accepts = Callable[[str], str | None]
"""Tells a number as it may be dialled, or None."""


def begin(number: str, prompt: str = "") -> tuple[Dialogue, Do]:
    """Offer to call back at the number that the caller called from; `prompt` instead of the usual one."""
    return Dialogue(number=number), Speak((prompt or "callback_offer",))


def proceed(dialogue: Dialogue, happening: Happening, accepts: Accepts) -> tuple[Dialogue, Do | None]:
    """What follows from `happening`; None: go on as before."""
    if isinstance(happening, Heard):
        return dialogue, Listen(BETWEEN_KEYS if dialogue.keyed else LISTENS)
    if isinstance(happening, Silence):
        return _after_silence(dialogue, accepts)
    if happening.digit == "*":
        return dialogue, _stays()
    if dialogue.at is At.ENTER:
        return _entering(dialogue, happening.digit, accepts)
    return _answered(dialogue, happening.digit, accepts)


def _answered(dialogue: Dialogue, digit: str, accepts: Accepts) -> tuple[Dialogue, Do | None]:
    offering = dialogue.at is At.OFFER
    if digit == "1" and not offering:
        return dialogue, Chosen(dialogue.number)
    if digit == "1":
        number = accepts(dialogue.number)
        return _ask_for_number() if number is None else _read_back(number)
    if digit == "2":
        return (dialogue, _stays()) if offering else _ask_for_number()
    return dialogue, None


def _entering(dialogue: Dialogue, digit: str, accepts: Accepts) -> tuple[Dialogue, Do | None]:
    if digit == "#":
        return _entered(dialogue, accepts)
    if not digit.isdigit():
        return dialogue, None
    keyed = replace(dialogue, keyed=dialogue.keyed + digit)
    return _entered(keyed, accepts) if len(keyed.keyed) >= LONGEST else (keyed, Listen(BETWEEN_KEYS))


def _entered(dialogue: Dialogue, accepts: Accepts) -> tuple[Dialogue, Do]:
    number = accepts(dialogue.keyed)
    if number is not None:
        return _read_back(number)
    if dialogue.asked >= TRIES:
        return dialogue, _stays()
    again = Dialogue(At.ENTER, asked=dialogue.asked + 1)
    return again, Speak(("callback_wrong", "callback_enter"))


def _after_silence(dialogue: Dialogue, accepts: Accepts) -> tuple[Dialogue, Do]:
    if dialogue.keyed:
        return _entered(dialogue, accepts)
    if dialogue.at is At.OFFER:
        return dialogue, Declined()  # said nothing, is told nothing: the music plays already
    if dialogue.asked >= 2:
        return dialogue, _stays()
    return replace(dialogue, asked=dialogue.asked + 1), _question(dialogue)


def _read_back(number: str) -> tuple[Dialogue, Do]:
    dialogue = Dialogue(At.CONFIRM, number)
    return dialogue, _question(dialogue)


def _ask_for_number() -> tuple[Dialogue, Do]:
    return Dialogue(At.ENTER), Speak(("callback_enter",))


def _question(dialogue: Dialogue) -> Speak:
    if dialogue.at is At.CONFIRM:
        return Speak(("callback_number", *digits(dialogue.number), "callback_confirm"))
    return Speak(("callback_enter",))


def _stays() -> Declined:
    return Declined(("callback_kept",))
