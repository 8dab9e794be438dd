"""``fsroute database``: fsroute's own PostgreSQL as a service of its own, so that a restart of the router leaves it."""

from __future__ import annotations

from pathlib import Path

import click

from fsroute.cli.options import config_option


@click.command("database")
@config_option
def command(config_path: Path | None) -> None:
    """Keep fsroute's own PostgreSQL running until SIGTERM; ends at once where another database is configured."""
    from fsroute import config, log
    from fsroute.app import keep_database

    settings = config.load(config_path)
    log.setup(settings.log.level, settings.log.format)
    if not settings.database.embedded:
        click.echo("[database] url names a database: there is none to keep here")
        return
    keep_database(settings)
