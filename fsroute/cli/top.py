"""``fsroute top``: calls, queues, agents and sites, live in a terminal."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fsroute.cli.options import config_option

if TYPE_CHECKING:
    from fsroute.store.store import Store
    from fsroute.top.picture import Picture
    from fsroute.top.terminal import Terminal
    from fsroute.top.view import View


@click.command("top")
@config_option
@click.option(
    "--interval",
    type=click.FloatRange(0.2, 3600.0),
    default=1.0,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("--once", is_flag=True, help="Print the picture once, without anything that moves a cursor.")
@click.option(
    "--page",
    type=click.Choice(("overview", "calls", "queues", "agents", "sites")),
    default="overview",
    help="What is shown first.",
)
def command(config_path: Path | None, interval: float, once: bool, page: str) -> None:
    """Watch calls in progress, queues, agents, sites and rates. Keys: ? shows them, q leaves."""
    from fsroute import config
    from fsroute.cli.store import opened
    from fsroute.top.drawing import frame
    from fsroute.top.reading import read
    from fsroute.top.terminal import Terminal
    from fsroute.top.view import View

    with opened(config.load(config_path)) as store:
        if once:
            store.measure_clock()
            width, height = 1_000, 100_000
            for line in _trimmed([line.text for line in frame(read(store), View(page=page), width, height)][:-1]):
                click.echo(line)
            return
        with Terminal.standard() as terminal:
            _watch(store, terminal, View(page=page), interval)


def _watch(store: Store, terminal: Terminal, view: View, interval: float) -> None:
    from fsroute.top.drawing import frame
    from fsroute.top.picture import Picture
    from fsroute.top.view import pressed

    picture, due = Picture(), 0.0
    while not view.over:
        if time.monotonic() >= due and not view.paused:
            picture = _read(store, picture)
            due = time.monotonic() + interval
        width, height = terminal.size()
        terminal.draw(frame(picture, view, width, height))
        rest = interval if view.paused else max(0.0, due - time.monotonic())
        for key in terminal.wait(rest):
            view = pressed(view, key, height - 4)


def _read(store: Store, last: Picture) -> Picture:
    """The picture now; the last one, with the reason, while the database does not answer."""
    from fsroute.errors import StoreError
    from fsroute.top.reading import read

    try:
        store.measure_clock()
        return read(store)
    except StoreError as error:
        return replace(last, fault=str(error).partition("\n")[0])


def _trimmed(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines.pop()
    return [line.rstrip() for line in lines]
