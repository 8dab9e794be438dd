"""``fsroute run``: serve, with the roles that the configuration lists."""

from __future__ import annotations

from pathlib import Path

import click

from fsroute.cli.options import config_option


@click.command("run")
@config_option
@click.option(
    "--capture",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep each call as a file in this folder, and a journal of what routing was told.",
)
@click.option(
    "--kept-database",
    is_flag=True,
    help="fsroute's own PostgreSQL is kept by `fsroute database`: wait for it, and never start it.",
)
@click.option("--scrub", is_flag=True, help="Replace names and numbers in what is kept.")
def command(config_path: Path | None, folder: Path | None, kept_database: bool, scrub: bool) -> None:
    """Serve one host: its call server, its agents, the coordination, as configured."""
    import msgspec

    from fsroute import config, log
    from fsroute.app import serve

    settings = config.load(config_path)
    capture = settings.capture
    if folder is not None:
        capture = msgspec.structs.replace(capture, folder=str(folder.absolute()))
    if scrub:
        capture = msgspec.structs.replace(capture, scrub=True)
    settings = msgspec.structs.replace(settings, capture=capture)
    log.setup(settings.log.level, settings.log.format)
    serve(settings, kept_database=kept_database)
