"""The section that says how many calls a site takes, and what becomes of those above it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from fsroute.config.section import Section
from fsroute.model.admission import CAUSES


class Admission(Section, frozen=True):
    """How many calls this site takes: `calls` at a time, new ones `per_second`; 0: no limit.

    All call servers of the site say the same; what they take together is counted in the database. Calls above it are
    not answered: `treatment` is ``busy`` (refused with `cause`), ``number`` (sent on to `number`), or ``message``
    (`prompt` is played as early media, then they are refused).
    """

    calls: Annotated[int, Meta(ge=0)] = 0
    per_second: Annotated[float, Meta(ge=0, le=100_000)] = 0.0
    treatment: Literal["busy", "number", "message"] = "busy"
    cause: str = "SWITCH_CONGESTION"
    number: Annotated[str, Meta(pattern=r"^[0-9A-Za-z+*#_.-]{0,64}$")] = ""
    prompt: Annotated[str, Meta(pattern=r"^[^\x00-\x1f${}]{0,200}$")] = ""

    def __post_init__(self) -> None:
        if self.cause not in CAUSES:
            raise ValueError(f"cause {self.cause!r} is none of {', '.join(sorted(CAUSES))}")
        if self.treatment == "number" and not self.number:
            raise ValueError("treatment is number, and number is empty")
        if self.treatment == "message" and not self.prompt:
            raise ValueError("treatment is message, and prompt is empty")
