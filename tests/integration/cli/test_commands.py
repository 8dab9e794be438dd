from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fsroute.cli.main import cli
from fsroute.store.applications import ApplicationVersions
from fsroute.store.database import Database
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
        "switches", "activity", "queues", "agents", "admission", "rules", "applications", "leases",
    }  # fmt: skip


def test_the_status_shows_which_application_serves_where_how_old_it_is_and_what_was_refused(
    run: Callable[..., Result], conninfo: str
) -> None:
    with Database(conninfo) as database:
        versions = ApplicationVersions(database)
        now = time.time()
        versions.report("north-1", "blue-center", "", "", "serving", "", checked_at=now)
        versions.report(
            "north-1", "blue-center", "orders", "blue", "serving", "",
            version="1.2", sequence=7, sha256="a" * 64, fetched_at=now - 100, checked_at=now,
        )  # fmt: skip
        versions.report("north-1", "blue-center", "news", "blue", "refused", "news 3: expired at 2026-01-01")
        versions.report("north-1", "gone", "old", "red", "serving", "")
        versions.forget("north-1", ["blue-center"])
    lines = [
        line.split("\t")[1:]
        for line in run(conninfo, "status").output.splitlines()
        if line.startswith("applications")
    ]
    assert lines[0] == [
        "switch", "from", "application", "contact center", "version", "sequence", "age", "seen", "state", "message",
    ]  # fmt: skip
    assert [line[:6] + line[8:] for line in lines[1:]] == [
        ["north-1", "blue-center", "(all)", "", "", "", "serving", ""],
        ["north-1", "blue-center", "news", "blue", "", "", "refused", "news 3: expired at 2026-01-01"],
        ["north-1", "blue-center", "orders", "blue", "1.2", "7", "serving", ""],
    ]
    assert lines[3][6] in ("100 s ago", "101 s ago", "102 s ago")


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


def test_a_contact_center_is_limited_and_the_status_shows_it(
    run: Callable[..., Result], conninfo: str
) -> None:
    perform(conninfo, "insert into fsroute.contact_center values ('acme', 'Acme')")
    said = run(
        conninfo, "center", "limit", "acme", "--calls", "80", "--per-second", "2.5", "--number", "5550199"
    )
    assert said.output == "acme takes 80 at a time and 2.5 per second\n"
    status = run(conninfo, "status").output.splitlines()
    assert ["admission", "center:acme", "0", "80", "0.0", "2.5", "0", "0", "0"] in [
        line.split("\t") for line in status
    ]
    assert run(conninfo, "center", "limit", "acme").output == "acme takes as many calls as come\n"
    assert "center:acme" not in run(conninfo, "status").output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("nobody", "--calls", "3"), "there is no contact center nobody"),
        (("acme", "--calls", "-1"), "--calls"),
        (("acme", "--calls", "3", "--cause", "GONE_FISHING"), "GONE_FISHING"),
        (("acme", "--calls", "3", "--number", "1", "--message", "closed"), "not both"),
        (("acme", "--calls", "3", "--number", "1 XML public"), "none that can be dialled"),
        (("acme", "--calls", "3", "--message", "${rm}"), "prompt"),
    ],
)
def test_a_limit_that_cannot_be_is_refused(
    run: Callable[..., Result], conninfo: str, arguments: tuple[str, ...], why: str
) -> None:
    perform(conninfo, "insert into fsroute.contact_center values ('acme', 'Acme')")
    refused = run(conninfo, "center", "limit", *arguments)
    assert refused.exit_code in (1, 2)
    assert why in refused.output
