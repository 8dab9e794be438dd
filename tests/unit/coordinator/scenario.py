"""Scenarios as text: what happens at which second, and what the core decides then.

::

    0   agent anna           |
    5   call 1               | 1 to anna
    25  no answer 1          |
    55                       | 1 to anna

Options follow their subject: ``skill=level``, and for an agent ``center= wrap_up= begins= ends= idle= switch=
status= site= team= rate= served= last= media=medium:slots:weight+…``, for a call ``center= medium= priority=
arrived= lead= limit= refuse= strategy= preferred= full= site= sites= teams= only= line=step+step…``. A step of a
time line is ``after:do:…``: ``30:skill:sales:1``, ``60:teams:red/blue``, ``60:sites:``, ``90:priority:5``,
``20:announce``.
"""

from __future__ import annotations

from typing import Any

from fsroute.coordinator import actions as act
from fsroute.coordinator.strategies import Strategies
from fsroute.model.agent import AgentStatus, MediumSlots
from fsroute.model.routing import TimeLineStep
from tests.unit.coordinator.center import Center, authorized, demand

_AGENT = {
    "idle": "idle_since",
    "wrap_up": "wrap_up",
    "rate": "rate",
    "served": "contacts_served",
    "last": "last_reserved",
}
_TEXTS = {"lead", "refuse", "strategy", "preferred", "site"}
_CALL = {
    "strategy": "strategy",
    "preferred": "preferred",
    "full": "longest_queue",
    "site": "caller_site",
    "priority": "priority",
    "arrived": "arrived",
    "lead": "lead",
    "limit": "longest_wait",
    "refuse": "refuse_when",
}


def play(table: str, strategies: Strategies | None = None) -> Center:
    """Play a scenario; every decision must be in its line."""
    center = Center(strategies)
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
    elif verb in ("close", "open"):
        name, _, keep = rest.partition(" ")
        center.tell(act.CenterChanged(name, verb == "close", keep == "keep"))
    elif verb == "rates":
        pairs = dict(pair.split("=") for pair in rest.split())
        center.tell(
            act.RatesChanged({tuple(pair.split(">")): float(rate) for pair, rate in pairs.items()})  # type: ignore[misc]
        )
    elif verb == "take-over":
        center.take_over()
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
        "choose callback": database.choose_callback,
        "dial": database.dial_caller,
        "caller back": database.caller_back,
        "unreached": database.caller_unreached,
        "give up": database.give_up_callback,
        "network leg fails": lambda call: database.fail(call, pause=0.0, hold=5.0),
    }
    assert changes[verb](int(number)) is not None, happening
    center.hear()


def hire(center: Center, text: str) -> None:
    agent_id, options = split(text)
    media = dict(slots(entry) for entry in options.pop("media", "").split("+") if entry)
    windows = [
        authorized(name, number(options.get("begins")), number(options.get("ends")), medium)
        for name in str(options.pop("center", "a")).split("+")
        for medium in (media or ["voice"])
    ]
    options.pop("begins", None)
    options.pop("ends", None)
    named: dict[str, Any] = {_AGENT[name]: float(options.pop(name)) for name in _AGENT if name in options}
    named["switch_id"] = options.pop("switch", "s2")
    named["site_id"] = options.pop("site", "x")
    named["team"] = options.pop("team", None)
    named["media"] = media
    named["status"] = AgentStatus(options.pop("status", "available"))
    named.update((name, int(level)) for name, level in options.items())
    center.database.hire(agent_id, *windows, **named)
    center.read(agent_id)


def slots(entry: str) -> tuple[str, MediumSlots]:
    medium, *numbers = entry.split(":")
    return medium, MediumSlots(*map(int, numbers))


def request(center: Center, text: str) -> None:
    number_of_call, options = split(text)
    wanted = demand(str(options.pop("center", "a")), options.pop("medium", "voice"))
    wanted = wanted.with_(
        sites=names(options.pop("sites", "")),
        teams=names(options.pop("teams", "")),
        agent_id=options.pop("only", None),
    )
    named: dict[str, Any] = {"time_line": tuple(map(step, options.pop("line", "").split("+")))}
    named["time_line"] = tuple(one for one in named["time_line"] if one is not None)
    for name in list(options):
        if name in _CALL:
            value = options.pop(name)
            named[_CALL[name]] = value if name in _TEXTS else float(value)
    for name in ("priority", "longest_queue"):
        if name in named:
            named[name] = int(named[name])
    skills = tuple(sorted((name, int(level)) for name, level in options.items()))
    center.database.request(int(number_of_call), wanted.with_(skills=skills), **named)
    center.hear()


def names(text: str) -> tuple[str, ...]:
    return tuple(sorted(filter(None, text.split("/"))))


def step(text: str) -> TimeLineStep | None:
    if not text:
        return None
    after, do, *rest = text.split(":")
    if do == "skill":
        return TimeLineStep(float(after), do, skill=rest[0], level=int(rest[1]) if rest[1:] else None)
    if do in ("teams", "sites"):
        return TimeLineStep(float(after), do, names=names(rest[0]))
    return TimeLineStep(float(after), do, priority=int(rest[0]) if rest else 0)


def split(text: str) -> tuple[str, dict[str, str]]:
    subject, *options = text.split()
    return subject, dict(option.split("=") for option in options)


def number(text: str | None) -> float | None:
    return None if text is None else float(text)
