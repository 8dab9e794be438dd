"""Numbers that a caller may have called back: a caller's word, so checked before anything is dialled."""

from __future__ import annotations

import re

_SEPARATORS = re.compile(r"[\s().-]")
_NUMBER = re.compile(r"\+?[0-9]{3,20}")

_PREMIUM = "900|976"
_OVERSEAS = "242|246|264|268|284|345|441|473|649|658|664|721|758|767|784|809|829|849|868|869|876"
NORTH_AMERICA = rf"(\+?1)?(?!{_PREMIUM}|{_OVERSEAS})[2-9][0-9]{{2}}(?!976)[2-9][0-9]{{6}}"
"""Ten digits of the United States or Canada, perhaps after 1 or +1: no premium number, nothing abroad."""


def callable_number(text: str, pattern: str) -> str | None:
    """`text` as it may be dialled, without separators; None where `pattern` does not allow all of it."""
    number = _SEPARATORS.sub("", text)
    if _NUMBER.fullmatch(number) is None or re.fullmatch(pattern, number) is None:
        return None
    return number
