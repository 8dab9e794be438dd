"""``fsroute site``: the call centers."""

from __future__ import annotations

from pathlib import Path

import click

from fsroute.cli import entering
from fsroute.cli.options import config_option


@click.group("site")
def command() -> None:
    """Sites: call centers with switches and agents of their own."""


@command.command("add")
@click.argument("site_id", metavar="SITE", type=entering.NAME)
@click.option("--name", type=entering.TITLE, help="As people call it; SITE without it.")
@click.option(
    "--capacity", type=click.IntRange(min=0), help="Calls that the routing processor sends there at a time."
)
@config_option
def add(site_id: str, name: str | None, capacity: int | None, config_path: Path | None) -> None:
    """Enter SITE, or change what is given of it. (A host that runs enters its own site by itself.)"""
    with entering.registry(config_path) as (registry, _):
        entering.tell(registry.add_site(site_id, name, capacity), f"site {site_id}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
def list_sites(as_json: bool, config_path: Path | None) -> None:
    """Show the sites."""
    with entering.registry(config_path) as (registry, _):
        entering.show("sites", registry.sites(), as_json)
