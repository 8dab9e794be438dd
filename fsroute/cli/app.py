"""``fsroute app``: interactive applications, for those who write them."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("app")
def command() -> None:
    """Check interactive applications."""


@command.command("check")
@click.argument(
    "folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.pass_context
def check(context: click.Context, folders: tuple[Path, ...]) -> None:
    """Check the applications in FOLDERS: every fault with its file and step.

    The exit status is 1 if one of them could not run.
    """
    from fsroute import ivr
    from fsroute.ivr.application import Severity

    broken = False
    for folder in folders:
        faults = ivr.check(folder)
        for fault in faults:
            click.echo(f"{folder}/{fault}")
        wrong = sum(fault.severity is Severity.ERROR for fault in faults)
        broken = broken or wrong > 0
        click.echo(f"{folder}: {wrong} errors, {len(faults) - wrong} warnings")
    context.exit(1 if broken else 0)
