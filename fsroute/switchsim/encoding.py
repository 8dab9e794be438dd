"""How FreeSWITCH writes and reads values."""

from __future__ import annotations

import re

from fsroute.esl.encoding import url_encode

__all__ = ["is_true", "leading_number", "url_encode"]


_FALSE = frozenset({"no", "off", "false", "f", "disabled", "inactive", "disallow"})


def is_true(value: str | None) -> bool:
    """Read a variable as ``switch_true`` does: yes, on, true, t, enabled, active, allow or a number but 0."""
    if not value:
        return False
    word = value.lower()
    if word in {"yes", "on", "true", "t", "enabled", "active", "allow"}:
        return True
    try:
        return int(word) != 0
    except ValueError:
        return False


def is_false(text: str | None) -> bool:
    """As ``switch_false`` reads a variable; one that is not set is not false."""
    return text is not None and (text.lower() in _FALSE or (text.isdigit() and int(text) == 0))


def leading_number(text: str | None, default: int = 0) -> int:
    """Read digits at the start of `text` as C's ``atoi`` does; `default` when there is no text at all."""
    if text is None:
        return default
    match = re.match(r"\s*([+-]?\d+)", text)
    return int(match[1]) if match else 0
