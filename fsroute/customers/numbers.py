"""Telephone numbers in one form, that of ITU-T E.164: ``+`` and at most 15 digits, the calling code first. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 256  # characters looked at
_SCHEME = re.compile(r"(?:sips?|tel):", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s().\-/\u00a0]")
_NUMBER = re.compile(r"\+?[0-9]+")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


@dataclass(frozen=True, slots=True)
class Plan:
    """How numbers are written here: this country's calling code, and what is dialled before other numbers."""

    country: str = "1"
    international_prefix: str = "011"
    trunk_prefix: str = "1"


def e164(text: str, plan: Plan) -> str | None:
    """A number as a caller, a switch or a list of customers writes it; None if it is no public telephone number.

    ``+`` or the international prefix begins an international number; else the trunk prefix, if there is one, begins a
    national one; else a number that begins with the calling code is international where that cannot be mistaken
    (the trunk prefix differs from it); what is left is national.
    """
    number = _bare(text)
    if number is None:
        return None
    found = number if number.startswith("+") else "+" + _international(number, plan)
    return found if _E164.fullmatch(found) else None


def _international(number: str, plan: Plan) -> str:
    if plan.international_prefix and number.startswith(plan.international_prefix):
        return number.removeprefix(plan.international_prefix)
    if plan.trunk_prefix and number.startswith(plan.trunk_prefix):
        return plan.country + number.removeprefix(plan.trunk_prefix)
    if plan.trunk_prefix not in ("", plan.country) and number.startswith(plan.country):
        return number
    return plan.country + number


def _bare(text: str) -> str | None:
    """The digits, perhaps after a ``+``, of a number or of a SIP or tel URI that holds one."""
    text = text[:LONGEST].strip()
    if scheme := _SCHEME.match(text):
        text = re.split("[@;?]", text[scheme.end() :], maxsplit=1)[0]
    number = _SEPARATORS.sub("", text.replace("(0)", "", 1) if text.startswith("+") else text)
    return number if _NUMBER.fullmatch(number) and number.isascii() else None
