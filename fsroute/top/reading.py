"""The picture as it lies in the database: six statements, some milliseconds."""

from __future__ import annotations

from fsroute.store.store import Store
from fsroute.top.picture import Picture

MOST = 2_000  # rows of a kind: more than any terminal is high


def read(store: Store) -> Picture:
    """Raises StoreError."""
    database = store.database
    leases = {row["name"]: row for row in database.run("status_leases")}
    lease = leases.get("coordinator")
    return Picture(
        at=store.now(),
        calls=tuple(database.run("top_calls", most=MOST)),
        queues=tuple(database.run("status_queues")),
        agents=tuple(database.run("top_agents", most=MOST)),
        sites=tuple(database.run("top_sites", most=MOST)),
        totals=database.one("top_totals") or {},
        rates=database.one("top_rates") or {},
        leader=f"{lease['holder']} (epoch {lease['epoch']})" if lease and lease["valid"] else "",
    )
