"""PINs of agents: what may be one, and the text that is stored instead of it. Pure, and slow on purpose.

The text is ``scrypt$n$r$p$salt$key``, salt and key in base64 (RFC 7914), so that a stronger setting later
on leaves the old texts valid. A PIN has few digits: what protects it is the lock after wrong ones.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import itertools
import re
from collections.abc import Callable

from fsroute.errors import FsrouteError

SHORTEST, LONGEST = 4, 12  # digits
N, R, P = 2**14, 8, 1  # 16 MiB and some 50 ms
MOST_MEMORY = 64 * 2**20  # bytes; a text that asks for more is not computed
SALT = 16  # bytes
KEY = 32  # bytes

_PIN = re.compile(rf"[0-9]{{{SHORTEST},{LONGEST}}}", re.ASCII)


class BadPin(FsrouteError):
    """These digits may not be a PIN; the text says why, and does not hold them."""


def check_form(pin: str) -> None:
    """Raise `BadPin` unless `pin` may become somebody's PIN."""
    if not _PIN.fullmatch(pin):
        raise BadPin(f"a PIN has {SHORTEST} to {LONGEST} digits")
    steps = {(int(after) - int(before)) % 10 for before, after in itertools.pairwise(pin)}
    if steps <= {0} or steps <= {1} or steps <= {9}:
        raise BadPin("a PIN of one digit repeated, or of digits in a row, is guessed first")


def encode(pin: str, salt: bytes) -> str:
    """What is stored for a PIN.

    Raises:
        BadPin: it may not be one.
    """
    check_form(pin)
    return "$".join(("scrypt", str(N), str(R), str(P), _text(salt), _text(_key(pin, salt, N, R, P))))


def verify(pin: str, stored: str) -> bool:
    """Whether `pin` is the one that `stored` was made of; a text that is none fits no PIN."""
    try:
        kind, n, r, p, salt, key = stored.split("$")
        numbers = int(n), int(r), int(p)
        if kind != "scrypt" or 128 * numbers[0] * numbers[1] > MOST_MEMORY or numbers[2] > 4:
            return False
        return hmac.compare_digest(_key(pin, _bytes(salt), *numbers), _bytes(key))
    except (ValueError, binascii.Error):
        return False


def generate(below: Callable[[int], int], digits: int = 6) -> str:
    """A PIN by chance; ``below(n)`` is a number from 0 to n - 1 (``secrets.randbelow``)."""
    while True:
        pin = "".join(str(below(10)) for _ in range(digits))
        try:
            check_form(pin)
        except BadPin:
            continue
        return pin


def _key(pin: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=n, r=r, p=p, maxmem=2 * MOST_MEMORY, dklen=KEY)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
