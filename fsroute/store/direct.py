"""Calls that are routed before the answer, in SQL: doors of sites, agents who are taken, reservations, decisions."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from fsroute.errors import Unanswered
from fsroute.model.agent import Agent
from fsroute.model.contact import CallerInformation
from fsroute.model.direct import DoorRow, SwitchSeen, TakenRow
from fsroute.model.proxy_call import ProxyCall, State
from fsroute.model.routing import Routing
from fsroute.store import agents, proxy_calls
from fsroute.store.contacts import Contact
from fsroute.store.database import Row
from fsroute.store.rules import Rules
from fsroute.store.store import COORDINATOR, Store, agent_key, call_key, switch_topic

TAKEN = "taken"
"""The topic of agents known by activity alone to whom a call is on its way: the key is ``switch agent``."""


@dataclass(frozen=True, slots=True)
class Leg:
    """The network leg that will come to the agent's switch. Times in seconds.

    `redirected`: the caller's side raises it, and no channel of ours is the caller's; who has not come after `expires`
    will not. If the agent does not come, whoever directs the call has `directed_for` to say what comes next; 0: the
    caller is nobody's to keep, and the contact ends then.
    """

    uuid: str
    token_digest: str
    token_lifetime: float
    redirected: bool
    expires: float
    directed_for: float

    def dump(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Reserve:
    """One of fsroute's own agents."""

    routing: Routing
    agent_id: str
    agent_leg_uuid: str
    leg: Leg

    def dump(self) -> dict[str, Any]:
        return {
            "routing": self.routing.dump(),
            "agent_id": self.agent_id,
            "agent_leg_uuid": self.agent_leg_uuid,
            "leg": self.leg.dump(),
            "data": {"before_answer": True},
        }


@dataclass(frozen=True, slots=True)
class Take:
    """An agent known by activity alone, idle since then by it (seconds since the epoch), for `seconds`."""

    switch_id: str
    agent: str
    idle_since: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Place:
    """Room for a call at a site; one that was sent there counts for `confirm` seconds, unless activity knows of it."""

    site_id: str
    confirm: float


