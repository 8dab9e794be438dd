"""Work that is begun by whoever must not wait: a queue, and a few greenlets that do what is in it.

And work that would keep all greenlets waiting, which a thread does.
"""

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import gevent
from gevent.pool import Group

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_WAITING = 10_000  # things to be done
GIVE_WAY = 0.0005  # seconds; the interpreter's own is 5 ms, several of which in a row would be heard
_working = 0
_usual = 0.005

Doing = tuple[Callable[..., object], tuple[object, ...]]


class Workers:
    """At most `count` things are done at once, the rest in the order in which it came.

    Unlike ``gevent.pool.Pool.spawn``, `spawn` never waits: it may be called by what hears events. What is more than
    `most` is not done at all: it must be such as whoever begins it finds undone some other time.
    """

    def __init__(self, count: int, most: int = MOST_WAITING) -> None:
        self.dropped = 0
        self._most = most
        self._waiting: deque[Doing] = deque()
        self._group = Group()
        self._free = count

    def spawn(self, do: Callable[..., object], *arguments: object) -> None:
        """Have ``do(*arguments)`` done, as soon as a worker is free."""
        if len(self._waiting) >= self._most:
            self._drop(do)
            return
        self._waiting.append((do, arguments))
        if self._free:
            self._free -= 1
            self._group.spawn(self._work)

    def _drop(self, do: Callable[..., object]) -> None:
        if self.dropped % self._most == 0:
            log.error("%d things wait to be done, more are left undone: %s", self._most, do.__name__)
        self.dropped += 1

    def join(self, limit: float) -> None:
        """Wait until all is done, `limit` seconds at most."""
        self._group.join(limit)

    def _work(self) -> None:
        try:
            self._empty()
        finally:
            self._free += 1

    def _empty(self) -> None:
        while self._waiting:
            do, arguments = self._waiting.popleft()
            try:
                do(*arguments)
            except Exception:  # a fault of ours: the next may be without it
                log.exception("not done: %s", getattr(do, "__name__", do))


def on_thread(do: Callable[..., T], *arguments: object) -> T:
    """What ``do(*arguments)`` gives or raises, done by a thread of gevent's pool while other greenlets go on."""
    with _yielding():
        result, error = gevent.get_hub().threadpool.apply(_outcome, (do, arguments))
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


@contextmanager
def _yielding() -> Iterator[None]:
    """While a thread works it must give way often: each system call of the hub's has to get the interpreter back."""
    global _working, _usual
    if not _working:
        _usual = sys.getswitchinterval()
        sys.setswitchinterval(GIVE_WAY)
    _working += 1
    try:
        yield
    finally:
        _working -= 1
        if not _working:
            sys.setswitchinterval(_usual)


def _outcome(do: Callable[..., T], arguments: tuple[object, ...]) -> tuple[T | None, Exception | None]:
    """An error as a value: the pool itself would print it."""
    try:
        return do(*arguments), None
    except Exception as error:
        return None, error
