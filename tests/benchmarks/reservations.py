"""Committed reservations: how many a second, and how long one takes at 200 a second.

``python -m tests.benchmarks.reservations`` prints both, on the embedded PostgreSQL with its default durability,
NOTIFY included, with the machine's own fsync beside them: a reservation cannot commit faster than that.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import shutil  # noqa: E402
import statistics  # noqa: E402
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

CALLS = 6_000
PACED = 2_000
RATE = 200.0  # contacts per second
WORKERS = 8  # as the coordinator has

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


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="fsroute-benchmark-", dir="/var/tmp"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "postgres")
    try:
        conninfo = server.start()
        migrate(conninfo)
        with Database(conninfo, statement_timeout=60.0) as database:
            run_script(database, CENTER.format(agents=CALLS + PACED), "benchmark")
            signals = Signals(database)
            signals.start()
            store = Store(database, signals)
            print(f"fsync of this disk: {quantiles(fsyncs(folder))}")
            print(
                f"at {RATE:.0f} a second, decision to commit: {quantiles(paced(store, range(1, PACED + 1)))}"
            )
            rate = at_full_speed(store, range(PACED + 1, PACED + CALLS + 1))
            print(f"at full speed, {WORKERS} at a time: {rate:.0f} reservations a second")
            signals.stop()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
