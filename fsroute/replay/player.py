"""The player: a captured call runs through the call server, the application and the coordinator of today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fsroute.callserver.library import Library
from fsroute.model.routing import Routing, Way
from fsroute.replay.differences import Difference
from fsroute.replay.format import Capture
from fsroute.replay.journal import Journal
from fsroute.routing.rules import RuleSet

TOLERANCE = 0.5  # seconds by which a command may come sooner or later


@dataclass(frozen=True, slots=True)
class Requested:
    """The rules were asked for this call, `at` seconds from its beginning: what they made of it.

    Exactly one of `routing` and `way` is there.
    """

    at: float
    queue: str
    facts: Mapping[str, str]
    routing: Routing | None = None
    way: Way | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one call.

    `stopped` says why nothing was compared from some point on; empty: all was. `skipped` says why it was not replayed
    at all. `capture` is the call as it is now, for `--update`: what FreeSWITCH sent, with what fsroute sends now.
    """

    name: str
    situation: str
    differences: tuple[Difference, ...] = ()
    stopped: str = ""
    skipped: str = ""
    outcome: str | None = None
    requests: tuple[Requested, ...] = ()
    capture: Capture | None = None

    @property
    def is_same(self) -> bool:
        return not self.differences and not self.skipped


def replay(
    capture: Capture,
    journals: Mapping[str, Journal],
    library: Library,
    *,
    rules: RuleSet | None = None,
    tolerance: float = TOLERANCE,
    settings: Mapping[str, Any] | None = None,
) -> Replayed:
    """Replay one outbound session; nothing waits, nothing outside is touched, and it is the same each time.

    Args:
        capture: the call.
        journals: by their file names, those that the call's notes point to; without one nobody is on duty.
        library: the applications of today.
        rules: those of today; None: the ones that the journal says were in force.
        tolerance: seconds by which a command may come sooner or later.
        settings: of the call server (`fsroute.callserver.desk.Settings`), where they are known better than the
            capture tells them.

    Raises:
        CaptureError: it cannot be replayed: it is damaged, joined in the middle, or its journal does not fit.
    """
    raise NotImplementedError
