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

    settings = config.load(config_path)
    log.setup(settings.log.level, settings.log.format)
    if not settings.database.embedded:
        click.echo("[database] url names a database: there is none to keep here")
        return
    _keep(settings.state_path / "postgres")


def _keep(folder: Path) -> None:
    """Start the server, and again whenever it is gone; whoever uses it at the end keeps it."""
    import logging
    import signal

    import gevent
    import gevent.event

    from fsroute.store.embedded import EmbeddedPostgres

    stop = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    server = EmbeddedPostgres(folder)
    server.start()
    try:
        server.keep()
        logging.getLogger(__name__).info("the database in %s serves", folder)
        stop.wait()
    finally:
        server.stop()
