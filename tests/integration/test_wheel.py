"""The wheel alone, installed somewhere else and run from an empty folder."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import fsroute

ROOT = Path(__file__).resolve().parents[2]
BUILT_FROM = (
    "setup.cfg",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "fsroute",
    "sql",
    "dialplans",
    "fs_config",
)
PROGRAM = """
import fsroute, pathlib, sys
from fsroute import ivr, resources
from fsroute.install.render import templates
from fsroute.store.migrate import migrations
from fsroute.store.queries import queries

home = pathlib.Path(fsroute.__file__).parent
assert home.is_relative_to(sys.prefix), home
for name in sorted(resources.FOLDERS):
    assert pathlib.Path(str(resources.folder(name))) == home / name
assert migrations() and queries() and templates("dialplans") and templates("fs_config")
application = ivr.load(home / "ivr" / "sample" / "orders")
print(application.name, len(application.recordings["en"]) > 5)
"""


def _run(*command: str | Path, cwd: Path, **environment: str) -> str:
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), **environment}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the work tree."""
    source = tmp_path_factory.mktemp("source")
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    can_build = int(importlib.metadata.version("setuptools").partition(".")[0]) > 70
    isolation = ["--no-isolation"] if can_build else []
    _run(sys.executable, "-m", "build", "--wheel", *isolation, cwd=source, **os.environ)
    (built,) = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of an environment that holds the wheel and sees our dependencies."""
    place = tmp_path_factory.mktemp("installed") / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", place, cwd=place.parent)
    python = place / "bin" / "python"
    install = ("install", "--quiet", "--no-deps", "--no-index", wheel)
    _run(sys.executable, "-m", "pip", "--python", python, *install, cwd=place.parent)
    (site,) = place.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place / "bin"


def test_the_program_runs_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    assert (
        _run(installed / "fsroute", "--version", cwd=tmp_path) == f"fsroute, version {fsroute.__version__}\n"
    )
    assert "--calls" in _run(installed / "fsroute", "demo", "--help", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_sql_dialplans_configuration_and_sample_come_along(installed: Path, tmp_path: Path) -> None:
    assert _run(installed / "python", "-c", PROGRAM, cwd=tmp_path) == "orders True\n"


def test_a_switch_is_rendered_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "switch.toml").write_text("event_socket_password = 'pw'\n")
    _run(installed / "fsroute", "render", "switch", "-s", "switch.toml", "made", cwd=tmp_path)
    assert (tmp_path / "made" / "conf" / "dialplan" / "public" / "00_fsroute.xml").is_file()
    assert (tmp_path / "made" / "sounds" / "fsroute" / "hold.wav").is_file()


def test_pytest_finds_the_plug_in_of_the_wheel_by_itself(installed: Path, tmp_path: Path) -> None:
    repository = shutil.copytree(ROOT / "docs" / "example-repository", tmp_path / "repository")
    arguments = ("--fsroute-rules", "rules.sql", "calls/", "-p", "no:cacheprovider")
    output = _run(installed / "python", "-m", "pytest", *arguments, cwd=repository)
    assert "4 passed" in output
