"""One service as this process asks it: at most so many at once, answers kept for a time, left alone while it fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from gevent.lock import BoundedSemaphore

from fsroute.lookups.answers import LONGEST_KEPT, Answer, Breaker, Empty, Failed, Found, Kept, Slow

log = logging.getLogger(__name__)

MOST_KEPT = 10_000  # answers
MOST_BREAKERS = 1_000
SHORTEST = 0.001  # seconds


@dataclass(frozen=True, slots=True)
class Result:
    """An answer, the seconds that it may be kept, and whether it tells how the service is."""

    answer: Answer
    cache: float = 0.0
    tells: bool = True


class Service:
    """Any number of greenlets may ask, each may be killed.

    Args:
        name: of the service, for the log.
        most: questions at once; who finds no room waits for it within the time that it has.
        kept: where answers are kept; a place of its own unless given.
    """

    def __init__(self, name: str, most: int, kept: Kept[Hashable, Answer] | None = None) -> None:
        self.name = name
        self._room = BoundedSemaphore(most)
        self._kept: Kept[Hashable, Answer] = Kept(MOST_KEPT) if kept is None else kept
        self._breakers: Kept[str, Breaker] = Kept(MOST_BREAKERS)

    def ask(self, what: str, key: Hashable, timeout: float, do: Callable[[float], Result]) -> Answer:
        """The answer to a question, after `timeout` seconds at most if `do` keeps to the seconds that it is given.

        Each kind of question, `what`, is left alone by itself when it fails; `key` is the question with all that the
        answer depends on.
        """
        kept = self._kept.get(key, time.monotonic())
        if kept is not None:
            return kept
        breaker = self._breaker(what)
        if not breaker.allows(time.monotonic()):
            return Failed(f"look-up {what} of {self.name} fails: it is left alone for a while")
        result = self._in_turn(timeout, do)
        if result.tells:
            self._learn(what, breaker, result.answer)
        if result.cache > 0:
            self._kept.put(key, result.answer, time.monotonic() + min(result.cache, LONGEST_KEPT))
        return result.answer

    def _breaker(self, what: str) -> Breaker:
        found = self._breakers.get(what, 0.0)
        if found is None:
            found = Breaker()
            self._breakers.put(what, found, float("inf"))
        return found

    def _in_turn(self, timeout: float, do: Callable[[float], Result]) -> Result:
        deadline = time.monotonic() + timeout
        if not self._room.acquire(timeout=timeout):
            return Result(Slow(), tells=False)
        try:
            return do(max(SHORTEST, deadline - time.monotonic()))
        finally:
            self._room.release()

    def _learn(self, what: str, breaker: Breaker, answer: Answer) -> None:
        if isinstance(answer, Found | Empty):
            if breaker.succeeded():
                log.warning("look-ups are answered again: name=%s from=%s", what, self.name)
            return
        reason = "slow" if isinstance(answer, Slow) else answer.reason
        log.debug("look-up %s of %s: %s", what, self.name, reason)
        if breaker.failed(time.monotonic()):
            log.warning("look-ups fail, callers go on without: %s name=%s from=%s", reason, what, self.name)
