"""The group `fsroute`: which commands there are, and how an error of ours ends the program."""

from __future__ import annotations

import importlib
from typing import Any

import click

import fsroute
from fsroute.errors import FsrouteError

COMMANDS = (
    "demo",
    "run",
    "status",
    "doctor",
    "top",
    "activity",
    "audit",
    "agent",
    "rules",
    "center",
    "site",
    "switch",
    "queue",
    "number",
    "customers",
    "erase",
    "app",
    "scp",
    "simulate",
    "capture",
    "replay",
    "route-diff",
    "import",
    "render",
    "install",
    "uninstall",
    "migrate",
    "database",
    "backup",
    "restore",
)

MODULES = {"import": "importing"}
"""Of commands whose names are words of the language."""


class LazyGroup(click.Group):
    """Imports ``fsroute.cli.NAME`` and takes its ``command`` when NAME is asked for; a hyphen is an underscore."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = MODULES.get(cmd_name, cmd_name.replace("-", "_"))
        command = importlib.import_module(f"fsroute.cli.{module}").command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Turn an error that is meant for the operator into one line and exit status 1."""
        try:
            return super().invoke(ctx)
        except FsrouteError as error:
            raise click.ClickException(str(error)) from error


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(fsroute.__version__, "--version", "-V", prog_name="fsroute")
def cli() -> None:
    """One contact center out of FreeSWITCH hosts in several places."""
