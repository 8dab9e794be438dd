"""What a ``callcenter.conf.xml`` says: queues, agents and tiers, as mod_callcenter reads them. Pure.

Defaults are those of mod_callcenter.c (`queue_set_config`, `load_agent`, `load_tier`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from fsroute.importing.listing import Listed
from fsroute.importing.remarks import Place, Remark, shown
from fsroute.importing.xmlfile import Element

ORIGINATE_TIMEOUT = 60  # seconds
LONGEST_TIME = 86_400  # seconds, as mod_callcenter limits its own

QUEUE_PARAMETERS = frozenset(
    {
        "strategy",
        "moh-sound",
        "announce-sound",
        "announce-frequency",
        "record-template",
        "time-base-score",
        "ring-progressively-delay",
        "tier-rules-apply",
        "tier-rule-wait-second",
        "tier-rule-wait-multiply-level",
        "tier-rule-no-agent-no-wait",
        "discard-abandoned-after",
        "abandoned-resume-allowed",
        "max-wait-time",
        "max-wait-time-with-no-agent",
        "max-wait-time-with-no-agent-time-reached",
        "agent-no-answer-status",
        "skip-agents-with-external-calls",
    }
)
AGENT_ATTRIBUTES = frozenset(
    {
        "name",
        "type",
        "contact",
        "status",
        "max-no-answer",
        "wrap-up-time",
        "reject-delay-time",
        "busy-delay-time",
        "no-answer-delay-time",
    }
)
T = TypeVar("T")
Make = Callable[[str, Element, list[Remark]], T]

_TRUE = frozenset({"yes", "on", "true", "t", "enabled", "active", "allow"})


@dataclass(frozen=True, slots=True)
class Value:
    """A text and where it stands."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue by its parameters; those that are not set are not there."""

    name: str
    place: Place
    values: Mapping[str, Value] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        found = self.values.get(name)
        return default if found is None or not found.text else found.text

    def at(self, name: str) -> Place:
        """Where a parameter stands, or else the queue."""
        found = self.values.get(name)
        return self.place if found is None else found.place

    def whole(self, name: str, default: int = 0) -> int:
        return whole(self.text(name), default)

    def flag(self, name: str, default: bool) -> bool:
        text = self.text(name).lower()
        return default if not text else text in _TRUE or (text.isdecimal() and int(text[:9]) != 0)


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent by its attributes, named as in the file."""

    name: str
    place: Place
    values: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return self.values.get(name, "")

    def whole(self, name: str) -> int:
        return whole(self.text(name), 0)


@dataclass(frozen=True, slots=True)
class Tier:
    """An agent's place in a queue: lower levels are asked first, then lower positions."""

    queue: str
    agent: str
    level: int
    position: int
    place: Place


@dataclass(frozen=True, slots=True)
class SetUp:
    """All of it, each queue, agent and tier once."""

    queues: Mapping[str, Queue] = field(default_factory=dict)
    agents: Mapping[str, Agent] = field(default_factory=dict)
    tiers: Mapping[tuple[str, str], Tier] = field(default_factory=dict)
    settings: Mapping[str, Value] = field(default_factory=dict)


def whole(text: str, default: int) -> int:
    """A number as C's ``atoi`` reads it, from 0 to a day."""
    found = re.match(r"\s*([0-9]{1,9})", text)
    return default if found is None else min(int(found[1]), LONGEST_TIME)


def read(roots: Iterable[Element]) -> tuple[SetUp, list[Remark]]:
    """What the elements of one or several files say; of a name that comes twice the first counts."""
    remarks: list[Remark] = []
    queues: dict[str, Queue] = {}
    agents: dict[str, Agent] = {}
    tiers: dict[tuple[str, str], Tier] = {}
    settings: dict[str, Value] = {}
    for root in roots:
        for element in root.all("settings"):
            settings |= _parameters(element)
        for element in root.all("queue"):
            _enter(queues, element, _queue, remarks)
        for element in root.all("agent"):
            _enter(agents, element, _agent, remarks)
        for element in root.all("tier"):
            _enter_tier(tiers, element, remarks)
    return SetUp(queues, agents, tiers, settings), remarks


def with_lists(
    set_up: SetUp, queues: Iterable[Listed] = (), agents: Iterable[Listed] = (), tiers: Iterable[Listed] = ()
) -> SetUp:
    """A set-up with what mod_callcenter's lists say in front of it."""
    found = {**set_up.queues}
    for place, row in queues:
        values = {_hyphens(name): Value(_known(text), place) for name, text in row.items() if name != "name"}
        before = found.get(row["name"])
        # the list lacks the announcements: what the file has besides is kept
        merged = {**(before.values if before else {}), **{k: v for k, v in values.items() if v.text}}
        found[row["name"]] = Queue(row["name"], before.place if before else place, _of(merged))
    known = {**set_up.agents}
    for place, row in agents:
        texts = {_hyphens(name): _known(text) for name, text in row.items()}
        known[row["name"]] = Agent(row["name"], place, texts)
    places = {**set_up.tiers}
    for place, row in tiers:
        key = (row["queue"], row["agent"])
        places[key] = Tier(*key, whole(row["level"], 1), whole(row["position"], 1), place)
    return replace(set_up, queues=found, agents=known, tiers=places)


def _queue(name: str, element: Element, remarks: list[Remark]) -> Queue:
    values = _parameters(element)
    for key in sorted(values.keys() - QUEUE_PARAMETERS):
        remarks.append(
            Remark(values[key].place, f"queue {shown(name)}: mod_callcenter knows no parameter {shown(key)}")
        )
    return Queue(name, element.place, _of(values))


def _agent(name: str, element: Element, remarks: list[Remark]) -> Agent:
    for key in sorted(element.attributes.keys() - AGENT_ATTRIBUTES):
        remarks.append(
            Remark(element.place, f"agent {shown(name)}: mod_callcenter knows no attribute {shown(key)}")
        )
    return Agent(name, element.place, {key: text.strip() for key, text in element.attributes.items()})


def _enter(found: dict[str, T], element: Element, make: Make[T], remarks: list[Remark]) -> None:
    name = element.get("name")
    if name is None:
        remarks.append(Remark(element.place, f"a {element.name} without a name: it is ignored"))
    elif name in found:
        remarks.append(
            Remark(element.place, f"there is another {element.name} {shown(name)} before: it counts")
        )
    else:
        found[name] = make(name, element, remarks)


def _enter_tier(tiers: dict[tuple[str, str], Tier], element: Element, remarks: list[Remark]) -> None:
    queue, agent = element.get("queue"), element.get("agent")
    if queue is None or agent is None:
        remarks.append(Remark(element.place, "a tier without a queue or an agent: it is ignored"))
        return
    if (queue, agent) in tiers:
        remarks.append(
            Remark(
                element.place,
                f"agent {shown(agent)} has another tier of queue {shown(queue)}: the last counts",
            )
        )
    level, position = whole(element.get("level") or "", 1), whole(element.get("position") or "", 1)
    tiers[queue, agent] = Tier(queue, agent, level, position, element.place)


def _parameters(element: Element) -> dict[str, Value]:
    found = {}
    for each in element.all("param"):
        name = each.get("name")
        if name is not None:
            found[name.lower()] = Value(each.get("value") or "", each.place)
    return found


def _of(values: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name in QUEUE_PARAMETERS}


def _hyphens(name: str) -> str:
    return name.replace("_", "-")


def _known(text: str) -> str:
    """FreeSWITCH prints a text that is not set as ``(null)``."""
    return "" if text == "(null)" else text
