"""What came of a replay: values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fsroute.lookups.answers import Answer as LookUpAnswer
from fsroute.model.proxy_call import ProxyCall
from fsroute.replay.pairing import Pairing
from fsroute.routing.match import Routed
from fsroute.routing.rules import Inquiry

LAST_MOMENTS = 0.3  # seconds before the end of a call whose rows its journal may lack


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """A row that the ledger would have."""

    kind: str
    contact_id: str
    proxy_call_id: int | None = None
    agent_id: str | None = None
    state: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """The rules were asked, `at` seconds from the beginning."""

    at: float
    inquiry: Inquiry
    routed: Routed


@dataclass(frozen=True, slots=True)
class Question:
    """An application server was asked."""

    at: float
    name: str
    parameters: Mapping[str, str]
    origin: str


@dataclass(frozen=True, slots=True)
class Recalled:
    """What an application server answered then, after so many seconds."""

    name: str
    after: float
    answer: LookUpAnswer


@dataclass(slots=True)
class Run:
    """What came of it. Moments in seconds from the beginning, by the clock of now."""

    pairing: Pairing
    sent: list[tuple[float, bytes, str]] = field(
        default_factory=list
    )  # commands: when, what, and what made them
    asked: list[Asked] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    moves: list[tuple[float, LedgerEvent, ProxyCall | None]] = field(default_factory=list)
    notes: list[tuple[float, dict[str, Any]]] = field(default_factory=list)  # on the clock of then
    facts: dict[str, Any] = field(default_factory=dict)
    log: list[tuple[float, bool, bytes]] = field(default_factory=list)  # as `Tape.log`
    stopped: str = ""
    stopped_at: float | None = None  # by the clock of then
    ended_at: float = 0.0
