"""``fsroute replay``: captured calls run through the fsroute of today."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from fsroute.cli.options import config_option
from fsroute.errors import FsrouteError

if TYPE_CHECKING:
    from fsroute.callserver.library import Library
    from fsroute.replay.player import Player, Replayed
    from fsroute.replay.telling import Case
    from fsroute.routing.rules import RuleSet

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
WIDTH = 100  # columns where there is no terminal
COLOURS = {"-": "red", "+": "green", "!": "yellow"}
SAME, DIFFERS, WRONG = 0, 1, 2


@dataclass
class Outcome:
    """What came of all calls."""

    cases: list[Case] = field(default_factory=list)
    documents: list[dict[str, object]] = field(default_factory=list)
    differ: int = 0
    damaged: int = 0
    skipped: int = 0
    accepted: int = 0

    @property
    def status(self) -> int:
        return WRONG if self.damaged else DIFFERS if self.differ else SAME


@click.command("replay")
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
@click.option("--rules", type=FILE, metavar="FILE.sql", help="Rules in the place of those of the journal.")
@click.option(
    "--applications", type=FOLDER, metavar="DIR", help="Applications in the place of the configured ones."
)
@click.option("--journal", type=FOLDER, help="Where the journals are; without it beside the calls.")
@click.option("--tolerance", type=click.FloatRange(min=0.0), default=0.5, show_default=True,
              help="Seconds by which a command may come sooner or later.")  # fmt: skip
@click.option("--junit", "junit_path", type=NEW_FILE, metavar="FILE", help="Write what CI reads.")
@click.option("--json", "json_path", type=NEW_FILE, metavar="FILE", help="Write JSON; - prints it instead.")
@click.option("--update", is_flag=True, help="Accept: captures get what fsroute sends now.")
@click.option("--quiet", "-q", is_flag=True, help="Only the last line.")
@config_option
@click.pass_context
def command(context: click.Context, /, **given: Any) -> None:
    """Run captured calls through the call server, the application and the coordinator of today.

    PATHs are captures, and folders of them. No switch and no database is needed, nothing waits, and nothing is
    written but what options name. What fsroute sends now is held against what it sent then. The exit status is 0
    if nothing differs, 1 if something does, and 2 where captures are damaged or something else is wrong.
    """
    try:
        context.exit(_run(**given))
    except FsrouteError as error:
        click.echo(f"Error: {error}", err=True)
        context.exit(WRONG)


def _run(
    paths: Sequence[Path],
    rules: Path | None,
    applications: Path | None,
    journal: Path | None,
    tolerance: float,
    junit_path: Path | None,
    json_path: Path | None,
    update: bool,
    quiet: bool,
    config_path: Path | None,
) -> int:
    from fsroute.replay.reading import paths_of

    logging.getLogger("fsroute").setLevel(logging.CRITICAL)  # what the call server logs is no news here
    files = list(dict.fromkeys(paths_of(paths)))
    if not files:
        raise FsrouteError(f"there are no captures below {', '.join(map(str, paths))}")
    folders = [journal] if journal is not None else list(dict.fromkeys(file.parent for file in files))
    library = _library(applications, config_path)
    ruled = None if rules is None else _rules(rules, folders, config_path)
    outcome, began = Outcome(), perf_counter()
    prints = not quiet and str(json_path) != "-"
    with _progress(len(files)) as advance:
        for folder in list(dict.fromkeys(file.parent for file in files)):
            player = _player(journal or folder, library, ruled, tolerance, config_path)
            for file in files:
                if file.parent == folder:
                    _replay(player, file, outcome, update, prints)
                    advance()
    took = perf_counter() - began
    _write(outcome, junit_path, json_path)
    click.echo(_summary(outcome, took), err=str(json_path) == "-")
    return outcome.status


def _library(applications: Path | None, config_path: Path | None) -> Library:
    """Those of a folder of application folders, or the configured ones."""
    import msgspec

    from fsroute import config
    from fsroute.app import load_applications
    from fsroute.callserver.library import Library

    settings = config.load(config_path)
    if applications is not None:
        settings = msgspec.structs.replace(settings, applications=(str(applications),))
    return Library(load_applications(settings))


def _rules(path: Path, folders: Sequence[Path], config_path: Path | None) -> RuleSet:
    """A file of rules, checked in a database that is nobody's."""
    from fsroute import config
    from fsroute.cli.rule_files import trying
    from fsroute.replay.reading import newest_document
    from fsroute.store.scratch import EMPTY, Contents

    found = newest_document(folders)
    contents = EMPTY if found is None else Contents(found.document, found.agents, version=found.version)
    with trying(config.load(config_path), contents) as check:
        return check(path)[0].rules


