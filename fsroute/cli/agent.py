"""``fsroute agent``: who the agents are, what they declare and what they do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fsroute.cli import agent_entering, agent_talk
from fsroute.cli.options import config_option
from fsroute.model.agent import AgentStatus
from fsroute.model.agent_state import Doing

if TYPE_CHECKING:
    from fsroute.model.agent_state import AgentState
    from fsroute.store.store import Store

COLUMNS = ("agent", "name", "site", "status", "reason", "state", "since", "until", "for", "served", "skills")
STATES = sorted(str(each) for each in (*Doing, *AgentStatus))
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.group("agent")
def command() -> None:
    """Agents: what they declare and do; log-on, breaks, wrap-up, outcome codes, PINs."""


@contextmanager
def _store(config_path: Path | None) -> Iterator[Store]:
    from fsroute import config
    from fsroute.cli.store import opened

    with opened(config.load(config_path)) as store:
        yield store


# What is seen ----------------------------------------------------------------------------------------------


@command.command("list")
@click.option(
    "--state",
    type=click.Choice(STATES),
    help="Only agents in this state (idle, talking, set_aside …) or status.",
)
@json_option
@config_option
def list_agents(config_path: Path | None, state: str | None, as_json: bool) -> None:
    """Show the agents: status, state and why, since when, for whom, and what they know."""
    from fsroute.cli.tables import show

    with _store(config_path) as store:
        store.measure_clock()
        agents = [each for each in store.duty.states() if state in (None, each.state, each.status)]
        if as_json:
            for each in agents:
                click.echo(as_line(each))
        else:
            show("agents", COLUMNS, [row(each, store.now()) for each in agents])


@command.command("show")
@click.argument("agent_id")
@json_option
@config_option
def show_agent(config_path: Path | None, agent_id: str, as_json: bool) -> None:
    """Show all that is known of one agent."""
    from fsroute.cli.tables import show

    with _store(config_path) as store:
        store.measure_clock()
        agent = store.duty.state(agent_id)
        if as_json:
            click.echo(as_line(agent))
        else:
            show(f"agent {agent_id}", ("what", "is"), details(agent, store.now()))


def row(agent: AgentState, now: float) -> tuple[object, ...]:
    """One line of the list; `now` is in seconds since the epoch."""
    return (
        agent.agent_id,
        agent.name,
        agent.site_id,
        words(agent.status),
        words(agent.status_reason),
        words(agent.state) + (f" ({words(agent.state_reason)})" if agent.state_reason else ""),
        passed(agent.state_since, now),
        "" if agent.state_until is None else f"{max(0.0, agent.state_until.timestamp() - now):.1f} s",
        agent.contact_center_id or "",
        agent.contacts_served,
        ", ".join(f"{skill} {level}" for skill, level in sorted(agent.skills.items())),
    )


def details(agent: AgentState, now: float) -> Iterator[tuple[str, object]]:
    """Everything of one agent, a line each."""
    yield from zip(COLUMNS, row(agent, now), strict=True)
    yield "status since", passed(agent.status_since, now)
    yield "switch", agent.switch_id
    yield "address", agent.address
    yield "extension", agent.extension or ""
    yield "team", agent.team or ""
    yield "contacts", agent.contacts
    yield "contact", agent.contact_id or ""
    yield "offers missed in a row", agent.missed
    yield "standing leg", "up" if agent.standing else ""


def words(value: str | None) -> str:
    return (value or "").replace("_", " ")


def passed(since: datetime | None, now: float) -> str:
    """How long ago, as people read it: ``12 s``, ``4:05``, ``1:04:05``."""
    if since is None:
        return ""
    seconds = int(max(0.0, now - since.timestamp()))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return f"{hours}:{minutes:02}:{seconds % 60:02}"
    return f"{minutes}:{seconds % 60:02}" if minutes else f"{seconds} s"


def as_line(agent: AgentState) -> str:
    """The agent as one line of JSON; moments as ISO 8601."""
    import dataclasses
    import json

    return json.dumps(dataclasses.asdict(agent), default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} is no JSON")


# What is declared --------------------------------------------------------------------------------------------


@command.command("log-on")
@click.argument("agent_id")
@click.option("--address", help="Where the agent sits today, if the agent may move.")
@click.option("--switch", "switch_id", help="Whose switch dials that address.")
@config_option
def log_on(config_path: Path | None, agent_id: str, address: str | None, switch_id: str | None) -> None:
    """Declare an agent available."""
    _declare(config_path, agent_id, lambda store: store.duty.log_on(agent_id, address, switch_id))


@command.command("break")
@click.argument("agent_id")
@click.option("--reason", help="What the break is for.")
@config_option
def take_break(config_path: Path | None, agent_id: str, reason: str | None) -> None:
    """Send an agent on a break; what is under way goes on."""
    _declare(config_path, agent_id, lambda store: store.duty.take_break(agent_id, reason))


@command.command("ready")
@click.argument("agent_id")
@config_option
def ready(config_path: Path | None, agent_id: str) -> None:
    """Back from a break; ends wrap-up and a set-aside at once."""
    _declare(config_path, agent_id, lambda store: store.duty.ready(agent_id))


@command.command("log-off")
@click.argument("agent_id")
@click.option("--reason", help="Why.")
@config_option
def log_off(config_path: Path | None, agent_id: str, reason: str | None) -> None:
    """Log an agent out; a conversation under way goes on."""
    _declare(config_path, agent_id, lambda store: store.duty.log_off(agent_id, reason))


@command.command("wrap-up-end")
@click.argument("agent_id")
@config_option
def end_wrap_up(config_path: Path | None, agent_id: str) -> None:
    """End an agent's wrap-up now."""
    _declare(config_path, agent_id, lambda store: store.duty.end_wrap_up(agent_id))


