"""``fsroute capture``: calls that were kept as files, shown; recorded network traffic made into such files."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("capture")
def command() -> None:
    """Show calls that were captured; import them from recorded traffic (docs/captures.md)."""


@command.command("show")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--all", "everything", is_flag=True, help="All headers of each message.")
@click.option("--width", type=click.IntRange(40, 1000), help="Columns; those of the terminal, else 100.")
def show(files: tuple[Path, ...], everything: bool, width: int | None) -> None:
    """Print captures as ladders: who sent what when."""
    from fsroute.cli import captured

    captured.show(files, everything, width)


@command.command("excerpt")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--to", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where to."
)
@click.option("--situation", help="What the call is an example of; with a single FILE.")
def excerpt(files: tuple[Path, ...], folder: Path, situation: str | None) -> None:
    """Copy calls, each with the part of the journal that it needs: what tests and reports of faults are made of."""
    from fsroute.cli import captured

    captured.excerpt(files, folder, situation)


@command.command("list")
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
def list_(folder: Path) -> None:
    """One line for each captured call and connection of FOLDER."""
    from fsroute.cli import captured

    captured.list_(folder)


@command.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--to", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where to."
)
@click.option("--situation", default="", help="A sentence that says what was recorded.")
@click.option("--scrub", is_flag=True, help="Replace names and numbers, by the folder's key.")
@click.option(
    "--keep-digits", type=click.IntRange(0, 9), default=0, help="Of callers' national numbers, with --scrub."
)
def import_(files: tuple[Path, ...], folder: Path, situation: str, scrub: bool, keep_digits: int) -> None:
    """Make captures of the event-socket sessions in pcap and pcapng FILES."""
    from fsroute.cli import captured

    captured.import_(files, folder, situation, scrub, keep_digits)
