"""``fsroute migrate``: bring the database to this version's schema."""

from __future__ import annotations

from pathlib import Path

import click

from fsroute.cli.options import config_option


@click.command("migrate")
@config_option
def command(config_path: Path | None) -> None:
    """Bring the database to this version's schema."""
    from fsroute import config
    from fsroute.cli.store import connection_string
    from fsroute.store.migrate import migrate

    settings = config.load(config_path)
    with connection_string(settings) as conninfo:
        applied = migrate(conninfo)
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("the database is up to date")
    if settings.database.embedded:  # its connection string names the file with the password
        click.echo(f'while fsroute runs: psql "{conninfo}"')
