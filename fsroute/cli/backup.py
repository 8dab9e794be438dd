"""``fsroute backup``: the database into a file, while everything runs."""

from __future__ import annotations

from pathlib import Path

import click

from fsroute.cli.options import config_option


@click.command("backup")
@config_option
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    help="With a folder: delete all but so many of its newest backups, once this one is whole.",
)
@click.argument("file", type=click.Path(path_type=Path))
def command(config_path: Path | None, keep: int | None, file: Path) -> None:
    """Write the database to FILE while everything runs, and FILE.json beside it.

    FILE may be a folder, in which the backup is named by the time. Nothing that is there already is replaced. The
    database alone is in it: what else to keep, docs/backup.md says.
    """
    from datetime import UTC, datetime

    from fsroute import config
    from fsroute.cli.store import connection_string
    from fsroute.store.backup import backup, file_in, prune

    now = datetime.now(UTC)
    if keep is not None and not file.is_dir():
        raise click.UsageError("--keep goes with a folder, which holds nothing but what fsroute has named")
    target = file_in(file, now) if file.is_dir() else file
    with connection_string(config.load(config_path)) as conninfo:
        manifest = backup(conninfo, target, now)
    rows = ", ".join(f"{count} {name}" for name, count in manifest.rows.items())
    click.echo(f"{target}: {manifest.size} bytes, schema version {manifest.schema_version}, {rows}")
    for old in prune(file, keep) if keep is not None else ():
        click.echo(f"deleted {old}")
