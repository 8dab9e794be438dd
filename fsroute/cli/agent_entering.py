"""``fsroute agent add``: who serves, for whom, and what the agent knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fsroute.cli import entering
from fsroute.cli.options import config_option


@click.command("add")
@click.argument("agent_id", metavar="AGENT", type=entering.AGENT)
@click.option("--name", type=entering.TITLE, help="As people call the agent; AGENT without it.")
@click.option(
    "--switch", "switch_id", type=entering.NAME, help="Whose switch dials the agent; a new agent needs it."
)
@click.option(
    "--address",
    type=entering.ADDRESS,
    help="What is dialled: user/ann, sip:ann@HOST …; a new agent needs it.",
)
@click.option(
    "--skill", "skills", multiple=True, metavar="NAME[:LEVEL]", help="What the agent knows; repeatable."
)
@click.option(
    "--no-skill", "without_skills", multiple=True, metavar="NAME", help="What the agent knows no more."
)
@click.option(
    "--for", "serves", multiple=True, type=entering.NAME, metavar="CENTER", help="May serve it; repeatable."
)
@click.option(
    "--not-for",
    "serves_no_more",
    multiple=True,
    type=entering.NAME,
    metavar="CENTER",
    help="May not any more.",
)
@click.option("--extension", type=entering.EXTENSION, help="What is dialled, and keyed, for the agent.")
@click.option("--team", type=entering.NAME, help="The team.")
@click.option("--wrap-up", type=click.FloatRange(0, 2592000), help="Seconds after each talk.")
@click.option("--set-aside", type=click.FloatRange(0, 2592000), help="Seconds after an offer not taken.")
@click.option(
    "--accept-key", type=click.Choice([*"0123456789*#"]), help="Asked for where a voice mail could answer."
)
@click.option(
    "--leg", type=click.Choice(["dialled", "standing"]), help="Dialled per contact, or stands all shift."
)
@click.option("--own-phone/--shared-phone", default=None, help="Nobody else sits there: no PIN is asked.")
@click.option("--hot-desk/--no-hot-desk", default=None, help="May log on at another address or switch.")
@config_option
def add(
    skills: tuple[str, ...],
    without_skills: tuple[str, ...],
    serves: tuple[str, ...],
    serves_no_more: tuple[str, ...],
    config_path: Path | None,
    **columns: Any,
) -> None:
    """Enter AGENT, or change what is given; it counts at once, for running systems too."""
    from fsroute.store.registry import NewAgent, Qualified

    new = NewAgent(**columns)
    qualified = Qualified(entering.skills(skills), without_skills, serves, serves_no_more)
    with entering.registry(config_path) as (registry, _):
        entering.tell(registry.add_agent(new, qualified), f"agent {new.agent_id}")


COMMANDS = (add,)
