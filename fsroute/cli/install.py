"""``fsroute install``: fsroute on a FreeSWITCH that is there already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fsroute.cli.options import config_option

if TYPE_CHECKING:
    from fsroute.config import Config
    from fsroute.install.book import Book
    from fsroute.install.installer import Place, Proposal
    from fsroute.install.switch import Switch
    from fsroute.install.wanted import Known

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
CONF_DIR = click.option(
    "--conf-dir", type=FOLDER, help="FreeSWITCH's configuration, where no FreeSWITCH runs."
)
SOUNDS_DIR = click.option(
    "--sounds-dir", type=click.Path(file_okay=False, path_type=Path), help="Likewise, its sounds."
)
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")


@click.command("install")
@config_option
@CONF_DIR
@SOUNDS_DIR
@DRY_RUN
@click.option(
    "--force",
    is_flag=True,
    help="Also over files that are not fsroute's, or that somebody changed; they are kept.",
)
@click.option("--no-database", is_flag=True, help="Take the numbers of the configuration only.")
def command(
    config_path: Path | None,
    conf_dir: Path | None,
    sounds_dir: Path | None,
    dry_run: bool,
    force: bool,
    no_database: bool,
) -> None:
    """Put fsroute's dialplan, SIP profile and music on this host's FreeSWITCH, and have it read them.

    New files only; what belongs into the administrator's own files is printed. Run it again after a change or an
    upgrade: what is right already stays as it is. `fsroute uninstall` takes all of it away.
    """
    from fsroute import config
    from fsroute.install import installer
    from fsroute.install.book import Book

    settings = config.load(config_path)
    known = _known(settings, no_database)
    with place(settings, conf_dir, sounds_dir) as (where, switch):
        book = Book(settings.state_path, where.conf_dir)
        if dry_run:
            _say_interrupted(book)
            _show(installer.propose(settings, known, where, book, switch, force=force))
            return
        with book.locked():
            tell(installer.settle(where, book, switch))
            proposal = installer.propose(settings, known, where, book, switch, force=force)
            if not _say_fusionpbx(proposal):
                installer.install(proposal, book, switch)
                _say_done(proposal, switch)


@contextmanager
def place(
    settings: Config, conf_dir: Path | None, sounds_dir: Path | None
) -> Iterator[tuple[Place, Switch | None]]:
    """Where the files go: as the running switch says, or as the options say, without a switch."""
    from fsroute.errors import ConfigurationError, SwitchUnavailable
    from fsroute.install.installer import Place, place_of
    from fsroute.install.layout import usual_places
    from fsroute.install.switch import connected

    if conf_dir is not None:
        sounds = sounds_dir or usual_sounds(conf_dir)
        yield (
            Place(
                conf_dir.resolve(), sounds.absolute(), {"conf_dir": str(conf_dir), "sounds_dir": str(sounds)}
            ),
            None,
        )
        return
    socket = settings.event_socket
    if socket.host not in ("127.0.0.1", "::1", "localhost"):
        raise ConfigurationError(f"the FreeSWITCH at {socket.host} is another host's: run this there")
    try:
        with connected(socket.host, socket.port, socket.password.reveal()) as switch:
            found = place_of(switch)
            yield Place(found.conf_dir, sounds_dir or found.sounds_dir, found.variables), switch
    except SwitchUnavailable as error:
        there = "".join(
            f"\nThere is a configuration in {conf}: fsroute install --conf-dir {conf} --sounds-dir {sounds}"
            for conf, sounds in usual_places()
        )
        raise ConfigurationError(
            f"no FreeSWITCH to ask: {error}. Start it, or give its folders (--conf-dir, --sounds-dir).{there}"
        ) from error


def usual_sounds(conf_dir: Path) -> Path:
    """The folder of sounds that goes with a configuration; raises ConfigurationError where it has to be told."""
    from fsroute.errors import ConfigurationError
    from fsroute.install.layout import USUAL

    for conf, sounds in USUAL:
        if str(conf_dir.resolve()) == conf:
            return Path(sounds)
    raise ConfigurationError(
        f"which folder of sounds goes with {conf_dir}? Give --sounds-dir, or start FreeSWITCH"
    )


def tell(what: str) -> None:
    if what:
        click.echo(what)


def _known(settings: Config, no_database: bool) -> Known:
    """What the database tells; nothing where it is fsroute's own and was never started."""
    from fsroute.cli.store import connection_string
    from fsroute.errors import StoreError
    from fsroute.install.wanted import Known, Number
    from fsroute.store import lines
    from fsroute.store.database import Database

    embedded = settings.database.embedded
    if no_database or (embedded and not (settings.state_path / "postgres" / "data").is_dir()):
        return Known()
    try:
        with (
            connection_string(settings) as conninfo,
            Database(conninfo, min_size=1, max_size=1, application_name="fsroute install") as database,
        ):
            numbers = tuple(Number(*row) for row in lines.toll_free_numbers(database))
            return Known(numbers, tuple(lines.links_of_other_switches(database, settings.site.switch_id)))
    except StoreError as error:
        raise StoreError(
            f"{error}\nThe numbers are in the database: is it there, and migrated? (--no-database does without)"
        ) from error


def _say_interrupted(book: Book) -> None:
    if book.journal() is not None:
        click.echo(
            "an installation was interrupted: the next one without --dry-run takes it back first", err=True
        )


def _show(proposal: Proposal) -> None:
    from fsroute.install import telling

    if _say_fusionpbx(proposal):
        return
    for line in telling.difference(proposal):
        click.echo(line)
    for step in proposal.plan.left:
        click.echo(f"# {telling.path(proposal, step.target)} {step.do}: {step.why}")
    if not proposal.plan.changes:
        click.echo("nothing to do")
    _say_rest(proposal)
    for fault in proposal.refused:
        click.echo(f"refused: {fault}", err=True)
    if proposal.refused:
        raise SystemExit(1)


def _say_done(proposal: Proposal, switch: Switch | None) -> None:
    from fsroute.install import telling

    for word, target in telling.summary(proposal):
        click.echo(f"{word:8} {target}")
    if not proposal.plan.changes:
        click.echo("nothing to do")
    elif switch is None:
        click.echo("FreeSWITCH has not been asked: it reads the files when it starts, or at `reloadxml`")
    else:
        click.echo(f"FreeSWITCH {switch.version()} has read its configuration, and has fsroute's contexts")
    _say_rest(proposal)


def _say_rest(proposal: Proposal) -> None:
    from fsroute.install import telling

    for note in (*proposal.wanted.notes, *proposal.warnings):
        click.echo(f"note: {note}")
    lines = list(telling.snippets(proposal))
    if lines:
        click.echo("\nYours to do, since these files are yours:\n")
        for line in lines:
            click.echo(line)


def _say_fusionpbx(proposal: Proposal) -> bool:
    from fsroute.install import telling
    from fsroute.install.layout import Kind

    if proposal.layout is None or proposal.layout.kind is not Kind.FUSIONPBX:
        return False
    for line in telling.for_fusionpbx(proposal):
        click.echo(line)
    raise SystemExit(1)
