"""``fsroute import``: set-ups of other systems as rows of fsroute's."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fsroute.importing.callcenter import SetUp
    from fsroute.importing.remarks import Remark
    from fsroute.importing.xmlfile import Element, Reader

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NUMBER = r"\+?[0-9*#]{1,32}"


@click.group("import")
def command() -> None:
    """Turn another system's set-up into sites, agents, skills, queues and rules (docs/import.md)."""


@command.command("callcenter")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write the SQL to this file."
)
@click.option(
    "--var", "variables", multiple=True, metavar="NAME=VALUE", help="A global variable of FreeSWITCH's."
)
@click.option(
    "--vars", "variable_files", multiple=True, type=FILE, help="Its vars.xml, or lines of NAME=VALUE."
)
@click.option("--queue-list", type=FILE, help="What `callcenter_config queue list` prints.")
@click.option("--agent-list", type=FILE, help="What `callcenter_config agent list` prints.")
@click.option("--tier-list", type=FILE, help="What `callcenter_config tier list` prints.")
@click.option("--site", default="local", show_default=True, help="Where the agents sit.")
@click.option("--switch", default="switch-1", show_default=True, help="The FreeSWITCH that dials them.")
@click.option("--contact-center", help="Whose queues these are; by their domains without it.")
@click.option(
    "--time-zone", default="UTC", show_default=True, help="Of the contact centers, as Europe/Berlin."
)
@click.option(
    "--number",
    "numbers",
    multiple=True,
    metavar="NUMBER=QUEUE",
    help="A number that leads to a queue; repeatable.",
)
@click.option("--application", help="That answers these numbers; named like the queue without it.")
@click.option("--sound-prefix", default="", help="The folder of announcements without a full path.")
def callcenter(files: tuple[Path, ...], output: Path | None, **asked: Any) -> None:
    """Turn a callcenter.conf.xml, and FILES that it includes, into a file for `fsroute rules load`.

    The SQL is printed, or written to --output; what has no counterpart is listed with its line and what to do.
    """
    from fsroute.importing import callcenter as module
    from fsroute.importing.mapping import Wishes, plan
    from fsroute.importing.sql import script
    from fsroute.importing.xmlfile import Reader

    reader = Reader(_pairs(asked["variables"], "--var"))
    for path in asked["variable_files"]:
        _read_variables(reader, path)
    roots = [reader.read(_data(path), path.name) for path in files]
    set_up, remarks = module.read(roots)
    set_up = _with_lists(set_up, asked["queue_list"], asked["agent_list"], asked["tier_list"])
    wishes = Wishes(
        site=asked["site"],
        switch=asked["switch"],
        time_zone=asked["time_zone"],
        contact_center=asked["contact_center"],
        numbers=_numbers(asked["numbers"]),
        application=asked["application"],
        sound_prefix=asked["sound_prefix"] or reader.variables.get("sound_prefix", ""),
    )
    made, more = plan(set_up, wishes)
    found = sorted({*reader.remarks, *_includes(roots, files), *remarks, *more})
    text = script(made, found, ", ".join(path.name for path in files))
    _write(text, output, found)
    click.echo(
        f"{len(made.queues)} queues, {len(made.agents)} agents, {len(set_up.tiers)} tiers; {len(found)} remarks",
        err=True,
    )


def _read_variables(reader: Reader, path: Path) -> None:
    data = _data(path)
    if data.lstrip().startswith(b"<"):
        reader.read(data, path.name)
    else:
        reader.read_settings(data.decode("utf-8", "replace"), path.name)


def _data(path: Path) -> bytes:
    """A file's bytes; of one that is too large one more than is taken."""
    from fsroute.importing.xmlfile import LARGEST

    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _with_lists(set_up: SetUp, queues: Path | None, agents: Path | None, tiers: Path | None) -> SetUp:
    from fsroute.importing.callcenter import with_lists
    from fsroute.importing.listing import LARGEST, Listed, rows

    def listed(path: Path | None, *columns: str) -> list[Listed]:
        if path is None:
            return []
        with path.open(encoding="utf-8", errors="replace") as file:
            return list(rows(file.read(LARGEST + 1), path.name, *columns))

    return with_lists(
        set_up,
        listed(queues, "name", "strategy"),
        listed(agents, "name", "type", "contact"),
        listed(tiers, "queue", "agent", "level", "position"),
    )


def _includes(roots: Sequence[Element], files: Sequence[Path]) -> list[Remark]:
    """Files that are included and were not given."""
    from fsroute.importing.remarks import Remark, shown

    found = []
    for root in roots:
        for element in root.all("X-PRE-PROCESS"):
            wanted = element.get("data") or ""
            is_include = (element.get("cmd") or "").lower() == "include"
            pattern = "*/" + wanted.lstrip("./")
            if is_include and not any(fnmatch.fnmatch(str(path.resolve()), pattern) for path in files):
                text = f"{shown(wanted)} is included and was not read"
                found.append(Remark(element.place, text, "give that file, too"))
    return found


def _numbers(texts: tuple[str, ...]) -> dict[str, str]:
    import re

    numbers = _pairs(texts, "--number")
    for number in numbers:
        if re.fullmatch(NUMBER, number) is None:
            raise click.BadParameter(f"{number!r} is no number", param_hint="--number")
    return numbers


def _pairs(texts: tuple[str, ...], option: str) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{text!r}: write NAME=VALUE", param_hint=option)
        found[name.strip()] = value.strip()
    return found


def _write(text: str, output: Path | None, remarks: Sequence[Remark]) -> None:
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
    for remark in remarks:
        click.echo(str(remark), err=True)
