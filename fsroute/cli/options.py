"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def config_option(function: F) -> F:
    """Add ``--config FILE``, passed as `config_path`: a path, or None for the defaults."""
    return click.option(
        "--config",
        "-c",
        "config_path",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        envvar="FSROUTE_CONFIG",
        help="TOML configuration; without one, defaults that serve one host.  [env: FSROUTE_CONFIG]",
    )(function)
