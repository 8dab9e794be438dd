"""Look-ups as calls ask them: the remote center's answer, within the caller's time, or the way on without it."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from gevent.lock import BoundedSemaphore

from fsroute.appserver.facts import LONGEST_ANSWER, NOTHING_FOUND, AnswerRefused, facts_of
from fsroute.callserver.answers import LONGEST_KEPT, Answer, Breaker, Empty, Failed, Found, Kept, Slow
from fsroute.callserver.remote import Answered, Remote, RemoteFailed, RemoteSlow

log = logging.getLogger(__name__)

MOST_KEPT = 10_000  # answers
MOST_BREAKERS = 1_000
LONGEST = 60.0  # seconds
LOOKUP_NAME = "[a-z0-9_-]{1,40}"

Key = tuple[str, str, tuple[tuple[str, str], ...]]


class _Body(msgspec.Struct, frozen=True):
    facts: dict[str, object] = {}
    cache: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Result:
    """An answer, the seconds that it may be kept, and whether it tells how the server is."""

    answer: Answer
    cache: float = 0.0
    tells: bool = True


class _Center:
    """One remote center: how many may ask it at a time, and which of its look-ups are left alone."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.room = BoundedSemaphore(remote.source.max_lookups)
        self._breakers: Kept[str, Breaker] = Kept(MOST_BREAKERS)

    def breaker(self, name: str) -> Breaker:
        found = self._breakers.get(name, 0.0)
        if found is None:
            found = Breaker()
            self._breakers.put(name, found, float("inf"))
        return found


class Lookups:
    """Asks the application server of each contact center; any number of greenlets may, each may be killed."""

    def __init__(self, remotes: Sequence[Remote]) -> None:
        self._centers: dict[str, _Center] = {}
        self._kept: Kept[Key, Answer] = Kept(MOST_KEPT)
        for remote in remotes:
            center = _Center(remote)
            self._centers |= dict.fromkeys(remote.source.contact_centers, center)

    def ask(self, name: str, contact_center: str, parameters: Mapping[str, str], timeout: float) -> Answer:
        """The answer to a look-up, after `timeout` seconds at most; never raises an error of ours."""
        center = self._centers.get(contact_center)
        if re.fullmatch(LOOKUP_NAME, name) is None:
            return Failed("a look-up's name is of a-z, 0-9, - and _")
        if center is None:
            return Failed(f"no application server is known for contact center {contact_center}")
        key = (contact_center, name, tuple(sorted(parameters.items())))
        kept = self._kept.get(key, time.monotonic())
        if kept is not None:
            return kept
        breaker = center.breaker(name)
        if not breaker.allows(time.monotonic()):
            return Failed(
                f"look-up {name} of {center.remote.source.name} fails: it is left alone for a while"
            )
        result = self._in_turn(center, name, contact_center, parameters, min(timeout, LONGEST))
        if result.tells:
            self._learn(center, name, breaker, result.answer)
        if result.cache > 0:
            self._kept.put(key, result.answer, time.monotonic() + min(result.cache, LONGEST_KEPT))
        return result.answer

    def _in_turn(
        self, center: _Center, name: str, contact_center: str, parameters: Mapping[str, str], timeout: float
    ) -> _Result:
        deadline = time.monotonic() + timeout
        if not center.room.acquire(timeout=timeout):
            return _Result(Slow(), tells=False)
        try:
            body = msgspec.json.encode({"contact_center": contact_center, "parameters": dict(parameters)})
            left = max(0.001, deadline - time.monotonic())
            path = f"/v1/lookups/{name}"
            return _result(name, center.remote.ask("POST", path, body, timeout=left, limit=LONGEST_ANSWER))
        except RemoteSlow:
            return _Result(Slow())
        except RemoteFailed as error:
            return _Result(Failed(str(error)))
        finally:
            center.room.release()

    def _learn(self, center: _Center, name: str, breaker: Breaker, answer: Answer) -> None:
        source = center.remote.source.name
        if isinstance(answer, Found | Empty):
            if breaker.succeeded():
                log.warning("look-ups are answered again: name=%s from=%s", name, source)
            return
        reason = "slow" if isinstance(answer, Slow) else answer.reason
        log.debug("look-up %s of %s: %s", name, source, reason)
        if breaker.failed(time.monotonic()):
            log.warning("look-ups fail, callers go on without: %s name=%s from=%s", reason, name, source)


def _result(name: str, reply: Answered) -> _Result:
    if reply.status == 504:
        return _Result(Slow())
    try:
        body = msgspec.json.decode(reply.body, type=_Body)
        if reply.status == 200:
            return _Result(Found(facts_of(body.facts)), body.cache)
    except (msgspec.DecodeError, RecursionError, AnswerRefused) as error:
        return _Result(Failed(f"look-up {name}: the answer is none: {error}"))
    if reply.status == 404 and body.error == NOTHING_FOUND:
        return _Result(Empty(), body.cache)
    # the question is refused: that says nothing of the next one
    return _Result(Failed(f"look-up {name}: status {reply.status}: {body.error[:200]}"), tells=False)
