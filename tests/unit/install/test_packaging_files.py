"""What the Debian package is made of."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from fsroute.config import load

PACKAGING = Path(__file__).resolve().parents[3] / "packaging"
UNITS = sorted((PACKAGING / "systemd").glob("*.service"))
SCRIPTS = [PACKAGING / "build-deb.sh", PACKAGING / "bin" / "fsroute", *sorted(PACKAGING.glob("debian/p*"))]
MOST_EXPOSED = "25"
"""Of 100: systemd calls it OK up to 41, and a unit without any of its options is at 96."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@needs_systemd
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text().replace("/usr/lib/fsroute/bin/fsroute", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    done = _run("systemd-analyze", "verify", "--man=no", *(str(tmp_path / unit.name) for unit in UNITS))
    assert [line for line in done.stderr.splitlines() if "fsroute" in line] == []


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_a_unit_may_do_no_more_than_it_must(unit: Path) -> None:
    done = _run(
        "systemd-analyze",
        "security",
        "--offline=true",
        f"--threshold={MOST_EXPOSED}",
        "--no-pager",
        str(unit),
    )
    assert done.returncode == 0, done.stdout


def test_the_router_waits_for_the_database_of_the_other_unit_and_starts_none() -> None:
    router = (PACKAGING / "systemd" / "fsroute.service").read_text()
    started = next(line for line in router.splitlines() if line.startswith("ExecStart="))
    assert "--kept-database" in started
    assert all("Type=notify" in unit.read_text() for unit in UNITS), "one is started once it serves"


def test_the_router_leaves_the_shared_memory_of_the_database_alone() -> None:
    """RemoveIPC would take it from PostgreSQL, which runs as the same user, when the router stops."""
    assert not any("RemoveIPC=yes" in unit.read_text() for unit in UNITS)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: str(script.name))
def test_a_script_can_be_read_by_any_shell(script: Path) -> None:
    assert script.stat().st_mode & 0o111
    assert _run("sh", "-n", str(script)).stderr == ""


def test_the_configuration_that_comes_along_is_one(tmp_path: Path) -> None:
    for name in ("fsroute.toml", "secrets.toml"):
        shutil.copy(PACKAGING / "etc" / name, tmp_path)
    (tmp_path / "secrets.toml").chmod(0o600)
    assert load(tmp_path / "fsroute.toml", {"HOME": "/"}).state_dir == "/var/lib/fsroute"


def test_every_secret_that_is_shown_commented_out_is_a_key(tmp_path: Path) -> None:
    lines = (PACKAGING / "etc" / "secrets.toml").read_text().splitlines()
    text = "\n".join(line[1:] for line in lines if line.startswith("#") and not line.startswith("# "))
    assert tomllib.loads(text)
    (tmp_path / "fsroute.toml").write_text(text)
    assert not load(tmp_path / "fsroute.toml", {"HOME": "/"}).database.embedded
