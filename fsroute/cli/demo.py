"""``fsroute demo``: two call centers on this machine, with everything but the telephones."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("demo")
@click.option(
    "--calls", type=click.IntRange(1, 100_000), default=40, show_default=True, help="Calls to place."
)
@click.option(
    "--agents", type=click.IntRange(1, 1000), default=5, show_default=True, help="Agents who serve."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the random choices.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write what happened to each call to this JSON file.",
)
@click.pass_context
def command(context: click.Context, calls: int, agents: int, seed: int, report: Path | None) -> None:
    """Place calls between two stand-in call centers and show how each ends.

    The exit status is 0 only if every call ended as it may and the audit found no violation.
    """
    from fsroute.demo import run_demo

    context.exit(run_demo(calls=calls, agents=agents, seed=seed, report=report))
