"""A ledger written as a table, one event a line, and what the audit says of it.

::

    0     leader  leader
    1     ann     status         available
    1     c1      arrived
    2     c1      requested      lead=ready skills=orders:2
    2.01  c1      taken
    2.02  c1      agent_reserved ann
    9     end

A subject that begins with ``c`` and a digit is a contact, `leader` the coordinator, any other an agent. A
contact's state and legs follow the state tables unless ``state=``, ``agent_leg=``, ``network_leg=`` or
``caller_leg=`` say otherwise. ``agent_reserved`` writes the agent's event too; ``ann released wrap_up 5`` gives
reason and pause. A demand has ``skills=``, ``sites=``, ``teams=`` and ``only=`` (an agent), at the request and
whenever an event changes it; ``acd=`` names the adapter of
an ACD of another make that serves it; ``ann qualified skills=orders:3`` says what an agent of contact center blue may
serve from now on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fsroute.acd.proxy_call import AGENT_LEG_TABLE, CALL_TABLE, CALLER_LEG_TABLE, NETWORK_LEG_TABLE, On
from fsroute.model.agent import Agent, AgentStatus, Authorization, MediumSlots
from fsroute.model.proxy_call import FINAL, LIVE, WAITING, AgentLeg, CallerLeg, NetworkLeg, State
from fsroute.monitoring.events import Event, Ledger, Present
from fsroute.monitoring.gaps import COORDINATOR, Leadership, gaps
from fsroute.monitoring.invariants import Known, Report, check

START = 1_800_000_000.0  # seconds since the epoch: the table's moment 0
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


SERVED = """
    0     leader  leader
    1     ann     status               available
    1     c1      arrived
    2     c1      requested
    2.01  c1      taken
    2.02  c1      agent_reserved       ann
    2.1   c1      network_leg_raised
    2.2   c1      agent_ringing
    2.3   c1      network_leg_present
    6     c1      agent_accepted
    6.1   c1      joined
    60    c1      agent_left
    60    ann     released             wrap_up 5
    60.1  c1      conversation_over
    63    c1      closed               served
    90    end
