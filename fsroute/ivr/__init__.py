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
    Digits,
    Do,
    Failed,
    HangUp,
    Happening,
    HungUp,
    NeedAgent,
    NoInput,
    Play,
    Played,
    Say,
    Transfer,
    WrongInput,
    describe,
)
from fsroute.ivr.application import Application, Fault, PositionRefused, Severity, TemplateFault
from fsroute.ivr.interpreter import advance
from fsroute.ivr.position import Position, resume, start

if TYPE_CHECKING:
    from fsroute.ivr.bundle import check, load

__all__ = [
    "AgentOutcome",
    "Application",
    "Began",
    "Collect",
    "Digits",
    "Do",
    "Failed",
    "Fault",
    "HangUp",
    "Happening",
    "HungUp",
    "NeedAgent",
    "NoInput",
    "Play",
    "Played",
    "Position",
    "PositionRefused",
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
    "start",
]


def __getattr__(name: str) -> Any:
    if name in ("check", "load"):
        from fsroute.ivr import bundle

        return getattr(bundle, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
