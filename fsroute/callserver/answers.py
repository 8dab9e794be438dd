"""What a look-up may come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """There are facts: short texts by name, data throughout."""

    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Empty:
    """The server answered that there is nothing."""


@dataclass(frozen=True, slots=True)
class Slow:
    """There was no answer in time."""


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no answer; `reason` is for the log."""

    reason: str


Answer = Found | Empty | Slow | Failed
