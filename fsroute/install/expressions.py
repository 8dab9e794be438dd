r"""Regular expressions of the dialplan: only what means the same in PCRE, which FreeSWITCH uses, and in Python. Pure.

So what the tests try with Python is what a call meets. Left out is what differs (``\Z``, ``\d`` and ``\w`` beyond
ASCII, flags in the middle, names of groups, look-behind, ``[[:digit:]]``, possessive marks in older versions) and what
FreeSWITCH takes for something else before PCRE sees it: ``${`` and ``$name(`` are expanded, a leading ``/`` or ``_``
begins another notation.
"""

from __future__ import annotations

import re

from fsroute.errors import ConfigurationError

_LITERAL = r"[A-Za-z0-9 _:@,;=!%&'\"~<>/#-]"
_ESCAPED = r"\\[^A-Za-z0-9\s]"
_CLASS_MEMBER = r"(?:[A-Za-z0-9 _.+*#@,;:=!%/$()?|{}-]|\\[^A-Za-z0-9\s])"
_CLASS = rf"\[\^?{_CLASS_MEMBER}+\]"
_GROUP = r"\((?:\?:)?(?!\?)"
_REPEAT = r"(?:[*+?]|\{[0-9]{1,4}(?:,[0-9]{0,4})?\})\??(?![*+?{])"
_END = r"\$(?=$|[)|])"
_TOKEN = re.compile("|".join((_LITERAL, _ESCAPED, _CLASS, _GROUP, _REPEAT, _END, r"[\^.|)]")))


def check_expression(expression: str) -> None:
    """Raise `ConfigurationError` unless `expression` compiles, and means the same to FreeSWITCH as to us."""
    if expression.startswith(("/", "_")):
        raise ConfigurationError(
            f"expression {expression!r}: FreeSWITCH reads another notation after {expression[0]}"
        )
    at = 0
    while at < len(expression):
        token = _TOKEN.match(expression, at)
        if token is None:
            raise ConfigurationError(
                f"expression {expression!r}: what begins at {expression[at : at + 10]!r} may mean something else to"
                " FreeSWITCH"
            )
        at = token.end()
    try:
        re.compile(expression)
    except re.error as error:
        raise ConfigurationError(f"expression {expression!r}: {error}") from error
