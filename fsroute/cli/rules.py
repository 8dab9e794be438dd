"""``fsroute rules``: load, check and explain routing rules, and put back old ones."""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fsroute.cli.options import config_option

if TYPE_CHECKING:
    from fsroute.config import Config
    from fsroute.ivr import Application
    from fsroute.routing.faults import Fault
    from fsroute.store.database import Database
    from fsroute.store.loading import Loaded, Loader

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
strict_option = click.option("--strict", is_flag=True, help="Take no rules with warnings either.")


@click.group("rules")
def command() -> None:
    """Load, check and explain routing rules (docs/rules.md), and put back old ones."""


def whoami() -> str:
    """Who runs this command, for the record."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def loader(config: Config, database: Database) -> Loader:
    """What loads and checks, with the strategies, applications and recordings of this host."""
    from fsroute.acd.adapters import loading as adapters
    from fsroute.coordinator.strategies import load
    from fsroute.ivr.steps import NeedAgentStep
    from fsroute.store.loading import Loader

    applications = applications_here(config)
    asked = {
        name: frozenset(step.queue for step in each.steps.values() if isinstance(step, NeedAgentStep))
        for name, each in applications.items()
    }
    acd_fault = partial(adapters.fault, adapters.load())
    return Loader(database, frozenset(load().known), asked, recordings(applications), acd_fault)


def recordings(applications: Mapping[str, Application]) -> frozenset[str]:
    """The names of those that fsroute brings and that these applications have."""
    from fsroute.callserver.prompts import FALL_BACK, packaged

    return packaged(FALL_BACK).union(*(each.recordings[each.languages[0]] for each in applications.values()))


def applications_here(config: Config) -> dict[str, Application]:
    """The configured applications, where they can be read."""
    from fsroute.app import load_applications
    from fsroute.errors import FsrouteError

    try:
        return load_applications(config)
    except FsrouteError as error:
        click.echo(f"applications are not looked at: {error}", err=True)
        return {}


# Load and check


@command.command("load")
@click.argument("path", metavar="[FILE.sql]", required=False, type=FILE)
@click.option("--check", "dry_run", is_flag=True, help="Only check; change nothing.")
@strict_option
@json_option
@config_option
@click.pass_context
def load(
    context: click.Context,
    path: Path | None,
    dry_run: bool,
    strict: bool,
    as_json: bool,
    config_path: Path | None,
) -> None:
    """Make the rules of FILE.sql the newest version; without a file, those in the tables.

    The rule tables are emptied, the file is run and what they hold then is checked, in one transaction. With
    errors nothing is changed, and the exit status is 1. Otherwise every running process swaps the version in.
    """
    from fsroute import config
    from fsroute.cli.store import opened

    source = "the tables" if path is None else path.name
    text = None if path is None else config.read(path)
    settings = config.load(config_path)
    with opened(settings) as store:
        each = loader(settings, store.database)
        loaded = each.check(text, source) if dry_run else each.load(text, source, whoami(), strict=strict)
    _tell(loaded, source, as_json, dry_run)
    context.exit(1 if _is_refused(loaded, strict) else 0)


@command.command("check")
@click.argument("path", metavar="[FILE.sql]", required=False, type=FILE)
@strict_option
@json_option
@config_option
@click.pass_context
def check(
    context: click.Context, path: Path | None, strict: bool, as_json: bool, config_path: Path | None
) -> None:
    """Say what is wrong with the rules of FILE.sql, or with those in the tables; change nothing.

    The exit status is 1 if they could not be loaded.
    """
    context.invoke(load, path=path, dry_run=True, strict=strict, as_json=as_json, config_path=config_path)


def _is_refused(loaded: Loaded, strict: bool) -> bool:
    return loaded.is_refused or (strict and bool(loaded.faults))


def _tell(loaded: Loaded, source: str, as_json: bool, dry_run: bool) -> None:
    if as_json:
        click.echo(json.dumps(_dump(loaded, source), indent=2))
        return
    for fault in loaded.faults:
        click.echo(f"{source}: {fault}")
    wrong = sum(fault.is_error for fault in loaded.faults)
    click.echo(f"{source}: {_count(loaded)}; {wrong} errors, {len(loaded.faults) - wrong} warnings")
    if loaded.version is None:
        click.echo("nothing was changed" if dry_run else "not loaded: nothing was changed")
    elif loaded.is_new:
        click.echo(f"version {loaded.version} is in force")
    else:
        click.echo(f"version {loaded.version} holds the same and stays in force")


def _count(loaded: Loaded) -> str:
    return f"{loaded.rules.count} rules, {len(loaded.rules.queues)} queues, {len(loaded.rules.calendars)} calendars"


def _dump(loaded: Loaded, source: str) -> dict[str, Any]:
    faults: Sequence[Fault] = loaded.faults
    return {
        "source": source,
        "version": loaded.version,
        "new": loaded.is_new,
        "rules": loaded.rules.count,
        "faults": [fault.dump() for fault in faults],
    }


# Versions


@command.command("list")
@json_option
@config_option
def list_versions(as_json: bool, config_path: Path | None) -> None:
    """List the versions, the newest of which is in force, with the contacts that each has routed."""
    from fsroute import config
    from fsroute.cli.store import opened
    from fsroute.cli.tables import show
    from fsroute.store.rules import Rules

    with opened(config.load(config_path)) as store:
        rules = Rules(store.database)
        versions, contacts = rules.versions(), rules.contacts_of_versions()
    columns = ("version", "loaded at", "by", "source", "rules", "queues", "contacts", "digest")
    rows = [
        (v.version, f"{v.loaded_at:%Y-%m-%d %H:%M:%S} UTC", v.loaded_by, v.source, v.rules, v.queues,
         contacts.get(v.version, 0), v.digest[:12])
        for v in versions
    ]  # fmt: skip
    if as_json:
        click.echo(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=2))
    else:
        show("versions", columns, rows)


@command.command("show")
@click.argument("version", type=int, required=False)
@json_option
@config_option
def show_version(version: int | None, as_json: bool, config_path: Path | None) -> None:
    """Show the rules of VERSION, of the one in force without it; with --json the whole snapshot."""
    from fsroute import config
    from fsroute.cli.store import opened
    from fsroute.store.rules import Rules

    with opened(config.load(config_path)) as store:
        rules = Rules(store.database)
        wanted = rules.newest() if version is None else version
        document = rules.queues() if wanted is None else rules.document(wanted)
    if as_json:
        click.echo(json.dumps(document, indent=2))
        return
    from fsroute.cli.explanation import rule_lines
    from fsroute.routing.document import rule_set

    click.echo("no version: the queues' rows are the rules" if wanted is None else f"version {wanted}")
    for line in rule_lines(rule_set(document, wanted, lenient=True)):
        click.echo(line)


@command.command("rollback")
@click.argument("version", type=int)
@config_option
def roll_back(version: int, config_path: Path | None) -> None:
    """Make an old VERSION the newest again; its rows go back into the rule tables and the queues."""
    from fsroute import config
    from fsroute.cli.store import opened

    settings = config.load(config_path)
    with opened(settings) as store:
        now, is_new = loader(settings, store.database).roll_back(version, whoami())
    click.echo(
        f"version {now}, the same as version {version}, is in force"
        if is_new
        else f"version {now} is in force"
    )


# Explain


@command.command("explain")
@click.option("--number-called", required=True, help="As the switch presents it.")
@click.option("--caller", default="", help="The caller's number.")
@click.option("--queue", help="That the application asks for; found by its application if there is one only.")
@click.option("--contact-center", help="Whose contact it is, if the number called does not say.")
@click.option("--medium", default="voice", show_default=True)
@click.option("--language", default="en", show_default=True)
@click.option(
    "--at", "moment", help="Such as 2026-12-24T18:00, in the contact center's time zone; now without it."
)
@click.option(
    "--fact", "facts", multiple=True, metavar="NAME=VALUE", help="What the application learned; repeatable."
)
@click.option(
    "--customer", "customer", multiple=True, metavar="NAME=VALUE", help="Customer's record; repeatable."
)
@click.option("--segment", help="The same as --customer segment=VALUE.")
@click.option("--file", "path", type=FILE, help="By the rules of this file instead of those in force.")
@click.option("--version", "version", type=int, help="By this version instead of the one in force.")
@json_option
@config_option
@click.pass_context
def explain(context: click.Context, /, as_json: bool, config_path: Path | None, **asked: Any) -> None:
    """Say which rule routes a contact, why each one before it does not, and who could serve it, in order.

    The exit status is 1 if nothing says what to do with it.
    """
    from fsroute import config
    from fsroute.cli.explaining import Question, answer
    from fsroute.cli.explanation import document, lines
    from fsroute.cli.store import opened

    if asked["path"] is not None and asked["version"] is not None:
        raise click.UsageError("either --file or --version")
    settings = config.load(config_path)
    facts, customer = _pairs(asked.pop("facts")), _pairs(asked.pop("customer"))
    if (segment := asked.pop("segment")) is not None:
        customer["segment"] = segment
    with opened(settings) as store:
        each = loader(settings, store.database)
        explanation = answer(
            store, each, Question(**asked, facts=facts, customer=customer), datetime.now(UTC)
        )
    if as_json:
        click.echo(json.dumps(document(explanation), indent=2))
    else:
        for line in lines(explanation):
            click.echo(line)
    context.exit(1 if explanation.routed is None else 0)


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{text!r}: write NAME=VALUE")
        found[name] = value
    return found
