"""``fsroute queue``: where contacts wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fsroute.cli import entering
from fsroute.cli.options import config_option


@click.group("queue")
def command() -> None:
    """Queues of contact centers: what their contacts ask of an agent."""


@command.command("add")
@click.argument("contact_center_id", metavar="CENTER", type=entering.NAME)
@click.argument("queue", type=entering.NAME)
@click.option(
    "--skill", "skills", multiple=True, metavar="NAME[:LEVEL]", help="What its agents must know; repeatable."
)
@click.option(
    "--no-skill", "without", multiple=True, metavar="NAME", help="What they need not know any more."
)
@click.option("--priority", type=int, help="Higher is served first.")
@click.option("--strategy", type=entering.NAME, help="Whom it picks (docs/strategies.md).")
@click.option("--hold-music", type=entering.MUSIC, help="What who waits hears.")
@click.option("--longest-wait", type=click.FloatRange(0, 2592000, min_open=True), help="Seconds.")
@click.option(
    "--refuse-when",
    type=click.Choice(["never", "no_agent_authorized", "no_agent_logged_on"]),
    help="When a contact is not even queued.",
)
@click.option("--extension", type=entering.EXTENSION, help="What agents key to transfer to it.")
@config_option
def add(skills: tuple[str, ...], without: tuple[str, ...], config_path: Path | None, **columns: Any) -> None:
    """Enter QUEUE of the contact center CENTER, or change what is given of it."""
    from fsroute.store.registry import NewQueue

    new = NewQueue(**columns)
    with entering.registry(config_path) as (registry, store):
        done = registry.add_queue(new, entering.skills(skills), without)
        entering.tell(done, f"queue {new.contact_center_id}/{new.queue}")
        if done != "unchanged":
            entering.warn_of_rules(store)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
def list_queues(as_json: bool, config_path: Path | None) -> None:
    """Show the queues and what they ask of an agent."""
    with entering.registry(config_path) as (registry, _):
        entering.show("queues", registry.queues(), as_json)
