"""``fsroute audit``: what must always hold, checked on the event log."""

from __future__ import annotations

from pathlib import Path

import click

from fsroute.cli.options import config_option


@click.command("audit")
@config_option
@click.pass_context
def command(context: click.Context, config_path: Path | None) -> None:
    """Check what must always hold on the event log.

    Prints each violation with its events, then "N violations"; exit status 1 if there are any.
    """
    from fsroute import config
    from fsroute.cli.store import opened
    from fsroute.monitoring.audit import audit

    with opened(config.load(config_path)) as store:
        violations = audit(store.database)
    for violation in violations:
        click.echo(str(violation))
    click.echo(f"{len(violations)} violations")
    context.exit(1 if violations else 0)
