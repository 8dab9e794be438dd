"""Where the files that are not Python are found: in the wheel and in a source tree alike.

In the wheel ``sql``, ``dialplans`` and ``fs_config`` are packages below ``fsroute``
(``package_dir`` in setup.cfg); in a source tree, and so in an editable installation, they lie
beside it.
"""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

FOLDERS = frozenset({"sql", "dialplans", "fs_config"})


def folder(name: str) -> Traversable:
    """The folder `name`, one of `FOLDERS`; read files with ``folder("sql").joinpath(...).read_text()``.

    Raises:
        ValueError: `name` is no folder that fsroute carries.
        FileNotFoundError: the installation is damaged.
    """
    if name not in FOLDERS:
        raise ValueError(f"fsroute carries no folder {name!r}, only {', '.join(sorted(FOLDERS))}")
    installed = resources.files("fsroute").joinpath(name)
    if installed.is_dir():
        return installed
    beside = Path(__file__).resolve().parent.parent / name
    if beside.is_dir():
        return beside
    raise FileNotFoundError(f"fsroute's own folder {name!r} is missing: install fsroute again")
