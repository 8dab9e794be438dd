"""``fsroute run``: serve, with the roles that the configuration lists."""

from __future__ import annotations

from pathlib import Path

import click

from fsroute.cli.options import config_option


@click.command("run")
@config_option
def command(config_path: Path | None) -> None:
    """Serve one host: its call server, its agents, the coordination, as configured."""
    from fsroute import config, log
    from fsroute.app import serve

    settings = config.load(config_path)
    log.setup(settings.log.level, settings.log.format)
    serve(settings)
