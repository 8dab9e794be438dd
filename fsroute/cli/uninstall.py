"""``fsroute uninstall``: FreeSWITCH's folders are as they were before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fsroute.cli.install import CONF_DIR, DRY_RUN, tell
from fsroute.cli.options import config_option

if TYPE_CHECKING:
    from fsroute.config import Config
    from fsroute.install.installer import Place
    from fsroute.install.switch import Switch


@click.command("uninstall")
@config_option
@CONF_DIR
@DRY_RUN
@click.option(
    "--force",
    is_flag=True,
    help="Also while calls are in fsroute's dialplan, and files of fsroute's that somebody changed; those are kept.",
)
def command(config_path: Path | None, conf_dir: Path | None, dry_run: bool, force: bool) -> None:
    """Take fsroute's files off this host's FreeSWITCH, and have it read its configuration."""
    from fsroute import config
    from fsroute.install import installer, telling
    from fsroute.install.book import Book

    settings = config.load(config_path)
    with _place(settings, conf_dir) as (where, switch):
        book = Book(settings.state_path, where.conf_dir)
        if dry_run:
            for line in telling.difference(installer.propose_removal(where, book, force=force)):
                click.echo(line)
            return
        with book.locked():
            tell(installer.settle(where, book, switch))
            proposal = installer.propose_removal(where, book, force=force)
            if proposal.manifest is None:
                click.echo("nothing of fsroute's is installed there")
                return
            installer.uninstall(proposal, book, switch, force=force)
    for word, path in telling.summary(proposal):
        click.echo(f"{word:8} {path}")
    if switch is None:
        click.echo(
            "FreeSWITCH has not been asked: it reads its configuration when it starts, or at `reloadxml`"
        )
    else:
        click.echo(
            "FreeSWITCH has read its configuration; what you put into files of yours is yours to take out"
        )


@contextmanager
def _place(settings: Config, conf_dir: Path | None) -> Iterator[tuple[Place, Switch | None]]:
    """Where things are: the sounds as the manifest says, the configuration as the switch or the option says."""
    from fsroute.cli.install import place
    from fsroute.install.installer import Place

    if conf_dir is not None:
        yield _as_remembered(settings, Place(conf_dir.resolve(), conf_dir)), None
        return
    with place(settings, None, None) as (found, switch):
        yield _as_remembered(settings, found), switch


def _as_remembered(settings: Config, found: Place) -> Place:
    from dataclasses import replace

    from fsroute.install.book import Book
    from fsroute.install.wanted import SOUNDS

    manifest = Book(settings.state_path, found.conf_dir).manifest()
    return replace(found, sounds_dir=Path(manifest.roots[SOUNDS]) / "sounds") if manifest else found
