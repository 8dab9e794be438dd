"""What is other now than it was then: values, and how two recordings of one call are held against each other. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class Kind(enum.StrEnum):
    """Of which kind a difference is."""

    MISSING = "missing"  # fsroute sent it then, and does not now
    EXTRA = "extra"  # fsroute sends it now, and did not then
    CHANGED = "changed"  # the same command with other arguments
    ORDER = "order"  # the same commands in another order
    TIMING = "timing"  # the same command, sooner or later than the tolerance
    ROUTING = "routing"  # the rules make something else of the contact
    DECISION = "decision"  # the coordinator does something else with it
    ASKED = "asked"  # another question to an application server
    ENDING = "ending"  # the contact ends in another way


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is other now.

    `then_at` and `now_at` are in seconds from the beginning of the session; None where there is no counterpart.
    `then` and `now` say what was, what is, in one line each. `origin` is what made it so: the step of the application,
    or the rule. `fields` are the parts that differ, by their names: (then, now).
    """

    kind: Kind
    what: str
    then_at: float | None = None
    now_at: float | None = None
    then: str = ""
    now: str = ""
    origin: str = ""
    fields: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def at(self) -> float:
        """Where it stands on the ladder."""
        return self.then_at if self.then_at is not None else self.now_at or 0.0

    def __str__(self) -> str:
        made = f" [{self.origin}]" if self.origin else ""
        return f"{self.at:.3f} s: {self.what}{made}"
