"""``fsroute erase``: a caller's request to be forgotten (docs/privacy.md)."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fsroute.cli.options import config_option

if TYPE_CHECKING:
    from fsroute.config import Config
    from fsroute.privacy.captures import Cleaned
    from fsroute.privacy.person import Person
    from fsroute.store.erasure import CallersContact
    from fsroute.store.store import Store

WHAT = {
    "contacts": "contacts: number, name, what the application learned, the customer record, notes",
    "recordings": "voice messages",
    "customers": "customers in fsroute's own table",
    "facts": "contacts of others that named the number",
    "sent": "contacts of others that were sent to the number",
    "commands": "commands of agents that named the number",
}


@click.command("erase")
@click.argument("number", required=False)
@click.option("--contact-center", metavar="NAME", help="Only what this contact center has.")
@click.option(
    "--captures",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of captures; more than one may be given. Without it, the configured one.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and erase nothing.")
@click.option("--pending", is_flag=True, help="Only delete recordings on this host that erased callers left.")
@config_option
def command(
    number: str | None,
    contact_center: str | None,
    folders: tuple[Path, ...],
    dry_run: bool,
    pending: bool,
    config_path: Path | None,
) -> None:
    """Erase what is known of the caller with the telephone number NUMBER; `-` reads it from standard input.

    The ledger stays whole, and has a line that an erasure was done, without the number. Captures and recordings are
    erased on this host; run the same on every host that keeps any.
    """
    from fsroute import config
    from fsroute.cli.store import opened

    if pending == (number is not None):
        raise click.UsageError("give a NUMBER, or --pending")
    if number == "-":
        number = sys.stdin.readline(300).strip()
    if number is not None and not 1 <= len(number) <= 256:
        raise click.UsageError("NUMBER has 1 to 256 characters")
    settings = config.load(config_path)
    with opened(settings) as store:
        live = 0
        if number is not None:
            live = _erase(store, settings, number, contact_center, folders, dry_run)
        if not dry_run:
            _delete_recordings(store, settings)
    if live:
        raise click.ClickException(f"{live} contacts are on the line now: erase again when they are over")


def _erase(
    store: Store,
    settings: Config,
    number: str,
    contact_center: str | None,
    folders: tuple[Path, ...],
    dry: bool,
) -> int:
    """How many contacts of the caller's are on the line, and stay as they are."""
    from uuid import uuid4

    from fsroute.app import plan
    from fsroute.cli.rules import whoami
    from fsroute.privacy.person import alike, tail
    from fsroute.store.erasure import Erasure

    erasure, writing = Erasure(store.database), plan(settings)
    numbers = alike(erasure.numbers(number, tail(number, writing), contact_center), number, writing)
    contacts = erasure.contacts(numbers, contact_center)
    person = _person(numbers, contacts)
    if dry:
        _say_what_would_go(contacts)
    else:
        _call_off(store, contacts)
        _delete_unnamed(contacts, settings)
        request = str(uuid4())
        done = erasure.erase(numbers, contact_center, whoami(), request)
        for name, count in done.items():
            click.echo(f"{count:6} {WHAT.get(name, name)}")
        click.echo(f"the request is {request} in the ledger")
    if not folders and settings.capture.folder and Path(settings.capture.folder).is_dir():
        folders = (Path(settings.capture.folder),)
    _clean(folders, person, settings, contact_center is not None, dry)
    return sum(each.live and not each.waits for each in contacts)


def _person(numbers: Iterable[str], contacts: Iterable[CallersContact]) -> Person:
    from fsroute.privacy.person import Person

    ended = [each for each in contacts if not each.live or each.waits]
    marks = [mark for each in ended for mark in (each.contact_id, each.channel_uuid)]
    return Person(tuple(numbers), tuple(sorted({each.caller_name for each in ended})), tuple(marks))


def _say_what_would_go(contacts: list[CallersContact]) -> None:
    waiting = sum(each.live and each.waits for each in contacts)
    live = sum(each.live and not each.waits for each in contacts)
    click.echo(f"{len(contacts) - live:6} contacts would be erased, {waiting} of them wait to be called back")


def _call_off(store: Store, contacts: list[CallersContact]) -> None:
    """Who waits to be called back is not called: the contact ends as if the caller had said so."""
    from fsroute.model.contact import Outcome

    for each in contacts:
        if each.live and each.waits:
            store.close_contact(
                each.contact_id, Outcome.ABANDONED, {"cancel_callback": True, "by": "erasure"}
            )


def _clean(
    folders: tuple[Path, ...], person: Person, settings: Config, by_mark_alone: bool, dry: bool
) -> None:
    from fsroute.app import plan
    from fsroute.privacy.captures import clean

    for folder in folders:
        found = clean(folder, person, plan(settings), by_mark_alone=by_mark_alone, dry=dry)
        _say_of_captures(folder, found, dry)


def _say_of_captures(folder: Path, found: Cleaned, dry: bool) -> None:
    would = " would be" if dry else ""
    click.echo(f"{len(found.deleted):6} captures of calls{would} deleted in {folder}")
    click.echo(f"{len(found.masked):6} journals and connections{would} masked in {folder}")
    for name in found.left:
        click.echo(f"warning: {folder}/{name} is in use, or cannot be written: erase again later", err=True)


def _recordings(settings: Config) -> Path:
    return Path(settings.callserver.voice_messages or settings.state_path / "voice_messages").resolve()


def _delete_unnamed(contacts: list[CallersContact], settings: Config) -> None:
    """Recordings of which no table tells: whoever recorded them died before the message was kept."""
    from fsroute.callserver.recordings import of_contact

    folder = _recordings(settings)
    for each in contacts:
        if not each.live or each.waits:
            for file in of_contact(folder, each.contact_id):
                _delete(folder, file)


def _delete_recordings(store: Store, settings: Config) -> None:
    """Those of this host's switch; others are told of, and deleted by ``fsroute erase --pending`` there."""
    from fsroute.store.erasure import Erasure

    erasure = Erasure(store.database)
    folder = _recordings(settings)
    elsewhere: dict[str, int] = {}
    for recording in erasure.recordings():
        if recording.switch_id != settings.site.switch_id:
            elsewhere[recording.switch_id] = elsewhere.get(recording.switch_id, 0) + 1
        elif _delete(folder, Path(recording.path)):
            erasure.is_deleted(recording)
    for switch_id, count in sorted(elsewhere.items()):
        click.echo(
            f"{count} recordings lie on the host of switch {switch_id}: run fsroute erase --pending there",
            err=True,
        )


def _delete(folder: Path, path: Path) -> bool:
    """Whether it is gone. What the database says is a file is one only where messages are recorded."""
    if path.resolve().parent != folder:
        click.echo(f"warning: {path} is not in {folder}, where messages are recorded: it stays", err=True)
        return False
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        click.echo(f"warning: {path} cannot be deleted: {error.strerror}", err=True)
        return False
    return True
