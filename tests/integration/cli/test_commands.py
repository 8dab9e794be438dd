from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fsroute.cli.main import cli
from tests.fix_database import perform

AGENTS = """
insert into fsroute.site values ('north', 'North');
insert into fsroute.switch (switch_id, site_id, link_address) values ('north-1', 'north', '127.0.0.1:5090');
insert into fsroute.agent (agent_id, name, site_id, switch_id, address)
values ('ann', 'Ann', 'north', 'north-1', 'user/ann');
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command on the database of a connection string."""

    def on(conninfo: str, *arguments: str) -> Result:
        monkeypatch.setenv("FSROUTE_DATABASE_URL", conninfo)
        return CliRunner().invoke(cli, arguments)

    return on


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the unprivileged user of a PostgreSQL started by root may enter."""
    folder = Path(tempfile.mkdtemp(prefix="fsroute-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def test_a_database_is_migrated_once(run: Callable[..., Result], new_database: Callable[[str], str]) -> None:
    conninfo = new_database("template1")
    first = run(conninfo, "migrate")
    assert first.exit_code == 0
    assert first.output.startswith("applied 0001")
    assert run(conninfo, "migrate").output == "the database is up to date\n"


def test_an_agent_logs_on_takes_a_break_and_logs_off(run: Callable[..., Result], conninfo: str) -> None:
    perform(conninfo, AGENTS)
    assert run(conninfo, "agent", "log-on", "ann").output == "ann is available\n"
    assert run(conninfo, "agent", "break", "ann", "--reason", "lunch").output == "ann is on break\n"
    listed = run(conninfo, "agent", "list").output.splitlines()
    assert listed[1].split("\t")[:7] == ["agents", "ann", "Ann", "north", "on break", "lunch", "away"]
    assert run(conninfo, "agent", "log-off", "ann").output == "ann is logged out\n"


def test_an_agent_who_is_not_known_ends_the_command_with_status_1(
    run: Callable[..., Result], conninfo: str
) -> None:
    result = run(conninfo, "agent", "log-on", "bob")
    assert (result.exit_code, result.output) == (1, "Error: there is no agent bob\n")


def test_the_status_shows_switches_queues_agents_and_leases(
    run: Callable[..., Result], conninfo: str
) -> None:
    perform(conninfo, AGENTS)
    result = run(conninfo, "status")
    assert result.exit_code == 0
    assert "switches\tnorth-1\tnorth\t127.0.0.1:5090\tnever" in result.output
    assert "agents\tlogged out\t1" in result.output
    assert {line.partition("\t")[0] for line in result.output.splitlines()} == {
        "switches", "queues", "agents", "rules", "leases",
    }  # fmt: skip


def test_a_database_that_is_not_there_ends_the_command_with_status_1(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    result = run(f"host={tmp_path} dbname=x connect_timeout=2", "status")
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")


def test_the_embedded_database_is_started_for_a_command_and_left_as_it_was(
    run: Callable[..., Result], place: Path
) -> None:
    path = place / "fsroute.toml"
    path.write_text("state_dir = 'state'\n")
    assert run("", "migrate", "--config", str(path)).output.startswith("applied 0001")
    assert run("", "status", "--config", str(path)).exit_code == 0
    assert not (place / "state" / "postgres" / "data" / "postmaster.pid").exists()
