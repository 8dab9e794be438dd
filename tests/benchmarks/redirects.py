"""A call arrives: how soon is its 302 sent? On a real FreeSWITCH: ``python -m tests.benchmarks.redirects``.

One FreeSWITCH and fsroute beside it (the routing processor in a process of its own; both with real-time priority, as
FreeSWITCH takes it without ``-np``, unless ``--no-realtime`` is given), 200 agents, 20 calls a second for 20 s. Each
call is routed before the answer: an agent is reserved for it in a committed transaction, and dialled; nobody follows
the redirection, so the agent is free again after 3 s. The time is that from the INVITE to the 302 by the kernel's
timestamps. It needs root (CAP_NET_RAW), SIPp and FreeSWITCH. With ``--check`` it ends with 1 where it is missed.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from datetime import datetime  # noqa: E402
from pathlib import Path  # noqa: E402

import psycopg  # noqa: E402

from fsroute import scheduling  # noqa: E402
from fsroute.coordinator.strategies import load as load_strategies  # noqa: E402
from fsroute.store.database import Database  # noqa: E402
from fsroute.store.embedded import EmbeddedPostgres  # noqa: E402
from fsroute.store.loading import Loader  # noqa: E402
from fsroute.store.migrate import migrate  # noqa: E402
from tests.benchmarks.processes import prefer  # noqa: E402
from tests.benchmarks.wire_figures import quantile  # noqa: E402
from tests.live import freeswitch, sipp  # noqa: E402
from tests.live.freeswitch import EARLY_NUMBER, FreeSwitch, Ports  # noqa: E402
from tests.live.process import FsrouteRun  # noqa: E402
from tests.live.two_sites import gather_applications  # noqa: E402
from tests.waiting import until  # noqa: E402

TARGET = 0.040  # seconds, p99
AGENTS = 200
SWITCH_PRIORITY = 2  # real-time: below that of fsroute and its database, which are idle almost always
CENTER = """
set search_path = fsroute;
insert into contact_center values ('bench', 'Bench');
insert into site values ('here', 'Here');
insert into switch (switch_id, site_id, link_address) values ('here-1', 'here', '127.0.0.1:{link}');
insert into queue (contact_center_id, queue) values ('bench', 'all');
insert into number_called values ('{number}', 'bench', 'orders');
insert into agent (agent_id, name, site_id, switch_id, address, status)
    select 'a' || n, 'A', 'here', 'here-1', 'sip:a' || n || '@127.0.0.1:{port}', 'available'
      from generate_series(1, {agents}) n;
insert into agent_authorization (agent_id, contact_center_id) select agent_id, 'bench' from agent;
"""
DECIDED = b"""
select extract(epoch from e.at - c.arrived_at)::float8 from fsroute.contact_event e
  join fsroute.contact c using (contact_id)
 where e.kind = 'decided' order by 1
"""
RULES = """
insert into routing_rule (contact_center_id, rule, ordinal, queue) values ('bench', 'early', 1, 'all');
insert into routing_rule_direct (contact_center_id, rule, manner, otherwise)
    values ('bench', 'early', 'redirect', 'busy');
"""


def measure(
    program: Path, folder: Path, rate: int, seconds: int, realtime: int
) -> tuple[list[float], list[float], list[float]]:
    """Seconds from INVITE to 302, from the channel's creation to the decision, and what of that is ours; sorted."""
    postgres = EmbeddedPostgres(folder / "postgres")
    ports = Ports(20_000)
    switch = FreeSwitch(program, "here-1", folder / "switch", ports)
    desks = sipp.agents(folder, "agents")
    gather_applications(folder / "applications")
    runs: list[FsrouteRun] = []
    try:
        scheduling.take(realtime)  # what is started inherits it
        try:
            database = postgres.start()
        finally:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        migrate(database)
        with psycopg.connect(database, autocommit=True) as connection:
            text = CENTER.format(link=ports.link, number=EARLY_NUMBER, port=desks.port, agents=AGENTS)
            connection.execute(text.encode())
        with Database(database, min_size=1, max_size=2) as opened:
            Loader(opened, frozenset(load_strategies().known), {}).load(RULES, "bench.sql", "bench")
        switch.start()
        switch.until_ready()
        for name, roles in (("rest", '"callserver", "coordinator", "acd"'), ("scp", '"scp"')):
            runs.append(FsrouteRun(folder / name, "here", ports, database, f"roles = [{roles}]", realtime))
            runs[-1].start()
        if realtime:
            prefer(switch.pid, SWITCH_PRIORITY)
        with psycopg.connect(database, autocommit=True) as connection:
            seen = b"select 1 from fsroute.switch where seen_at is not null"
            until(lambda: connection.execute(seen).fetchone(), 20)
        found = _calls(folder, ports, rate, rate * seconds)
        with psycopg.connect(database, autocommit=True) as connection:
            decided = [float(row[0]) for row in connection.execute(DECIDED)]
        return found, decided, ours(runs[-1].log())
    finally:
        for run in runs:
            run.stop()
        desks.stop()
        switch.stop()
        postgres.stop()


