"""What cannot be reached is said once, and once more when it is back: not with every attempt in between."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable


class Outage:
    """Whether one thing can be reached, as its user sees it.

    `what` names it in the log, as in ``signals are interrupted``. `clock` gives seconds.
    """

    def __init__(
        self, logger: logging.Logger, what: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._logger = logger
        self._what = what
        self._clock = clock
        self._since: float | None = None

    @property
    def lasts(self) -> bool:
        return self._since is not None

    def failed(self, error: object) -> None:
        """An attempt failed; only the first in a row is news."""
        if self._since is None:
            self._since = self._clock()
            self._logger.warning("%s: %s", self._what, " ".join(str(error).split()))
        else:
            self._logger.debug("%s, still: %s", self._what, error)

    def over(self) -> None:
        """It answers."""
        if self._since is not None:
            lasted, self._since = self._clock() - self._since, None
            self._logger.warning("over after %.1f s: %s", lasted, self._what)
