"""How many customers are looked up per second, and how long a list of them takes to load.

    python -m tests.benchmarks.customers [customers]

fsroute's own table in a PostgreSQL of the benchmark's own, on the same machine. Printed: rows loaded per second,
look-ups per second one after another (from the table, and kept), and how long 200 callers at once wait for theirs.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import shutil  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator  # noqa: E402

import gevent  # noqa: E402
import psycopg  # noqa: E402

from fsroute.config import Customers as Section  # noqa: E402
from fsroute.customers.customers import Customers  # noqa: E402
from fsroute.customers.numbers import Plan  # noqa: E402
from fsroute.store.customers import CustomerTable, Row  # noqa: E402
from fsroute.store.database import Database  # noqa: E402
from fsroute.store.embedded import EmbeddedPostgres  # noqa: E402
from fsroute.store.migrate import migrate  # noqa: E402
from fsroute.store.scratch import new_folder  # noqa: E402

AT_ONCE = 200
LOOK_UPS = 2_000


def number(n: int) -> str:
    return f"+1415{5_000_000 + n:07}"


def rows(count: int) -> Iterator[Row]:
    for n in range(count):
        yield n, "number", number(n), {"segment": "gold" if n % 10 == 0 else "none", "name": f"Customer {n}"}


def customers(conninfo: str, cache: float) -> Customers:
    section = Section(name="own", contact_centers=("acme",), cache=cache, timeout=2.0)
    return Customers([section], Plan(), conninfo)


def one_after_another(asked: Customers, count: int) -> float:
    """Look-ups per second."""
    begin = time.perf_counter()
    for n in range(LOOK_UPS):
        assert asked.facts("acme", number(n % count))
    return LOOK_UPS / (time.perf_counter() - begin)


def all_at_once(asked: Customers) -> list[float]:
    """Seconds that each of many callers waits."""

    def wait(n: int) -> float:
        begin = time.perf_counter()
        assert asked.facts("acme", number(n))
        return time.perf_counter() - begin

    waiting = [gevent.spawn(wait, n) for n in range(AT_ONCE)]
    gevent.joinall(waiting, raise_error=True)
    return [greenlet.get() for greenlet in waiting]


def main(count: int) -> None:
    folder = new_folder()
    server = EmbeddedPostgres(folder)
    try:
        conninfo = server.start()
        migrate(conninfo)
        with psycopg.connect(conninfo) as connection:
            connection.execute("insert into fsroute.contact_center values ('acme', 'Acme')")
        with Database(conninfo) as database:
            begin = time.perf_counter()
            CustomerTable(database).load("acme", rows(count))
            print(f"loaded: {count / (time.perf_counter() - begin):,.0f} rows/s")
        print(f"from the table: {one_after_another(customers(conninfo, 0.0), count):,.0f} look-ups/s")
        kept = customers(conninfo, 600.0)
        one_after_another(kept, 1_000)
        print(f"kept: {one_after_another(kept, 1_000):,.0f} look-ups/s")
        waits = sorted(all_at_once(customers(conninfo, 0.0)))
        print(
            f"{AT_ONCE} at once: p50 {1000 * statistics.median(waits):.1f} ms, longest {1000 * waits[-1]:.1f} ms"
        )
    finally:
        server.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
