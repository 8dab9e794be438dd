"""A small call center in a database of the test's own: callers at switch `home`, agents at `away` too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import gevent
import psycopg
import pytest
from psycopg.rows import dict_row

from fsroute.acd.proxy_call import On
from fsroute.model.contact import CallerInformation
from fsroute.model.proxy_call import LIVE, AgentLeg, CallerLeg, NetworkLeg, ProxyCall, State
from fsroute.store.contacts import Contact, Contacts
from fsroute.store.database import Database
from fsroute.store.proxy_calls import ProxyCalls

EPOCH = 7
ARRIVED_AT = datetime(2026, 3, 4, 9, 30, 0, 123456, tzinfo=UTC)

CENTER = """
insert into contact_center values ('blue', 'Blue Mail Order'), ('green', 'Green Travel');
insert into site values ('west', 'West'), ('east', 'East');
insert into switch (switch_id, site_id, link_address) values
    ('home', 'west', '10.0.0.1:5080'), ('away', 'east', '10.0.0.2:5080'), ('third', 'east', '10.0.0.3:5080');
insert into queue (contact_center_id, queue, priority, lead, offer_timeout) values
    ('blue', 'orders', 5, 'offered', 12), ('blue', 'late', 0, 'ready', 12),
    ('blue', 'early', 0, 'position:3', 12), ('green', 'travel', 0, 'offered', 12);
insert into queue_skill (contact_center_id, queue, skill, level) values
    ('blue', 'orders', 'orders', 2), ('blue', 'orders', 'english', 1);
insert into number_called values ('8005550100', 'blue', 'orders');
insert into agent (agent_id, name, site_id, switch_id, address, wrap_up, set_aside, status) values
    ('ann', 'Ann', 'east', 'away', 'user/ann', 5, 30, 'available'),
    ('bob', 'Bob', 'west', 'home', 'user/bob', 5, 30, 'available');
insert into agent_skill (agent_id, skill, level)
    select agent_id, skill, 2 from agent, unnest(array['orders', 'english']) as skill;
