"""Inputs changed at random, by a generator of its own: one seed gives one sequence."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

LONGEST = 1 << 20  # bytes of an input

INTERESTING = (
    b"",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\n",
    b"\r\n",
    b"\n\n",
    b"%0A",
    b"%",
    b"-1",
    b"0",
    b"1" * 40,
    b"9" * 5000,
    b"1e999",
    b"NaN",
    b"${x}",
    b"$${x}",
    b"[" * 3000,
    b"{" * 3000,
    b'{"a":' * 1500,
    b"../../",
    b"'",
    b'"',
    b"--",
    b"\\",
    b"\xe2\x80\xae",
    b"null",
    b"true",
    b"A" * 70000,
    b"\xef\xbb\xbf",
)

Change = Callable[["Mutator", bytearray], None]


class Mutator:
    """Makes inputs of `seeds`; `tokens` are the words of the target's language."""

    def __init__(self, seeds: Sequence[bytes], tokens: Sequence[bytes], seed: int) -> None:
        self._random = random.Random(seed)
        self._pool = list(seeds)
        self._words = (*tokens, *INTERESTING)

    def next(self) -> bytes:
        """Another input: a seed with one to eight changes."""
        data = bytearray(self._random.choice(self._pool))
        for _ in range(self._random.choice((1, 1, 1, 2, 2, 3, 5, 8))):
            self._random.choice(_CHANGES)(self, data)
        return bytes(data[:LONGEST])

    def keep(self, data: bytes) -> None:
        """Go on from this one too: something new came of it."""
        if len(self._pool) < 2000:
            self._pool.append(data)

    def at(self, data: bytearray) -> int:
        return self._random.randrange(len(data) + 1)

    def stretch(self, data: bytearray) -> tuple[int, int]:
        begin = self.at(data)
        return begin, min(len(data), begin + self._random.choice((1, 2, 4, 16, 64, 512)))

    def flip(self, data: bytearray) -> None:
        if data:
            data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)

    def put(self, data: bytearray) -> None:
        at = self.at(data)
        data[at:at] = self._random.randbytes(self._random.choice((1, 2, 8)))

    def drop(self, data: bytearray) -> None:
        begin, end = self.stretch(data)
        del data[begin:end]

    def repeat(self, data: bytearray) -> None:
        begin, end = self.stretch(data)
        data[end:end] = data[begin:end] * self._random.choice((1, 2, 20))

    def say(self, data: bytearray) -> None:
        at = self.at(data)
        data[at:at] = self._random.choice(self._words)

    def replace(self, data: bytearray) -> None:
        begin, end = self.stretch(data)
        data[begin:end] = self._random.choice(self._words)

    def cut(self, data: bytearray) -> None:
        del data[self.at(data) :]

    def splice(self, data: bytearray) -> None:
        other = self._random.choice(self._pool)
        at = self.at(data)
        data[at:] = other[self._random.randrange(len(other) + 1) :]

    def line(self, data: bytearray) -> None:
        """Two lines change places, or one comes twice."""
        lines = data.split(b"\n")
        one, other = self._random.randrange(len(lines)), self._random.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[self._random.choice((one, other))]
        data[:] = b"\n".join(lines)


_CHANGES: Sequence[Change] = (
    Mutator.flip, Mutator.flip, Mutator.put, Mutator.drop, Mutator.repeat, Mutator.say, Mutator.say, Mutator.replace,
    Mutator.cut, Mutator.splice, Mutator.line,
)  # fmt: skip
