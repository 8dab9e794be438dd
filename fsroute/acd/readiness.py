"""What an ACD of another make says over HTTP of the calls that wait at it: one method, guarded by each call's token."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from fsroute.acd.adapters import AgentThere, NotTaken, Offering, Signal, Told, Waits

log = logging.getLogger(__name__)

LONGEST_BODY = 2048  # bytes
LONGEST_WAIT = 86_400.0  # seconds that an ACD may speak of
MOST_A_SECOND = 200  # requests that are looked at; a token cannot be guessed, but guessing costs

_PATH = re.compile(r"/acd/v1/(fsr[0-9a-f]{32})")
_AGENT = re.compile(r"[\w .@+-]{0,80}")

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Calls(Protocol):
    """The calls that wait, by their tokens."""

    def told(self, token: str, signal: Signal) -> bool: ...

    def leg_of(self, token: str) -> str: ...


class Rejected(ValueError):
    """A body that says nothing that can be taken; the text says why."""


class Readiness:
    """A WSGI application.

    Args:
        calls: those that wait.
        now: seconds, of any clock that goes on.
    """

    def __init__(self, calls: Calls, now: Callable[[], float]) -> None:
        self._calls = calls
        self._now = now
        self._second, self._count = 0, 0

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        status, text = self._answer(environ)
        body = f"{text}\n".encode() if text else b""
        start_response(
            status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        )
        return [body] if body else []

    def _answer(self, environ: dict[str, Any]) -> tuple[str, str]:
        if self._is_too_often():
            return "429 Too Many Requests", "too many requests"
        found = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        if found is None:
            return "404 Not Found", "no such call waits"
        if environ.get("REQUEST_METHOD") != "POST":
            return "405 Method Not Allowed", "POST"
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isascii() or not length.isdigit() or int(length) > LONGEST_BODY:
            return "413 Content Too Large", f"a body of {LONGEST_BODY} bytes at most"
        try:
            said = signals(environ["wsgi.input"].read(int(length)), self._calls.leg_of(found[1]))
        except Rejected as error:
            return "400 Bad Request", str(error)
        taken = [self._calls.told(found[1], signal) for signal in said]
        return ("204 No Content", "") if taken and all(taken) else ("404 Not Found", "no such call waits")

    def _is_too_often(self) -> bool:
        second = int(self._now())
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        return self._count > MOST_A_SECOND


def signals(body: bytes, leg: str) -> list[Signal]:
    """What a body says of the call at the channel `leg`.

    Raises:
        Rejected: it cannot be taken.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Rejected("the body is no JSON") from error
    if not isinstance(said, dict) or not set(said) <= {"state", "agent", "position", "expected_wait"}:
        raise Rejected("an object with state, and perhaps agent, position and expected_wait")
    agent = said.get("agent", "")
    if not isinstance(agent, str) or _AGENT.fullmatch(agent) is None:
        raise Rejected("agent: a name of 80 letters, digits and . @ + - _ at most")
    states: dict[object, Signal] = {
        "queued": Waits(),
        "offering": Offering(agent),
        "ready": AgentThere(agent, leg),
        "failed": NotTaken(agent, "no_answer"),
    }
    state = said.get("state")
    if not isinstance(state, str) or state not in states:
        raise Rejected(f"state: one of {', '.join(map(str, states))}")
    told = Told(_position(said.get("position")), _seconds(said.get("expected_wait")))
    return [states[state]] if told == Told() else [states[state], told]


def _position(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise Rejected("position: a whole number from 1 on")
    return value


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_WAIT:
        raise Rejected("expected_wait: seconds, a day at most")
    return float(value)
