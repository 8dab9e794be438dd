"""What metrics cost: a statement that is timed, a scrape, and a look at the center.

python -m tests.benchmarks.metrics_cost [--calls 2000]
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402

import psycopg  # noqa: E402
from prometheus_client import generate_latest  # noqa: E402
from psycopg.rows import dict_row  # noqa: E402

from fsroute.metrics.exporter import About, Exporter  # noqa: E402
from fsroute.store.database import Database  # noqa: E402
from fsroute.store.scratch import scratch_database  # noqa: E402
from tests.fix_center import CENTER, Center  # noqa: E402


def timed(what: str, do: Callable[[], object], times: int) -> float:
    """Print the median and the 95th percentile, and give the median in seconds."""
    took = []
    processor = time.process_time()
    for _ in range(times):
        began = time.perf_counter()
        do()
        took.append(time.perf_counter() - began)
    processor = (time.process_time() - processor) / times
    middle, high = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    print(
        f"{what:<46} {1e6 * middle:>10.1f} µs (p95 {1e6 * high:.1f}), {1e6 * processor:.1f} µs of the processor"
    )
    return middle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000, help="Calls that wait.")
    calls = parser.parse_args().calls
    exporter = Exporter(About("0", "s", "w", "all"), ("127.0.0.1", 0), 5.0)
    timed("a statement counted", lambda: exporter.measures.statement("reserve_agent", 0.001, None), 20_000)
    with scratch_database() as database:
        watched = Database(database.conninfo, max_size=1, observe=exporter.measures.statement)
        watched.open()
        options = "-c search_path=fsroute"
        connection = psycopg.connect(
            database.conninfo, autocommit=True, row_factory=dict_row, options=options
        )
        connection.execute(CENTER.encode())
        plain = timed("a statement", lambda: database.one("metrics_reach"), 3_000)
        with_it = timed("a statement, watched", lambda: watched.one("metrics_reach"), 3_000)
        print(f"ratio {with_it / plain:.3f}")
        center = Center(database, connection)
        exporter.look_at_center(watched, True)
        for _ in range(calls):
            center.request()
        timed(f"a look at a center where {calls} wait", lambda: exporter.look_at_center(watched, True), 30)
        timed("a scrape", lambda: generate_latest(exporter.registry), 100)
        print(f"{len(generate_latest(exporter.registry))} bytes a scrape")
        watched.close()
        connection.close()


if __name__ == "__main__":
    main()
