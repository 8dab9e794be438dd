"""Names that mean the same then and now: a bijection that grows while a call is replayed. Pure.

Of an identifier it does not matter what it is, but what it is for: the channel that was named then must be the one
that is named now. So the first time that two identifiers stand at the same place of the same command they are taken
for the same, and from then on each may stand only for the other. Paths of recordings are compared from the folder
``prompts`` on, and what is before it the same way, since applications may lie elsewhere today.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_TOKEN = r"fsr[0-9a-f]{32}"
_FOLDER = r"/(?!/)[^\s,!;|&{}\[\]]*?(?=/prompts/)"
_NAME = re.compile(f"({_UUID}|{_TOKEN}|{_FOLDER})")

MOST_NAMES = 10_000  # of one call


class Roles:
    """Which name of now stands for which name of then."""

    def __init__(self) -> None:
        self._now: dict[str, str] = {}
        self._then: dict[str, str] = {}
        self._bytes: list[tuple[bytes, bytes]] = []

    def now(self, then: str) -> str:
        """What stands for `then` today: itself where nothing is known."""
        return self._now.get(then, then)

    def is_bound(self, then: str) -> bool:
        return then in self._now

    def bind(self, then: str, now: str) -> bool:
        """Take them for the same; False: one of them stands for another one already."""
        if not then or not now:
            return then == now
        known, other = self._now.get(then), self._then.get(now)
        if known is not None or other is not None:
            return known == now and other == then
        if len(self._now) >= MOST_NAMES:
            return False
        self._now[then], self._then[now] = now, then
        if then != now and not then.startswith("/"):
            self._bytes.append((then.encode(), now.encode()))
        return True

    def rebind(self, then: str, now: str) -> None:
        """`then` stands for this one from now on, whatever it stood for before."""
        known = self._now.pop(then, None)
        if known is not None:
            self._then.pop(known, None)
            self._bytes = [pair for pair in self._bytes if pair[0] != then.encode()]
        self.bind(then, now)

    def translate(self, data: bytes) -> bytes:
        """What FreeSWITCH sent then, with the names of today: of the same length, so that lengths stay right."""
        for then, now in self._bytes:
            if then in data:
                data = data.replace(then, now)
        return data

    def translate_back(self, data: bytes) -> bytes:
        """The reverse: what is said now, with the names of then."""
        for then, now in self._bytes:
            if now in data:
                data = data.replace(now, then)
        return data

    def translated(self, text: str) -> str:
        """The same of text, whatever the length."""
        return _NAME.sub(lambda found: self._now.get(found[0], found[0]), text)

    def agree(self, then: str, now: str) -> bool:
        """Whether two texts say the same, as far as names are known; binds those that were not."""
        if then == now:
            return True
        theirs, ours = _NAME.split(then), _NAME.split(now)
        if len(theirs) != len(ours) or theirs[::2] != ours[::2]:
            return False
        agreed = [self.bind(*pair) for pair in zip(theirs[1::2], ours[1::2], strict=True)]
        return all(agreed)

    def could_agree(self, then: str, now: str) -> bool:
        """The same without binding anything."""
        if then == now:
            return True
        theirs, ours = _NAME.split(then), _NAME.split(now)
        if len(theirs) != len(ours) or theirs[::2] != ours[::2]:
            return False
        return all(self._may_be(*pair) for pair in zip(theirs[1::2], ours[1::2], strict=True))

    def _may_be(self, then: str, now: str) -> bool:
        return self._now.get(then, now) == now and self._then.get(now, then) == then


def names_in(text: str) -> Iterator[str]:
    """The names in a text, as they stand there."""
    yield from _NAME.findall(text)