def _player(
    folder: Path, library: Library, rules: RuleSet | None, tolerance: float, config_path: Path | None
) -> Player:
    from fsroute import config
    from fsroute.app import call_settings
    from fsroute.replay.beside import Journals
    from fsroute.replay.player import Player

    settings = None if config_path is None else call_settings(config.load(config_path))
    return Player(Journals((folder,)), library, rules=rules, tolerance=tolerance, settings=settings)


def _replay(player: Player, file: Path, outcome: Outcome, update: bool, prints: bool) -> None:
    from fsroute.replay.faults import CaptureError
    from fsroute.replay.format import load
    from fsroute.replay.telling import Case, document, told

    began = perf_counter()
    try:
        found = player.replay(load(file))
    except CaptureError as error:
        outcome.damaged += 1
        outcome.cases.append(Case(str(file), perf_counter() - began, error=str(error)))
        outcome.documents.append({"call": file.name, "damaged": str(error)})
        click.echo(f"{file}: damaged: {error}", err=True)
        return
    took = perf_counter() - began
    lines = [str(line) for line in told(found, _width())]
    if found.differences and update and found.accepted is not None:
        write_anew(file, found.accepted)
        outcome.accepted += 1
        found = player.replay(load(file))
        lines = [str(line) for line in told(found, _width())]
    outcome.documents.append(document(found))
    outcome.cases.append(Case(str(file), took, failure="\n".join(lines), skipped=found.skipped))
    outcome.differ += bool(found.differences)
    outcome.skipped += bool(found.skipped)
    if prints:
        _tell(file, found, lines)


def _tell(file: Path, found: Replayed, lines: Sequence[str]) -> None:
    if found.skipped:
        click.echo(f"{file}: not replayed: {found.skipped}")
        return
    if found.differences or found.stopped:
        for remark in found.remarks:
            click.echo(f"{file}: {remark}")
    if found.differences:
        named = f"  {found.capture.header.situation}" if found.capture.header.situation else ""
        click.echo(f"{file}{named}")
        for line in lines:
            click.secho(line, fg=COLOURS.get(line[0]))
        click.echo()


def write_anew(path: Path, capture: Any) -> None:
    """In one move: who reads meanwhile has the old file or the new one.

    Raises:
        FsrouteError: it cannot be written.
    """
    from fsroute.replay.format import write

    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as opened:
            opened.writelines(write(capture))
            opened.flush()
            os.fsync(opened.fileno())
        beside.chmod(path.stat().st_mode & 0o777)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise FsrouteError(f"{path} cannot be written: {error.strerror or error}") from error


@contextmanager
def _progress(count: int) -> Iterator[Any]:
    """A bar in a terminal; nothing elsewhere."""
    if not sys.stderr.isatty() or count < 20:
        yield lambda: None
        return
    with click.progressbar(length=count, label="calls", file=sys.stderr) as bar:
        yield lambda: bar.update(1)


def _write(outcome: Outcome, junit_path: Path | None, json_path: Path | None) -> None:
    from fsroute.replay.telling import junit

    try:
        if junit_path is not None:
            junit_path.write_text(junit(outcome.cases), encoding="utf-8")
        text = json.dumps({"calls": outcome.documents}, indent=2) + "\n"
        if json_path is not None and str(json_path) == "-":
            click.echo(text, nl=False)
        elif json_path is not None:
            json_path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise FsrouteError(f"{error.filename} cannot be written: {error.strerror}") from error


def _summary(outcome: Outcome, took: float) -> str:
    count = len(outcome.cases)
    others = (("damaged", outcome.damaged), ("not replayed", outcome.skipped), ("accepted", outcome.accepted))
    more = "".join(f", {number} {what}" for what, number in others if number)
    return (
        f"{count} calls, {outcome.differ} differ{more}, {took:.1f} s ({count / max(took, 1e-9):.0f} calls/s)"
    )


def _width() -> int:
    return os.get_terminal_size().columns if sys.stdout.isatty() else WIDTH
