from __future__ import annotations

import configparser
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CARRIED = {"fsroute.dialplans", "fsroute.fs_config", "fsroute.sql"}


def _setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_setup_cfg_lists_every_package() -> None:
    listed = set(_setup()["options"]["packages"].split())
    found = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "fsroute").rglob("__init__.py")
    }
    assert listed == found | CARRIED


def test_every_file_that_is_not_python_matches_a_pattern_of_package_data() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "fsroute", "sql", "dialplans", "fs_config"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if tracked.returncode:
        pytest.skip("not a git work tree")
    setup = _setup()
    lines = (line.partition(" = ") for line in setup["options"]["package_dir"].split("\n") if line)
    folders = {name: Path(folder) for name, _, folder in lines}
    matched: set[str] = set()
    for package, patterns in setup["options.package_data"].items():
        folder = ROOT / folders.get(package, Path(*package.split(".")))
        for pattern in patterns.split():
            matched.update(str(path.relative_to(ROOT)) for path in folder.glob(pattern))
    others = {name for name in tracked.stdout.splitlines() if not name.endswith((".py", ".md"))}
    assert others - matched == set()


def test_every_dependency_has_a_lower_and_an_upper_bound() -> None:
    for line in filter(None, _setup()["options"]["install_requires"].split("\n")):
        assert ">=" in line, line
        assert "<" in line, line
