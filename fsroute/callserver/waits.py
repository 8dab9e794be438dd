"""Position and expected wait as a waiting caller is told them: pure.

They are told only where the estimate's error band is inside the limit of the rule: a promise that would often not be
kept is not made.
"""

from __future__ import annotations

from fsroute.callserver.prompts import FALL_BACK, packaged
from fsroute.ivr.numerals import pieces
from fsroute.model.proxy_call import ProxyCall
from fsroute.model.routing import TimeLineStep

LAST_POSITION = 99  # that is told
LONGEST_MINUTES = 90  # that are told
LESS_THAN_A_MINUTE = 60.0  # seconds that all of the band must be under


def wait_step(call: ProxyCall) -> TimeLineStep | None:
    """The step by which waits are announced to this caller: the last such one that the time line has come to."""
    done = call.time_line[: call.time_line_done]
    return next((step for step in reversed(done) if step.do == "announce_wait"), None)


def announcement(call: ProxyCall, limit: float, language: str) -> tuple[str, ...]:
    """The recordings that tell position and expected wait; none where the estimate is not good enough.

    `limit` is half the width of the error band that may be announced, as a part of the expected wait.
    """
    wait, error = call.expected_wait, call.expected_wait_error
    if wait is None or error is None or call.position is None or error > limit:
        return ()
    spoken = language_of(language)
    expected = _expected(wait, error, spoken)
    return (*_position(call.position, spoken), *expected) if expected else ()


def language_of(language: str) -> str:
    """The language that the package's own recordings are heard in."""
    bare = language.replace("_", "-").partition("-")[0]
    return bare if "wait_position" in packaged(bare) else FALL_BACK


def minutes(wait: float) -> int:
    """A wait in round minutes: to the minute up to 10, to 5 up to 30, to 10 beyond."""
    exact = wait / 60.0
    step = 1 if exact <= 10 else 5 if exact <= 30 else 10
    return max(1, step * round(exact / step))


def _position(position: int, language: str) -> tuple[str, ...]:
    if position == 1:
        return ("wait_next",)
    if position > LAST_POSITION:
        return ()
    return ("wait_position", *(pieces(language, "number", str(position)) or ()))


def _expected(wait: float, error: float, language: str) -> tuple[str, ...]:
    if wait * (1.0 + error) < LESS_THAN_A_MINUTE:
        return ("wait_less",)
    rounded = minutes(wait)
    if rounded > LONGEST_MINUTES:
        return ()
    if rounded == 1:
        return ("wait_minute",)
    return ("wait_expected", *(pieces(language, "number", str(rounded)) or ()), "wait_minutes")
