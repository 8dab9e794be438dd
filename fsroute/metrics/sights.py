"""What a process sees of itself at the moment when it is asked. Values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Link:
    """A connection to a switch; `lag` in seconds: how far FreeSWITCH is behind with its events."""

    up: bool
    lag: float


@dataclass(frozen=True, slots=True)
class Door:
    """A server that FreeSWITCH connects to for each call: calls now, at most, and refused so far."""

    sessions: int
    limit: int
    refused: int


@dataclass(frozen=True, slots=True)
class Connections:
    """A pool's connections to the database; `opened` and `failures` count from the beginning."""

    limit: int
    in_use: int
    idle: int
    opened: int
    failures: int


@dataclass(frozen=True, slots=True)
class Captures:
    """Calls kept as files; `stops` is how often a full disk or queue has stopped it."""

    runs: bool
    written: int
    stops: int


@dataclass(frozen=True, slots=True)
class Sight:
    """`epoch` is that of the leader that this process is; None: it leads nobody."""

    epoch: int | None
    connections: Connections
    links: Mapping[str, Link] = field(default_factory=dict)
    doors: Mapping[str, Door] = field(default_factory=dict)
    captures: Captures | None = None