def ours(log: str) -> list[float]:
    """From the log: a call is taken, its destination is claimed, and FreeSWITCH has said that it redirects it."""
    opened: dict[str, datetime] = {}
    found = []
    for line in log.splitlines():
        taken = re.match(r"(\S+) .* call (\S+) (opened|contact=)", line)
        if taken and taken[3] == "opened":
            opened[taken[2]] = datetime.fromisoformat(taken[1])
        elif taken and taken[2] in opened:
            found.append((datetime.fromisoformat(taken[1]) - opened.pop(taken[2])).total_seconds())
    return sorted(found)


def _calls(folder: Path, ports: Ports, rate: int, calls: int) -> list[float]:
    record = folder / "wire.jsonl"
    command = [sys.executable, "-m", "tests.benchmarks.sniffer", str(record), str(ports.callers)]
    sniffer = subprocess.Popen([*command, str(ports.event_socket)])
    try:
        until(record.exists, 10)
        callers, _ = sipp.redirected(folder, "callers", calls, EARLY_NUMBER, ports.callers, rate)
        failed = callers.finish(calls / rate + 60)
        if failed:
            print(f"some calls were not redirected: {callers.problems()[:500]}")
    finally:
        sniffer.terminate()
        sniffer.wait()
    return times(record.read_text())


def times(text: str) -> list[float]:
    """From the sniffer's lines."""
    arrived: dict[str, float] = {}
    found: list[float] = []
    for at, _, _, *what in map(json.loads, text.splitlines()):
        if len(what) != 4:
            continue
        line, method, call_id, _ = what
        if line.startswith("INVITE "):
            arrived.setdefault(call_id, at)
        elif line.startswith("SIP/2.0 302") and method == "INVITE" and call_id in arrived:
            found.append(at - arrived.pop(call_id))
    return sorted(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--no-realtime", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    program = freeswitch.find()
    if program is None or sipp.find() is None:
        sys.exit(f"FreeSWITCH ({freeswitch.SEARCHED}) and SIPp are needed")
    with tempfile.TemporaryDirectory(prefix="fsroute-redirects-") as name:
        Path(name).chmod(0o755)  # the database runs as another user
        found, decided, own = measure(
            program, Path(name), options.rate, options.seconds, 0 if options.no_realtime else 10
        )
    p50, p99 = quantile(found, 0.5), quantile(found, 0.99)
    print(
        f"{len(found)} calls, {options.rate} a second: INVITE to 302 p50 {1000 * p50:.1f} ms, p99 {1000 * p99:.1f} ms,"
        f" most {1000 * found[-1]:.1f} ms; asked: p99 under {1000 * TARGET:.0f} ms"
    )
    print(
        f"of which until the agent is reserved: p50 {1000 * quantile(decided, 0.5):.1f} ms,"
        f" p99 {1000 * quantile(decided, 0.99):.1f} ms; the beginning is by FreeSWITCH's clock, which steps by 20 ms"
    )
    print(
        f"of which fsroute's, from the call that is looked at to the redirection that is done: "
        f"p50 {1000 * quantile(own, 0.5):.1f} ms, p90 {1000 * quantile(own, 0.9):.1f} ms,"
        f" p99 {1000 * quantile(own, 0.99):.1f} ms"
    )
    if options.check and p99 >= TARGET:
        sys.exit(1)


if __name__ == "__main__":
    main()
