"""From step to step: what every kind of step comes down to."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fsroute.errors import ApplicationError
from fsroute.ivr.actions import Do
from fsroute.ivr.position import Position

MOST_STEPS = 100
"""Steps without anything from the caller, after which an application counts as running in a circle."""


@dataclass(frozen=True, slots=True)
class Go:
    """The step is over: the caller goes on at `step`."""

    position: Position
    step: str


Next = tuple[Position, Do]
Result = Next | Go


def entered(position: Position, step: str) -> Position:
    """At the beginning of a step."""
    return replace(counted(position), step=step, tries=0, asks_again="", heard=False)


def counted(position: Position) -> Position:
    """One step further.

    Raises:
        ApplicationError: there were too many without anything from the caller.
    """
    if position.steps_since_input >= MOST_STEPS:
        raise ApplicationError(f"more than {MOST_STEPS} steps without anything from the caller")
    return replace(position, steps_since_input=position.steps_since_input + 1)
