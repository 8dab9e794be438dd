"""Sites on loopback over one database: a switch and an fsroute at each. Callers come in at west."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from fsroute.app import sample_folder
from fsroute.model.agent import AgentStatus
from fsroute.store.database import Database
from fsroute.store.signals import Signals
from fsroute.store.store import Store
from tests.live.freeswitch import FreeSwitch
from tests.live.process import FsrouteRun
from tests.live.sip import Call, Phone
from tests.waiting import until

QUEUE: dict[str, object] = {
    "queue": "support",
    "hold_music": "local_stream://fsroute",
    "refuse_when": "never",
}
AGENT: dict[str, object] = {"wrap_up": 0, "set_aside": 60}
BETWEEN_QUERIES = 0.03  # seconds: the database has other work to do
APPLICATIONS = Path(__file__).parent / "applications"

_numbers = itertools.count(1)


@dataclass
class ContactCenter:
    """A client company of one test's own: its number, its agents, what happened to its contacts."""

    name: str
    number: str
    sites: Sites
    phones: list[Phone] = field(default_factory=list)

    def agent(self, name: str, phone: Phone, site: str = "east", **columns: Any) -> Phone:
        """An agent of this company, available, at `phone`."""
        self.phones.append(phone)
        self.agent_at(name, phone.address, site, **columns)
        return phone

    def agent_at(
        self,
        name: str,
        address: str,
        site: str = "east",
        skill: str = "orders",
        authorized: bool = True,
        status: AgentStatus = AgentStatus.AVAILABLE,
        **columns: object,
    ) -> None:
        """An agent of this company at `address`, who is trained and authorized unless said otherwise."""
        agent_id = f"{self.name}-{name}"
        place = {
            "agent_id": agent_id,
            "name": name,
            "site_id": site,
            "switch_id": f"{site}-1",
            "address": address,
        }
        self.sites.insert("agent", place | AGENT | columns)
        self.sites.execute("insert into agent_skill values (%s, %s, 1)", agent_id, skill)
        if authorized:
            self.sites.execute(
                "insert into agent_authorization values (%s, %s, 'voice')", agent_id, self.name
            )
        self._set_status(name, status)

    def log_on(self, name: str) -> None:
        self._set_status(name, AgentStatus.AVAILABLE)

    def log_out(self, name: str) -> None:
        self._set_status(name, AgentStatus.LOGGED_OUT)

    def _set_status(self, name: str, status: AgentStatus) -> None:
        agent_id = f"{self.name}-{name}"
        self.sites.store.agents.set_status(agent_id, status)
        self.sites.store.announce_agent(agent_id)

    def call(self, digits: str = "", frequency: int = 440, number: str = "5551234", name: str = "") -> Call:
        """A caller calls, is answered, and presses `digits`."""
        phone = Phone(number, frequency=frequency)
        self.phones.append(phone)
        call = phone.call(self.number, self.sites.west.ports.callers, name)
        call.until_answered()
        if digits:
            until(
                lambda: not call.media.is_silent(), 10
            )  # what is keyed before the switch has its media up is lost
            call.press(digits)
        return call

    def waiting_call(self, **options: Any) -> Call:
        """A caller who has asked for an agent, and waits in the queue unless one is free."""
        before = len(self.rows())
        call = self.call("2", **options)
        self.until(lambda: len(self.rows()) > before and "requested" not in self.states(), 10)
        return call

    # What the database says ------------------------------------------------------------------------------

    def rows(self) -> list[dict[str, Any]]:
        """The proxy calls, in order of their requests."""
        return self.sites.query(
            "select p.*, r.agent_id from proxy_call p left join reservation r"
            " on r.proxy_call_id = p.proxy_call_id and r.ended_at is null"
            " where p.contact_center_id = %s order by p.proxy_call_id",
            self.name,
        )

    def count(self, *states: str) -> int:
        return sum(row["state"] in states for row in self.rows())

    def states(self) -> list[str]:
        return [row["state"] for row in self.rows()]

    def live(self) -> int:
        return self.count("requested", "queued", "offered", "ready", "bridged")

    def until_state(self, state: str, limit: float = 10.0) -> dict[str, Any]:
        """The last proxy call, once it is in `state`."""
        self.until(lambda: self.rows() and self.rows()[-1]["state"] == state, limit)
        return self.rows()[-1]

    def until_leg(self, network_leg: str, limit: float = 10.0) -> dict[str, Any]:
        """The last proxy call, once its network leg is at `network_leg`."""
        self.until(lambda: self.rows() and self.rows()[-1]["network_leg"] == network_leg, limit)
        return self.rows()[-1]

    def until_step(self, step: str, limit: float = 15.0) -> None:
        """Wait until the last caller's application is at `step`."""
        self.until(lambda: self._step() == step, limit)

    def _step(self) -> str:
        contact = self.sites.query(
            "select channel_uuid from contact where contact_center_id = %s order by arrived_at desc limit 1",
            self.name,
        )
        state = self.sites.west.variable(contact[0]["channel_uuid"], "fsroute_state") if contact else ""
        return str(json.loads(base64.urlsafe_b64decode(state + "=="))["s"]) if state else ""

    def agent_is_idle(self, name: str) -> bool:
        rows = self.sites.query(
            "select from agent where agent_id = %s and available_from <= clock_timestamp()",
            f"{self.name}-{name}",
        )
        return bool(rows) and not self.sites.live_reservations()

    def came_back(self) -> int:
        """How many of its calls the restarted call server has taken up again."""
        known = self.sites.query(
            "select contact_id::text as id from contact where contact_center_id = %s", self.name
        )
        log = self.sites.west_run.log()
        return sum(f"call came back contact={row['id']}" in log for row in known)

    def last(self, kind: str) -> dict[str, Any]:
        return [event for event in self.events() if event["kind"] == kind][-1]

    def outcomes(self) -> list[str | None]:
        rows = self.sites.query(
            "select outcome from contact where contact_center_id = %s order by arrived_at", self.name
        )
        return [row["outcome"] for row in rows]

    def until_outcomes(self, *outcomes: str | None, limit: float = 10.0) -> None:
        self.until(lambda: self.outcomes() == list(outcomes), limit)

    def until(self, condition: Callable[[], object], limit: float = 5.0) -> None:
        """Wait for `condition`; what happened to the company's contacts goes with a failure."""

        def unhurried() -> object:
            time.sleep(BETWEEN_QUERIES)
            return condition()

        try:
            until(unhurried, limit)
        except AssertionError as error:
            error.add_note(f"outcomes: {self.outcomes()}\n{self.story()}")
            error.add_note(f"west's log ends:\n{self.sites.west_run.log()[-3000:]}")
            raise

    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.events()]

    def events(self) -> list[dict[str, Any]]:
        return self.sites.query(
            "select * from contact_event where contact_center_id = %s order by event_id", self.name
        )

    def story(self) -> str:
        """Every event, one a line, for a test that failed."""
        return "\n".join(
            f"{event['at']:%H:%M:%S.%f} {str(event['contact_id'])[:8]} {event['kind']:20}"
            f" {event['state'] or '':9} {event['agent_id'] or '':10} {json.dumps(event['data'], default=str)}"
            for event in self.events()
        )


