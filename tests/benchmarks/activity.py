"""Activity of many sites: a change at a site → seen by a reader, and what all of it costs the database.

``python -m tests.benchmarks.activity`` has 50 sites of 200 agents write their activity as CTI processors do, at the
rate of calls that keeps the agents busy, into the embedded PostgreSQL with its default durability; a process of its own
reads it as the routing processor does, and tells how old each change is when it is seen. The database's processor
time is told with the reader and without. Beside it stands the plain way to do it: the same state as one document a
site, written whole. With ``--check`` it ends with 1 where a target is missed.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from dataclasses import replace  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
import psycopg  # noqa: E402

from fsroute.cti import activity as act  # noqa: E402
from fsroute.cti import events  # noqa: E402
from fsroute.cti.activity import Activity  # noqa: E402
from fsroute.cti.collector import Collector, Settings  # noqa: E402
from fsroute.cti.lists import CallcenterLists, ListedAgent, ListedQueue  # noqa: E402
from fsroute.cti.news import Before, News  # noqa: E402
from fsroute.cti.writing import dump  # noqa: E402
from fsroute.esl.inbound import InboundClient  # noqa: E402
from fsroute.model.activity import SiteActivity  # noqa: E402
from fsroute.store.activity import ACTIVITY, Activities, ActivityWriting  # noqa: E402
from fsroute.store.database import Database  # noqa: E402
from fsroute.store.embedded import EmbeddedPostgres  # noqa: E402
from fsroute.store.migrate import migrate  # noqa: E402
from fsroute.store.queries import Query, queries  # noqa: E402
from fsroute.store.signals import Signals  # noqa: E402
from tests.benchmarks.processes import Cpu, postmaster  # noqa: E402

SITES, AGENTS, QUEUES = 50, 200, 5
HANDLING, WRAP_UP, OCCUPANCY = 240.0, 30, 0.85  # seconds; the part of the time that an agent is busy
BEGIN = 10.0  # seconds until the sites are in the middle of their day
GATHER = 0.01  # seconds that the reader gathers signals for
TARGETS = {"p99": 100.0, "cpu": 10.0}  # milliseconds; percent of a core

SITES_SQL = """
set search_path = fsroute;
insert into site select 's' || n, 'S' from generate_series(1, {sites}) n;
insert into switch (switch_id, site_id, link_address)
    select 's' || n, 's' || n, '127.0.0.1:5062' from generate_series(1, {sites}) n;
