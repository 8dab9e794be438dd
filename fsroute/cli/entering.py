"""What the commands share that enter who there is: names, numbers and skills as they may be, and how it is told."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fsroute.store.registry import Done, Registry
    from fsroute.store.store import Store


def matching(name: str, pattern: str, words: str) -> Callable[[str], str]:
    """The type of an argument that `pattern` describes; `words` say so to people, `name` stands in the help."""
    compiled = re.compile(pattern)

    def convert(value: str) -> str:
        if compiled.fullmatch(value) is None:
            raise click.BadParameter(f"{value!r}: {words}")
        return value

    convert.__name__ = name
    return convert


NAME = matching("name", r"[a-z0-9_-]{1,40}", "1 to 40 small letters, digits, _ and -")
AGENT = matching("agent", r"[a-z0-9_.-]{1,40}", "1 to 40 small letters, digits, _ . and -")
TITLE = matching("text", r"[^\x00-\x1f\x7f]{1,200}", "1 to 200 characters in one line")
NUMBER = matching(
    "number",
    r"(?!fsroute_)[0-9A-Za-z+*#_.-]{1,64}",
    "as the switch presents it: digits, perhaps after a +, without blanks and brackets",
)
HOST_PORT = matching(
    "host:port", r"([A-Za-z0-9_.-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}", "write HOST:PORT, as 192.0.2.10:5090"
)
ADDRESS = matching(
    "address",
    r"[^\x00-\x20\x7f${}\[\],]{1,200}",
    "what FreeSWITCH dials: user/ann, sip:ann@192.0.2.10, or NAME@HOST; without blanks and ${}[],",
)
EXTENSION = matching("digits", r"[0-9]{2,10}", "2 to 10 digits")
MUSIC = matching(
    "file",
    r"[A-Za-z0-9/][A-Za-z0-9_.:/%();,= -]{0,200}",
    "local_stream://NAME, or a file of the switch's own",
)


def time_zone(value: str) -> str:
    """An IANA name that this host knows."""
    try:
        zoneinfo.ZoneInfo(value)
    except (OSError, ValueError, KeyError):
        raise click.BadParameter(
            f"{value!r} is no time zone known here; write one as Europe/Berlin"
        ) from None
    return value


def skills(texts: Iterable[str]) -> dict[str, int]:
    """Of ``NAME`` or ``NAME:LEVEL`` each; a level not said is 1.

    Raises:
        click.BadParameter: one is neither.
    """
    found = {}
    for text in texts:
        name, colon, level = text.partition(":")
        if not name or not name.isprintable() or (colon and not re.fullmatch(r"[0-9]{1,4}", level)):
            raise click.BadParameter(f"{text!r}: write NAME or NAME:LEVEL, as orders:2")
        found[name] = int(level or 1)
    return found


@contextmanager
def registry(config_path: Path | None) -> Iterator[tuple[Registry, Store]]:
    """The registry of the configured database, for one command."""
    from fsroute import config
    from fsroute.cli.store import opened
    from fsroute.store.registry import Registry

    with opened(config.load(config_path)) as store:
        yield Registry(store.database), store


def tell(done: Done, what: str) -> None:
    click.echo(f"{what}: {done}")


def warn_of_rules(store: Store) -> None:
    """Where a version of the rules is in force, what is entered counts from the next version on."""
    from fsroute.store.rules import Rules

    version = Rules(store.database).newest()
    if version is not None:
        click.echo(
            f"version {version} of the rules is in force and does not know it: fsroute rules load", err=True
        )


def show(title: str, rows: Iterable[dict[str, Any]], as_json: bool) -> None:
    """A table of rows alike, or JSON."""
    import json

    from fsroute.cli import tables

    listed = list(rows)
    if as_json:
        click.echo(json.dumps(listed, indent=2))
        return
    columns = list(listed[0]) if listed else []
    tables.show(
        title,
        [each.replace("_", " ") for each in columns],
        [[_cell(each[c]) for c in columns] for each in listed],
    )


def _cell(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{name} {level}" for name, level in sorted(value.items()))
    return "" if value is None else value