@dataclass(frozen=True)
class Place:
    """One site: its switch, and the process beside it."""

    name: str
    switch: FreeSwitch
    run: FsrouteRun

    @property
    def switch_id(self) -> str:
        return f"{self.name}-1"


class Sites:
    """The places by name; `west`, where callers come in, is one of them."""

    def __init__(self, folder: Path, database: str, places: Sequence[Place]) -> None:
        self.folder = folder
        self.database = database
        self.places = {place.name: place for place in places}
        gather_applications(folder / "applications")
        self._connection: psycopg.Connection[dict[str, Any]] | None = None
        self._opened: Database | None = None
        self._signals: Signals | None = None

    @property
    def west(self) -> FreeSwitch:
        return self.places["west"].switch

    @property
    def west_run(self) -> FsrouteRun:
        return self.places["west"].run

    @property
    def east(self) -> FreeSwitch:
        return self.places["east"].switch

    @property
    def east_run(self) -> FsrouteRun:
        return self.places["east"].run

    @property
    def switches(self) -> list[FreeSwitch]:
        return [place.switch for place in self.places.values()]

    def start(self) -> None:
        self._connection = psycopg.connect(self.database, autocommit=True, row_factory=dict_row)
        self._connection.execute("set search_path = fsroute")
        self._insert_sites()
        self._opened = Database(self.database, min_size=1, max_size=2)
        self._opened.open()
        self._signals = Signals(self._opened)
        self._signals.start()
        self.store = Store(self._opened, self._signals)
        for switch in self.switches:
            switch.start()
        for switch in self.switches:
            switch.until_ready()
        self.revive()

    def revive(self) -> None:
        """Start what does not run: at first everything, later what a test that failed has left dead."""
        for place in self.places.values():
            if not place.switch.runs():
                place.switch.start()
                place.switch.until_ready()
            if not place.run.runs():
                place.run.start()

    def stop(self) -> None:
        for stop in (stop for place in self.places.values() for stop in (place.run.stop, place.switch.stop)):
            try:
                stop()
            except OSError:
                continue
        if self._signals is not None:
            self._signals.stop()
        if self._opened is not None:
            self._opened.close()
        if self._connection is not None:
            self._connection.close()

    def _insert_sites(self) -> None:
        for site, place in self.places.items():
            self.execute("insert into site values (%s, %s)", site, site)
            self.execute(
                "insert into switch (switch_id, site_id, link_address) values (%s, %s, %s)",
                place.switch_id, site, f"127.0.0.1:{place.switch.ports.link}",
            )  # fmt: skip

    def contact_center(self, application: str = "orders", name: str = "", **queue: object) -> ContactCenter:
        """A new client company with a number and a queue; `queue` are columns of it."""
        number = next(_numbers)
        center = ContactCenter(name or f"c{number}", f"80055{number:05}", self)
        self.execute("insert into contact_center values (%s, %s)", center.name, f"Company {number}")
        columns = {"contact_center_id": center.name} | QUEUE | queue
        self.insert("queue", columns)
        self.execute("insert into queue_skill values (%s, 'support', 'orders', 1)", center.name)
        self.execute("insert into number_called values (%s, %s, %s)", center.number, center.name, application)
        return center

    def insert(self, table: str, columns: Mapping[str, object]) -> None:
        names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
        self.execute(f"insert into {table} ({names}) values ({places})", *columns.values())

    def execute(self, statement: str, *values: object) -> None:
        assert self._connection is not None
        self._connection.execute(statement.encode(), values)

    def query(self, statement: str, *values: object) -> list[dict[str, Any]]:
        assert self._connection is not None
        return self._connection.execute(statement.encode(), values).fetchall()

    def channels(self) -> int:
        """Of all switches that run."""
        return sum(switch.channels() for switch in self.switches if switch.runs())

    def moments_of(self, text: str) -> list[float]:
        """When west's process logged lines with `text`, in seconds since the epoch."""
        lines = [line for line in self.west_run.log().splitlines() if text in line]
        return [datetime.fromisoformat(line.split()[0]).timestamp() for line in lines]

    def live_reservations(self) -> Sequence[dict[str, Any]]:
        return self.query("select * from reservation where ended_at is null")


def gather_applications(folder: Path) -> None:
    """The sample, ``straight``, which asks for an agent at once, and ``twice``, with the sample's prompts."""
    sample = sample_folder() / "orders"
    shutil.copytree(sample, folder / "orders")
    for each in ("straight", "twice"):
        shutil.copytree(APPLICATIONS / each, folder / each)
        shutil.copytree(sample / "prompts" / "en", folder / each / "prompts" / "en")
