"""``fsroute number``: the numbers that callers dial."""

from __future__ import annotations

from pathlib import Path

import click

from fsroute.cli import entering
from fsroute.cli.options import config_option
from fsroute.errors import FsrouteError


@click.group("number")
def command() -> None:
    """Numbers that callers dial: whose they are, and which application answers."""


@command.command("add")
@click.argument("number", type=entering.NUMBER)
@click.option("--center", "contact_center_id", required=True, type=entering.NAME, help="The contact center.")
@click.option("--application", required=True, type=entering.NAME, help="What answers the caller.")
@config_option
def add(number: str, contact_center_id: str, application: str, config_path: Path | None) -> None:
    """Enter NUMBER, or change whose it is. It counts from the next call on.

    The dialplan must lead it to fsroute, too: fsroute install again, or `numbers` of the dialplan's settings.
    """
    from fsroute import config
    from fsroute.cli.rules import applications_here

    with entering.registry(config_path) as (registry, _):
        entering.tell(registry.add_number(number, contact_center_id, application), f"number {number}")
    if application not in applications_here(config.load(config_path)):
        click.echo(f"warning: this host has no application {application} in its folders", err=True)


@command.command("remove")
@click.argument("number", type=entering.NUMBER)
@config_option
def remove(number: str, config_path: Path | None) -> None:
    """Take NUMBER away: who calls it goes to the fallback."""
    with entering.registry(config_path) as (registry, _):
        if not registry.drop_number(number):
            raise FsrouteError(f"there is no number {number}")
    click.echo(f"number {number}: removed")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
def list_numbers(as_json: bool, config_path: Path | None) -> None:
    """Show the numbers."""
    with entering.registry(config_path) as (registry, _):
        entering.show("numbers", registry.numbers(), as_json)
