"""``fsroute restore``: a backup takes the place of the database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fsroute.cli.options import config_option

if TYPE_CHECKING:
    from fsroute.store.restore import Plan


@click.command("restore")
@config_option
@click.option("--dry-run", is_flag=True, help="Check everything, say what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--force", is_flag=True, help="Although the manifest is missing, or the file is not the one it speaks of."
)
@click.argument("file", type=click.Path(path_type=Path))
def command(config_path: Path | None, dry_run: bool, yes: bool, force: bool, file: Path) -> None:
    """Put the backup FILE in the place of the database.

    Nobody may be connected to it, on any host. The database that is there is kept under another name, unless it is
    empty. The backup is brought to this version's schema.
    """
    from datetime import UTC, datetime

    from fsroute import config
    from fsroute.cli.store import connection_string
    from fsroute.store.restore import plan, restore

    with connection_string(config.load(config_path)) as conninfo:
        planned = plan(conninfo, file, datetime.now(UTC), force=force)
        for line in told(planned):
            click.echo(line)
        if dry_run:
            return
        if not yes:
            click.confirm("Do it?", abort=True)
        rows = restore(conninfo, planned)
    counts = ", ".join(f"{count} {name}" for name, count in rows.items())
    click.echo(f"restored {planned.database}: {counts}")
    if planned.aside is not None:
        click.echo(f'when it is not wanted any more: drop database "{planned.aside}"')


def told(plan: Plan) -> list[str]:
    """What a restore would do, line by line."""
    lines = []
    if plan.manifest is None:
        lines.append(f"{plan.file} has no manifest that fits: what is in it is not known")
    else:
        counts = ", ".join(f"{count} {name}" for name, count in plan.manifest.rows.items())
        lines += [
            f"{plan.file} was made at {plan.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC by fsroute {plan.manifest.fsroute} "
            f"of PostgreSQL {plan.manifest.postgresql}, schema version {plan.manifest.schema_version}",
            f"it holds {counts}",
        ]
    lines.append(f"it is restored into a new database, {plan.fresh}")
    lines += [f"migration {name} is applied there" for name in plan.missing]
    lines.append(
        f"the database {plan.database} is empty, and dropped"
        if plan.aside is None
        else f"the database {plan.database} ({plan.size} bytes) is kept as {plan.aside}"
    )
    lines.append(f"{plan.fresh} becomes {plan.database}")
    return lines