@command.command("wrap-up-extend")
@click.argument("agent_id")
@click.argument("seconds", type=click.FloatRange(min=0.001, max=3600))
@config_option
def extend_wrap_up(config_path: Path | None, agent_id: str, seconds: float) -> None:
    """Make an agent's wrap-up SECONDS longer."""
    _declare(config_path, agent_id, lambda store: store.duty.extend_wrap_up(agent_id, seconds))


def _declare(config_path: Path | None, agent_id: str, do: Callable[[Store], None]) -> None:
    """Do it and say what the agent declares and does now."""
    with _store(config_path) as store:
        do(store)
        agent = store.duty.state(agent_id)
    doing = "" if agent.state in ("away", "idle") else f", {words(agent.state)}"
    click.echo(f"{agent_id} is {words(agent.status)}{doing}")


# Outcome codes and PINs ----------------------------------------------------------------------------------------


@command.command("outcome")
@click.argument("agent_id")
@click.argument("code")
@click.option("--note", help="What else there is to say; kept with the caller's data.")
@config_option
def outcome(config_path: Path | None, agent_id: str, code: str, note: str | None) -> None:
    """Say what came of the contact that the agent talks in, or of the last one."""
    with _store(config_path) as store:
        recorded = store.duty.outcome(agent_id, code, note)
    click.echo(f"{recorded.code} ({recorded.meaning}) for contact {recorded.contact_id}")


@command.command("pin")
@click.argument("agent_id")
@click.option("--generate", is_flag=True, help="Make one by chance and print it, this once.")
@click.option("--remove", is_flag=True, help="Take the PIN away.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read it from standard input, for scripts.")
@config_option
def pin(config_path: Path | None, agent_id: str, generate: bool, remove: bool, from_stdin: bool) -> None:
    """Set the PIN that an agent keys at a telephone; asked for here. Lifts a lock after wrong ones.

    It never stands on the command line, which every user of the host can read.
    """
    import secrets

    from fsroute.agentdesk import pin as pins

    if generate + remove + from_stdin > 1:
        raise click.UsageError("--generate, --remove and --stdin exclude each other")
    chosen = "" if remove else pins.generate(secrets.randbelow) if generate else _asked_for(from_stdin)
    stored = pins.encode(chosen, secrets.token_bytes(pins.SALT)) if chosen else None
    with _store(config_path) as store:
        store.duty.set_pin(agent_id, stored)
    click.echo(chosen if generate else f"{agent_id} has {'no' if remove else 'a new'} PIN")


def _asked_for(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline(100).strip()
    return str(click.prompt("PIN", hide_input=True, confirmation_prompt=True))


for each in (*agent_talk.COMMANDS, *agent_entering.COMMANDS):
    command.add_command(each)
