"""``fsroute database``: the database as a service of its own."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from fsroute.cli.main import cli
from fsroute.store.embedded import EmbeddedPostgres
from tests.waiting import until


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the unprivileged user of a PostgreSQL started by root may enter."""
    folder = Path(tempfile.mkdtemp(prefix="fsroute-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def test_the_database_is_there_until_the_service_is_stopped_whoever_came_and_went(place: Path) -> None:
    config = place / "fsroute.toml"
    config.write_text(f'state_dir = "{place}/state"\n')
    server = EmbeddedPostgres(place / "state" / "postgres")
    command = [sys.executable, "-m", "fsroute", "database", "-c", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as service:
        try:
            until(lambda: (server.folder / "users").exists() and server.is_running(), 100)
            assert CliRunner().invoke(cli, ["migrate", "-c", str(config)]).exit_code == 0
            assert server.is_running()
            server.join()
        finally:
            service.send_signal(signal.SIGTERM)
            service.communicate(timeout=60)
    assert service.returncode == 0
    assert not server.is_running()
    server.stop(only_started=True)


def test_where_another_database_is_configured_there_is_nothing_to_keep(tmp_path: Path) -> None:
    config = tmp_path / "fsroute.toml"
    config.write_text('[database]\nurl = "host=db"\n')
    result = CliRunner().invoke(cli, ["database", "-c", str(config)])
    assert (result.exit_code, result.output) == (
        0,
        "[database] url names a database: there is none to keep here\n",
    )
