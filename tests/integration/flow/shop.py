"""A site with an application of the test's own, and an application server that does as it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gevent
import msgspec
import psycopg
from gevent.event import Event as Flag

from fsroute import resources
from fsroute.app import App
from fsroute.callserver.customer import Customers
from fsroute.config import Config
from fsroute.config import Customers as CustomersSection
from fsroute.demo.centers import EAST, WEST, Center
from fsroute.ivr import Application, load
from fsroute.lookups.answers import Answer, Empty
from fsroute.switchsim import Caller, CallerCall, Network, Options
from fsroute.switchsim.people import Step as Does
from tests.integration.flow.conftest import World
from tests.unit.ivr.applications import write

HEAD = """
name = "{name}"
version = "{version}"
start = "a"
languages = ["en"]
sorry = {{ prompt = "sorry" }}
"""
ENDS = {
    "end": '[steps.end]\ndo = "hang_up"\n',
    "unserved": '[steps.unserved]\ndo = "hang_up"\nserved = false\n',
}
"""Steps that every application may lead to."""
PROMPTS = ("sorry", "hello", "ask", "bye", "one_moment", "thanks")
FAST = Options(event_latency=0.0, state_delay=0.001, heartbeat=1.0)


@dataclass
class Server:
    """Look-ups that are answered `after` so many seconds, or when `go` is set."""

    answer: Answer = field(default_factory=Empty)
    after: float = 0.0
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    is_held: bool = False
    go: Flag = field(default_factory=Flag)

    def ask(self, name: str, contact_center: str, parameters: Mapping[str, str], timeout: float) -> Answer:
        self.asked.append((name, contact_center, dict(parameters)))
        gevent.sleep(self.after)
        if self.is_held:
            self.go.wait(60)
        return self.answer


class Site(Center):
    """A center whose process has a look-up server, perhaps a recogniser, and perhaps knows customers."""

    server: Server
    engine = ""
    books: tuple[CustomersSection, ...] = ()
    customers: Customers | None = None

    def start_app(self) -> App:
        self.app = App(self._config(), self._conninfo, self._applications, self.server, self.customers)
        self.app.start()
        if self.app.callserver is not None:
            self._port = self.app.callserver.server.address[1]
        self.switch.reload()
        return self.app

    def _config(self) -> Config:
        config = super()._config()
        callserver = msgspec.structs.replace(config.callserver, speech_engine=self.engine)
        return msgspec.structs.replace(config, callserver=callserver, customers=self.books)


class Shop(World):
    """Two centers; callers of west come into the application ``orders``."""

    server: Server
    folder: Path

    def change(self, steps: str, *, name: str = "orders", version: str = "1") -> Application:
        """Publish an application; calls that have arrived already go on with what was there."""
        folder = self.folder / f"{name}-{version}"
        folder.mkdir(parents=True)
        steps += "".join(text for end, text in ENDS.items() if f'"{end}"' in steps)
        head = HEAD.format(name=name, version=version)
        application = load(write(folder, steps, head=head, prompts=PROMPTS, lasting=1.0))
        for site in (self.west, self.east):
            assert site.app is not None
            site.app._applications.put(application)
        return application

    def call_in(self, *does: Does, **values: Any) -> CallerCall:
        return self.place(Caller("+14155550123", "Ada", "8005550100", does, **values))

    def facts(self) -> dict[str, str]:
        """What the contact center has been told of the last caller."""
        rows = self.query(
            "select facts from contact_personal join contact using (contact_id) order by arrived_at"
        )
        return dict(rows[-1][0])


def open_shop(
    conninfo: str,
    folder: Path,
    *,
    recognisers: frozenset[str] = frozenset(),
    engine: str = "",
    options: Options = FAST,
) -> Shop:
    sample = (resources.folder("sql") / "samples" / "two_sites.sql").read_text("utf-8")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sample.encode())
        connection.execute("update fsroute.agent set wrap_up = 0, set_aside = 5")
    network = Network(speed=20.0)
    server = Server()
    options = replace(options, recognisers=recognisers)
    sites = [Site(each, conninfo, network, {}, options) for each in (WEST, EAST)]
    shop = Shop(conninfo, network, sites[0], sites[1])
    shop.server, shop.folder = server, folder
    for site in sites:
        site.server, site.engine = server, engine
    return shop
