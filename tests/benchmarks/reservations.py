"""Committed reservations: how many a second, and how long one takes at 200 a second.

``python -m tests.benchmarks.reservations`` prints both, on the embedded PostgreSQL with its default durability,
NOTIFY included, with the machine's own fsync beside them: a reservation cannot commit faster than that. On a machine
that is busy otherwise the processor time of a reservation says more than the rate; it and the load average are printed,
too. With ``--check`` it ends with 1 where a target is missed.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from uuid import uuid4  # noqa: E402

import gevent  # noqa: E402
from gevent.pool import Pool  # noqa: E402

from fsroute.store.database import Database  # noqa: E402
from fsroute.store.embedded import EmbeddedPostgres  # noqa: E402
from fsroute.store.migrate import migrate  # noqa: E402
from fsroute.store.script import run_script  # noqa: E402
from fsroute.store.signals import Signals  # noqa: E402
from fsroute.store.store import Store  # noqa: E402
from tests.benchmarks.processes import Cpu, postmaster  # noqa: E402

CALLS = 6_000
PACED = 2_000
RATE = 200.0  # contacts per second
WORKERS = 8  # as the coordinator has
TARGETS = {
    "rate": 1_500.0,
    "p99": 20.0,
}  # a second at full speed; milliseconds from decision to commit, paced

CENTER = """
set search_path = fsroute;
insert into contact_center (contact_center_id, name) values ('acme', 'Acme');
insert into site (site_id, name) values ('west', 'West'), ('east', 'East');
insert into switch (switch_id, site_id, link_address) values
    ('west-1', 'west', '127.0.0.1:5062'), ('east-1', 'east', '127.0.0.1:5072');
insert into queue (contact_center_id, queue) values ('acme', 'support');
insert into queue_skill (contact_center_id, queue, skill, level) values ('acme', 'support', 'orders', 1);
insert into agent (agent_id, name, site_id, switch_id, address, status)
select 'a' || n, 'Agent ' || n, 'east', 'east-1', 'sip:' || n || '@127.0.0.1:6001', 'available'
  from generate_series(1, {agents}) n;
insert into agent_skill (agent_id, skill, level) select agent_id, 'orders', 2 from agent;
insert into agent_authorization (agent_id, contact_center_id) select agent_id, 'acme' from agent;
insert into contact (contact_id, contact_center_id, medium, switch_id, channel_uuid, number_called, application,
                     arrived_at)
select gen_random_uuid(), 'acme', 'voice', 'west-1', 'c' || n, '8005550100', 'orders', clock_timestamp()
  from generate_series(1, {agents}) n;
insert into contact_personal (contact_id, contact_center_id, caller_number, caller_name, language)
select contact_id, 'acme', '+14155550123', 'Ada', 'en' from contact;
select count(*) from contact, lateral request_proxy_call(contact_id, 'support');
update proxy_call set state = 'queued', queued_at = clock_timestamp();
insert into lease (name, holder, epoch, expires_at) values ('coordinator', 'benchmark', 1, 'infinity');
analyze;
"""


def fsyncs(folder: Path, count: int = 300) -> list[float]:
    """Milliseconds that one 8-KiB write and fdatasync take, sorted."""
    times = []
    with open(folder / "fsync", "wb") as file:
        for _ in range(count):
            begin = time.perf_counter()
            file.write(b"x" * 8192)
            file.flush()
            os.fdatasync(file.fileno())
            times.append(1000 * (time.perf_counter() - begin))
    return sorted(times)


def quantiles(values: list[float]) -> str:
    p50, p99 = statistics.median(values), values[int(0.99 * len(values)) - 1]
    return f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, longest {values[-1]:.2f} ms"


def reserve(store: Store, number: int, times: list[float], since: float) -> None:
    call = store.proxy_calls.reserve(1, number, f"a{number}", str(uuid4()), {"why": "benchmark"})
    assert call is not None
    store.announce(call)
    times.append(1000 * (time.perf_counter() - since))


def at_full_speed(store: Store, numbers: range) -> float:
    """Reservations per second."""
    times: list[float] = []
    workers = Pool(WORKERS)
    begin = time.perf_counter()
    for number in numbers:
        workers.spawn(reserve, store, number, times, begin)
    workers.join()
    assert len(times) == len(numbers)
    return len(times) / (time.perf_counter() - begin)


def paced(store: Store, numbers: range) -> list[float]:
    """Milliseconds from the decision to the commit, at `RATE` a second, sorted."""
    times: list[float] = []
    workers = Pool(WORKERS)
    begin = time.perf_counter()
    for index, number in enumerate(numbers):
        due = begin + index / RATE
        gevent.sleep(max(0.0, due - time.perf_counter()))
        workers.spawn(reserve, store, number, times, time.perf_counter())
    workers.join()
    assert len(times) == len(numbers)
    return sorted(times)


def part(values: list[float], which: float) -> float:
    return values[int(which * len(values)) - 1]


def measure(store: Store, folder: Path, server: int) -> dict[str, float]:
    disk = fsyncs(folder)
    print(f"fsync of this disk: {quantiles(disk)}")
    times = paced(store, range(1, PACED + 1))
    print(f"at {RATE:.0f} a second, decision to commit: {quantiles(times)}")
    print(
        f"  p50 is {part(times, 0.5) / part(disk, 0.5):.1f} fsyncs, p99 {part(times, 0.99) / part(disk, 0.99):.1f}"
    )
    ours, theirs = Cpu(os.getpid()), Cpu(server)
    rate = at_full_speed(store, range(PACED + 1, PACED + CALLS + 1))
    print(f"at full speed, {WORKERS} at a time: {rate:.0f} reservations a second")
    each = [1e6 * cpu.seconds() / CALLS for cpu in (ours, theirs)]
    print(f"  processor time of one: {each[0]:.0f} µs here, {each[1]:.0f} µs in PostgreSQL")
    return {"rate": rate, "p99": part(times, 0.99)}


def main() -> int:
    parser = argparse.ArgumentParser(description="Committed reservations.")
    parser.add_argument("--check", action="store_true", help="end with 1 where a target is missed")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fsroute-benchmark-", dir="/var/tmp"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "postgres")
    print(f"load average before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    try:
        conninfo = server.start()
        migrate(conninfo)
        with Database(conninfo, statement_timeout=60.0) as database:
            run_script(database, CENTER.format(agents=CALLS + PACED), "benchmark")
            signals = Signals(database)
            signals.start()
            found = measure(Store(database, signals), folder, postmaster(server.folder))
            signals.stop()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"load average after: {os.getloadavg()[0]:.2f}")
    missed = found["rate"] < TARGETS["rate"] or found["p99"] >= TARGETS["p99"]
    print("a target is missed" if missed else "every target is reached")
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
