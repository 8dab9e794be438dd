"""``fsroute render``: dialplans and FreeSWITCH configuration, as files or on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

SETTINGS = click.option(
    "--settings",
    "-s",
    "settings_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file; docs/switch.toml shows the keys (those of [dialplan] for a dialplan).",
)


@click.group("render")
def command() -> None:
    """Fill the dialplans and a FreeSWITCH configuration from settings."""


@command.command("dialplan")
@SETTINGS
@click.option("--number", "numbers", multiple=True, help="A toll-free number; again for more; * for all.")
@click.option("--to", "target", type=click.Path(file_okay=False, path_type=Path), help="Folder to write to.")
def dialplan(settings_path: Path | None, numbers: tuple[str, ...], target: Path | None) -> None:
    """The contexts of fsroute, to lie in FreeSWITCH's dialplan folder."""
    import msgspec

    from fsroute.config import convert, read
    from fsroute.install.render import render_dialplans
    from fsroute.install.settings import DialplanSettings

    settings = DialplanSettings()
    if settings_path:
        settings = convert(read(settings_path), DialplanSettings, str(settings_path))
    if numbers:
        settings = msgspec.structs.replace(settings, numbers=numbers)
    files = render_dialplans(settings, for_agents=True)
    if target is None:
        _print(files)
        return
    for path, text in files.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text, encoding="utf-8")
        click.echo(target / path)


@command.command("switch")
@SETTINGS
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
def switch(settings_path: Path | None, target: Path) -> None:
    """A whole FreeSWITCH that serves fsroute and nothing else, with its folders below TARGET."""
    from fsroute.config import convert, read
    from fsroute.install.render import arguments, render_switch
    from fsroute.install.settings import SwitchSettings

    text, source = (read(settings_path), str(settings_path)) if settings_path else ("", "settings")
    target = target.absolute()
    render_switch(convert(text, SwitchSettings, source), target)
    click.echo("start it with:")
    click.echo(" ".join(["freeswitch", *arguments(target)]))


def _print(files: Mapping[str, str]) -> None:
    for path, text in files.items():
        click.echo(f"==> {path} <==")
        click.echo(text)


@command.command("alerts")
def alerts() -> None:
    """Rules for alerts, for Prometheus."""
    _monitoring("alerts.yml")


@command.command("dashboard")
def dashboard() -> None:
    """A dashboard, for Grafana."""
    _monitoring("dashboard.json")


def _monitoring(name: str) -> None:
    from importlib import resources

    file = resources.files("fsroute") / "metrics" / "monitoring" / name
    click.echo(file.read_text(encoding="utf-8"), nl=False)