@dataclass(frozen=True, slots=True)
class Share:
    """`site` is the one that is due, of those that are `able` to take the call, each with its percent."""

    rule: str
    able: Mapping[str, float]
    site: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a destination needs; None: nothing of this kind."""

    reserve: Reserve | None = None
    take: Take | None = None
    place: Place | None = None
    share: Share | None = None


class Lost(enum.StrEnum):
    """What was not to be had: others were faster."""

    AGENT = "agent"
    SITE = "site"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Claimed:
    """What came of a claim; with `lost` nothing was done, save that the contact is open.

    `call` is the proxy call where an agent of fsroute's is reserved; `sent` and `credits` are what all processes
    together have sent to the site lately (seconds since the epoch) and given by the rule's shares, None where that is
    not counted; `calls` of `capacity` were in progress at the site.
    """

    lost: Lost | None
    call: ProxyCall | None = None
    calls: int | None = None
    capacity: int | None = None
    sent: tuple[float, ...] | None = None
    credits: Mapping[str, float] | None = None


class DirectCalls:
    """The database as the routing processor uses it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._database = store.database

    # What selections go by ---------------------------------------------------------------------------------

    def doors(self) -> list[DoorRow]:
        return [DoorRow(**row) for row in self._database.run("doors")]

    def capacities(self) -> dict[str, int]:
        return {row["site_id"]: row["capacity"] for row in self._database.run("site_capacities")}

    def rates(self) -> dict[tuple[str, str], float]:
        """What the network costs per minute, from site to site."""
        return Rules(self._database).rates()

    def switches(self) -> list[SwitchSeen]:
        return [SwitchSeen(**row) for row in self._database.run("switches_seen")]

    def taken(self) -> list[TakenRow]:
        return [TakenRow(**row) for row in self._database.run("agents_taken")]

    def concerned(self, agent_ids: Sequence[str], proxy_call_ids: Sequence[int]) -> list[Agent]:
        """These agents, and those whom these proxy calls have or had."""
        rows = self._database.run(
            "agents_concerned", agent_ids=list(agent_ids), proxy_call_ids=list(proxy_call_ids)
        )
        return [agents.from_row(row) for row in rows]

    # Agents known by activity alone ------------------------------------------------------------------------

    def untake(self, switch_id: str, agent: str) -> None:
        """The call does not go there after all."""
        self._database.execute("untake_agent", switch_id=switch_id, agent=agent)
        self._store.signals.publish(TAKEN, f"{switch_id} {agent}")

    # Claims ---------------------------------------------------------------------------------------------------

    def claim(
        self, contact: Contact, caller: CallerInformation, data: Mapping[str, Any], wanted: Wanted
    ) -> Claimed:
        """Open the contact if it is new, claim what its destination needs, and keep the decision, in one commit.

        The agent's switch hears of a reservation, as of any offer.
        """
        try:
            row = self._perform(contact, caller, data, wanted)
        except Unanswered:
            if (
                wanted.reserve is not None
            ):  # what the commit tells, if it was one, this process takes for its own
                self._store.ask_to_look()
                self._store.signals.tell(switch_topic(contact.switch_id), None)
            raise
        claimed = _claimed(row)
        self._announce(wanted, claimed)
        return claimed

    def _perform(
        self, contact: Contact, caller: CallerInformation, data: Mapping[str, Any], wanted: Wanted
    ) -> Row:
        row = self._database.one(
            "direct_call",
            contact=Jsonb(_contact(contact)),
            caller=Jsonb(_caller(caller)),
            arrived=Jsonb({"application": contact.application, "switch_id": contact.switch_id}),
            decided=Jsonb(dict(data)),
            reserve=None
            if wanted.reserve is None
            else Jsonb(wanted.reserve.dump() | {"by": self._store.signals.sender}),
            take=_json(wanted.take),
            place=_json(wanted.place),
            share=_json(wanted.share),
        )
        assert row is not None
        return row

    def _announce(self, wanted: Wanted, claimed: Claimed) -> None:
        call, signals = claimed.call, self._store.signals
        if call is not None and wanted.reserve is not None:  # whoever is elsewhere hears of it by the commit
            for switch_id in sorted({call.switch_id, call.agent_switch_id or ""} - {""}):
                signals.tell(switch_topic(switch_id), call_key(call.proxy_call_id), call)
            signals.tell(COORDINATOR, call_key(call.proxy_call_id), call)
            signals.tell(COORDINATOR, agent_key(wanted.reserve.agent_id))
        if wanted.take is not None and claimed.lost is None:
            signals.publish(TAKEN, f"{wanted.take.switch_id} {wanted.take.agent}")

    def credits(self, contact_center_id: str, rule: str) -> Mapping[str, float]:
        """How far each site is from its share of a rule's calls, as told by all processes together."""
        return self._database.value("rule_credits", contact_center_id=contact_center_id, rule=rule) or {}

    def queue(self, contact_id: str) -> ProxyCall | None:
        """No other agent is tried: the contact waits like any other. None: nobody holds it."""
        try:
            row = self._database.one("queue_directed", contact_id=contact_id)
        except Unanswered:
            self._store.ask_to_look()
            raise
        call = None if row is None else proxy_calls.from_row(row)
        self._store.announce(call)
        return call

    # Contacts ------------------------------------------------------------------------------------------------

    def decisions(self, contact_id: str) -> list[tuple[datetime, Mapping[str, Any]]]:
        """What was decided for a contact before the answer, in order."""
        rows = self._database.run("decision_of_contact", contact_id=contact_id)
        return [(row["at"], row["data"]) for row in rows]

    def overdue(self, again: float) -> list[tuple[str, State]]:
        """Contacts that were redirected and did not come to their agent, or were not taken, with the call's state.

        A peer has `again` seconds to ask for the next destination.
        """
        rows = self._database.run("overdue_direct_calls", again=again)
        return [(row["contact_id"], State(row["state"] or State.ENDED)) for row in rows]

    def tidy(self) -> None:
        """Rows that have served."""
        self._database.execute("forget_direct_calls")
        self._database.execute("forget_agents_taken")
        self._database.execute("forget_rule_shares")


def _contact(contact: Contact) -> dict[str, Any]:
    names = ("contact_id", "contact_center_id", "medium", "switch_id", "channel_uuid", "core_uuid", "number_called",
             "application")  # fmt: skip
    return {name: getattr(contact, name) for name in names} | {"arrived_at": contact.arrived_at.isoformat()}


def _caller(caller: CallerInformation) -> dict[str, Any]:
    return {
        "number": caller.number,
        "name": caller.name,
        "language": caller.language,
        "facts": dict(caller.facts),
        "customer": dict(caller.customer),
        "network": dict(caller.network),
    }


def _json(wanted: Take | Place | Share | None) -> Jsonb | None:
    return None if wanted is None else Jsonb({name: getattr(wanted, name) for name in wanted.__slots__})


def _claimed(row: Mapping[str, Any]) -> Claimed:
    return Claimed(
        lost=None if row["lost"] is None else Lost(row["lost"]),
        call=None if row["directed_call_id"] is None else proxy_calls.from_row(row),
        calls=row["calls"],
        capacity=row["capacity"],
        sent=None if row["sent"] is None else tuple(row["sent"]),
        credits=row["credits"],
    )
