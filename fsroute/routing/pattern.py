r"""Patterns that operators write: regular expressions of which none takes long, whatever the caller sends.

A pattern must match the whole text. Written are literal characters, ``.``, ``[…]``, ``\d \w \s`` and their
opposites, ``(…|…)`` and the repeats ``? * + {m} {m,n} {m,}`` of single characters; a group may only be
left out (``(…)?``). Of the ways in which a pattern can try a text there must be few: two repeats without end, or
several short ones. A text longer than `LONGEST_TEXT` is compared by that many characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LONGEST_TEXT = 256  # characters
LONGEST_PATTERN = 200  # characters
MOST_WAYS = 100_000

_CLASSES = frozenset("dDwWsS")
_QUANTIFIER = re.compile(r"[?*+]|\{(\d{1,3})(,(\d{0,3}))?\}")
_STRANGE = re.compile(r"(?<!\\)\[|--|&&|~~|\|\|")  # in a set: Python keeps them for a meaning to come
_SET = re.compile(r"\[\^?\]?(?:\\.|[^]\\])*\]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A checked pattern; equal when written alike.

    `head` is what every text that matches begins with. `is_literal`: only `head` itself matches.
    `is_prefix`: whatever begins with `head` matches.
    """

    text: str
    head: str = field(compare=False)
    is_literal: bool = field(compare=False)
    is_prefix: bool = field(compare=False)
    _compiled: re.Pattern[str] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read a pattern.

        Raises:
            ValueError: it is none, or may take too long; the text says why.
        """
        if len(text) > LONGEST_PATTERN:
            raise ValueError(f"longer than {LONGEST_PATTERN} characters")
        body = text.removeprefix("^")
        if body.endswith("$") and not body.endswith("\\$"):
            body = body[:-1]
        reader = _Reader(body)
        ways = reader.alternatives()
        if reader.at < len(body):
            raise ValueError(") without (")
        if ways > MOST_WAYS:
            raise ValueError("it could take too long: write fewer repeats")
        try:
            compiled = re.compile(f"(?:{body})", re.ASCII | re.DOTALL)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"no regular expression: {error}") from None
        rest = body[reader.head_end :]
        return cls(text, reader.head, not rest, rest == ".*", compiled)

    def matches(self, text: str) -> bool:
        return self._compiled.fullmatch(text[:LONGEST_TEXT]) is not None

    def implies(self, other: Pattern) -> bool:
        """Surely: whatever matches this one matches `other` too."""
        if self == other or (other.is_prefix and self.head.startswith(other.head)):
            return True
        return self.is_literal and other.matches(self.head)

    def excludes(self, other: Pattern) -> bool:
        """Surely: nothing matches both."""
        if self.is_literal:
            return not other.matches(self.head)
        if other.is_literal:
            return not self.matches(other.head)
        return not (self.head.startswith(other.head) or other.head.startswith(self.head))


class _Reader:
    """Reads a pattern from the left, counts the ways in which it can try a text, and notes its literal head."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.head = ""
        self.head_end = 0
        self._in_head = True

    def alternatives(self, depth: int = 0) -> int:
        """Up to the end, or to the parenthesis that closes a group; returns the ways."""
        if depth > 20:
            raise ValueError("groups within groups within groups")
        ways = self._sequence(depth)
        while self._peek() == "|":
            self.at += 1
            if depth == 0:
                self.head, self.head_end = "", 0
            self._in_head = False
            ways += self._sequence(depth)
        return ways

    def _sequence(self, depth: int) -> int:
        ways = 1
        while self._peek() not in ("", "|", ")"):
            ways = min(ways * self._item(depth), 10 * MOST_WAYS)
        return ways

    def _item(self, depth: int) -> int:
        """One character or group with its repeat."""
        begin = self.at
        if self._peek() == "(":
            self._in_head = False
            ways = self._group(depth)
            return ways + 1 if self._optional() else ways
        literal = self._character()
        quantifier = _QUANTIFIER.match(self.text, self.at)
        if quantifier is None:
            if self._peek() == "{":
                raise ValueError(r"a repeat is {m}, {m,n} or {m,}; for the character itself write \{")
            self._note(literal, begin)
            return 1
        self._in_head = False
        self.at = quantifier.end()
        self._no_second_repeat()
        return _spread(quantifier)

    def _group(self, depth: int) -> int:
        self.at += 3 if self.text.startswith("(?:", self.at) else 1
        if self._peek() == "?":
            raise ValueError("a group begins with ( or (?:")
        ways = self.alternatives(depth + 1)
        if self._peek() != ")":
            raise ValueError("( without )")
        self.at += 1
        return ways

    def _optional(self) -> bool:
        if self._peek() == "?":
            self.at += 1
            self._no_second_repeat()
            return True
        if _QUANTIFIER.match(self.text, self.at):
            raise ValueError("a group must not be repeated")
        return False

    def _character(self) -> str:
        """Pass one character, escape or set; returns the character it stands for, '' if for several."""
        character = self.text[self.at]
        if character == "[":
            found = _SET.match(self.text, self.at)
            if found is None:
                raise ValueError("[ without ]")
            if _STRANGE.search(found[0], 1):
                raise ValueError(
                    r"in [ ] write \[ and \- for the characters themselves, and no character twice"
                )
            self.at = found.end()
            return ""
        if character == "\\":
            return self._escape()
        if character in "?*+" or _QUANTIFIER.match(self.text, self.at):
            raise ValueError(
                f"nothing to repeat before {character}; for the character itself write \\{character}"
            )
        if character == "{":
            raise ValueError(r"nothing to repeat before {; for the character itself write \{")
        if character in "^$":
            raise ValueError(f"{character} in the middle; for the character itself write \\{character}")
        self.at += 1
        return "" if character == "." else character

    def _escape(self) -> str:
        following = self.text[self.at + 1 : self.at + 2]
        if not following:
            raise ValueError("it ends with \\")
        if following.isalnum() and following not in _CLASSES:
            raise ValueError(f"\\{following} is not known here")
        self.at += 2
        return "" if following in _CLASSES else following

    def _note(self, literal: str, begin: int) -> None:
        if self._in_head and literal and begin == self.head_end:
            self.head += literal
            self.head_end = self.at
        else:
            self._in_head = False

    def _no_second_repeat(self) -> None:
        if self._peek() in ("?", "*", "+") or _QUANTIFIER.match(self.text, self.at):
            raise ValueError("two repeats after each other")

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]


def _spread(quantifier: re.Match[str]) -> int:
    """In how many ways a single character can be repeated."""
    whole, least, comma, most = quantifier[0], quantifier[1], quantifier[2], quantifier[3]
    if whole == "?":
        return 2
    if whole in "*+" or (comma and not most):
        return LONGEST_TEXT + 1
    if not comma:
        return 1
    if int(most) < int(least):
        raise ValueError(f"{whole}: the second number is less than the first")
    return int(most) - int(least) + 1
