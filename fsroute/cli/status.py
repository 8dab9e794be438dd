"""``fsroute status``: versions, processes, sites, queues, agents and who leads, at this moment."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fsroute.cli.options import config_option

if TYPE_CHECKING:
    from fsroute.store.store import Store

Tables = dict[str, list[dict[str, Any]]]


@click.command("status")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON: lists of objects, durations in seconds.")
def command(config_path: Path | None, as_json: bool) -> None:
    """Show versions, what runs, switches, their activity, queues, agents and who leads, at this moment."""
    from fsroute import config
    from fsroute.cli.store import opened

    settings = config.load(config_path)
    with opened(settings) as store:
        store.measure_clock()
        tables = read(store, settings.cti.stale_after)
    if as_json:
        click.echo(json.dumps(tables, indent=2, default=_plain))
    else:
        _show(tables)


def read(store: Store, stale_after: float) -> Tables:
    """All that is shown, by table; durations in seconds. Raises StoreError."""
    from fsroute.store.admission import Admissions

    now = store.now()
    return {
        "versions": _versions(store),
        "processes": store.database.run("status_processes"),
        "switches": [
            {
                "switch_id": switch.switch_id,
                "site_id": switch.site_id,
                "link_address": switch.link_address,
                "seen": None if switch.seen_at is None else max(0.0, now - switch.seen_at.timestamp()),
            }
            for switch in store.agents.switches().values()
        ],
        "activity": _activity(store, now, stale_after),
        "queues": store.database.run("status_queues"),
        "agents": _agents(store),
        "admission": [dict(row) for row in Admissions(store.database).status()],
        "closed": _closed(store),
        "applications": _applications(store, now),
        "leases": store.database.run("status_leases"),
    }


def _versions(store: Store) -> list[dict[str, Any]]:
    import fsroute
    from fsroute.store.migrate import migrations
    from fsroute.store.rules import Rules

    server = store.database.one("status_server") or {}
    return [
        {
            "fsroute": fsroute.__version__,
            **server,
            "schema_known": len(migrations()),
            "rules_version": Rules(store.database).newest(),
        }
    ]


def _activity(store: Store, now: float, stale_after: float) -> list[dict[str, Any]]:
    from fsroute.cli.activity import state
    from fsroute.store.activity import Activities

    rows = []
    for one in Activities(store.database).changes({}):
        whole = next((queue for queue in one.queues if queue.key.source == "site"), None)
        rows.append(
            {
                "switch_id": one.head.switch_id,
                "site_id": one.head.site_id,
                "link": one.head.link,
                "age": one.head.age(now) if one.head.known_at > 0 else None,
                "waiting": None if whole is None else whole.waiting,
                "talking": None if whole is None else whole.talking,
                "agents": None if whole is None else whole.agents,
                "idle": None if whole is None else whole.idle,
                "state": state(one.head, now, stale_after),
            }
        )
    return rows


def _agents(store: Store) -> list[dict[str, Any]]:
    from fsroute.model.agent_state import Doing

    counts: dict[str, int] = {}
    for agent in store.duty.states():
        word = str(agent.status if agent.state is Doing.AWAY else agent.state).replace("_", " ")
        counts[word] = counts.get(word, 0) + 1
    return [{"state": word, "agents": number} for word, number in sorted(counts.items())]


def _closed(store: Store) -> list[dict[str, Any]]:
    from fsroute.store.rules import Rules

    return [{"contact_center_id": center} for center in sorted(Rules(store.database).closed())]


def _applications(store: Store, now: float) -> list[dict[str, Any]]:
    from fsroute.store.applications import ApplicationVersions

    def age(moment: datetime | None) -> float | None:
        return None if moment is None else max(0.0, now - moment.timestamp())

    return [
        {
            "switch_id": one.switch_id,
            "source": one.source,
            "application": one.name or None,
            "contact_center_id": one.contact_center_id,
            "version": one.version,
            "sequence": one.sequence,
            "age": age(one.fetched_at),
            "seen": age(one.checked_at),
            "state": one.state,
            "message": one.message,
        }
        for one in ApplicationVersions(store.database).all()
    ]


def _plain(value: object) -> float | str:
    """What JSON does not know: PostgreSQL's numerics."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(value)


# Tables ------------------------------------------------------------------------------------------------------


def _show(tables: Tables) -> None:
    from fsroute.cli.tables import seconds, show

    def ago(value: float | None) -> str:
        return "never" if value is None else f"{value:.0f} s ago"

    version = tables["versions"][0]
    show(
        "versions",
        ("fsroute here", "PostgreSQL", "database", "schema", "known here", "connections"),
        [
            (version["fsroute"], version["postgresql"], f"{version['size'] / 1e6:.0f} MB", version["schema_version"],
             version["schema_known"], version["connections"])
        ],
    )  # fmt: skip
    show(
        "processes",
        ("switch", "host", "fsroute", "connected for"),
        [
            (row["switch_id"], row["host"], row["version"], seconds(row["connected"]))
            for row in tables["processes"]
        ],
    )
    show(
        "switches",
        ("switch", "site", "link address", "seen"),
        [
            (row["switch_id"], row["site_id"], row["link_address"], ago(row["seen"]))
            for row in tables["switches"]
        ],
    )
    show(
        "activity",
        ("switch", "site", "link", "age", "waiting", "talking", "agents", "idle", "state"),
        [
            (row["switch_id"], row["site_id"], row["link"],
             "never" if row["age"] is None else f"{row['age']:.1f} s",
             *("" if row[name] is None else row[name] for name in ("waiting", "talking", "agents", "idle")),
             row["state"])
            for row in tables["activity"]
        ],
    )  # fmt: skip
    show(
        "queues",
        ("contact center", "queue", "waiting", "offered", "talking", "longest wait"),
        [
            (*(row[name] for name in ("contact_center_id", "queue", "waiting", "offered", "talking")),
             seconds(row["longest_wait"]))
            for row in tables["queues"]
        ],
    )  # fmt: skip
    show("agents", ("state", "agents"), [(row["state"], row["agents"]) for row in tables["agents"]])
    show(
        "admission",
        ("limit of", "calls", "at most", "new per second", "at most", "processes", "refused: minute", "hour"),
        [
            (row["scope"], row["present"], row["calls"], f"{row['demand']:.1f}", row["per_second"], row["processes"],
             row["last_minute"], row["last_hour"])
            for row in tables["admission"]
        ],
    )  # fmt: skip
    closed = ", ".join(row["contact_center_id"] for row in tables["closed"])
    show("rules", ("version", "closed by command"), [(version["rules_version"] or "(the queues)", closed)])
    show(
        "applications",
        ("switch", "from", "application", "contact center", "version", "sequence", "age", "seen", "state", "message"),
        [
            (row["switch_id"], row["source"], row["application"] or "(all)", row["contact_center_id"],
             row["version"] or "", row["sequence"] or "", "" if row["age"] is None else ago(row["age"]),
             ago(row["seen"]), row["state"], row["message"])
            for row in tables["applications"]
        ],
    )  # fmt: skip
    show(
        "leases",
        ("lease", "holder", "epoch", "valid"),
        [
            (row["name"], row["holder"], row["epoch"], "yes" if row["valid"] else "no")
            for row in tables["leases"]
        ],
    )
