"""``fsroute database``: fsroute's own PostgreSQL as a service of its own, so that a restart of the router leaves it."""

from __future__ import annotations

from pathlib import Path

import click

from fsroute.cli.options import config_option


@click.command("database")
@config_option
@click.option(
    "--lift-disk-threads",
    is_flag=True,
    help="As root, before: the kernel's threads for the disk get [process] realtime_priority, and no more is done.",
)
def command(config_path: Path | None, lift_disk_threads: bool) -> None:
    """Keep fsroute's own PostgreSQL running until SIGTERM; ends at once where another database is configured."""
    from fsroute import config, log, scheduling, supervisor

    settings = config.load(config_path)
    log.setup(settings.log.level, settings.log.format)
    if not settings.database.embedded:
        click.echo("[database] url names a database: there is none to keep here")
        if lift_disk_threads:
            return
        supervisor.tell(supervisor.READY)  # a unit that ends before it said so has failed
        return
    priority = settings.process.realtime_priority
    if lift_disk_threads:
        lifted = scheduling.lift_disk_threads(priority)
        click.echo(f"{lifted} of the kernel's threads for the disk have real-time priority {priority}")
        return
    scheduling.take(priority)
    _keep(settings.state_path / "postgres")


def _keep(folder: Path) -> None:
    """Start the server, and again whenever it is gone; at the end it is stopped, whoever uses it."""
    import logging
    import signal

    import gevent
    import gevent.event

    from fsroute import supervisor
    from fsroute.errors import StoreError
    from fsroute.store.embedded import EmbeddedPostgres

    log = logging.getLogger(__name__)
    stop = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    server = EmbeddedPostgres(folder)
    try:
        while not stop.is_set():
            try:
                server.start()
                break
            except StoreError as error:
                if not server.is_running():
                    raise
                log.warning("still waiting, since it is at work (the recovery after a crash?): %s", error)
        server.keep()
        log.info("the database in %s serves", folder)
        supervisor.tell(supervisor.READY)
        stop.wait()
        supervisor.tell(supervisor.STOPPING)
    finally:
        server.stop(whoever_uses_it=True)
