"""The section that says whether calls are captured, and how many of them for how long."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from fsroute.config.section import Seconds, Section

Megabytes = Annotated[int, Meta(ge=1, le=1_000_000)]


class Capture(Section, frozen=True):
    """Calls kept as files (docs/captures.md); without a `folder` none are.

    `sample` is the share of calls, 0 to 1. With `inbound` the connections to the switch are kept, too. What is
    deleted is the oldest: beyond `max_age`, or when all is more than `max_total_size`. `rotation` is after how long a
    connection to the switch, or a journal, goes on in another file. With `scrub` names and numbers are replaced as
    they are written; of a caller's number `scrub_kept_digits` of the national part stay, and the facts named by
    `scrub_facts` are replaced, too.
    """

    folder: str = ""
    sample: Annotated[float, Meta(ge=0, le=1)] = 1.0
    inbound: bool = True
    max_file_size: Megabytes = 16
    max_total_size: Megabytes = 2048
    max_age: Seconds = 604_800.0
    rotation: Seconds = 3600.0
    scrub: bool = False
    scrub_kept_digits: Annotated[int, Meta(ge=0, le=9)] = 0
    scrub_facts: tuple[str, ...] = ()
