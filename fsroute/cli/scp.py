"""``fsroute scp``: what the routing processor would decide, and what it has decided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fsroute.cli.options import config_option

if TYPE_CHECKING:
    from fsroute.config import Config
    from fsroute.scp.answers import Answered
    from fsroute.store.store import Store


@click.group("scp")
def command() -> None:
    """Calls that are routed before anybody has answered."""


@command.command("explain")
@config_option
@click.option("--json", "as_json", is_flag=True, help="As the HTTP interface would say it.")
@click.argument("number")
@click.argument("caller", default="")
def explain(config_path: Path | None, as_json: bool, number: str, caller: str) -> None:
    """What would become of a call to NUMBER from CALLER now; nothing is reserved."""
    import msgspec

    from fsroute import config
    from fsroute.cli.store import opened
    from fsroute.scp.answers import document

    configuration = config.load(config_path)
    with opened(configuration) as store:
        answered = _answered(configuration, store, number, caller)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(document(answered)), indent=2).decode())
        return
    _show(answered)


def _answered(configuration: Config, store: Store, number: str, caller: str) -> Answered:
    from datetime import UTC, datetime

    from fsroute.app import scp_role
    from fsroute.model.contact import CallerInformation
    from fsroute.scp.answers import Answered
    from fsroute.scp.deciding import NotRouted
    from fsroute.scp.routing import HttpRouting
    from fsroute.scp.server import Settings
    from fsroute.store.rulebook import RuleBook

    store.measure_clock()
    role = scp_role(configuration, store, RuleBook(store))
    role.watch.read()
    asking = CallerInformation(caller, "", number, datetime.fromtimestamp(store.now(), UTC))
    try:
        return HttpRouting(store, role.decider, role.director, Settings()).explain(asking)
    except NotRouted as why:
        return Answered.ordinary(str(why))


def _show(answered: Answered) -> None:
    from fsroute.cli.tables import show

    click.echo(answered.why)
    if answered.rule is None:
        click.echo("the call goes the ordinary way: answered by a call server")
        return
    click.echo(f"rule {answered.rule}: {answered.policy}, {answered.manner}, otherwise {answered.otherwise}")
    show(
        "destinations",
        ("try", "to", "site"),
        [(str(number), place.name, place.site) for number, place in enumerate(answered.destinations, 1)],
    )
    show("left out", ("site", "why"), [(each.site, each.why) for each in answered.skipped])


@command.command("contact")
@config_option
@click.argument("contact_id", type=click.UUID)
def contact(config_path: Path | None, contact_id: object) -> None:
    """What was decided for a contact before it was answered, and why."""
    from fsroute import config
    from fsroute.cli.store import opened
    from fsroute.store.direct import DirectCalls

    with opened(config.load(config_path)) as store:
        decisions = DirectCalls(store).decisions(str(contact_id))
    if not decisions:
        raise click.ClickException(f"nothing was decided for contact {contact_id} before the answer")
    for at, data in decisions:
        known = {name: value for name, value in data.items() if name not in ("why", "to")}
        click.echo(f"{at:%Y-%m-%d %H:%M:%S.%f} to {data.get('to')}: {data.get('why')}")
        click.echo(f"  {json.dumps(known)}")
