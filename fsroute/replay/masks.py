"""What stands for a name or a number in a scrubbed capture: always the same for the same, by a key. Pure.

A number keeps its length, its signs, what lies left of its last ten digits (country, trunk prefix) and as many digits
of the national part as the operator wants; one of the North American plan stays one. A name keeps its length, its
signs and its capitals. Without the key nothing can be turned back, and with it only by trying.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

NATIONAL: Final = 10  # digits of a number that are its own, from the right
FEWEST: Final = 6  # digits of what is taken for a telephone number; fewer are an extension, which stays
LONGEST: Final = 15  # digits of a telephone number (E.164); what is longer is replaced whole
REPLACED: Final = 4  # digits that are replaced in any case
MOST_CACHED: Final = 20_000

WORD: Final = re.compile(r"[^\W_]+")
_NUMBER: Final = re.compile(r"\+?[0-9 ().-]+")
_BYTE: Final = re.compile("[\udc80-\udcff]+")
_DIGIT: Final = re.compile("[0-9]")

NOBODY: Final = frozenset(
    {"anonymous", "unknown", "unavailable", "restricted", "private", "undef", "asserted", "outbound", "call"}
)
"""What switches and networks write where they know no name or number."""


class Masks:
    """For all captures of one folder, which share `key`.

    Args:
        kept_digits: of the national part of a number, from the left.
        called: numbers called of contact centers, which stay as they are.
    """

    def __init__(self, key: bytes, kept_digits: int = 0, called: Iterable[str] = ()) -> None:
        self._key = key
        self._kept = kept_digits
        self._called: set[str] = set()
        self._numbers: dict[str, str] = {}
        self._texts: dict[str, str] = {}  # numbers as they were written
        self._names: dict[str, str] = {}
        self._words: dict[str, str] = {}
        self._addresses: dict[str, str] = {}
        self.keep(called)

    def keep(self, numbers: Iterable[str]) -> None:
        """These are numbers of contact centers."""
        called = {national(number) for number in numbers if len(digits_of(number)) >= FEWEST}
        if not called <= self._called:
            self._called |= called
            self._texts.clear()
            self._names.clear()

    def is_called(self, number: str) -> bool:
        return national(number) in self._called

    def number(self, text: str) -> str:
        """A telephone number, or what is keyed: each digit of its national part replaced, all else as it is."""
        known = self._texts.get(text)
        if known is None:
            known = self._number(text)
            _keep(self._texts, text, known)
        return known

    def _number(self, text: str) -> str:
        digits = digits_of(text)
        core = digits if len(digits) > LONGEST else digits[-NATIONAL:]
        if not core or core in self._called:
            return text
        return put_digits(text, digits[: -len(core)] + self._core(core))

    def name(self, text: str) -> str:
        """A name, word by word; one that is a number is replaced as such."""
        known = self._names.get(text)
        if known is None:
            known = self._name(text)
            _keep(self._names, text, known)
        return known

    def _name(self, text: str) -> str:
        if _NUMBER.fullmatch(text):
            return self.number(text) if len(digits_of(text)) >= FEWEST else text
        text = WORD.sub(lambda found: self._word(found[0]), text)
        return _BYTE.sub(lambda found: self._bytes(found[0]), text) if _BYTE.search(text) else text

    def address(self, text: str) -> str:
        """An address of the internet; one that is not public stays."""
        known = self._addresses.get(text)
        if known is None:
            known = self._address(text)
            _keep(self._addresses, text, known)
        return known

    def _address(self, text: str) -> str:
        try:
            address = ip_address(text)
        except ValueError:
            return text
        if not address.is_global:
            return text
        digest = self._digest("address", text)
        if isinstance(address, IPv4Address):
            return str(IPv4Address(0xC6120000 + int.from_bytes(digest[:4], "big") % 0x20000))  # 198.18.0.0/15
        return str(IPv6Address((0x20010DB8 << 96) + int.from_bytes(digest[:8], "big")))

    def digit(self, about: str, number: int) -> str:
        """Any digit, in place of the `number`-th of something that is told by digit."""
        return str(self._digest("digit", f"{about} {number}")[0] % 10)

    def _core(self, core: str) -> str:
        known = self._numbers.get(core)
        if known is None:
            known = self._other(core, lambda turn: self._made(core, turn), lambda made: made in self._called)
            _keep(self._numbers, core, known)
        return known

    def _made(self, core: str, turn: int) -> str:
        length = len(core)
        value = int.from_bytes(self._digest("number", f"{core} {turn}"), "big") % 10**length
        made = list(f"{value:0{length}d}")
        if length == NATIONAL and core[0] in "23456789" and core[3] in "23456789":
            # no premium number and no island: an area code as 213, an exchange that is not 976
            made[0], made[1] = _one_of("2345678", made[0]), _one_of("01", made[1])
            made[2], made[3] = _one_of("1245678", made[2]), _one_of("2345678", made[3])
        elif core[0] != "0":
            made[0] = _one_of("123456789", made[0])
        kept = min(self._kept, max(0, length - REPLACED)) if length >= FEWEST else 0
        return core[:kept] + "".join(made)[kept:]

    def _word(self, word: str) -> str:
        known = self._words.get(word)
        if known is None:
            if word.casefold() in NOBODY:
                known = word
            elif word.isdecimal() and word.isascii() and len(word) >= FEWEST:
                known = self.number(word)
            else:
                known = self._other(word, lambda turn: self._letters(word, turn), lambda made: False)
            _keep(self._words, word, known)
        return known

    def _letters(self, word: str, turn: int) -> str:
        digest = b""
        for block in range(len(word) // 32 + 1):
            digest += self._digest("name", f"{word.casefold()} {turn} {block}")
        return "".join(_like(letter, digest[place]) for place, letter in enumerate(word))

    def _bytes(self, text: str) -> str:
        """Bytes that are no UTF-8 stay such."""
        digest = self._digest("name", text.encode("utf-8", "surrogateescape").hex())
        return "".join(chr(0xDCE0 + (digest[place % 32] % 30)) for place in range(len(text)))

    def _other(self, core: str, make: Callable[[int], str], is_taken: Callable[[str], bool]) -> str:
        """What is made of it, but never itself."""
        made = core
        for turn in range(100):
            made = make(turn)
            if made != core and not is_taken(made):
                break
        return made

    def _digest(self, what: str, text: str) -> bytes:
        return hmac.digest(self._key, f"{what}:{text}".encode("utf-8", "surrogateescape"), "sha256")


def digits_of(text: str) -> str:
    return text if text.isascii() and text.isdigit() else "".join(_DIGIT.findall(text))


def national(number: str) -> str:
    """The digits that are the number's own."""
    return digits_of(number)[-NATIONAL:]


def put_digits(text: str, digits: str) -> str:
    """`text` with its digits replaced by `digits`, one by one."""
    given = iter(digits)
    return _DIGIT.sub(lambda _: next(given), text)


def _one_of(letters: str, digit: str) -> str:
    return letters[int(digit) % len(letters)]


def _like(letter: str, chance: int) -> str:
    if letter.isdecimal():
        return str(chance % 10)
    made = chr(ord("a") + chance % 26)
    return made.upper() if letter.isupper() else made


def _keep(cache: dict[str, str], key: str, value: str) -> None:
    if len(cache) >= MOST_CACHED:
        cache.clear()
    cache[key] = value
