"""What a check is, and what it finds: values."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsroute.doctor.facts import Facts


class State(enum.StrEnum):
    """How something is, the better first."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    FAILED = "failed"


class Group(enum.StrEnum):
    """What a check is about, in the order in which it is worth reading."""

    HOST = "host"
    DATABASE = "database"
    SWITCH = "switch"
    DIALPLAN = "dialplan"
    SITES = "sites"
    APPLICATIONS = "applications"
    RULES = "rules"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one look found: the state, a sentence, and what to do about it where it is not as it should be."""

    state: State
    finding: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    check: str
    group: Group
    state: State
    finding: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One question; `judge` answers it from facts, once or about several things.

    `needs` names the parts of the facts without which it cannot be answered: then it is skipped, with the reason.
    """

    name: str
    group: Group
    judge: Callable[[Facts], Iterable[Verdict]]
    needs: tuple[str, ...] = ()


def ok(finding: str) -> Verdict:
    return Verdict(State.OK, finding)


def skipped(reason: str) -> Verdict:
    return Verdict(State.SKIPPED, reason)


def warning(finding: str, cure: str) -> Verdict:
    return Verdict(State.WARNING, finding, cure)


def failed(finding: str, cure: str) -> Verdict:
    return Verdict(State.FAILED, finding, cure)


def count(number: int, thing: str) -> str:
    """``1 agent``, ``2 agents``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def worst(findings: Iterable[Finding]) -> State:
    """The worst state of all; OK where there is nothing."""
    order = list(State)
    return max((each.state for each in findings), key=order.index, default=State.OK)
