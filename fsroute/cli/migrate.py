"""``fsroute migrate``: bring the database to this version's schema."""

from __future__ import annotations

from pathlib import Path

import click

from fsroute.cli.options import config_option


@click.command("migrate")
@click.option(
    "--roles",
    is_flag=True,
    help="Make a database role for each part, with the least rights (docs/security.md).",
)
@config_option
def command(roles: bool, config_path: Path | None) -> None:
    """Bring the database to this version's schema."""
    from fsroute import config
    from fsroute.cli.store import connection_string
    from fsroute.store.embedded import administrator
    from fsroute.store.migrate import migrate

    settings = config.load(config_path)
    with connection_string(settings) as conninfo:
        applied = migrate(conninfo)
        if roles:
            migrate(administrator(conninfo) if settings.database.embedded else conninfo, roles=True)
    for name in applied:
        click.echo(f"applied {name}")
    if roles:
        click.echo("each part has its role, and the role its rights")
    elif not applied:
        click.echo("the database is up to date")
    if settings.database.embedded:  # its connection string names the file with the password
        click.echo(f'while fsroute runs: psql "{conninfo}"')