insert into agent_authorization (agent_id, contact_center_id) select agent_id, 'blue' from agent;
insert into lease (name, holder, epoch, expires_at) values ('coordinator', 'leader', 0, 'infinity');
update lease set epoch = 7;
"""


@dataclass(frozen=True)
class Standing:
    """Where a proxy call and its legs stand."""

    state: State
    agent_leg: AgentLeg
    network_leg: NetworkLeg
    caller_leg: CallerLeg = CallerLeg.PRESENT


@dataclass(slots=True)
class Center:
    """The call center, with what tests do to it again and again."""

    database: Database
    connection: psycopg.Connection[dict[str, Any]]
    contacts: Contacts = field(init=False)
    proxy_calls: ProxyCalls = field(init=False)

    def __post_init__(self) -> None:
        self.contacts = Contacts(self.database)
        self.proxy_calls = ProxyCalls(self.database)

    def sql(self, statement: str, **values: object) -> list[dict[str, Any]]:
        """The rows of a statement, none if it returns none."""
        cursor = self.connection.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, **values: object) -> Any:
        return next(iter(self.sql(statement, **values)[0].values()))

    def contact(self, contact_center_id: str = "blue", core_uuid: str | None = "core-1") -> str:
        """A caller arrives; returns the contact."""
        contact_id = str(uuid4())
        caller = CallerInformation("+4930111", "Ms. Caller", "8005550100", ARRIVED_AT, facts={"order": "12"})
        contact = Contact(
            contact_id=contact_id,
            contact_center_id=contact_center_id,
            medium="voice",
            switch_id="home",
            channel_uuid=f"channel-{contact_id}",
            core_uuid=core_uuid,
            number_called="8005550100",
            application="orders",
            arrived_at=ARRIVED_AT,
        )
        self.contacts.open(contact, caller)
        return contact_id

    def request(self, queue: str = "orders") -> ProxyCall:
        """A caller arrives and needs an agent."""
        return _there(self.proxy_calls.request(self.contact(), queue))

    def queued(self, queue: str = "orders") -> ProxyCall:
        return _there(self.proxy_calls.move(self.request(queue).proxy_call_id, On.TAKEN, epoch=EPOCH))

    def reserve(self, call: ProxyCall, agent_id: str = "ann") -> ProxyCall | None:
        return self.proxy_calls.reserve(EPOCH, call.proxy_call_id, agent_id, str(uuid4()), {"why": "test"})

    def offered(self, agent_id: str = "ann", queue: str = "orders") -> ProxyCall:
        return _there(self.reserve(self.queued(queue), agent_id))

    def raising(self, agent_id: str = "ann") -> ProxyCall:
        """Offered, and the network leg is under way with the token digest 'ab'."""
        return self.raise_leg(self.offered(agent_id), "leg-1", "ab")

    def raise_leg(
        self, call: ProxyCall, leg_uuid: str, token_digest: str, lifetime: float = 60.0
    ) -> ProxyCall:
        secret = {"token_digest": token_digest, "token_lifetime": lifetime, "network_leg_uuid": leg_uuid}
        return self.move(call, On.NETWORK_LEG_RAISED, set=secret)

    def ready(self) -> ProxyCall:
        """The agent has accepted and the network leg is there: to be joined."""
        call = self.move(self.raising(), On.NETWORK_LEG_PRESENT, set={"rendezvous_uuid": "rv-1"})
        return self.move(call, On.AGENT_ACCEPTED)

    def bridged(self) -> ProxyCall:
        return self.move(self.ready(), On.JOINED)

    def move(self, call: ProxyCall, on: On, **values: Any) -> ProxyCall:
        """One transition that must be legal."""
        return _there(self.proxy_calls.move(call.proxy_call_id, on, **values))

    def place(
        self, call: ProxyCall, state: str, agent_leg: str, network_leg: str, caller_leg: str = "present"
    ) -> None:
        """Put a row where no path needs to lead."""
        self.sql(
            "update proxy_call set state = %(state)s, agent_leg = %(agent_leg)s,"
            " network_leg = %(network_leg)s, network_switch_id = 'away', caller_leg = %(caller_leg)s,"
            " ended_at = case when %(state)s <> all(%(live)s) then clock_timestamp() end"
            " where proxy_call_id = %(id)s", live=[str(each) for each in LIVE],
            id=call.proxy_call_id, state=state, agent_leg=agent_leg, network_leg=network_leg, caller_leg=caller_leg,
        )  # fmt: skip

    def events(self, contact_id: str) -> list[dict[str, Any]]:
        return self.sql(
            "select * from contact_event where contact_id = %(id)s order by event_id", id=contact_id
        )

    def kinds(self, contact_id: str) -> list[str]:
        return [event["kind"] for event in self.events(contact_id)]

    def agent(self, agent_id: str = "ann") -> dict[str, Any]:
        """The agent's row, with `pause`: seconds from now until available."""
        return self.sql(
            "select *, extract(epoch from available_from - clock_timestamp())::float8 as pause"
            " from agent where agent_id = %(agent_id)s",
            agent_id=agent_id,
        )[0]

    def agent_kinds(self, agent_id: str = "ann") -> list[str]:
        """What happened to an agent, beside changes of what the agent may serve."""
        rows = self.sql(
            "select kind from agent_event where agent_id = %(id)s and kind <> 'qualified' order by event_id",
            id=agent_id,
        )
        return [row["kind"] for row in rows]

    def live_reservations(self) -> list[tuple[str, int]]:
        rows = self.sql(
            "select agent_id, proxy_call_id from reservation where ended_at is null order by 1, 2"
        )
        return [(row["agent_id"], row["proxy_call_id"]) for row in rows]

    def set_free(self) -> None:
        """End every reservation and every pause, so that the agents can be reserved again."""
        self.sql("update reservation set ended_at = clock_timestamp() where ended_at is null")
        self.sql("update agent set available_from = 'epoch'")


def standing(call: ProxyCall | None) -> Standing | None:
    return None if call is None else Standing(call.state, call.agent_leg, call.network_leg, call.caller_leg)


def at_once(*doings: Callable[[], Any]) -> list[Any]:
    """Do all of it in greenlets, each on a connection of its own; returns what they returned."""
    greenlets = [gevent.spawn(doing) for doing in doings]
    gevent.joinall(greenlets, timeout=30, raise_error=True)
    return [greenlet.value for greenlet in greenlets]


def _there(call: ProxyCall | None) -> ProxyCall:
    assert call is not None, "the transition was refused"
    return call


@pytest.fixture
def center(database: Database) -> Iterator[Center]:
    """A call center with two contact centers, three switches and the agents ann (away) and bob (home)."""
    with psycopg.connect(
        database.conninfo, autocommit=True, row_factory=dict_row, options="-c search_path=fsroute"
    ) as connection:
        connection.execute(CENTER.encode())
        yield Center(database, connection)
