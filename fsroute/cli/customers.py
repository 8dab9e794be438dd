"""``fsroute customers``: what contact centers know of their customers, loaded, looked up and forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from fsroute.cli.options import config_option

if TYPE_CHECKING:
    from fsroute.customers.listing import Entry, Fault
    from fsroute.store.customers import Row

SHOWN = 20  # faults of a list


@click.group("customers")
def command() -> None:
    """What is known of customers (docs/customers.md): load lists, look up, forget."""


# Load


@command.command("load")
@click.argument("contact_center")
@click.argument("file", type=click.File(encoding="utf-8-sig", errors="surrogateescape"))
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="COLUMN[=KEY]",
    help="A column that tells who it is: a fact such as account, or phone=number for a telephone number; "
    "repeatable. Without it: number.",
)
@click.option("--delimiter", help="Between two columns; found by the first line without it.")
@click.option("--replace", is_flag=True, help="Forget who is not in FILE.")
@click.option("--skip-faulty", is_flag=True, help="Load the good lines where others are faulty.")
@config_option
def load(
    contact_center: str,
    file: TextIO,
    keys: tuple[str, ...],
    delimiter: str | None,
    replace: bool,
    skip_faulty: bool,
    config_path: Path | None,
) -> None:
    """Load the customers of CONTACT_CENTER from FILE, CSV in UTF-8 with a line of names; - is the standard input.

    All or nothing: a faulty line keeps everything as it was, unless --skip-faulty is given.
    """
    from fsroute import config
    from fsroute.app import plan
    from fsroute.cli.store import opened
    from fsroute.customers.listing import entries, sniffed
    from fsroute.store.customers import CustomerTable

    settings = config.load(config_path)
    lines = iter(file)
    first = next(lines, "")
    found = entries(
        _again(first, lines), _keys(keys), plan(settings), (delimiter or sniffed(first)).replace("\\t", "\t")
    )
    faults: list[Fault] = []
    with opened(settings) as store:
        rows = _rows(found, faults, skip_faulty)
        entered, gone = CustomerTable(store.database).load(contact_center, rows, replace=replace)
    _tell(faults)
    click.echo(f"{contact_center}: {entered} numbers and accounts loaded, {gone} forgotten")


def _again(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def _keys(texts: tuple[str, ...]) -> dict[str, str]:
    keys = {}
    for text in texts or ("number",):
        column, _, key = text.partition("=")
        keys[column.strip().lower().replace(" ", "_")] = key or column
    return keys


def _rows(found: Iterable[Entry | Fault], faults: list[Fault], skip: bool) -> Iterator[Row]:
    """The good lines; at the end, or where there are too many faults, the load ends for the faulty ones."""
    from fsroute.customers.listing import MOST_FAULTS, Entry, ListRefused

    for each in found:
        if isinstance(each, Entry):
            yield each.line, each.key, each.value, each.facts
            continue
        faults.append(each)
        if len(faults) >= MOST_FAULTS and not skip:
            break
    if faults and not skip:
        _tell(faults)
        raise ListRefused("nothing was loaded")


def _tell(faults: list[Fault]) -> None:
    for fault in faults[:SHOWN]:
        click.echo(str(fault), err=True)
    if len(faults) > SHOWN:
        click.echo(f"… and {len(faults) - SHOWN} more", err=True)


# Look up, count, forget


@command.command("show")
@click.argument("contact_center")
@click.argument("number", default="")
@click.option(
    "--fact", "facts", multiple=True, metavar="NAME=VALUE", help="What the application learned; repeatable."
)
@config_option
@click.pass_context
def show(
    context: click.Context,
    contact_center: str,
    number: str,
    facts: tuple[str, ...],
    config_path: Path | None,
) -> None:
    """Look up a customer as a call from NUMBER would, and print the facts as JSON.

    The exit status is 1 if nothing is known.
    """
    from fsroute import config
    from fsroute.app import plan
    from fsroute.cli.store import connection_string
    from fsroute.customers.customers import Customers

    settings = config.load(config_path)
    if not any(contact_center in each.contact_centers for each in settings.customers):
        raise click.UsageError(f"the configuration has no [[customers]] for contact center {contact_center}")
    with connection_string(settings) as conninfo:
        customers = Customers(settings.customers, plan(settings), conninfo)
        found = customers.facts(contact_center, number, _pairs(facts))
        customers.close()
    click.echo(json.dumps(dict(found), indent=2, ensure_ascii=False))
    context.exit(0 if found else 1)


def _pairs(texts: tuple[str, ...]) -> Mapping[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{text!r}: write NAME=VALUE")
        found[name] = value
    return found


@command.command("list")
@config_option
def list_customers(config_path: Path | None) -> None:
    """Count the customers in fsroute's own table, by contact center and key."""
    from fsroute import config
    from fsroute.cli.store import opened
    from fsroute.cli.tables import show as table
    from fsroute.store.customers import CustomerTable

    with opened(config.load(config_path)) as store:
        counts = CustomerTable(store.database).counts()
    rows = [
        (each.contact_center_id, each.key, each.customers, f"{each.loaded_at:%Y-%m-%d %H:%M} UTC")
        for each in counts
    ]
    table("customers", ("contact center", "key", "customers", "loaded"), rows)


@command.command("forget")
@click.argument("contact_center")
@click.argument("value")
@click.option("--key", default="number", show_default=True, help="What VALUE is: number, or a fact.")
@config_option
def forget(contact_center: str, value: str, key: str, config_path: Path | None) -> None:
    """Delete what fsroute's own table has about a number, or about the VALUE of another key.

    Calls that have been are not touched: each contact keeps what was known of its caller until that is erased.
    """
    from fsroute import config
    from fsroute.app import plan
    from fsroute.cli.store import opened
    from fsroute.customers.numbers import e164
    from fsroute.errors import FsrouteError
    from fsroute.store.customers import CustomerTable

    settings = config.load(config_path)
    wanted = e164(value, plan(settings)) if key == "number" else value
    if wanted is None:
        raise click.BadParameter(f"{value} is no telephone number")
    with opened(settings) as store:
        if not CustomerTable(store.database).forget(contact_center, key, wanted):
            raise FsrouteError(f"{contact_center} has no customer by this {key}")
    click.echo("forgotten")