"""


def lines(text: str, begin: int = 0, end: int | None = None) -> str:
    """Some lines of a table."""
    return "\n".join(text.strip().splitlines()[begin:end]) + "\n"


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(START + at, UTC)


def agent(
    name: str,
    *authorizations: Authorization,
    skills: Mapping[str, int] | None = None,
    status: str = "available",
    team: str | None = None,
    media: Mapping[str, MediumSlots] | None = None,
) -> Agent:
    """An agent of contact center blue unless authorizations are given."""
    return Agent(
        agent_id=name,
        name=name.title(),
        site_id="east",
        switch_id="away",
        address=f"user/{name}",
        skills={"orders": 2} if skills is None else skills,
        authorizations=authorizations or (Authorization("blue", "voice", ALWAYS),),
        status=AgentStatus(status),
        available_from=ALWAYS,
        idle_since=ALWAYS,
        team=team,
        media=media or {},
    )


def pairs(text: str) -> list[tuple[str, int]]:
    """``orders:2,english:1`` as skills and levels."""
    return [(skill, int(level)) for skill, level in (each.split(":") for each in text.split(",") if each)]


def demanded(values: Mapping[str, str]) -> dict[str, Any]:
    """What a line says of the demand, as the ledger writes it."""
    data: dict[str, Any] = {}
    if "skills" in values:
        data["skills"] = [list(pair) for pair in pairs(values["skills"])]
    for name in ("sites", "teams"):
        if name in values:
            data[name] = [each for each in values[name].split(",") if each]
    if "only" in values:
        data["only_agent_id"] = values["only"]
    if "acd" in values:
        data["acd"] = {"name": "theirs", "adapter": values["acd"], "switch_id": "east-1"}
    return data | {name: values[name] for name in ("queue", "lead", "medium", "strategy") if name in values}


@dataclass
class Contact:
    """A contact of the table as its lines have left it."""

    arrived_at: float
    center: str = "blue"
    open: bool = True
    proxy_call_id: int = 0
    priority: int = 0
    offer_timeout: float = 20.0
    state: State = State.REQUESTED
    agent_leg: AgentLeg = AgentLeg.NONE
    network_leg: NetworkLeg = NetworkLeg.NONE
    caller_leg: CallerLeg = CallerLeg.PRESENT
    medium: str = "voice"
    agent_id: str | None = None


@dataclass
class Table:
    """Reads the lines and writes the events."""

    events: list[Event] = field(default_factory=list)
    system: list[Event] = field(default_factory=list)
    contacts: dict[str, Contact] = field(default_factory=dict)
    reserved: dict[int, str] = field(default_factory=dict)  # proxy call to agent
    now: float = START

    def read(self, text: str) -> None:
        for line in filter(str.strip, text.splitlines()):
            at, subject, *words = line.split()
            self.now = START + float(at)
            values = dict(word.split("=", 1) for word in words if "=" in word)
            plain = [word for word in words if "=" not in word]
            if subject == "leader":
                self._leader(plain[0], values)
            elif subject == "end":
                continue
            elif subject[0] == "c" and subject[1:].isdigit():
                self._contact(subject, plain, values)
            else:
                self._agent(subject, plain, values)

    def present(self) -> Present:
        """What the tables would say if they agree with the events."""
        live = {name: contact for name, contact in self.contacts.items() if contact.open}
        return Present(
            now=self.now,
            contacts=frozenset(live),
            calls={
                name: (contact.proxy_call_id, str(contact.state))
                for name, contact in live.items()
                if contact.proxy_call_id and contact.state in LIVE
            },
            reservations=dict(self.reserved),
        )

    def _leader(self, kind: str, values: Mapping[str, str]) -> None:
        since = values.get("since")
        before = None if since is None else moment(float(since)).isoformat()
        data = {"lease": COORDINATOR, "holder": "a", "renewed_before": before}
        self.system.append(Event(Ledger.SYSTEM, len(self.system) + 1, self.now, kind, data=data))

    def _agent(self, name: str, words: list[str], values: Mapping[str, str]) -> None:
        kind, *rest = words
        data: dict[str, Any] = {}
        if kind == "status":
            data = {"status": rest[0]}
        elif kind == "moved":
            data = {"from_proxy_call_id": int(rest[0]), "proxy_call_id": int(rest[1])}
            self.reserved.pop(data["from_proxy_call_id"], None)
            self.reserved[data["proxy_call_id"]] = name
        elif kind == "pause":
            data = {"pause_s": float(rest[0])}
        elif kind == "qualified":
            data = self._qualified(values)
        elif kind == "reserved":
            data = {"proxy_call_id": int(rest[0]), "offer_timeout": 20.0}
            data |= {"medium": values["medium"]} if "medium" in values else {}
            data |= {key: int(values[key]) for key in ("slot", "weight") if key in values}
            self.reserved[data["proxy_call_id"]] = name
        elif kind == "released":
            last = next((call for call, agent_id in self.reserved.items() if agent_id == name), 0)
            proxy_call_id = int(rest[2]) if len(rest) > 2 else last
            data = {"reason": rest[0], "pause_s": float(rest[1]), "proxy_call_id": proxy_call_id}
            self.reserved.pop(proxy_call_id, None)
        self._add(Ledger.AGENT, kind, agent_id=name, contact_center_id="blue", data=data)

    @staticmethod
    def _qualified(values: Mapping[str, str]) -> dict[str, Any]:
        return {
            "skills": dict(pairs(values.get("skills", ""))),
            "authorizations": [
                ["blue", medium, None, None] for medium in values.get("media", "voice").split(",")
            ],
            "media": {},
            "site_id": "east",
            "team": values.get("team"),
            "leg": values.get("leg", "dialled"),
        }

    def _contact(self, name: str, words: list[str], values: dict[str, str]) -> None:
        kind, *rest = words
        if kind == "arrived":
            self.contacts.setdefault(name, Contact(self.now, values.get("center", "blue")))
            parent = {key: values[key] for key in ("parent_contact_id",) if key in values}
            self._write(name, kind, None, parent)
        elif kind == "closed":
            self.contacts[name].open = False
            self._write(name, kind, None, {"outcome": rest[0]})
        elif kind == "requested":
            self._request(name, values)
        elif kind in {str(on) for on in On}:
            self._move(name, On(kind), rest, values)
        else:
            self._write(name, kind, None, {})

    def _request(self, name: str, values: dict[str, str]) -> None:
        contact = self.contacts[name]
        contact.proxy_call_id = int(values.get("id", name[1:]))
        contact.state, contact.agent_leg, contact.network_leg = (
            State.REQUESTED,
            AgentLeg.NONE,
            NetworkLeg.NONE,
        )
        contact.priority = int(values.get("priority", 0))
        contact.medium = values.get("medium", "voice")
        data = {
            "lead": "offered",
            "priority": contact.priority,
            "medium": contact.medium,
            "skills": [],
            **demanded(values),
            "arrived_at": datetime.fromtimestamp(contact.arrived_at, UTC).isoformat(),
        }
        self._write(name, "requested", "requested", data)

    def _move(self, name: str, on: On, rest: list[str], values: dict[str, str]) -> None:
        contact = self.contacts.setdefault(name, Contact(self.now))
        before = contact.state
        contact.state = State(values.get("state", CALL_TABLE.targets(on).get(before, before)))
        gone = contact.state in FINAL or (contact.state in WAITING and before not in WAITING)
        caller_leg = CALLER_LEG_TABLE.targets(on).get(contact.caller_leg, contact.caller_leg)
        if gone and caller_leg is not CallerLeg.PRESENT:
            caller_leg = CallerLeg.ABSENT
        if contact.state is State.QUEUED and caller_leg is not CallerLeg.PRESENT and "state" not in values:
            contact.state = State.CALLBACK
        agent_leg = AGENT_LEG_TABLE.targets(on).get(contact.agent_leg, contact.agent_leg)
        network_leg = NETWORK_LEG_TABLE.targets(on).get(contact.network_leg, contact.network_leg)
        if on is On.AGENT_RESERVED:
            network_leg, contact.agent_id = NetworkLeg.WANTED, rest[0]
        contact.agent_leg = AgentLeg(values.get("agent_leg", AgentLeg.NONE if gone else agent_leg))
        contact.network_leg = NetworkLeg(values.get("network_leg", NetworkLeg.NONE if gone else network_leg))
        data: dict[str, Any] = {"agent_leg": contact.agent_leg, "network_leg": contact.network_leg}
        data |= demanded(values)
        caller_leg = CallerLeg(values.get("caller_leg", caller_leg))
        if caller_leg is not contact.caller_leg:
            data["caller_leg"] = contact.caller_leg = caller_leg
        data |= {key: float(values[key]) for key in ("held_for_s", "directed_for_s") if key in values}
        if "priority" in values:
            contact.priority = data["priority"] = int(values["priority"])
        if on is On.AGENT_RESERVED:
            data["place"] = [-contact.priority, contact.arrived_at, contact.proxy_call_id]
            data |= {key: json.loads(values[key]) for key in ("place", "imbalance") if key in values}
        self._write(name, on, contact.state, data)
        if on is On.AGENT_RESERVED and "alone" not in values:
            medium = {"medium": contact.medium} | values
            self._agent(rest[0], ["reserved", str(contact.proxy_call_id)], medium)

    def _write(self, name: str, kind: str, state: str | None, data: dict[str, Any]) -> None:
        contact = self.contacts.get(name)
        self._add(
            Ledger.CONTACT,
            kind,
            contact_id=name,
            contact_center_id=contact.center if contact else "blue",
            proxy_call_id=contact.proxy_call_id if contact else None,
            agent_id=contact.agent_id if contact else None,
            state=state,
            data=data,
        )

    def _add(self, ledger: Ledger, kind: str, **values: Any) -> None:
        self.events.append(Event(ledger, len(self.events) + 1, self.now, str(kind), **values))


def audited(
    text: str,
    *agents: Agent,
    present: Present | None = None,
    lease: Leadership | None = None,
    known: Known | None = None,
) -> Report:
    """What the audit says of a table; `agents` is ann of contact center blue if none is given."""
    table = Table()
    table.read(text)
    found = gaps(table.system, lease, table.now)
    rows = {each.agent_id: each for each in agents or (agent("ann"),)}
    declared = {event.agent_id for event in table.events if event.kind == "status"}
    undeclared = frozenset(rows) - declared
    known = known or Known(agents=rows, undeclared=undeclared, gaps=found)
    return check(known, table.events, present or table.present())


def invariants(text: str, *agents: Agent, **values: Any) -> list[str]:
    """The invariants that a table violates, in order of time."""
    return [violation.invariant for violation in audited(text, *agents, **values)]
