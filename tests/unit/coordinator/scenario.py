"""Scenarios as text: what happens at which second, and what the core decides then.

::

    0   agent anna           |
    5   call 1               | 1 to anna
    25  no answer 1          |
    55                       | 1 to anna

Options follow their subject: ``skill=level``, and for an agent ``center= wrap_up= begins= ends= idle= switch=
status=``, for a call ``center= priority= arrived= lead= limit= refuse=``.
"""

from __future__ import annotations

from typing import Any

from fsroute.model.agent import AgentStatus
from tests.unit.coordinator.center import Center, authorized, demand

_AGENT = {"idle": "idle_since", "wrap_up": "wrap_up"}
_CALL = {
    "priority": "priority",
    "arrived": "arrived",
    "lead": "lead",
    "limit": "longest_wait",
    "refuse": "refuse_when",
}


def play(table: str) -> Center:
    """Play a scenario; every decision must be in its line."""
    center = Center()
    for line in filter(None, map(str.strip, table.splitlines())):
        what, _, expected = line.partition("|")
        second, _, happening = what.strip().partition(" ")
        center.said.clear()
        center.until(float(second))
        happen(center, happening.strip())
        assert center.said == [word.strip() for word in expected.split(",") if word.strip()], line
    return center


def happen(center: Center, happening: str) -> None:
    if not happening:
        return
    verb, _, rest = happening.partition(" ")
    if verb == "agent":
        hire(center, rest)
    elif verb == "call":
        request(center, rest)
    elif verb in ("available", "on_break", "logged_out"):
        center.database.declare(rest, AgentStatus(verb))
        center.read(rest)
    elif verb == "dismiss":
        del center.database.agents[rest]
        center.read(rest)
    elif verb in ("slow", "answer"):
        center.slow = verb == "slow"
        center.answer()
    else:
        change(center, happening)


def change(center: Center, happening: str) -> None:
    """A transition that other rooms make: ``accept 1``."""
    verb, _, number = happening.rpartition(" ")
    database = center.database
    changes: dict[str, Any] = {
        "accept": database.accept,
        "join": database.join,
        "leave": database.leave,
        "lose": database.lose,
        "hang up": database.hang_up,
        "no answer": database.fail,
        "network leg fails": lambda call: database.fail(call, pause=0.0, hold=5.0),
    }
    assert changes[verb](int(number)) is not None, happening
    center.hear()


def hire(center: Center, text: str) -> None:
    agent_id, options = split(text)
    windows = [
        authorized(name, number(options.get("begins")), number(options.get("ends")))
        for name in str(options.pop("center", "a")).split("+")
    ]
    options.pop("begins", None)
    options.pop("ends", None)
    named: dict[str, Any] = {_AGENT[name]: float(options.pop(name)) for name in _AGENT if name in options}
    named["switch_id"] = options.pop("switch", "s2")
    named["status"] = AgentStatus(options.pop("status", "available"))
    named.update((name, int(level)) for name, level in options.items())
    center.database.hire(agent_id, *windows, **named)
    center.read(agent_id)


def request(center: Center, text: str) -> None:
    number_of_call, options = split(text)
    wanted = str(options.pop("center", "a"))
    named: dict[str, Any] = {}
    for name in list(options):
        if name in _CALL:
            value = options.pop(name)
            named[_CALL[name]] = value if name in ("lead", "refuse") else float(value)
    if "priority" in named:
        named["priority"] = int(named["priority"])
    skills = {name: int(level) for name, level in options.items()}
    center.database.request(int(number_of_call), demand(wanted, **skills), **named)
    center.hear()


def split(text: str) -> tuple[str, dict[str, str]]:
    subject, *options = text.split()
    return subject, dict(option.split("=") for option in options)


def number(text: str | None) -> float | None:
    return None if text is None else float(text)
