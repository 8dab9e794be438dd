"""How a network leg finds its agent leg: a single-use token of 128 random bits in the SIP user part."""

from __future__ import annotations

import hashlib
import re
import secrets

_TOKEN = re.compile(r"fsr[0-9a-f]{32}")


def new_token() -> str:
    return "fsr" + secrets.token_hex(16)


def is_token(number: str) -> bool:
    """Whether a number called has the form of a token."""
    return _TOKEN.fullmatch(number) is not None


def digest(token: str) -> str:
    """What is stored of a token: SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode("ascii", "replace")).hexdigest()
