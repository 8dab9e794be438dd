"""A stand-in switch with mod_callcenter at site east, and processors that watch it over a real database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from fsroute.cti.activity import Settings as Counting
from fsroute.cti.collector import Settings as Watching
from fsroute.cti.role import CtiRole, Settings
from fsroute.esl.inbound import InboundClient
from fsroute.model.activity import AgentActivity, AgentKey, QueueActivity, QueueKey, SiteActivity, Source
from fsroute.store.activity import ACTIVITY, Activities
from fsroute.store.database import Database
from fsroute.store.lease import Lease
from fsroute.store.signals import Signals
from fsroute.store.store import Store
from fsroute.switchsim import Agent, Answers, Caller, CallerCall, HangUp, Network, Options, Switch, Wait
from tests.waiting import until

DIALPLAN = """<include><context name="public">
  <extension name="support"><condition field="destination_number" expression="^9195$">
    <action application="answer"/>
    <action application="callcenter" data="support@default"/>
    <action application="hangup"/>
  </condition></extension>
  <extension name="ann"><condition field="destination_number" expression="^2001$">
    <action application="bridge" data="user/2001@here"/>
  </condition></extension>
</context></include>"""

FAST = Watching(heartbeat=0.3, reconcile=5.0)
SUPPORT = QueueKey(Source.CALLCENTER, "support@default")
SITE = QueueKey(Source.SITE, "")


class Reader:
    """What the routing processor does: hears that something changed, and reads that."""

    def __init__(self, store: Store) -> None:
        self.activities = Activities(store.database)
        self.sites: dict[str, SiteActivity] = {}
        self.heard = 0
        store.signals.subscribe(ACTIVITY, self._signalled)

    def _signalled(self, _key: str | int | None, _row: object) -> None:
        self.heard += 1
        self.read()

    def read(self) -> None:
        known = {switch_id: site.head.version for switch_id, site in self.sites.items()}
        for changes in self.activities.changes(known):
            switch_id = changes.head.switch_id
            site = self.sites.get(switch_id, SiteActivity(replace(changes.head, version=0)))
            self.sites[switch_id] = site.after(changes)


@dataclass
class Watched:
    """One site, seen as the database has it."""

    database: Database
    switch: Switch
    network: Network
    store: Store
    reader: Reader
    roles: list[CtiRole] = field(default_factory=list)
    databases: list[tuple[Database, Signals]] = field(default_factory=list)

    def processor(
        self, name: str, database: Database | None = None, switch_id: str = "away", **watching: Any
    ) -> CtiRole:
        """A processor on connections of its own, begun."""
        own = database or Database(self.database.conninfo, min_size=1, max_size=4)
        own.open()
        signals = Signals(own)
        signals.start()
        self.databases.append((own, signals))
        client = partial(InboundClient, "127.0.0.1", self.switch.port, "ClueCon")
        settings = Settings(switch_id, watching=replace(FAST, **watching), counting=Counting())
        role = CtiRole(Store(own, signals), client, settings, Lease(own, f"cti:{switch_id}", name, 1.0))
        role.start()
        self.roles.append(role)
        return role

    def stop(self) -> None:
        for role in self.roles:
            role.stop()
        self.store.signals.stop()
        for database, signals in self.databases:
            signals.stop()
            database.close()

    def hire(self, name: str, *behaviours: Any, wrap_up: int = 0) -> None:
        """An agent of mod_callcenter at a telephone of the network."""
        address = f"sofia/internal/{name}@127.0.0.1:5080"
        self.network.add_agent(Agent(address, name, behaviours or (Answers(after=0.1, talk=1.0),)))
        self.switch.callcenter.add_agent(name, address, "Available", wrap_up_time=wrap_up)
        self.switch.callcenter.add_tier("support@default", name)

    def call(self, number: str = "9195", patience: float | None = None) -> CallerCall:
        script = () if patience is None else (Wait(patience), HangUp())
        return self.network.call(Caller("4711", "Caller", number, script), self.switch)

    @property
    def site(self) -> SiteActivity:
        return self.reader.sites["away"]

    def queue(self, key: QueueKey = SUPPORT) -> QueueActivity:
        return self.site.queues[key]

    def agent(self, name: str, source: Source = Source.CALLCENTER) -> AgentActivity:
        return self.site.agents[AgentKey(source, name)]

    def agents_of(self, source: Source) -> list[str]:
        return sorted(key.agent for key in self.site.agents if key.source is source)

    def stands(self, key: QueueKey = SUPPORT) -> tuple[int, int] | None:
        """How many wait and talk; None: the line is not known."""
        site = self.reader.sites.get("away")
        line = site.queues.get(key) if site else None
        return None if line is None else (line.waiting, line.talking)

    def history(self, key: QueueKey = SUPPORT, switch_id: str = "away") -> Mapping[str, Any]:
        """The counts of all intervals of a line, together."""
        names = ("offered", "answered", "abandoned", "automatic", "handled")
        rows = self.database.run("activity_intervals", switch_id=switch_id, since=0)
        chosen = [row for row in rows if (row["source"], row["queue"]) == (key.source, key.queue)]
        return {name: sum(row[name] for row in chosen) for name in names}

    def until_status(self, name: str, status: str) -> None:
        until(lambda: self.agent(name).status == status)

    def until_seen(self, true: Callable[[], bool], limit: float = 10.0) -> None:
        until(lambda: "away" in self.reader.sites and true(), limit)


def stand_in(network: Network) -> Switch:
    switch = Switch("away", network, dialplan=DIALPLAN, options=Options(event_latency=0, heartbeat=60))
    switch.callcenter.add_queue("support@default")
    switch.start()
    return switch
