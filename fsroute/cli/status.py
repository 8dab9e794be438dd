"""``fsroute status``: switches, queues, agents and who leads, at this moment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fsroute.cli.options import config_option

if TYPE_CHECKING:
    from fsroute.store.store import Store


@click.command("status")
@config_option
def command(config_path: Path | None) -> None:
    """Show switches, their activity, queues, agents and who leads, at this moment."""
    from fsroute import config
    from fsroute.cli.store import opened

    settings = config.load(config_path)
    with opened(settings) as store:
        _show(store, settings.cti.stale_after)


def _show(store: Store, stale_after: float) -> None:
    from fsroute.cli import activity
    from fsroute.cli.tables import ago, seconds, show
    from fsroute.model.agent_state import Doing
    from fsroute.store.activity import Activities
    from fsroute.store.admission import Admissions
    from fsroute.store.applications import ApplicationVersions
    from fsroute.store.rules import Rules

    store.measure_clock()
    now = store.now()
    switches = store.agents.switches().values()
    show(
        "switches",
        ("switch", "site", "link address", "seen"),
        [(s.switch_id, s.site_id, s.link_address, ago(s.seen_at, now)) for s in switches],
    )
    show(
        "activity",
        ("switch", "site", "link", "age", "waiting", "talking", "agents", "idle", "state"),
        activity.sites(Activities(store.database).changes({}), now, stale_after),
    )
    show(
        "queues",
        ("contact center", "queue", "waiting", "offered", "talking", "longest wait"),
        [
            (*(row[name] for name in ("contact_center_id", "queue", "waiting", "offered", "talking")),
             seconds(row["longest_wait"]))
            for row in store.database.run("status_queues")
        ],
    )  # fmt: skip
    counts: dict[str, int] = {}
    for agent in store.duty.states():
        word = str(agent.status if agent.state is Doing.AWAY else agent.state).replace("_", " ")
        counts[word] = counts.get(word, 0) + 1
    show("agents", ("state", "agents"), sorted(counts.items()))
    show(
        "admission",
        ("limit of", "calls", "at most", "new per second", "at most", "processes", "refused: minute", "hour"),
        [
            (row["scope"], row["present"], row["calls"], f"{row['demand']:.1f}", row["per_second"], row["processes"],
             row["last_minute"], row["last_hour"])
            for row in Admissions(store.database).status()
        ],
    )  # fmt: skip
    version, closed = Rules(store.database).newest(), Rules(store.database).closed()
    show("rules", ("version", "closed by command"), [(version or "(the queues)", ", ".join(sorted(closed)))])
    show(
        "applications",
        ("switch", "from", "application", "contact center", "version", "sequence", "age", "seen", "state", "message"),
        [
            (a.switch_id, a.source, a.name or "(all)", a.contact_center_id, a.version or "", a.sequence or "",
             "" if a.fetched_at is None else ago(a.fetched_at, now), ago(a.checked_at, now), a.state, a.message)
            for a in ApplicationVersions(store.database).all()
        ],
    )  # fmt: skip
    show(
        "leases",
        ("lease", "holder", "epoch", "valid"),
        [
            (row["name"], row["holder"], row["epoch"], "yes" if row["valid"] else "no")
            for row in store.database.run("status_leases")
        ],
    )
