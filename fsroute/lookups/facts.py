"""The facts that a look-up answers with: short texts by name, whoever gave them. Pure.

They are data throughout: nobody renders them, and what has no place in a fact is refused where it is met.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal

from fsroute.errors import FsrouteError
from fsroute.ivr.position import LONGEST_FACT, MOST_FACTS
from fsroute.ivr.steps import FACT_NAME

LONGEST_ANSWER = 65_536  # bytes of JSON
NOTHING_FOUND = "nothing found"
"""What tells the answer that there is nothing from that of a server that does not know the question."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class AnswerRefused(FsrouteError):
    """What a look-up answered is no set of facts; the text says which is none, not what it holds."""


def facts_of(answer: Mapping[str, object]) -> dict[str, str]:
    """The facts in a row or a flat JSON object; what is null is left out.

    Raises:
        AnswerRefused: there are too many, a name is none of a fact, or a value is too long or not flat.
    """
    if len(answer) > MOST_FACTS:
        raise AnswerRefused(f"there are {len(answer)} facts, {MOST_FACTS} at most may be")
    found = {}
    for name, value in answer.items():
        if not isinstance(name, str) or re.fullmatch(FACT_NAME.pattern, name) is None:
            raise AnswerRefused(f"{str(name)[:64]!r}: {FACT_NAME.words}")
        if value is not None:
            found[name] = _text(name, value)
    return found


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else _refuse(name, "no number")
    if isinstance(value, datetime | time):
        return value.isoformat(timespec="seconds")
    if not isinstance(value, str | int | float | date | uuid.UUID):
        return _refuse(name, f"a {type(value).__name__}, not a text or a number")
    try:
        text = _CONTROL.sub(" ", str(value))
        text.encode()
    except (UnicodeEncodeError, ValueError):
        return _refuse(name, "no text in UTF-8")
    return text if len(text) <= LONGEST_FACT else _refuse(name, f"longer than {LONGEST_FACT} characters")


def _refuse(name: str, why: str) -> str:
    raise AnswerRefused(f"fact {name} is {why}")
