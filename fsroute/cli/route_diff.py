"""``fsroute route-diff``: which captured calls other rules would send elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fsroute.cli.app_bundle import keys_option
from fsroute.cli.options import config_option
from fsroute.errors import FsrouteError
from fsroute.replay.differences import Kind

if TYPE_CHECKING:
    from fsroute.replay.elsewhere import CapturedCall, Comparison
    from fsroute.replay.player import Player, Replayed
    from fsroute.replay.reading import Unseen

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
WIDTH = 100  # columns where there is no terminal

SAME, DIFFERS, WRONG = 0, 1, 2


@click.command("route-diff")
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
@click.option("--rules", "new", required=True, type=FILE, metavar="NEW.sql", help="The new rules.")
@click.option(
    "--present",
    type=FILE,
    metavar="FILE.sql",
    help="The present rules; without it those of the configured database, or else those that routed each call.",
)
@click.option(
    "--app",
    type=click.Path(exists=True, path_type=Path),
    metavar="FOLDER_OR_BUNDLE",
    help="An application to replay the calls with, in the place of the one of its name.",
)
@keys_option
@click.option("--then", is_flag=True, help="The present rules are those that routed each call.")
@click.option(
    "--journal",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the journals are; without it beside the calls.",
)
@click.option("--json", "json_path", type=NEW_FILE, metavar="FILE", help="Write JSON; - prints it instead.")
@click.option("--html", "html_path", type=NEW_FILE, metavar="FILE", help="Write a page for a browser.")
@config_option
@click.pass_context
def command(context: click.Context, /, **given: Any) -> None:
    """Run captured calls against the present rules and against NEW.sql, and list each that would go elsewhere.

    PATHs are captures, and folders of them; with --app each is replayed, up to what the new application asks the
    caller that was not asked then. NEW.sql is a file as `fsroute rules load` takes it; nothing is written
    to the database. The exit status is 0 if no call would go elsewhere, 1 if one would, and 2 for faulty rules,
    damaged captures and other errors.
    """
    if given["present"] is not None and given["then"]:
        raise click.UsageError("either --present or --then")
    try:
        context.exit(_run(**given))
    except FsrouteError as error:
        click.echo(f"Error: {error}", err=True)
        context.exit(WRONG)


def _run(
    paths: Sequence[Path],
    new: Path,
    present: Path | None,
    app: Path | None,
    keys: Path | None,
    then: bool,
    journal: Path | None,
    json_path: Path | None,
    html_path: Path | None,
    config_path: Path | None,
) -> int:
    from fsroute.replay.reading import paths_of

    files = list(dict.fromkeys(paths_of(paths)))
    if not files:
        raise FsrouteError(f"there are no captures below {', '.join(map(str, paths))}")
    folders = [journal] if journal is not None else list(dict.fromkeys(file.parent for file in files))
    comparison = _comparison(new, present, then, folders, config_path)
    with _player(comparison, folders, app, keys, config_path) as player:
        is_damaged = _compare(comparison, files, journal, player)
    _tell(comparison, json_path, html_path)
    return WRONG if is_damaged else DIFFERS if comparison.elsewhere else SAME


def _comparison(
    new: Path, present: Path | None, then: bool, folders: Sequence[Path], config_path: Path | None
) -> Comparison:
    """The rules of both sides, ready to take calls."""
    from fsroute import config
    from fsroute.cli.rule_files import is_configured, live, trying
    from fsroute.coordinator.strategies import load
    from fsroute.replay.elsewhere import Comparison, staff_of
    from fsroute.replay.reading import newest_document
    from fsroute.store.scratch import EMPTY, Contents

    settings = config.load(config_path)
    rules, source = None, "those that routed each call, by its journal"
    if is_configured(settings, config_path):
        known = live(settings)
        contents = known.contents
        if not then:
            rules, source = known.rules, known.source
    else:
        found = newest_document(folders)
        contents = EMPTY if found is None else Contents(found.document, found.agents, version=found.version)
    with trying(settings, contents) as check:
        if present is not None:
            rules, source = check(present)[0].rules, str(present)
        loaded, before = check(new)
    for fault in loaded.faults:
        click.echo(f"{new.name}: {fault}", err=True)
    staff = staff_of(before, loaded.house.agents)
    return Comparison(rules, loaded.rules, load().or_longest_idle, source, str(new), staff)


@contextmanager
def _player(
    comparison: Comparison,
    folders: Sequence[Path],
    app: Path | None,
    keys: Path | None,
    config_path: Path | None,
) -> Iterator[Player | None]:
    """What replays calls with another application; None: there is none."""
    if app is None:
        yield None
        return
    from fsroute import config
    from fsroute.callserver.library import Library
    from fsroute.cli.app_try import loaded
    from fsroute.cli.rules import applications_here
    from fsroute.replay.beside import Journals
    from fsroute.replay.player import Player

    with loaded(app, keys) as application:
        library = Library({**applications_here(config.load(config_path)), application.name: application})
        yield Player(Journals(tuple(folders)), library, rules=comparison.new)


def _compare(
    comparison: Comparison, files: Sequence[Path], journal: Path | None, player: Player | None
) -> bool:
    """Compare all calls; True: some are damaged."""
    from fsroute.replay.elsewhere import CannotBeTold
    from fsroute.replay.faults import CaptureError
    from fsroute.replay.reading import read_call, with_what_was_seen

    calls: list[Unseen] = []
    is_damaged = False
    for file in files:
        try:
            call = read_call(file)
        except CannotBeTold as error:
            comparison.pass_over(str(file), str(error))
        except CaptureError as error:
            is_damaged = True
            comparison.pass_over(str(file), error.what)
        else:
            calls += [] if call is None else [call]
    for each in with_what_was_seen(calls, journal):
        if isinstance(each, tuple):
            comparison.pass_over(*each)
        elif player is None:
            comparison.add(each)
        else:
            is_damaged |= _replay(comparison, each, player)
    return is_damaged


def _replay(comparison: Comparison, call: CapturedCall, player: Player) -> bool:
    """Compare one call by what a new application does with it; True: it is damaged."""
    from fsroute.replay.decision import decision_of
    from fsroute.replay.elsewhere import Again
    from fsroute.replay.faults import CaptureError
    from fsroute.replay.format import load

    try:
        capture = load(Path(call.name))
        found = player.replay(capture)
    except CaptureError as error:
        comparison.pass_over(call.name, error.what, call.contact_center_id)
        return True
    if found.skipped:
        comparison.pass_over(call.name, found.skipped, call.contact_center_id)
        return False
    begins = capture.header.at or 0.0
    askings = [Again(begins + each.at, each.inquiry, decision_of(each.routed)) for each in found.asked]
    comparison.add_replayed(call, askings, _why(found))
    return False


def _why(found: Replayed) -> str:
    """Why a replay did not come to its end, with the step of the application that asked for something else."""
    if not found.stopped:
        return ""
    extra = [each.origin for each in found.differences if each.kind is Kind.EXTRA and each.origin]
    others = [each.origin for each in found.differences if each.origin]
    where = next(reversed(extra or others), "")
    return f"the call goes another way at {where}: {found.stopped}" if where else found.stopped


def _tell(comparison: Comparison, json_path: Path | None, html_path: Path | None) -> None:
    from rich.console import Console

    from fsroute.replay.page import render
    from fsroute.replay.report import show

    if html_path is not None:
        _write(html_path, render(comparison, datetime.now(UTC)))
    document = json.dumps(comparison.dump(), indent=2)
    if json_path is not None and str(json_path) == "-":
        click.echo(document)
        return
    if json_path is not None:
        _write(json_path, document + "\n")
    is_terminal = sys.stdout.isatty()
    show(comparison, Console(width=None if is_terminal else WIDTH, highlight=False, soft_wrap=False))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise FsrouteError(f"{path} cannot be written: {error.strerror or error}") from None
