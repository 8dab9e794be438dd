"""``fsroute app publish``, ``rollback`` and ``list``: what the application server of this site gives out."""

from __future__ import annotations

import time
from pathlib import Path

import click

from fsroute.cli.app_bundle import FILE, FOLDER, keys_option, opened


@click.command("publish")
@click.argument("file", type=FILE)
@click.option("--to", "folder", required=True, type=click.Path(path_type=Path), help="The published folder.")
@keys_option
def publish(file: Path, folder: Path, keys: Path | None) -> None:
    """Make the bundle in FILE the current version of its application."""
    from fsroute.ivr import archive, publication

    bundle = opened(file, keys)
    done = publication.publish(bundle, archive.content_of(file), folder, time.time())
    click.echo(f"{done.name} {done.version} is current, sequence {done.sequence}")


@click.command("rollback")
@click.argument("name")
@click.argument("version", required=False)
@click.option("--to", "folder", required=True, type=FOLDER, help="The published folder.")
def rollback(name: str, version: str | None, folder: Path) -> None:
    """Make an old VERSION of NAME current again; without VERSION the one published before the current one."""
    from fsroute.ivr import publication

    done = publication.rollback(name, folder, time.time(), version)
    click.echo(f"{done.name} {done.version} is current, sequence {done.sequence}")


@click.command("list")
@click.argument("name", required=False)
@click.option("--from", "folder", required=True, type=FOLDER, help="The published folder.")
def list_published(name: str | None, folder: Path) -> None:
    """List what is published: every version of NAME, of each application without it."""
    from fsroute.cli.tables import show
    from fsroute.ivr import publication
    from fsroute.ivr.signature import moment

    names = [name] if name else [each.name for each in publication.published(folder)]
    found = [each for each_name in names for each in publication.versions(folder, each_name)]
    columns = (
        "application",
        "version",
        "sequence",
        "when",
        "contact center",
        "key",
        "expires",
        "size",
        "current",
    )
    rows = [
        (each.name, each.version, each.sequence, moment(each.at), each.contact_center, each.key_id,
         "never" if each.expires_at is None else moment(each.expires_at), each.size,
         "yes" if each.is_current else "")
        for each in found
    ]  # fmt: skip
    show("published", columns, rows)


COMMANDS = (publish, rollback, list_published)
