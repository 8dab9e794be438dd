"""``fsroute activity``: what CTI processors see at their sites: agents, queues, windows."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fsroute.cli.options import config_option

if TYPE_CHECKING:
    from fsroute.model.activity import AgentActivity, Changes, Head, QueueActivity
    from fsroute.store.activity import Activities

CLEAR = "\x1b[H\x1b[2J"


@click.command("activity")
@config_option
@click.option("--site", "sites", multiple=True, help="Only this site; may be given again.")
@click.option("--agents/--no-agents", default=True, help="Show agents.")
@click.option("--queues/--no-queues", default=True, help="Show queues, numbers and whole switches.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object a switch, each on a line.")
@click.option("--watch", is_flag=True, help="Print again whenever something changes, until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600.0),
    default=1.0,
    show_default=True,
    help="Seconds between two looks with --watch.",
)
def command(
    config_path: Path | None,
    sites: tuple[str, ...],
    agents: bool,
    queues: bool,
    as_json: bool,
    watch: bool,
    interval: float,
) -> None:
    """Show each site's activity, and how old it is."""
    from fsroute import config
    from fsroute.cli.store import opened
    from fsroute.store.activity import Activities

    settings = config.load(config_path)
    with opened(settings) as store:
        activities = Activities(store.database)
        show = _print_json if as_json else _print_tables
        while True:
            store.measure_clock()
            found = _of_sites(activities, sites)
            if watch and not as_json and sys.stdout.isatty():
                print(CLEAR, end="")
            show(found, store.now(), settings.cti.stale_after, agents, queues)
            sys.stdout.flush()
            if not watch:
                return
            _until_changed(activities, {one.head.switch_id: one.head.version for one in found}, interval)


def _of_sites(activities: Activities, sites: tuple[str, ...]) -> list[Changes]:
    return [changes for changes in activities.changes({}) if not sites or changes.head.site_id in sites]


def _until_changed(activities: Activities, known: dict[str, int], interval: float) -> None:
    while True:
        time.sleep(interval)
        if {head.switch_id: head.version for head in activities.heads()} != known:
            return


# Tables ------------------------------------------------------------------------------------------------------


def _print_tables(found: list[Changes], now: float, stale_after: float, agents: bool, queues: bool) -> None:
    from fsroute.cli.tables import show

    show(
        "activity",
        ("switch", "site", "link", "age", "waiting", "talking", "agents", "idle", "state"),
        sites(found, now, stale_after),
    )
    if queues:
        show(
            "lines",
            ("switch", "source", "name", "waiting", "oldest", "talking", "idle", "of agents", "expected wait",
             "handling", "service level", "offered 1/5/15 min", "answered", "abandoned"),
            [_queue(one.head, queue, now) for one in found for queue in sorted(one.queues, key=_name)],
        )  # fmt: skip
    if agents:
        show(
            "agents",
            ("switch", "source", "agent", "status", "state", "since", "idle since", "reachable", "address", "skills"),
            [
                _agent(one.head, agent, now)
                for one in found
                for agent in sorted(one.agents, key=lambda each: each.key)
            ],
        )  # fmt: skip


def sites(found: Iterable[Changes], now: float, stale_after: float) -> list[Sequence[object]]:
    """One row a switch: how old its activity is, who waits and talks there, who is there to serve."""
    rows: list[Sequence[object]] = []
    for one in found:
        head = one.head
        whole = next((queue for queue in one.queues if queue.key.source == "site"), None)
        counts = (whole.waiting, whole.talking, whole.agents, whole.idle) if whole else ("", "", "", "")
        rows.append(
            (head.switch_id, head.site_id, head.link, _age(head, now), *counts, state(head, now, stale_after))
        )
    return rows  # fmt: skip


def state(head: Head, now: float, stale_after: float) -> str:
    """In a word, whether the switch's activity may be used."""
    if not head.is_stale(now, stale_after):
        return "known"
    return "link down" if head.link == "down" and now - head.reported_at <= stale_after else "stale"


def _age(head: Head, now: float) -> str:
    return f"{head.age(now):.1f} s" if head.known_at > 0 else "never"


def _name(queue: QueueActivity) -> tuple[str, str]:
    return (str(queue.key.source), queue.key.queue)


def _queue(head: Head, queue: QueueActivity, now: float) -> Sequence[object]:
    from fsroute.cli.tables import seconds

    windows = [queue.windows[each] for each in sorted(queue.windows)]
    counts = [
        "/".join(str(getattr(window, name)) for window in windows)
        for name in ("offered", "answered", "abandoned")
    ]
    level = "" if queue.service_level is None else f"{100 * queue.service_level:.0f} %"
    oldest = seconds(None if queue.oldest_at is None else max(0.0, now - queue.oldest_at))
    return (
        head.switch_id, queue.key.source, queue.key.queue or "(all)", queue.waiting, oldest, queue.talking,
        queue.idle, queue.agents, seconds(queue.expected_wait), seconds(queue.handling), level, *counts,
    )  # fmt: skip


def _agent(head: Head, agent: AgentActivity, now: float) -> Sequence[object]:
    reachable = {True: "yes", False: "no", None: ""}[agent.reachable]
    skills = " ".join(f"{name}:{level}" for name, level in sorted(agent.skills.items()))
    doing = "idle" if agent.state_until is not None and agent.state_until <= now else str(agent.state)
    return (
        head.switch_id, agent.key.source, agent.key.agent, str(agent.status).replace("_", " "),
        doing.replace("_", " "), _since(agent.state_since, now), _since(agent.idle_since, now), reachable,
        agent.address, skills,
    )  # fmt: skip


def _since(moment: float, now: float) -> str:
    return f"{max(0.0, now - moment):.0f} s"


# JSON --------------------------------------------------------------------------------------------------------


def _print_json(found: list[Changes], now: float, stale_after: float, agents: bool, queues: bool) -> None:
    for one in found:
        document: dict[str, Any] = asdict(one.head) | {
            "age": one.head.age(now),
            "state": state(one.head, now, stale_after),
        }
        if queues:
            document["queues"] = [_flat(queue) for queue in one.queues]
        if agents:
            document["agents"] = [_flat(agent) for agent in one.agents]
        print(json.dumps(document))


def _flat(row: QueueActivity | AgentActivity) -> dict[str, Any]:
    """The key's fields beside the others."""
    document = asdict(row)
    key: dict[str, Any] = document.pop("key")
    return key | document