create table site_document (switch_id text primary key, document jsonb not null);
"""


class NoSwitch(InboundClient):
    """Never connects: what would be heard is told by the benchmark."""

    def start(self) -> None:
        pass


class Site:
    """One site: agents of mod_callcenter, and calls that keep them as busy as it is wished."""

    def __init__(self, name: str, database: Database, chance: random.Random) -> None:
        self.name = name
        self.chance = chance
        self.database = database
        self.agents = [f"agent-{number}@default" for number in range(AGENTS)]
        self.queues = [f"queue-{number}@default" for number in range(QUEUES)]
        self.idle = list(self.agents)
        self.activity = Activity(act.Settings(), Before(), time.time())
        self.activity.apply(act.CallcenterListed(self._lists()), time.time())
        self.activity.apply(act.LinkUp("core"), time.time())
        self.calls = 0

    def _lists(self) -> CallcenterLists:
        rows = (
            ListedAgent(name, "Available", "Waiting", f"user/{name}", wrap_up=WRAP_UP) for name in self.agents
        )
        tiers = {name: dict.fromkeys(self.chance.sample(self.queues, 2), (1, 1)) for name in self.agents}
        return CallcenterLists(tuple(rows), tuple(ListedQueue(one, 0, 0) for one in self.queues), (), tiers)

    def collect(self) -> Collector:
        writing = ActivityWriting(self.database, self.name, 1)
        writing.begin()
        settings = Settings()
        found = Collector(
            self.activity, writing, lambda **given: NoSwitch("127.0.0.1", 1, "", **given), settings, time.time
        )
        found._true = True
        found.start()
        gevent.spawn(self._arrivals, found)
        return found

    def _arrivals(self, collector: Collector) -> None:
        rate = AGENTS * OCCUPANCY / (HANDLING + WRAP_UP)
        for _ in range(int(AGENTS * OCCUPANCY * HANDLING / (HANDLING + WRAP_UP))):  # in the middle of the day
            gevent.spawn(self._call, collector, self.chance.uniform(0, HANDLING))
        while True:
            gevent.sleep(self.chance.expovariate(rate))
            gevent.spawn(self._call, collector, self.chance.expovariate(1 / HANDLING))

    def _call(self, collector: Collector, talk: float) -> None:
        """What a switch tells of one call, from the INVITE to the end of the wrap-up."""
        self.calls += 1
        member, channel = f"m{self.name}-{self.calls}", f"c{self.name}-{self.calls}"
        queue = self.chance.choice(self.queues)
        collector.apply(events.ChannelCreated(channel, True, f"80055501{self.chance.randrange(20):02}", ""))
        collector.apply(events.ChannelAnswered(channel))
        collector.apply(events.MemberJoined(queue, member, channel))
        while not self.idle:
            gevent.sleep(0.5)
        agent = self.idle.pop(0)
        collector.apply(events.AgentStateChanged(agent, "Receiving"))
        gevent.sleep(self.chance.uniform(0.5, 4))
        collector.apply(events.MemberServed(queue, member, agent))
        collector.apply(events.AgentStateChanged(agent, "In a queue call"))
        collector.apply(events.ChannelsBridged((channel, "x")))
        gevent.sleep(talk)
        collector.apply(events.ChannelGone(channel))
        collector.apply(events.AgentTalkOver(agent))
        collector.apply(events.MemberLeft(queue, member, False))
        collector.apply(events.AgentStateChanged(agent, "Waiting"))
        gevent.sleep(WRAP_UP)
        self.idle.append(agent)


class Documents(ActivityWriting):
    """The plain way: all that is known of a site, in one row, at each change."""

    site: Site

    def write(self, news: Any) -> None:
        self._sequence += 1
        activity = self.site.activity
        whole = {
            "agents": dump(replace(NOTHING, agents=tuple(activity.agents.values()))).get("agents", []),
            "queues": [(line.key.queue, line.waiting, line.talking) for line in activity.lines.values()],
        }
        self.site.database.execute("write_document", switch_id=self.site.name, document=json.dumps(whole))


NOTHING = News()
DOCUMENT = (
    b"insert into site_document values (%(switch_id)s, %(document)s::jsonb)"
    b" on conflict (switch_id) do update set document = excluded.document"
)


def write(conninfo: str, sites: int, seconds: float, documents: bool) -> None:
    """The processors of all sites, in a process of its own; prints how many writes there were."""
    statements = {**queries(), "write_document": Query("write_document", DOCUMENT, False)}
    database = Database(conninfo, min_size=4, max_size=16, statements=statements)
    database.open()
    chance = random.Random(7)
    watched = [Site(f"s{number}", database, chance) for number in range(1, sites + 1)]
    collectors = [site.collect() for site in watched]
    if documents:
        for site, collector in zip(watched, collectors, strict=True):
            collector._writing = Documents(database, site.name, 1)
            collector._writing.site = site
    print("begun", flush=True)
    gevent.sleep(seconds)
    print(sum(collector._writing._sequence for collector in collectors), flush=True)
    os._exit(0)


class Reader:
    """As the routing processor: signals gathered, what is newer read, and how old it is."""

    def __init__(self, conninfo: str) -> None:
        self.database = Database(conninfo, min_size=1, max_size=3)
        self.database.open()
        self.signals = Signals(self.database)
        self.activities = Activities(self.database)
        self.sites: dict[str, SiteActivity] = {}
        self.ages: list[float] = []
        self.reads = 0
        self._subscription = self.signals.subscribe(ACTIVITY, self._heard)
        self._waiting = False
        self.signals.start()

    def _heard(self, _key: Any, _row: object) -> None:
        if not self._waiting:
            self._waiting = True
            gevent.spawn_later(GATHER, self._read)

    def _read(self) -> None:
        self._waiting = False
        self.reads += 1
        known = {name: site.head.version for name, site in self.sites.items()}
        found = self.activities.changes(known)
        now = time.time()
        for changes in found:
            name = changes.head.switch_id
            site = self.sites.get(name, SiteActivity(replace(changes.head, version=0)))
            if not changes.whole:
                self.ages += [
                    now - agent.state_since
                    for agent in changes.agents
                    if site.agents[agent.key].state is not agent.state and agent.state_until is None
                ]
            self.sites[name] = site.after(changes)

    def stop(self) -> None:
        self._waiting = True
        gevent.sleep(0.1)
        self.signals.stop()
        self.database.close()


def run(
    conninfo: str, pid: int, arguments: argparse.Namespace, *, read: bool, documents: bool = False
) -> dict[str, float]:
    """One measurement: percent of a core, writes a second, ages of changes in milliseconds."""
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.activity",
        "--write",
        conninfo,
        "--sites",
        str(arguments.sites),
    ]
    seconds = arguments.seconds + BEGIN + 5
    command += ["--seconds", str(seconds), *(["--documents"] if documents else [])]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    writer.stdout.readline()
    reader = Reader(conninfo) if read else None
    gevent.sleep(BEGIN)  # what is whole is written
    if reader is not None:
        reader.ages.clear()
        reader.reads = 0
    cpu, began = Cpu(pid), time.monotonic()
    writing = Cpu(writer.pid)
    gevent.sleep(arguments.seconds)
    passed = time.monotonic() - began
    figures = {"cpu": 100 * cpu.seconds() / passed, "processors": 100 * writing.seconds() / passed}
    if reader is not None:
        ages = sorted(1000 * age for age in reader.ages)
        figures |= {"seen": len(ages) / passed, "reads": reader.reads / passed}
        for part in (0.5, 0.99, 1.0):
            figures[f"p{100 * part:g}"] = ages[min(len(ages) - 1, int(part * len(ages)))] if ages else 0.0
        reader.stop()
    figures["writes"] = int(writer.stdout.readline() or 0) / seconds
    writer.wait()
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Activity of many sites: how soon it is seen, what it costs."
    )
    parser.add_argument("--sites", type=int, default=SITES)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement")
    parser.add_argument("--check", action="store_true", help="end with 1 where a target is missed")
    parser.add_argument("--write", help=argparse.SUPPRESS)
    parser.add_argument("--documents", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        write(arguments.write, arguments.sites, arguments.seconds, arguments.documents)
    folder = Path(tempfile.mkdtemp(prefix="fsroute-activity-", dir="/var/tmp"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder)
    try:
        conninfo = server.start()
        migrate(conninfo)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(SITES_SQL.format(sites=arguments.sites).encode())
        pid = postmaster(folder)
        load = f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        print(f"{arguments.sites} sites of {AGENTS} agents; {load}")
        alone = run(conninfo, pid, arguments, read=False)
        print(
            f"written:  {alone['writes']:.0f} writes/s cost the database {alone['cpu']:.1f} % of a core,"
            f" the processors of all sites together {alone['processors']:.0f} %"
        )
        both = run(conninfo, pid, arguments, read=True)
        print(f"and read: {both['reads']:.0f} reads/s, together {both['cpu']:.1f} % of a core")
        print(
            f"change → seen, of {both['seen']:.0f} changes/s: p50 {both['p50']:.0f} ms, p99 {both['p99']:.0f} ms,"
            f" worst {both['p100']:.0f} ms"
        )
        plain = run(conninfo, pid, arguments, read=False, documents=True)
        print(
            f"one document a site instead: {plain['writes']:.0f} writes/s cost {plain['cpu']:.1f} % of a core,"
            f" {plain['cpu'] / alone['cpu']:.1f} times as much"
        )
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    missed = [name for name, value in (("p99", both["p99"]), ("cpu", alone["cpu"])) if value >= TARGETS[name]]
    print(f"missed: {', '.join(missed)}" if missed else "every target is reached")
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
