"""Who waits, and the talk with the waiting caller: the dialogue with its clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fsroute.callserver.dialogue import Dialogue, Do, Happening, begin, proceed
from fsroute.callserver.prompts import Prompts


@dataclass(frozen=True, slots=True)
class Waiter:
    """A waiting caller.

    `application_state` is where the caller stands in the application, for the time after a callback.
    `accepts` tells a number as it may be called back, or None. `called`: fsroute dialled this channel to call
    the caller back. `chosen`: the number at which the caller has chosen to be called, before there was a
    place to keep; empty: none.
    """

    prompts: Prompts
    accepts: Callable[[str], str | None]
    may_be_called: bool = False
    application_state: str = ""
    called: bool = False
    chosen: str = ""


class Talk:
    """At most one dialogue at a time. `listens_until` is in seconds since the epoch; 0: not listening."""

    def __init__(self, waiter: Waiter) -> None:
        self._accepts = waiter.accepts
        self._dialogue: Dialogue | None = None
        self.listens_until = 0.0

    def begin(self, number: str, prompt: str) -> Do:
        self._dialogue, do = begin(number, prompt)
        self.listens_until = 0.0
        return do

    def hear(self, happening: Happening) -> Do | None:
        """What to do; None where nothing changes, or nobody is asked anything."""
        if self._dialogue is None:
            return None
        self._dialogue, do = proceed(self._dialogue, happening, self._accepts)
        if do is not None:
            self.listens_until = 0.0
        return do

    def listen(self, until: float) -> None:
        self.listens_until = until

    def is_silent(self, now: float) -> bool:
        """The time to key something has passed."""
        return self._dialogue is not None and 0.0 < self.listens_until <= now

    def end(self) -> None:
        self._dialogue = None
        self.listens_until = 0.0
