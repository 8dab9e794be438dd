"""``fsroute agent``: who the agents are, and what they declare."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from fsroute.cli.options import config_option
from fsroute.model.agent import AgentStatus


@click.group("agent")
def command() -> None:
    """List agents; log them on and off, and send them on a break."""


@command.command("list")
@config_option
def list_agents(config_path: Path | None) -> None:
    """Show the agents, what they declare and what they do."""
    from fsroute import config
    from fsroute.cli.store import opened
    from fsroute.cli.tables import show

    with opened(config.load(config_path)) as store:
        board = store.agents.board()
    columns = ("agent", "name", "site", "switch", "status", "reason", "doing", "for")
    show("agents", columns, [_row(entry) for entry in board])


@command.command("log-on")
@click.argument("agent_id")
@config_option
def log_on(agent_id: str, config_path: Path | None) -> None:
    """Declare an agent available."""
    _declare(config_path, agent_id, AgentStatus.AVAILABLE, None)


@command.command("break")
@click.argument("agent_id")
@click.option("--reason", help="What the break is for.")
@config_option
def take_break(agent_id: str, reason: str | None, config_path: Path | None) -> None:
    """Send an agent on a break."""
    _declare(config_path, agent_id, AgentStatus.ON_BREAK, reason)


@command.command("log-off")
@click.argument("agent_id")
@config_option
def log_off(agent_id: str, config_path: Path | None) -> None:
    """Log an agent out; a conversation under way goes on."""
    _declare(config_path, agent_id, AgentStatus.LOGGED_OUT, None)


def _declare(config_path: Path | None, agent_id: str, status: AgentStatus, reason: str | None) -> None:
    from fsroute import config
    from fsroute.cli.store import opened

    with opened(config.load(config_path)) as store:
        store.agents.set_status(agent_id, status, reason)
        store.announce_agent(agent_id)
    click.echo(f"{agent_id} is {status.replace('_', ' ')}")


def _row(entry: Mapping[str, Any]) -> tuple[object, ...]:
    """What an agent does is the leg's state while a reservation stands."""
    doing = "" if entry["state"] is None else f"{entry['state']} ({entry['agent_leg']})"
    return (
        entry["agent_id"],
        entry["name"],
        entry["site_id"],
        entry["switch_id"],
        str(entry["status"]).replace("_", " "),
        entry["status_reason"] or entry["unavailable_reason"] or "",
        doing,
        entry["contact_center_id"] or "",
    )
