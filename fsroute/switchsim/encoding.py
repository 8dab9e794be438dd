"""How FreeSWITCH writes values on the event socket (``switch_url_encode_opt`` in switch_utils.c)."""

from __future__ import annotations

import re
from functools import lru_cache

_UNSAFE = re.compile(rb'%(?![0-9A-F]{2})|[^ -~]|[ #&+:;<=>?@\[\\\]^`{|}"]')
_PLAIN = re.compile(r"[A-Za-z0-9_.,/()!'*$~-]*\Z")


@lru_cache(maxsize=8192)
def url_encode(value: str) -> str:
    """Encode a header's value; a ``%XX`` in upper case that is already there stays as it is.

    A line end is the only thing that must never survive; the doubtful ``%XX`` is FreeSWITCH's
    own way and makes decoding ambiguous by nature.
    """
    if _PLAIN.match(value):
        return value
    raw = value.encode("utf-8", "surrogateescape")
    return _UNSAFE.sub(lambda match: b"%%%02X" % match[0][0], raw).decode("ascii")


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
