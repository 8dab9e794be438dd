"""``fsroute app try``: talk to an application in a terminal."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fsroute.cli.app_bundle import FILE, FOLDER, keys_option, opened

if TYPE_CHECKING:
    from fsroute.ivr.application import Application
    from fsroute.ivr.manners import Trial
    from fsroute.ivr.transcripts import Texts
    from fsroute.ivr.trial import Turn

LONGEST_LINE = 1000  # characters


@click.command("try")
@click.argument("source", metavar="FOLDER_OR_FILE", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--fact", "facts", multiple=True, metavar="NAME=VALUE", help="What is known already; repeatable."
)
@click.option("--caller", default="+15550100", show_default=True, help="The caller's number.")
@click.option("--number-called", default="8005550199", show_default=True)
@click.option("--language", default="", help="The caller's language, as the network says it.")
@click.option("--lookups", type=FILE, help="Answers to look-ups, in TOML; others are asked for here.")
@click.option(
    "--with", "parts", multiple=True, type=FOLDER, help="An application that this one calls; repeatable."
)
@keys_option
def try_application(
    source: Path,
    facts: tuple[str, ...],
    caller: str,
    number_called: str,
    language: str,
    lookups: Path | None,
    parts: tuple[Path, ...],
    keys: Path | None,
) -> None:
    """Talk to the application in a folder or a bundle: its prompts are printed, keys are typed.

    A line of keys is what the caller keys, an empty line is silence, /help says what else there is.
    """
    from fsroute.ivr import canned, trial
    from fsroute.model import CallerInformation

    who = CallerInformation(
        caller, "", number_called, datetime.now(UTC), language=language, facts=_pairs(facts)
    )
    answers = {} if lookups is None else canned.read(lookups)
    with loaded(source, keys) as application:
        library = {each.name: each for each in map(_load, parts)}
        texts = {each.name: _texts(each) for each in (application, *library.values())}
        click.echo(f"{application.name} {application.version}; /help says what can be typed")
        _talk(*trial.begin(application, who, library=library, texts=texts, answers=answers))


def _talk(conversation: Trial, turn: Turn) -> None:
    """Until the call is over, or no more lines come: then the caller has hung up."""
    from fsroute.ivr import trial

    lines = sys.stdin
    while True:
        for line in turn.lines:
            click.echo(line)
        if not turn.question:
            return
        click.echo(turn.question, nl=False)
        typed = lines.readline(LONGEST_LINE)
        if not sys.stdin.isatty():
            click.echo(typed.rstrip("\n"))
        conversation, turn = trial.answer(conversation, typed) if typed else trial.hang_up(conversation)


@contextmanager
def loaded(source: Path, keys: Path | None) -> Iterator[Application]:
    """The application in a folder, or in a bundle that is unpacked as long as it is tried."""
    if source.is_dir():
        yield _load(source)
        return
    from fsroute.ivr.archive import unpack

    bundle = opened(source, keys)
    with tempfile.TemporaryDirectory(prefix="fsroute-try-") as place:
        yield _load(unpack(bundle, Path(place) / "application"))


def _load(folder: Path) -> Application:
    from fsroute.ivr import load

    return load(folder)


def _texts(application: Application) -> Texts:
    from fsroute.ivr import transcripts

    return transcripts.read(application.folder, application.languages)


def _pairs(texts: tuple[str, ...]) -> Mapping[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--fact")
        pairs[name] = value
    return pairs
