"""``fsroute switch``: the FreeSWITCH hosts."""

from __future__ import annotations

from pathlib import Path

import click

from fsroute.cli import entering
from fsroute.cli.options import config_option


@click.group("switch")
def command() -> None:
    """Switches: the FreeSWITCH hosts of the sites."""


@command.command("add")
@click.argument("switch_id", metavar="SWITCH", type=entering.NAME)
@click.option("--site", "site_id", required=True, type=entering.NAME, help="The site that it belongs to.")
@click.option(
    "--link-address",
    required=True,
    type=entering.HOST_PORT,
    help="Where it takes network legs, as the other switches dial it.",
)
@config_option
def add(switch_id: str, site_id: str, link_address: str, config_path: Path | None) -> None:
    """Enter SWITCH before its fsroute runs for the first time, or change it.

    A host that runs enters its own switch by itself; `address` of [links] there wins.
    """
    with entering.registry(config_path) as (registry, _):
        entering.tell(registry.add_switch(switch_id, site_id, link_address), f"switch {switch_id}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
def list_switches(as_json: bool, config_path: Path | None) -> None:
    """Show the switches."""
    from fsroute.cli.tables import ago

    with entering.registry(config_path) as (_, store):
        store.measure_clock()
        rows = [
            {
                "switch": each.switch_id,
                "site": each.site_id,
                "link_address": each.link_address,
                "seen": ago(each.seen_at, store.now()),
            }
            for each in store.agents.switches().values()
        ]
    entering.show("switches", rows, as_json)
