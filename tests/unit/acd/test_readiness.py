"""What an ACD may say over HTTP, and what is not taken."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsroute.acd.adapters import AgentThere, NotTaken, Offering, Signal, Told, Waits
from fsroute.acd.readiness import LONGEST_BODY, MOST_A_SECOND, Readiness, Rejected, signals

TOKEN = "fsr" + "0a" * 16


class Calls:
    """One call waits, with `TOKEN`."""

    def __init__(self) -> None:
        self.heard: list[Signal] = []

    def told(self, token: str, signal: Signal) -> bool:
        self.heard += [signal] * (token == TOKEN)
        return token == TOKEN

    def leg_of(self, token: str) -> str:
        return "leg" if token == TOKEN else ""


def ask(calls: Calls, body: bytes, path: str = f"/acd/v1/{TOKEN}", **environ: Any) -> str:
    return answered(Readiness(calls, lambda: 0.0), body, path, **environ)


def answered(readiness: Readiness, body: bytes, path: str = f"/acd/v1/{TOKEN}", **environ: Any) -> str:
    statuses: list[str] = []
    known = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    list(readiness({"PATH_INFO": path} | known | environ, lambda status, _headers: statuses.append(status)))
    return statuses[0].split()[0]


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ({"state": "ready", "agent": "zoe"}, [AgentThere("zoe", "leg")]),
        ({"state": "offering"}, [Offering("")]),
        ({"state": "failed", "agent": "zoe"}, [NotTaken("zoe", "no_answer")]),
        ({"state": "queued", "position": 3, "expected_wait": 40}, [Waits(), Told(3, 40.0)]),
    ],
)
def test_the_acd_says_how_far_a_call_is(said: dict[str, object], heard: list[Signal]) -> None:
    calls = Calls()
    assert ask(calls, json.dumps(said).encode()) == "204"
    assert calls.heard == heard


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"ready", b'{"state": "done"}', b'{"state": ["ready"]}', b'{"state": "ready", "agent": 5}',
        b'{"state": "ready", "agent": "a\\nb"}', b'{"state": "ready", "x": 1}', b'{"state": "queued", "position": 0}',
        b'{"state": "queued", "position": true}', b'{"state": "queued", "expected_wait": NaN}', b"\xff", b"[" * 1500,
    ],
)  # fmt: skip
def test_what_says_nothing_is_not_taken(body: bytes) -> None:
    calls = Calls()
    assert ask(calls, body) == "400"
    assert calls.heard == []


def test_who_has_no_token_learns_nothing() -> None:
    good = b'{"state": "ready"}'
    for path in ("/", "/acd/v1/", "/acd/v1/fsr0", f"/acd/v1/{TOKEN}/x", f"/acd/v1/{TOKEN[:-1]}b"):
        assert ask(Calls(), good, path) == "404"
    assert ask(Calls(), good, REQUEST_METHOD="GET") == "405"
    assert ask(Calls(), good, CONTENT_LENGTH=str(LONGEST_BODY + 1)) == "413"
    assert ask(Calls(), good, CONTENT_LENGTH="-1") == "413"
    assert ask(Calls(), good, CONTENT_LENGTH="") == "400"


def test_too_many_requests_in_a_second_are_not_looked_at() -> None:
    now = [0.0]
    readiness = Readiness(Calls(), lambda: now[0])
    statuses = [answered(readiness, b'{"state": "ready"}') for _ in range(MOST_A_SECOND + 1)]
    assert (set(statuses[:-1]), statuses[-1]) == ({"204"}, "429")
    now[0] = 1.0
    assert answered(readiness, b'{"state": "ready"}') == "204"


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200)
    | st.dictionaries(st.text(max_size=8), st.text(max_size=8)).map(lambda d: json.dumps(d).encode())
)
def test_whatever_comes_is_taken_or_rejected(body: bytes) -> None:
    try:
        said = signals(body, "leg")
    except Rejected:
        return
    assert 1 <= len(said) <= 2
