"""``fsroute center``: contact centers, closed and opened at once."""

from __future__ import annotations

import json
from pathlib import Path

import click

from fsroute.cli import entering
from fsroute.cli.options import config_option


@click.group("center")
def command() -> None:
    """Contact centers: enter them, close one at once, and open it again."""


@command.command("add")
@click.argument("name", metavar="CENTER", type=entering.NAME)
@click.option("--name", "title", type=entering.TITLE, help="As people call it; CENTER without it.")
@click.option("--time-zone", type=entering.time_zone, help="Of its opening hours, as Europe/Berlin.")
@config_option
def add(name: str, title: str | None, time_zone: str | None, config_path: Path | None) -> None:
    """Enter the contact center CENTER, or change what is given of it."""
    with entering.registry(config_path) as (registry, _):
        entering.tell(registry.add_center(name, title, time_zone), f"contact center {name}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
def list_centers(as_json: bool, config_path: Path | None) -> None:
    """Show the contact centers, and which are closed by command."""
    from fsroute import config
    from fsroute.cli.store import opened
    from fsroute.cli.tables import show
    from fsroute.store.rules import Rules

    with opened(config.load(config_path)) as store:
        centers = Rules(store.database).contact_centers()
    columns = ("contact center", "name", "time zone", "closed since", "prompt", "who waits")
    rows = []
    for center in centers:
        closing = center.closing or {}
        since = "" if center.closed_at is None else f"{center.closed_at:%Y-%m-%d %H:%M:%S} UTC"
        waiting = {"keep": "waits on", "refuse": "is refused"}.get(str(closing.get("waiting")), "")
        rows.append(
            (
                center.contact_center_id,
                center.name,
                center.time_zone,
                since,
                closing.get("prompt") or "",
                waiting,
            )
        )
    if as_json:
        click.echo(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=2))
    else:
        show("contact centers", columns, rows)


@command.command("close")
@click.argument("name")
@click.option(
    "--message", "prompt", default="", metavar="PROMPT", help="What callers hear, then they are hung up."
)
@click.option(
    "--keep-waiting", is_flag=True, help="Who waits already may wait on; without it they are refused."
)
@config_option
def close(name: str, prompt: str, keep_waiting: bool, config_path: Path | None) -> None:
    """Close the contact center NAME at once: nobody else is queued, talks go on.

    Without a message callers hear the one that fsroute brings.
    """
    from fsroute import config
    from fsroute.cli.rules import applications_here, recordings, whoami
    from fsroute.cli.store import opened
    from fsroute.errors import ConfigurationError
    from fsroute.routing.rows import PROMPT
    from fsroute.store.rules import Rules

    if prompt and PROMPT.fullmatch(prompt) is None:
        raise ConfigurationError(f"--message {prompt!r}: the name of a prompt, or a file of the switch's own")
    settings = config.load(config_path)
    with opened(settings) as store:
        Rules(store.database).close_center(name, prompt, keep_waiting, whoami())
    is_path = prompt.startswith("/") or "://" in prompt
    if prompt and not is_path and prompt not in recordings(applications_here(settings)):
        click.echo(f"warning: no recording {prompt} is known here", err=True)
    click.echo(f"{name} is closed; who waits {'waits on' if keep_waiting else 'is refused'}")


@command.command("open")
@click.argument("name")
@config_option
def open_center(name: str, config_path: Path | None) -> None:
    """Open the contact center NAME again."""
    from fsroute import config
    from fsroute.cli.rules import whoami
    from fsroute.cli.store import opened
    from fsroute.store.rules import Rules

    with opened(config.load(config_path)) as store:
        Rules(store.database).open_center(name, whoami())
    click.echo(f"{name} is open")


@command.command("reader")
@click.argument("name")
@click.argument("role")
@click.option("--remove", is_flag=True, help="The role does not read the contact center's rows any more.")
@config_option
def reader(name: str, role: str, remove: bool, config_path: Path | None) -> None:
    """Let the database role ROLE read the rows of the contact center NAME, and nobody else's (docs/security.md)."""
    from fsroute import config
    from fsroute.cli.store import connection_string
    from fsroute.store.database import Database
    from fsroute.store.embedded import administrator

    settings = config.load(config_path)
    with connection_string(settings) as conninfo:
        place = administrator(conninfo) if settings.database.embedded else conninfo
        with Database(place, min_size=1, max_size=1, application_name="fsroute command") as database:
            statement = "stop_center_reading" if remove else "let_center_read"
            done = database.value(statement, contact_center_id=name, reader=role)
    if remove and not done:
        raise click.ClickException(f"{role} does not read the rows of {name}")
    click.echo(f"{role} reads the rows of {name}{' no longer' if remove else ''}")


@command.command("limit")
@click.argument("name")
@click.option("--calls", type=click.IntRange(0), help="At a time, at all sites together.")
@click.option("--per-second", type=click.FloatRange(0, min_open=True), help="New calls.")
@click.option("--cause", default="USER_BUSY", show_default=True, help="Calls above it are refused with this.")
@click.option("--number", default="", help="… or sent on to this number.")
@click.option(
    "--message", "prompt", default="", metavar="PROMPT", help="… or hear this, and are refused then."
)
@config_option
def limit_center(
    name: str,
    calls: int | None,
    per_second: float | None,
    cause: str,
    number: str,
    prompt: str,
    config_path: Path | None,
) -> None:
    """Take no more calls of the contact center NAME than that; without --calls and --per-second as many as come.

    It holds at once, in all call servers. The calls that are there go on.
    """
    from fsroute import config
    from fsroute.cli.store import opened
    from fsroute.errors import ConfigurationError
    from fsroute.model.admission import CAUSES, NUMBER, Limit, Treatment
    from fsroute.routing.rows import PROMPT
    from fsroute.store.admission import Admissions
    from fsroute.store.rules import Rules

    if prompt and PROMPT.fullmatch(prompt) is None:
        raise ConfigurationError(f"--message {prompt!r}: the name of a prompt, or a file of the switch's own")
    if number and NUMBER.fullmatch(number) is None:
        raise ConfigurationError(f"--number {number!r} is none that can be dialled")
    if cause not in CAUSES:
        raise ConfigurationError(f"--cause {cause}: one of {', '.join(sorted(CAUSES))}")
    if number and prompt:
        raise ConfigurationError("--number or --message, not both")
    treatment = Treatment("number" if number else "message" if prompt else "busy", cause, number, prompt)
    limit = Limit(calls, per_second, treatment)
    with opened(config.load(config_path)) as store:
        Rules(store.database).require(name)
        admissions = Admissions(store.database)
        if calls is None and per_second is None:
            admissions.lift_limit(name)
        else:
            admissions.set_limit(name, limit)
    words = [] if calls is None else [f"{calls} at a time"]
    words += [] if per_second is None else [f"{per_second:g} per second"]
    click.echo(f"{name} takes {' and '.join(words) or 'as many calls as come'}")
