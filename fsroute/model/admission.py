"""How many calls are taken, and what becomes of those above it."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

CAUSES = frozenset(
    {
        "USER_BUSY",
        "NORMAL_CIRCUIT_CONGESTION",
        "SWITCH_CONGESTION",
        "NORMAL_TEMPORARY_FAILURE",
        "CALL_REJECTED",
        "NO_USER_RESPONSE",
        "NORMAL_CLEARING",
    }
)
"""Causes that a refused call may end with; SIP says 486, 503, 503, 503, 603, 408 and 480 for them (mod_sofia)."""


NUMBER = re.compile(r"[0-9A-Za-z+*#_.-]{1,64}")
"""A number that calls may be sent on to."""


class Why(enum.StrEnum):
    """What was exceeded: calls at a time, new calls per second, or the sessions of one process."""

    CALLS = "calls"
    PER_SECOND = "per_second"
    SESSIONS = "sessions"


@dataclass(frozen=True, slots=True)
class Treatment:
    """What becomes of a call that is not taken; it has not been answered.

    `do` is ``busy`` (refused with `cause`), ``number`` (sent on to `number`), or ``message`` (`prompt` is played as
    early media, then it is refused with `cause`).
    """

    do: str = "busy"
    cause: str = "USER_BUSY"
    number: str = ""
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """`calls` at a time and new calls `per_second`; None: no limit."""

    calls: int | None = None
    per_second: float | None = None
    treatment: Treatment = Treatment()


@dataclass(frozen=True, slots=True)
class Share:
    """What one process may take of a limit until it asks again."""

    calls: int | None
    per_second: float | None


@dataclass(frozen=True, slots=True)
class Use:
    """What one process has of a limit: calls present, new calls per second that wanted to be taken, and its share."""

    scope: str
    limit: Limit
    present: int
    demand: float
    held: Share


@dataclass(frozen=True, slots=True)
class Dealt:
    """The share of a scope that a process has from now on, and what it is to lower it to before it reports again."""

    scope: str
    share: Share
    due: Share


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that is not taken: whose limit it was (`scope`), and why."""

    scope: str
    why: Why
    treatment: Treatment


def site_scope(site_id: str) -> str:
    return f"site:{site_id}"


def center_scope(contact_center_id: str) -> str:
    return f"center:{contact_center_id}"


PROCESS = "process"
"""The scope of the sessions of one process."""
