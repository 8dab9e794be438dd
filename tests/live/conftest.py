"""Fixtures: the two sites for the whole run, a client company for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from tests.fix_database import perform
from tests.live import freeswitch
from tests.live.figures import FIGURES
from tests.live.sites import Sites
from tests.live.two_sites import ContactCenter, TwoSites
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("dpkg", "dpkg-deb", "unshare", "chroot", "mount")


def pytest_runtest_setup() -> None:
    if freeswitch.find() is None:
        pytest.skip(f"no FreeSWITCH found: looked at {freeswitch.SEARCHED}")


@pytest.fixture(scope="session")
def program() -> Path:
    found = freeswitch.find()
    assert found is not None
    return found


@pytest.fixture(scope="session")
def two_sites(program: Path, postgres: str, migrated_template: str) -> Iterator[TwoSites]:
    """Two switches with an fsroute at each, over one database."""
    folder = Path(tempfile.mkdtemp(prefix="fsroute-live-"))
    perform(postgres, f"create database fsroute_live template {migrated_template}")
    sites = TwoSites(program, folder, make_conninfo(postgres, dbname="fsroute_live"))
    try:
        sites.start()
        yield sites
    finally:
        sites.stop()
        perform(postgres, "drop database if exists fsroute_live with (force)")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def company(two_sites: TwoSites) -> Iterator[Callable[..., ContactCenter]]:
    """Makes client companies; afterwards nothing of them may be left on a switch or in a reservation."""
    made: list[ContactCenter] = []
    two_sites.revive()

    def make(application: str = "orders", name: str = "", **queue: object) -> ContactCenter:
        made.append(two_sites.contact_center(application, name, **queue))
        return made[-1]

    yield make
    for center in made:
        for phone in center.phones:
            for call in phone.calls:
                call.hang_up()
        two_sites.execute("update agent set status = 'logged_out' where agent_id like %s", f"{center.name}-%")
    try:
        until_all_is_over(two_sites, made)
    finally:
        for center in made:
            for phone in center.phones:
                phone.close()


def until_all_is_over(sites: Sites, made: list[ContactCenter]) -> None:
    try:
        until(lambda: sites.channels() == 0 and not sites.live_reservations(), 10)
    except AssertionError:
        stories = "\n\n".join(center.story() for center in made)
        tables = "\n".join(switch.api("show channels") for switch in sites.switches)
        left = f"{sites.channels()} channels and {len(sites.live_reservations())} reservations are left"
        for switch in sites.switches:
            switch.api("hupall")  # so that the next test does not suffer
        raise AssertionError(f"{left}\n{stories}\n{tables}") from None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section("measured on two FreeSWITCH instances")
        for line in FIGURES:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package; FSROUTE_DEB may name one that is built already."""
    if os.geteuid() != 0 or any(shutil.which(name) is None for name in NEEDED):
        pytest.skip(f"needs root and {', '.join(NEEDED)}")
    if given := os.environ.get("FSROUTE_DEB"):
        return Path(given)
    target = tmp_path_factory.mktemp("package")
    environment = {**os.environ, "FSROUTE_DEB_COMPRESSION": "-Zgzip -z1"}
    built = subprocess.run(
        [str(ROOT / "packaging" / "build-deb.sh"), str(target)],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return Path(built.stdout.split()[-1])
