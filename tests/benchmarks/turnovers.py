"""An agent hangs up: how soon is the agent's next call to be dialled? Without a switch.

``python -m tests.benchmarks.turnovers`` has 30 agents talk a second each while 150 callers wait, in one process with
the leader, on the embedded PostgreSQL with its default durability. What is timed goes from the moment at which the
agent's switch is seen to have lost the agent's leg to that at which the greenlet runs that dials: the next reservation
is committed, and what is left to do is to write the command. ``--realtime`` runs it as ``[process] realtime_priority``
does, so that what else runs on the machine is not measured.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from pathlib import Path  # noqa: E402
from random import Random  # noqa: E402
from uuid import uuid4  # noqa: E402

import gevent  # noqa: E402
from gevent.pool import Pool  # noqa: E402

from fsroute import scheduling  # noqa: E402
from fsroute.acd.proxy_call import On  # noqa: E402
from fsroute.coordinator.loop import CoordinatorRole  # noqa: E402
from fsroute.model.contact import CallerInformation, Outcome  # noqa: E402
from fsroute.model.proxy_call import ProxyCall, State  # noqa: E402
from fsroute.store.contacts import Contact  # noqa: E402
from fsroute.store.database import Database  # noqa: E402
from fsroute.store.embedded import EmbeddedPostgres  # noqa: E402
from fsroute.store.lease import Lease  # noqa: E402
from fsroute.store.migrate import migrate  # noqa: E402
from fsroute.store.script import run_script  # noqa: E402
from fsroute.store.signals import Signals  # noqa: E402
from fsroute.store.store import Store, switch_topic  # noqa: E402
from tests.benchmarks.processes import Cpu, postmaster  # noqa: E402
from tests.benchmarks.wire_figures import line  # noqa: E402

AGENTS, WAITING = 30, 150
SWITCH = "here-1"

CENTER = """
set search_path = fsroute;
insert into contact_center (contact_center_id, name) values ('acme', 'Acme');
insert into site (site_id, name) values ('here', 'Here');
insert into switch (switch_id, site_id, link_address) values ('here-1', 'here', '127.0.0.1:5062');
insert into queue (contact_center_id, queue) values ('acme', 'support');
insert into queue_skill (contact_center_id, queue, skill, level) values ('acme', 'support', 'orders', 1);
insert into agent (agent_id, name, site_id, switch_id, address, status, wrap_up)
select 'a' || n, 'Agent ' || n, 'here', 'here-1', 'sip:' || n || '@127.0.0.1:6001', 'available', 0
  from generate_series(1, {agents}) n;
insert into agent_skill (agent_id, skill, level) select agent_id, 'orders', 2 from agent;
insert into agent_authorization (agent_id, contact_center_id) select agent_id, 'acme' from agent;
"""


@dataclass(repr=False)
class House:
    """Callers, and agents who answer at once and hang up after a second or so."""

    store: Store
    random: Random = field(default_factory=lambda: Random(1))
    began: dict[str, float] = field(default_factory=dict)  # agent → when the last talk ended
    took: list[float] = field(default_factory=list)
    legs: set[str] = field(default_factory=set)
    talks: Pool = field(default_factory=Pool)

    def arrives(self) -> None:
        contact_id = str(uuid4())
        at = datetime.now(UTC)
        caller = CallerInformation("+14155550123", "Ada", "8005550100", at)
        contact = Contact(contact_id, "acme", "voice", SWITCH, contact_id, None, "8005550100", "orders", at)
        self.store.contacts.open(contact, caller)
        self.store.request(contact_id, "support")

    def signalled(self, key: object, row: object) -> None:
        if (
            not isinstance(row, ProxyCall)
            or row.state is not State.OFFERED
            or row.agent_leg_uuid in self.legs
        ):
            return
        assert row.agent_leg_uuid is not None
        self.legs.add(row.agent_leg_uuid)
        self.talks.spawn(self.talk, row)

    def talk(self, call: ProxyCall) -> None:
        began = self.began.pop(call.agent_id or "", None)
        if began is not None:
            self.took.append(time.perf_counter() - began)
        for on in (On.AGENT_ACCEPTED, On.JOINED):
            moved = self.store.move(call, on)
            assert moved is not None
            call = moved
        gevent.sleep(self.random.uniform(0.75, 1.25))
        assert call.agent_id is not None
        self.began[call.agent_id] = time.perf_counter()
        left = self.store.proxy_calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING", call)
        self.store.announce(call, left)
        self.store.close_contact(call.contact_id, Outcome.SERVED, {}, left)
        self.arrives()


def measure(store: Store, seconds: float, server: int) -> None:
    role = CoordinatorRole(store, Lease(store.database, "coordinator", "benchmark", 10.0))
    role.start()
    while role.epoch is None:
        gevent.sleep(0.01)
    house = House(store)
    store.signals.subscribe(switch_topic(SWITCH), house.signalled)
    for _ in range(AGENTS + WAITING):
        house.arrives()
    gevent.sleep(3.0)
    house.took.clear()
    ours, theirs = Cpu(os.getpid()), Cpu(server)
    gevent.sleep(seconds)
    count = len(house.took)
    print(f"hung up → to be dialled: {line(sorted(house.took))}, {count} turnovers")
    each = [1e6 * cpu.seconds() / count for cpu in (ours, theirs)]
    print(f"  processor time of one contact: {each[0]:.0f} µs here, {each[1]:.0f} µs in PostgreSQL")
    house.talks.kill()
    role.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description="From an agent's hanging up to the next reservation.")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--realtime", action="store_true", help="this program and the database, as of root")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fsroute-benchmark-", dir="/var/tmp"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "postgres")
    scheduling.take(int(arguments.realtime))
    try:
        conninfo = server.start()
        migrate(conninfo)
        with Database(conninfo) as database:
            run_script(database, CENTER.format(agents=AGENTS), "benchmark")
            signals = Signals(database)
            signals.start()
            measure(Store(database, signals), arguments.seconds, postmaster(server.folder))
            signals.stop()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
