"""``fsroute app``: interactive applications, for those who write them."""

from __future__ import annotations

from pathlib import Path

import click

from fsroute.cli import app_bundle, app_publish, app_try


@click.group("app")
def command() -> None:
    """Write, check, try, sign and publish interactive applications."""


@command.command("new")
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to; NAME without it.")
def new(name: str, folder: Path | None) -> None:
    """Make a first application called NAME, with tones for prompts; it passes the checks."""
    from fsroute.ivr import skeleton

    target = Path(name) if folder is None else folder
    made = skeleton.create(target, name)
    click.echo(f"{target}: {len(made)} files; next: fsroute app try {target}")


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


for each in (*app_bundle.COMMANDS, *app_publish.COMMANDS, app_try.try_application):
    command.add_command(each)
