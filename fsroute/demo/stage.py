"""The demonstration at work: the centers are set up, the calls are placed, the people behave as planned."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

import gevent

from fsroute import resources
from fsroute.app import App, sample_folder
from fsroute.coordinator.strategies import load as load_strategies
from fsroute.demo.centers import CARRIER, EAST, WEST, Center
from fsroute.demo.plan import HANGS_UP_WHEN, Kind, PlannedCall
from fsroute.ivr import load
from fsroute.model.proxy_call import ProxyCall, State
from fsroute.store.database import Database
from fsroute.store.loading import Loader
from fsroute.store.rules import Rules
from fsroute.store.script import run_script
from fsroute.store.store import switch_topic
from fsroute.switchsim import Agent, CallerCall, Fault, Network
from fsroute.switchsim.people import Answers, Behaviour

SPEED = 10.0  # how much faster people talk and prompts play than in life
NAMES = ("Ann", "Bob", "Cyd", "Dee", "Eli", "Fay", "Gus", "Hal", "Ida", "Jon")
START_LIMIT = 20.0  # seconds until both centers serve
CENTERS = {"both": ["acme", "globex", "hooli"], "west": ["globex", "hooli"]}
TALK_BEFORE_TRANSFER = 0.5  # seconds


class Stage:
    """Two centers with their people; `place_calls` lets the play begin."""

    def __init__(self, conninfo: str, planned: Sequence[PlannedCall], seed: int) -> None:
        self.planned = {call.caller.number: call for call in planned}
        self.calls: dict[str, CallerCall] = {}
        self._offers: Counter[str] = Counter()
        self._legs: Counter[str] = Counter()
        self._done: set[str] = set()  # callers for whom what only happens once has happened
        self.network = Network(seed=seed, speed=SPEED)
        self.network.director = self
        application = load(sample_folder() / "orders")
        self.centers = [
            Center(each, conninfo, self.network, {application.name: application}) for each in (WEST, EAST)
        ]

    @property
    def app(self) -> App:
        app = self.centers[0].app
        assert app is not None
        return app

    def start(self) -> None:
        """Start switches and roles, and wait until they serve."""
        for center in self.centers:
            center.start()
        self.app.store.signals.subscribe(switch_topic(WEST.switch_id), self._signalled)
        give_up = time.monotonic() + START_LIMIT
        while not self._serves() and time.monotonic() < give_up:
            gevent.sleep(0.02)

    def _serves(self) -> bool:
        apps = [center.app for center in self.centers if center.app is not None]
        leads = any(app.coordinator is not None and app.coordinator.is_leader for app in apps)
        drives = all(app.acd is not None and app.acd.leads for app in apps)
        links = all(app.link is not None and app.link.client.connected for app in apps)
        return leads and drives and links

    def stop(self) -> None:
        for center in self.centers:
            center.stop()

    def place_calls(self) -> None:
        for planned in self.planned.values():
            gevent.spawn_later(planned.caller.starts / SPEED, self._place, planned)

    def _place(self, planned: PlannedCall) -> None:
        self.calls[planned.caller.number] = self.network.call(planned.caller, self.centers[0].switch)

    def is_over(self) -> bool:
        return len(self.calls) == len(self.planned) and all(
            call.over.is_set() for call in self.calls.values()
        )

    def stray_channels(self) -> int:
        return sum(len(center.switch.channels) for center in self.centers)

    # The people --------------------------------------------------------------------------------------------

    def hire(self, database: Database, agents: int) -> None:
        """Agents at their telephones: four in five at the far site, the others where the callers are."""
        run_script(
            database, (resources.folder("sql") / "samples" / "demo.sql").read_text("utf-8"), "demo.sql"
        )
        load_rules(database)
        for planned in self.planned.values():  # who is called back picks up
            if planned.kind is Kind.CALLED_BACK:
                home = CARRIER.format(number=planned.caller.number)
                self.network.add_agent(Agent(home, planned.caller.name, (Answers(after=3.0),)))
        for index in range(agents):
            name = NAMES[index % len(NAMES)] + (str(index // len(NAMES) + 1) if index >= len(NAMES) else "")
            center = WEST if index % 5 == 4 else EAST
            address = f"{name.lower()}@agents.{center.site_id}"
            database.execute(
                "demo_agent",
                agent_id=name.lower(),
                name=name,
                site_id=center.site_id,
                switch_id=center.switch_id,
                address=f"sip:{address}",
                level=2,
                contact_centers=CENTERS["west" if center is WEST else "both"],
            )
            self.network.add_agent(Agent(f"sofia/fsroute_agents/{address}", name, (Answers(),)))

    def behaviour(self, agent: Agent, caller_number: str) -> Behaviour:
        """For the network: what an agent does with a call."""
        planned = self.planned.get(caller_number)
        offer = self._offers[caller_number]
        self._offers[caller_number] += 1
        return planned.behaviour(offer) if planned is not None else Answers()

    def fault(self, address: str, caller_number: str) -> Fault | None:
        """For the network: what goes wrong with a leg to another switch."""
        planned = self.planned.get(caller_number)
        if planned is None or address not in (WEST.link_address, EAST.link_address):
            return None
        self._legs[caller_number] += 1
        if planned.kind is Kind.LEG_FAILS and self._legs[caller_number] == 1:
            return Fault("refuse", cause="NORMAL_TEMPORARY_FAILURE")
        return Fault("delay", seconds=1.0) if planned.kind is Kind.GONE_WHEN_READY else None

    def _signalled(self, key: str | int | None, row: object) -> None:
        """A caller hangs up in the state that the plan names; news of the other center brings no row."""
        if row is None and key is not None:
            row = self.app.store.proxy_calls.get(int(str(key).removeprefix("p:")))
        if not isinstance(row, ProxyCall):
            return
        planned = self.planned.get(row.caller_number)
        if planned is None:
            return
        if HANGS_UP_WHEN.get(planned.kind) == row.state:
            call = self.calls.get(row.caller_number)
            if call is not None:
                call.hang_up()
        elif planned.kind is Kind.CLOSED and row.state is State.QUEUED and self._once(row):
            rules = Rules(self.app.store.database)
            rules.close_center(row.contact_center_id, "closed", keep_waiting=False, by="demo")
        elif planned.kind is Kind.HANDED_ON and row.state is State.BRIDGED and self._once(row):
            gevent.spawn_later(TALK_BEFORE_TRANSFER, self._hand_on, row)

    def _once(self, row: ProxyCall) -> bool:
        is_first = row.caller_number not in self._done
        self._done.add(row.caller_number)
        return is_first

    def _hand_on(self, row: ProxyCall) -> None:
        """The agent sends the caller to the specialists."""
        self.app.store.transfers.ask(str(row.agent_id), "transfer", {"to": "queue", "name": "specialists"})


def load_rules(database: Database) -> None:
    """As ``fsroute rules load`` does: checked, then in force."""
    text = (resources.folder("sql") / "samples" / "demo_rules.sql").read_text("utf-8")
    loaded = Loader(database, frozenset(load_strategies().known), {}).load(text, "demo_rules.sql", "demo")
    assert loaded.version is not None, [str(fault) for fault in loaded.faults]
