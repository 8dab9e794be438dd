"""Captured calls of the contact center of ``tests/unit/routing/snapshots.py``, as values."""

from __future__ import annotations

from typing import Any

from fsroute.coordinator.strategies import BUILT_IN
from fsroute.model.agent import Agent
from fsroute.replay.comparing import CapturedCall, Comparison, Request
from fsroute.replay.decision import Asked, Seen
from fsroute.routing.rules import RuleSet
from tests.unit.routing.snapshots import NOON, agent, inquiry

ANN, BOB, CYD = agent("ann", sales=3), agent("bob", sales=2), agent("cyd", "east", sales=1)


def request(
    queue: str = "sales", number: int = 1, agents: tuple[Agent, ...] = (ANN, BOB, CYD), **caller: Any
) -> Request:
    return Request(Asked(number, NOON.timestamp(), inquiry(queue, **caller)), Seen(agents))


def call(name: str = "a.jsonl", *requests: Request, application: str = "orders") -> CapturedCall:
    return CapturedCall(name, "shop", "800", application, requests or (request(),))


def compared(present: RuleSet | None, new: RuleSet, *calls: CapturedCall, **values: Any) -> Comparison:
    comparison = Comparison(present, new, BUILT_IN.__getitem__, "version 7", "new.sql", **values)
    for each in calls:
        comparison.add(each)
    return comparison
