"""What a look-up may come to, and what spares callers the wait for it: answers kept, and servers left alone. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

LONGEST_KEPT = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class Found:
    """There are facts: short texts by name, data throughout."""

    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Empty:
    """The server answered that there is nothing."""


@dataclass(frozen=True, slots=True)
class Slow:
    """There was no answer in time."""


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no answer; `reason` is for the log."""

    reason: str


Answer = Found | Empty | Slow | Failed

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Values kept until their time is over; when there are too many, the one that was not used longest goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K, now: float) -> V | None:
        known = self._values.get(key)
        if known is None:
            return None
        until, value = known
        if now >= until:
            del self._values[key]
            return None
        self._values.move_to_end(key)
        return value

    def put(self, key: K, value: V, until: float) -> None:
        self._values[key] = (until, value)
        self._values.move_to_end(key)
        while len(self._values) > self._most:
            self._values.popitem(last=False)


class Breaker:
    """Leaves alone what has failed `failures` times in a row: it is tried once every `pause` seconds, by one caller."""

    def __init__(self, failures: int = 5, pause: float = 10.0) -> None:
        self._most = failures
        self._pause = pause
        self._failures = 0
        self._next = 0.0

    @property
    def is_open(self) -> bool:
        """Whether callers are kept from waiting for it."""
        return self._failures >= self._most

    def allows(self, now: float) -> bool:
        """Whether to try; who is let through while it is open is the only one until the next pause is over."""
        if not self.is_open:
            return True
        if now < self._next:
            return False
        self._next = now + self._pause
        return True

    def succeeded(self) -> bool:
        """Note an answer; true if it was left alone until now."""
        was_open, self._failures = self.is_open, 0
        return was_open

    def failed(self, now: float) -> bool:
        """Note a failure; true if it is left alone from now on."""
        self._failures += 1
        self._next = now + self._pause
        return self._failures == self._most
