"""Interactive applications: what a caller hears and is asked before anybody else is needed.

``load`` and ``check`` read a folder; ``start``, ``advance`` and ``resume`` are pure. The reading
half is imported when it is first used, so that the pure half comes without a template engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsroute.ivr.actions import (
    AgentOutcome,
    Began,
    Collect,
    Declined,
    Digits,
    Do,
    Failed,
    HangUp,
    Happening,
    HungUp,
    LookedUp,
    LookUp,
    NeedAgent,
    NoInput,
    OfferCallback,
    Play,
    Played,
    Record,
    Recorded,
    Said,
    Say,
    Transfer,
    WrongInput,
    describe,
)
from fsroute.ivr.application import Application, Fault, PositionRefused, Severity, TemplateFault
from fsroute.ivr.interpreter import advance, running
from fsroute.ivr.position import Position, resume, start

if TYPE_CHECKING:
    from fsroute.ivr.bundle import check, load

__all__ = [
    "AgentOutcome",
    "Application",
    "Began",
    "Collect",
    "Declined",
    "Digits",
    "Do",
    "Failed",
    "Fault",
    "HangUp",
    "Happening",
    "HungUp",
    "LookUp",
    "LookedUp",
    "NeedAgent",
    "NoInput",
    "OfferCallback",
    "Play",
    "Played",
    "Position",
    "PositionRefused",
    "Record",
    "Recorded",
    "Said",
    "Say",
    "Severity",
    "TemplateFault",
    "Transfer",
    "WrongInput",
    "advance",
    "check",
    "describe",
    "load",
    "resume",
    "running",
    "start",
]


def __getattr__(name: str) -> Any:
    if name in ("check", "load"):
        from fsroute.ivr import bundle

        return getattr(bundle, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
