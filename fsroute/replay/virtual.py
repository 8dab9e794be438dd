"""Time that passes as fast as there is something to do: a loop for gevent's hub, in plain Python.

Greenlets, queues, time-outs and events are gevent's own; only the loop below them is another one. Whatever is ready
runs, in the order in which it became ready. When nothing is ready, the clock jumps to the next timer. So a call that
lasted an hour is over in milliseconds, nothing waits, and the same beginning leads to the same end each time.

There is no outside: no descriptor is watched. `VirtualLoop.io` gives a watcher that a socket which is none
(`fsroute.replay.wire`) makes ready.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import gevent
from gevent import _hub_local as hubs
from gevent.hub import Hub

LONGEST_SILENCE: Final = 20_000  # callbacks in a row at one moment: a loop that never waits


class Stuck(RuntimeError):
    """Something runs again and again and no time passes."""


class _Callback:
    """What `run_callback` gives: may be stopped before it ran. gevent reads `pending`."""

    __slots__ = ("args", "callback")

    def __init__(self, callback: Callable[..., object], args: tuple[object, ...]) -> None:
        self.callback: Callable[..., object] | None = callback
        self.args: tuple[object, ...] | None = args

    def stop(self) -> None:
        self.callback = self.args = None

    close = stop

    @property
    def pending(self) -> bool:
        return self.callback is not None

    def __bool__(self) -> bool:
        return self.args is not None


class _Watcher:
    """What all watchers have in common: a callback while they are active."""

    __slots__ = ("args", "callback", "loop")

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.callback: Callable[..., object] | None = None
        self.args: tuple[object, ...] = ()

    def start(self, callback: Callable[..., object], *args: object) -> None:
        self.callback, self.args = callback, args

    def stop(self) -> None:
        self.callback, self.args = None, ()

    def close(self) -> None:
        self.stop()

    @property
    def active(self) -> bool:
        return self.callback is not None

    @property
    def pending(self) -> bool:
        return False

    def feed(self) -> None:
        """It happened: the callback runs when its turn comes, if it is wanted then still."""
        self.loop.run_callback(self._call)

    def _call(self) -> None:
        if self.callback is not None:
            self.callback(*self.args)

    def __enter__(self) -> _Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Timer(_Watcher):
    """After so many seconds of virtual time, and every `repeat` seconds after that."""

    __slots__ = ("_after", "_repeat", "_turn")

    def __init__(self, loop: VirtualLoop, after: float, repeat: float) -> None:
        super().__init__(loop)
        self._after = max(0.0, after)
        self._repeat = repeat
        self._turn = 0

    def start(self, callback: Callable[..., object], *args: object, update: bool | None = None) -> None:
        super().start(callback, *args)
        self._turn = self.loop.at(self.loop.monotonic() + self._after, self._due)

    def again(self, callback: Callable[..., object], *args: object, update: bool | None = None) -> None:
        super().start(callback, *args)
        self._turn = self.loop.at(self.loop.monotonic() + (self._repeat or self._after), self._due)

    def stop(self) -> None:
        self.loop.forget(self._turn)
        super().stop()

    def _due(self) -> None:
        callback, args = self.callback, self.args
        if callback is None:
            return
        if self._repeat:
            self._turn = self.loop.at(self.loop.monotonic() + self._repeat, self._due)
        else:
            super().stop()
        callback(*args)


class VirtualLoop:
    """A loop as gevent's hub needs one. `begins` is in seconds since the epoch.

    `monotonic` counts seconds from 0; `time` the same from `begins` on.
    """

    default = False
    MAXPRI = 2
    MINPRI = -2

    def __init__(self, begins: float = 0.0) -> None:
        self.error_handler: Any = None
        self._begins = begins
        self._now = 0.0
        self._ready: deque[_Callback] = deque()
        self._timers: list[tuple[float, int]] = []
        self._due: dict[int, Callable[[], None]] = {}
        self._turns = itertools.count(1)

    # The clock -------------------------------------------------------------------------------------------

    def monotonic(self) -> float:
        return self._now

    def time(self) -> float:
        return self._begins + self._now

    now = time

    def update_now(self) -> None:
        """Time stands still while something runs."""

    update = update_now

    def at(self, when: float, do: Callable[[], None]) -> int:
        """Have `do` called at a moment of `monotonic`; returns what `forget` takes."""
        turn = next(self._turns)
        heapq.heappush(self._timers, (max(when, self._now), turn))
        self._due[turn] = do
        return turn

    def forget(self, turn: int) -> None:
        self._due.pop(turn, None)

    # What gevent asks for ----------------------------------------------------------------------------------

    def run(self, nowait: bool = False, once: bool = False) -> None:
        """Until there is nothing left to do and nothing to wait for.

        Raises:
            Stuck: no time passes.
        """
        while self._ready or self._pass_time():
            for _ in range(LONGEST_SILENCE):
                if not self._ready:
                    break
                self._run_one(self._ready.popleft())
            else:
                raise Stuck(f"{LONGEST_SILENCE} callbacks, and no time has passed")

    def _run_one(self, each: _Callback) -> None:
        callback, args = each.callback, each.args
        each.callback = None
        if callback is None or args is None:
            return
        try:
            callback(*args)
        except BaseException as error:  # the hub decides which of them end it
            self.handle_error(each, type(error), error, error.__traceback__)
        finally:
            each.args = None

    def _pass_time(self) -> bool:
        """Go to the next moment at which something is due; False: there is none."""
        while self._timers:
            when, turn = heapq.heappop(self._timers)
            do = self._due.pop(turn, None)
            if do is not None:
                self._now = max(self._now, when)
                self.run_callback(do)
                return True
        return False

    def handle_error(self, context: object, type: object, value: object, traceback: object) -> None:
        if self.error_handler is not None:
            self.error_handler.handle_error(context, type, value, traceback)

    def run_callback(self, callback: Callable[..., object], *args: object) -> _Callback:
        each = _Callback(callback, args)
        self._ready.append(each)
        return each

    run_callback_threadsafe = run_callback

    def timer(self, after: float, repeat: float = 0.0, ref: bool = True, priority: object = None) -> _Timer:
        return _Timer(self, after, repeat)

    def io(self, fd: int, events: int, ref: bool = True, priority: object = None) -> _Watcher:
        """A watcher that is made ready by whoever plays the other end: see `fsroute.replay.wire`."""
        return _Watcher(self)

    def async_(self, ref: bool = True, priority: object = None) -> _Watcher:
        return _Watcher(self)

    def destroy(self) -> None:
        self._ready.clear()
        self._timers.clear()
        self._due.clear()

    @property
    def activecnt(self) -> int:
        return len(self._due)

    @property
    def pendingcnt(self) -> int:
        return len(self._ready)

    def _format(self) -> str:
        return f"virtual at {self._now:.3f} s"


@contextmanager
def running(loop: VirtualLoop) -> Iterator[None]:
    """In this block gevent runs on `loop`, by its clock, and what was there before stands still.

    What was begun in the block and is not over at its end never goes on.
    """
    before = gevent.get_hub()
    own: Any = loop  # as much of a loop as a hub needs
    hub = Hub(own)
    hubs.set_hub(hub)
    try:
        yield
    finally:
        hub.destroy(destroy_loop=True)
        hubs.set_hub(before)
