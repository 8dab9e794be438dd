"""What a test run says about fsroute: by options, or by keys of pytest's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest


@dataclass(frozen=True, slots=True)
class Option:
    """``--fsroute-NAME``, and ``fsroute_NAME`` in the configuration."""

    name: str
    metavar: str
    help: str
    kind: Literal["string", "linelist"] = "string"


OPTIONS = (
    Option("rules", "FILE.sql", "rules as `fsroute rules load` takes them; else those of each capture's journal"),
    Option("applications", "DIR", "a folder of interactive applications, or of one"),
    Option("journal", "DIR", "where the journals of the captures are; without it beside them"),
    Option("sql", "FILE.sql", "performed in each fresh database; several in the configuration, one a line", "linelist"),
    Option("capture", "DIR", "where to keep the calls that tests make, as captures; without it nowhere"),
    Option("site", "NAME", "the site at which the stand-in switch is; without it `here`"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """Paths are absolute; '' where nothing is said."""

    rules: str = ""
    applications: tuple[str, ...] = ()
    journal: str = ""
    sql: tuple[str, ...] = ()
    capture: str = ""
    site: str = "here"
    update: bool = False

    @classmethod
    def of(cls, config: pytest.Config) -> Settings:
        """An option goes before the configuration.

        Raises:
            pytest.UsageError: a file or a folder is not there.
        """
        applications = _path(config, "applications")
        return cls(
            rules=_path(config, "rules"),
            applications=(applications,) if applications else (),
            journal=_path(config, "journal"),
            sql=_paths(config, "sql"),
            capture=_path(config, "capture", must_exist=False),
            site=_said(config, "site") or "here",
            update=bool(config.getoption("fsroute_update")),
        )


def _said(config: pytest.Config, name: str) -> Any:
    return config.getoption(f"fsroute_{name}") or config.getini(f"fsroute_{name}") or ""


def _path(config: pytest.Config, name: str, *, must_exist: bool = True) -> str:
    given = config.getoption(f"fsroute_{name}")
    if given:
        return _absolute(config.invocation_params.dir, str(given), f"--fsroute-{name}", must_exist)
    said = config.getini(f"fsroute_{name}")
    return _absolute(_folder(config), str(said), f"fsroute_{name}", must_exist) if said else ""


def _paths(config: pytest.Config, name: str) -> tuple[str, ...]:
    if config.getoption(f"fsroute_{name}"):
        return (_path(config, name),)
    return tuple(
        _absolute(_folder(config), line, f"fsroute_{name}") for line in config.getini(f"fsroute_{name}") or ()
    )


def _folder(config: pytest.Config) -> Path:
    return config.inipath.parent if config.inipath is not None else config.rootpath


def _absolute(folder: Path, path: str, name: str, must_exist: bool = True) -> str:
    found = (folder / path).resolve()
    if must_exist and not found.exists():
        raise pytest.UsageError(f"{name}: there is no {found}")
    return str(found)
