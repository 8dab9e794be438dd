"""How soon a coordinator works: from nothing, and in the place of one that has died.

``python -m tests.benchmarks.coordinator_start`` fills the embedded PostgreSQL (default durability) with 10,000
agents in 500 groups, 200 kinds of demand and 5,000 contacts that wait for agents who are on a break. One process
leads, two follow, each a process of its own. Printed: the time from the start of a process until it leads with
everything in memory; then the leader is killed (kill -9), an agent is made available at that moment, and the time
until the first reservation of the next leader is committed is printed, with what the ledger says of the takeover.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import signal  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
import psycopg  # noqa: E402
from psycopg.rows import dict_row  # noqa: E402

from fsroute.coordinator.loop import CoordinatorRole  # noqa: E402
from fsroute.store.database import Database  # noqa: E402
from fsroute.store.embedded import EmbeddedPostgres  # noqa: E402
from fsroute.store.lease import Lease  # noqa: E402
from fsroute.store.migrate import migrate  # noqa: E402
from fsroute.store.signals import Signals  # noqa: E402
from fsroute.store.store import Store  # noqa: E402
from tests.waiting import until  # noqa: E402

AGENTS, WAITING, GROUPS, DEMANDS = 10_000, 5_000, 500, 200
TARGETS = {"start": 3.0, "takeover": 2.0}  # seconds

CENTER = f"""
set search_path = fsroute;
insert into contact_center (contact_center_id, name) select 'c' || n, 'Company ' || n from generate_series(0, 19) n;
insert into site (site_id, name) values ('west', 'West'), ('east', 'East');
insert into switch (switch_id, site_id, link_address) values
    ('west-1', 'west', '127.0.0.1:5062'), ('east-1', 'east', '127.0.0.1:5072');
insert into queue (contact_center_id, queue, refuse_when)
select 'c' || n % 20, 'q' || n, 'never' from generate_series(0, {DEMANDS - 1}) n;
insert into queue_skill (contact_center_id, queue, skill, level)
select 'c' || n % 20, 'q' || n, 's' || n % 50, 1 + n % 3 from generate_series(0, {DEMANDS - 1}) n;
insert into agent (agent_id, name, site_id, switch_id, address, status)
select 'a' || n, 'Agent ' || n, 'east', 'east-1', 'sip:' || n || '@127.0.0.1:6001', 'on_break'
  from generate_series(1, {AGENTS}) n;
insert into agent_skill (agent_id, skill, level)
select 'a' || n, 's' || (n % {GROUPS} + 7 * k) % 50, 1 + (n % {GROUPS} + k) % 3
  from generate_series(1, {AGENTS}) n, generate_series(0, 4) k;
insert into agent_authorization (agent_id, contact_center_id)
select 'a' || n, 'c' || (n % {GROUPS} + 3 * k) % 20 from generate_series(1, {AGENTS}) n, generate_series(0, 4) k;
insert into contact (contact_id, contact_center_id, medium, switch_id, channel_uuid, number_called, application,
                     arrived_at)
select gen_random_uuid(), 'c' || n % 20, 'voice', 'west-1', 'c' || n, 'q' || n % {DEMANDS}, 'orders', clock_timestamp()
  from generate_series(1, {WAITING}) n;
insert into contact_personal (contact_id, contact_center_id, caller_number, caller_name, language)
select contact_id, contact_center_id, '+14155550123', 'Ada', 'en' from contact;
select count(*) from contact, lateral request_proxy_call(contact_id, number_called);
update proxy_call set state = 'queued', queued_at = clock_timestamp();
"""

FREE_ONE = """
update fsroute.agent set status = 'available', available_from = clock_timestamp(), idle_since = clock_timestamp()
 where agent_id = 'a1'
"""


def serve(conninfo: str) -> None:
    """A process that coordinates and does nothing else."""
    database = Database(conninfo)
    database.open()
    signals = Signals(database)
    store = Store(database, signals)
    signals.start()
    role = CoordinatorRole(store, Lease(database, "coordinator", f"process {os.getpid()}"))
    role.start()
    print("follows", flush=True)
    while not role.is_leader or role.waiting() < 1:
        gevent.sleep(0.005)
    print("leads", flush=True)
    gevent.wait()


class Coordinator:
    """One such process."""

    def __init__(self, conninfo: str) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.coordinator_start", "--serve", conninfo]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def until_it(self, does: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip() == does:
                return
        raise AssertionError(f"the process ended before it {does}")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Ledger:
    """What the database says."""

    def __init__(self, conninfo: str) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True, row_factory=dict_row)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        cursor = self._connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []

    def system(self) -> list[dict[str, Any]]:
        return self.rows("select at, kind, data from fsroute.system_event order by event_id")

    def reserved(self) -> list[dict[str, Any]]:
        return self.rows("select * from fsroute.reservation")


def report_start(ledger: Ledger, took: float) -> None:
    until(lambda: [row for row in ledger.system() if row["kind"] == "leader_begins"], 30)
    began = ledger.system()[-1]["data"]
    print(
        f"start: {took:.2f} s from the process's start, its imports included; {began['took_s']:.2f} s of them for"
        f" {began['agents']} agents and {began['waiting']} contacts"
    )


def take_over(ledger: Ledger, leader: Coordinator) -> float:
    """Seconds from the leader's death until the next one's first reservation was committed."""
    killed = ledger.rows("select clock_timestamp() as now")[0]["now"]
    leader.kill()
    ledger.rows(FREE_ONE)
    until(ledger.reserved, 30)
    reservation = ledger.reserved()[0]
    for row in ledger.system():
        after = (row["at"] - killed).total_seconds()
        print(f"  {after:+8.3f} s  {row['kind']:14} {json.dumps(row['data'])}")
    took: float = (reservation["reserved_at"] - killed).total_seconds()
    print(f"  {took:+8.3f} s  reserved by epoch {reservation['epoch']}")
    return took


def measure(conninfo: str) -> dict[str, float]:
    ledger = Ledger(conninfo)
    began = time.monotonic()
    running = [Coordinator(conninfo)]
    try:
        running[0].until_it("leads")
        start = time.monotonic() - began
        report_start(ledger, start)
        running += [Coordinator(conninfo) for _ in range(2)]
        for standby in running[1:]:
            standby.until_it("follows")
        time.sleep(3.0)  # they read everything once
        print("takeover, the leader killed at 0:")
        return {"start": start, "takeover": take_over(ledger, running[0])}
    finally:
        for each in running:
            each.kill()


def main() -> int:
    parser = argparse.ArgumentParser(description="Start and takeover of a coordinator.")
    parser.add_argument("--serve", metavar="DATABASE", help=argparse.SUPPRESS)
    parser.add_argument("--check", action="store_true", help="end with 1 where a target is missed")
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return 0
    folder = Path(tempfile.mkdtemp(prefix="fsroute-start-", dir="/var/tmp"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "postgres")
    print(f"load average before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    try:
        conninfo = server.start()
        migrate(conninfo)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(CENTER.encode())
            connection.execute(b"analyze")
        figures = measure(conninfo)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"load average after: {os.getloadavg()[0]:.2f}")
    missed = [f"{name} {figures[name]:.2f} s" for name, limit in TARGETS.items() if figures[name] >= limit]
    print(f"missed: {', '.join(missed)}" if missed else "every target is reached")
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
