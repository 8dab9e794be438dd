"""Calls that are routed before the answer, in SQL: doors of sites, agents who are taken, reservations, decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from fsroute.model.agent import Agent
from fsroute.model.contact import CallerInformation
from fsroute.model.direct import DoorRow, SwitchSeen, TakenRow
from fsroute.model.proxy_call import ProxyCall
from fsroute.model.routing import Routing
from fsroute.store import agents, proxy_calls
from fsroute.store.contacts import Contact, Contacts
from fsroute.store.rules import Rules
from fsroute.store.store import Store

TAKEN = "taken"
"""The topic of agents known by activity alone to whom a call is on its way: the key is ``switch agent``."""


@dataclass(frozen=True, slots=True)
class Leg:
    """The network leg that will come to the agent's switch. Times in seconds.

    `redirected`: the caller's side raises it, and no channel of ours is the caller's; who has not come after `expires`
    will not.
    """

    uuid: str
    token_digest: str
    token_lifetime: float
    redirected: bool
    expires: float

    def dump(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


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

    def take(self, switch_id: str, agent: str, idle_since: float, seconds: float) -> bool:
        """A call is on its way to this agent, idle since then by activity; False: another one is."""
        taken = self._database.value(
            "take_agent", switch_id=switch_id, agent=agent, idle_since=idle_since, seconds=seconds
        )
        if taken:
            self._store.signals.publish(TAKEN, f"{switch_id} {agent}")
        return bool(taken)

    def untake(self, switch_id: str, agent: str) -> None:
        """The call does not go there after all."""
        self._database.execute("untake_agent", switch_id=switch_id, agent=agent)
        self._store.signals.publish(TAKEN, f"{switch_id} {agent}")

    # fsroute's own agents -----------------------------------------------------------------------------------

    def reserve(
        self,
        contact: Contact,
        caller: CallerInformation,
        routing: Routing,
        agent_id: str,
        agent_leg_uuid: str,
        leg: Leg,
        data: Mapping[str, Any],
    ) -> ProxyCall | None:
        """Open the contact if it is new, and reserve the agent for it, in one commit; None: the agent is not to be had.

        The agent's switch hears of it, as of any offer.
        """
        with self._database.transaction() as transaction:
            Contacts(transaction).open(contact, caller)
            row = transaction.one(
                "reserve_before_answer",
                contact_id=contact.contact_id,
                routing=Jsonb(routing.dump()),
                agent_id=agent_id,
                agent_leg_uuid=agent_leg_uuid,
                leg=Jsonb(leg.dump()),
                data=Jsonb({"before_answer": True}),
            )
            call = None if row is None else proxy_calls.from_row(row)
            if call is not None:
                transaction.execute("log_decided", contact_id=contact.contact_id, data=Jsonb(dict(data)))
        self._store.announce(call)
        if call is not None:
            self._store.announce_agent(agent_id)
        return call

    def queue(self, contact_id: str) -> ProxyCall | None:
        """No other agent is tried: the contact waits like any other. None: it waits for nobody alone."""
        row = self._database.one("queue_directed", contact_id=contact_id)
        call = None if row is None else proxy_calls.from_row(row)
        self._store.announce(call)
        return call

    # Contacts ------------------------------------------------------------------------------------------------

    def open(self, contact: Contact, caller: CallerInformation, data: Mapping[str, Any]) -> None:
        """A contact that goes where no agent of ours is reserved, with the decision."""
        with self._database.transaction() as transaction:
            Contacts(transaction).open(contact, caller)
            transaction.execute("log_decided", contact_id=contact.contact_id, data=Jsonb(dict(data)))

    def note(self, contact_id: str, data: Mapping[str, Any]) -> None:
        """What was decided further for a contact that is there."""
        self._database.execute("log_decided", contact_id=contact_id, data=Jsonb(dict(data)))

    def decisions(self, contact_id: str) -> list[tuple[datetime, Mapping[str, Any]]]:
        """What was decided for a contact before the answer, in order."""
        rows = self._database.run("decision_of_contact", contact_id=contact_id)
        return [(row["at"], row["data"]) for row in rows]

    def overdue(self) -> list[str]:
        """Contacts that were redirected and did not come to their agent, or were not taken."""
        return [row["contact_id"] for row in self._database.run("overdue_direct_calls")]

    def tidy(self) -> None:
        """Rows that have served."""
        self._database.execute("forget_direct_calls")
        self._database.execute("forget_agents_taken")
