"""Feature codes that an agent keys during a talk: from keys to a wish. Pure.

The switch keeps codes from the caller: a code's first part (``*2``) is a digit action of the agent's leg
(``dialplans/fsroute_desk.xml``), and so are the digits up to ``#`` that follow it. Digits that come another
way, because they were keyed faster than the switch could be told to keep them, are taken as well.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass

NUMBER_LIMIT = 10.0  # seconds from one key to the next, after which a code that lacks its number is forgotten
LONGEST_NUMBER = 20  # digits


class Kind(enum.StrEnum):
    """What an agent may ask for during a talk."""

    HOLD = "hold"
    RESUME = "resume"
    TOGGLE = "toggle"  # held or resumed, whichever it is not
    TRANSFER = "transfer"
    CONSULT = "consult"
    COMPLETE = "complete"
    CANCEL = "cancel"
    CONFERENCE = "conference"
    RELEASE = "release"  # the talk is over, and a standing leg stands again


class To(enum.StrEnum):
    """Where a transfer or a consultation goes."""

    AGENT = "agent"
    QUEUE = "queue"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing that an agent asks for. `to` and `name` are of a transfer or a consultation.

    `name` is an agent, a queue (either by its name or by its extension) or a telephone number.
    """

    kind: Kind
    to: To | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A wish that came by command. `answer` is told what came of it: ``done``, or why not."""

    wish: Wish
    answer: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Keyed:
    """What has been keyed of a code that is not whole yet. `at` is in seconds since the epoch."""

    code: str = ""
    digits: str = ""
    at: float = 0.0


WHOLE = {
    "*1": Wish(Kind.TOGGLE),
    "*5": Wish(Kind.COMPLETE),
    "*6": Wish(Kind.CANCEL),
    "*7": Wish(Kind.CONFERENCE),
    "*9": Wish(Kind.RELEASE),
}
"""Codes that need no number."""

OPENING = {
    "*2": (Kind.TRANSFER, To.AGENT),
    "*3": (Kind.TRANSFER, To.QUEUE),
    "*4": (Kind.TRANSFER, To.NUMBER),
    "**2": (Kind.CONSULT, To.AGENT),
    "**3": (Kind.CONSULT, To.QUEUE),
    "**4": (Kind.CONSULT, To.NUMBER),
}
"""Codes that a number and ``#`` follow; ``*`` in its place takes them back."""

NOTHING = Keyed()

_NUMBER = re.compile(rf"[0-9]{{1,{LONGEST_NUMBER}}}")


def read(keyed: Keyed, keys: str, now: float) -> tuple[Keyed, Wish | None]:
    """Take more keys: what is keyed now, and the wish if a code is whole.

    Args:
        keyed: what was keyed before.
        keys: what a digit action caught, or one digit that came by itself.
        now: seconds since the epoch.
    """
    if keys in WHOLE:
        return NOTHING, WHOLE[keys]
    if keys in OPENING:
        return Keyed(keys, "", now), None
    if not is_open(keyed, now):
        return NOTHING, None
    digits, hash_key, _ = keys.partition("#")
    digits = keyed.digits + digits
    if "*" in digits or len(digits) > LONGEST_NUMBER:
        return NOTHING, None
    if not hash_key:
        return Keyed(keyed.code, digits, now), None
    if not _NUMBER.fullmatch(digits):
        return NOTHING, None
    kind, to = OPENING[keyed.code]
    return NOTHING, Wish(kind, to, digits)


def is_open(keyed: Keyed, now: float) -> bool:
    """A code waits for its number."""
    return bool(keyed.code) and now - keyed.at <= NUMBER_LIMIT
