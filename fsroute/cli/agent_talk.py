"""``fsroute agent hold|resume|transfer|consult|complete|cancel|conference|release``: what agents do during a talk.

The command is a row that the process takes which drives the agent's switch; it says what came of it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fsroute.cli.options import config_option

if TYPE_CHECKING:
    from fsroute.store.store import Store

LOOK_AGAIN = 0.05  # seconds between two looks for the result
LIMIT = 10.0  # seconds to wait for it
DONE = "done"

agent_argument = click.argument("agent_id")


@click.command("hold")
@agent_argument
@config_option
def hold(agent_id: str, config_path: Path | None) -> None:
    """Put the contact that an agent talks with on hold."""
    _ask(config_path, agent_id, "hold", {}, f"the contact of {agent_id} is on hold")


@click.command("resume")
@agent_argument
@config_option
def resume(agent_id: str, config_path: Path | None) -> None:
    """Take the contact off hold."""
    _ask(config_path, agent_id, "resume", {}, f"{agent_id} talks again")


@click.command("transfer")
@agent_argument
@click.option("--agent", "to_agent", help="To this agent, by id or extension.")
@click.option(
    "--queue", help="To this queue of the contact center, by name or extension; the priority is kept."
)
@click.option("--number", help="To this telephone number.")
@config_option
def transfer(
    agent_id: str, to_agent: str | None, queue: str | None, number: str | None, config_path: Path | None
) -> None:
    """Send the contact that an agent talks with elsewhere; the agent leaves at once."""
    data = _target(to_agent, queue, number)
    _ask(config_path, agent_id, "transfer", data, f"transferred to {data['to']} {data['name']}")


@click.command("consult")
@agent_argument
@click.option("--agent", "to_agent", help="This agent, by id or extension.")
@click.option("--queue", help="Whoever serves this queue of the contact center, by name or extension.")
@click.option("--number", help="Whoever answers this telephone number.")
@config_option
def consult(
    agent_id: str, to_agent: str | None, queue: str | None, number: str | None, config_path: Path | None
) -> None:
    """Have an agent speak with somebody else, while the contact hears music."""
    data = _target(to_agent, queue, number)
    _ask(config_path, agent_id, "consult", data, f"{agent_id} consults {data['to']} {data['name']}")


@click.command("complete")
@agent_argument
@config_option
def complete(agent_id: str, config_path: Path | None) -> None:
    """Leave the contact to whom the agent consults."""
    _ask(config_path, agent_id, "complete", {}, f"{agent_id} has left the contact to whom was consulted")


@click.command("cancel")
@agent_argument
@config_option
def cancel(agent_id: str, config_path: Path | None) -> None:
    """End a consultation, or a conference; the agent goes on with the contact."""
    _ask(config_path, agent_id, "cancel", {}, f"{agent_id} talks with the contact again")


@click.command("conference")
@agent_argument
@config_option
def conference(agent_id: str, config_path: Path | None) -> None:
    """Have the contact, the agent and whom the agent consults talk together."""
    _ask(config_path, agent_id, "conference", {}, "they talk together")


@click.command("release")
@agent_argument
@config_option
def release(agent_id: str, config_path: Path | None) -> None:
    """End the talk as the agent's hanging up would; a standing leg stays."""
    _ask(config_path, agent_id, "release", {}, f"{agent_id} talks no more")


COMMANDS = (hold, resume, transfer, consult, complete, cancel, conference, release)


def _target(agent: str | None, queue: str | None, number: str | None) -> dict[str, str]:
    given = {to: name for to, name in (("agent", agent), ("queue", queue), ("number", number)) if name}
    if len(given) != 1:
        raise click.UsageError("say where to, with one of --agent, --queue and --number")
    to, name = next(iter(given.items()))
    return {"to": to, "name": name}


def _ask(config_path: Path | None, agent_id: str, kind: str, data: Mapping[str, str], done: str) -> None:
    from fsroute import config
    from fsroute.cli.store import opened

    with opened(config.load(config_path)) as store:
        result = _result(store, store.transfers.ask(agent_id, kind, data))
    if result is None:
        raise click.ClickException(
            f"the process that drives the agent's switch did not answer in {LIMIT:g} s"
        )
    if result != DONE:
        raise click.ClickException(result)
    click.echo(done)


def _result(store: Store, command_id: int) -> str | None:
    """What came of a command; None: nothing in time."""
    give_up = time.monotonic() + LIMIT
    while (result := store.transfers.result(command_id)) is None and time.monotonic() < give_up:
        time.sleep(LOOK_AGAIN)
    return result
