from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsroute.cli.main import cli
from fsroute.store.embedded import EmbeddedPostgres, administrator
from fsroute.store.scratch import new_folder
from tests.fix_center import CENTER


def fsroute(settings: Path, *arguments: str) -> str:
    done = CliRunner().invoke(cli, [*arguments, "--config", str(settings)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def settings(conninfo: str, tmp_path: Path) -> Path:
    path = tmp_path / "fsroute.toml"
    path.write_text(f'[database]\nurl = "{administrator(conninfo)}"\n')
    return path


@pytest.fixture
def login(conninfo: str) -> Iterator[str]:
    """A login of no rights."""
    name = f"blue_{secrets.token_hex(4)}"
    with psycopg.connect(administrator(conninfo), autocommit=True) as connection:
        connection.execute(f"create role {name} login password '{name}'".encode())
        yield name
        connection.execute(f"drop role {name}".encode())


def as_login(conninfo: str, name: str) -> str:
    given = conninfo_to_dict(conninfo) | {"user": name, "password": name}
    given.pop("passfile", None)
    return make_conninfo(**given)


def test_a_role_is_made_a_contact_center_s_reader_and_is_none_again(
    conninfo: str, settings: Path, login: str
) -> None:
    assert "each part has its role" in fsroute(settings, "migrate", "--roles")
    assert "each part has its role" in fsroute(settings, "migrate", "--roles")
    with psycopg.connect(conninfo, options="-c search_path=fsroute") as connection:
        connection.execute(CENTER.encode())
    count = b"select contact_center_id from fsroute.queue group by 1"
    assert "reads the rows of blue" in fsroute(settings, "center", "reader", "blue", login)
    with psycopg.connect(as_login(conninfo, login), autocommit=True) as connection:
        assert connection.execute(count).fetchall() == [("blue",)]
        assert "no longer" in fsroute(settings, "center", "reader", "blue", login, "--remove")
        assert connection.execute(count).fetchall() == []


@pytest.mark.parametrize(
    ("center", "role", "said"),
    [("red", "", "no contact center red"), ("blue", "nobody_here", "no database role nobody_here")],
)
def test_a_reader_of_what_is_not_there_is_refused(
    conninfo: str, settings: Path, login: str, center: str, role: str, said: str
) -> None:
    fsroute(settings, "migrate", "--roles")
    with psycopg.connect(conninfo, options="-c search_path=fsroute") as connection:
        connection.execute(CENTER.encode())
    done = CliRunner().invoke(cli, ["center", "reader", center, role or login, "--config", str(settings)])
    assert done.exit_code == 1
    assert said in done.output


def test_a_database_of_fsroute_s_own_has_roles_too_and_works_as_before(tmp_path: Path) -> None:
    state = new_folder()
    settings = tmp_path / "fsroute.toml"
    settings.write_text(f'state_dir = "{state}"\n')
    server = EmbeddedPostgres(state / "postgres", safe=False)
    conninfo = server.start()
    try:
        assert "each part has its role" in fsroute(settings, "migrate", "--roles")
        assert "up to date" in fsroute(settings, "migrate")
        assert "contact center" in fsroute(settings, "center", "list")
        with psycopg.connect(conninfo) as connection:
            assert connection.execute("select current_user").fetchall() == [("fsroute",)]
            rows = connection.execute("select * from fsroute.route_proxy_call(gen_random_uuid(), '{}')")
            assert rows.fetchall() == []
    finally:
        server.stop()
        shutil.rmtree(state)
