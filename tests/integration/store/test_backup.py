"""A backup under traffic, the database destroyed, and all of it there again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import gevent
import msgspec
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from fsroute.errors import StoreError
from fsroute.monitoring.audit import audit
from fsroute.store import backup as backups
from fsroute.store.backup import backup, file_in, prune, read_manifest
from fsroute.store.database import Database
from fsroute.store.embedded import EmbeddedPostgres
from fsroute.store.manifest import Manifest, encode
from fsroute.store.migrate import migrate, migrations
from fsroute.store.restore import plan, restore
from fsroute.store.scratch import new_folder
from tests.fix_center import CENTER, Center
from tests.fix_database import perform
from tests.waiting import until

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
LEDGER = {
    "contact_event": "event_id, at, contact_id, contact_center_id, proxy_call_id, agent_id, kind, state, data",
    "agent_event": "event_id, at, agent_id, contact_center_id, contact_id, kind, data",
    "system_event": "event_id, at, kind, data",
}


@pytest.fixture
def place() -> Iterator[Path]:
    folder = new_folder()
    yield folder
    shutil.rmtree(folder)


def ledger(conninfo: str) -> dict[str, list[tuple[Any, ...]]]:
    with psycopg.connect(conninfo, options="-c search_path=fsroute -c timezone=UTC") as connection:
        return {
            table: connection.execute(f"select {columns} from {table} order by event_id".encode()).fetchall()
            for table, columns in LEDGER.items()
        }


def center(conninfo: str, database: Database) -> Center:
    connection = psycopg.connect(
        conninfo, autocommit=True, row_factory=dict_row, options="-c search_path=fsroute"
    )
    connection.execute(CENTER.encode())
    return Center(database, connection)


def calls(there: Center) -> None:
    """Callers arrive, ask for an agent and give up, until this is ended."""
    while True:
        there.contact()
        gevent.sleep(0)


def test_what_was_backed_up_under_traffic_is_all_there_again(place: Path) -> None:
    server = EmbeddedPostgres(place / "postgres", safe=False)
    conninfo = server.start()
    file = place / "calls.dump"
    migrate(conninfo)
    with Database(conninfo) as database:
        there = center(conninfo, database)
        for _ in range(20):
            there.contact()
        before = ledger(conninfo)
        traffic = gevent.spawn(calls, there)
        until(lambda: len(ledger(conninfo)["contact_event"]) > len(before["contact_event"]), 20)
        manifest = backup(conninfo, file, NOW)
        traffic.kill()
        after = ledger(conninfo)
        there.connection.close()
    server.stop()
    shutil.rmtree(place / "postgres")

    fresh = EmbeddedPostgres(place / "postgres", safe=False)
    try:
        conninfo = fresh.start()
        rows = restore(conninfo, plan(conninfo, file, NOW))
        restored = ledger(conninfo)
        assert rows == manifest.rows
        for table in LEDGER:
            numbers = {row[0] for row in restored[table]}
            assert {row[0] for row in before[table]} <= numbers
            assert restored[table] == [row for row in after[table] if row[0] in numbers]
        assert len(restored["contact_event"]) == manifest.rows["contact_event"] > 20
        with psycopg.connect(conninfo) as connection:
            unreadable = connection.execute(
                "select count(*) from fsroute.contact_event"
                " where written_by >= pg_snapshot_xmin(pg_current_snapshot())"
            ).fetchone()
            assert unreadable == (0,), "who reads on from an event sees what is restored"
            with pytest.raises(psycopg.Error, match="append-only"):
                connection.execute("delete from fsroute.contact_event")
    finally:
        fresh.stop()


def test_the_audit_of_a_restored_database_says_the_same(
    conninfo: str, new_database: Callable[[str], str], tmp_path: Path
) -> None:
    with Database(conninfo) as database:
        there = center(conninfo, database)
        for _ in range(5):
            there.contact()
        there.connection.close()
        backup(conninfo, tmp_path / "a.dump", NOW)
        told = audit(database)
    before = ledger(conninfo)
    restore(conninfo, plan(conninfo, tmp_path / "a.dump", NOW))
    assert ledger(conninfo) == before
    with Database(conninfo) as database:
        again = audit(database)
    assert (again.events, again.contacts, again.violations) == (told.events, told.contacts, told.violations)
    drop(conninfo, plan_name(conninfo))


def plan_name(conninfo: str) -> str:
    return f"{conninfo_to_dict(conninfo)['dbname']}_before_{NOW:%Y%m%d_%H%M%S}"


def drop(conninfo: str, name: str) -> None:
    perform(psycopg.conninfo.make_conninfo(conninfo, dbname="postgres"), f'drop database "{name}"')


def names(conninfo: str) -> list[str]:
    own = str(conninfo_to_dict(conninfo)["dbname"])
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(
            "select datname from pg_database where starts_with(datname, %s) order by 1", [own]
        )
        return [row[0] for row in rows if row[0] == own or row[0].startswith(own + "_")]


def test_a_restore_is_refused_while_anybody_is_connected(conninfo: str, tmp_path: Path) -> None:
    backup(conninfo, tmp_path / "a.dump", NOW)
    with (
        Database(conninfo, application_name="fsroute east-1"),
        pytest.raises(StoreError, match=r"in use by fsroute east-1 \(.*\): stop what serves"),
    ):
        plan(conninfo, tmp_path / "a.dump", NOW)


def test_who_connects_after_the_look_keeps_the_database(conninfo: str, tmp_path: Path) -> None:
    perform(conninfo, "insert into fsroute.contact_center values ('blue', 'Blue')")
    backup(conninfo, tmp_path / "a.dump", NOW)
    planned = plan(conninfo, tmp_path / "a.dump", NOW)
    with Database(conninfo) as database, pytest.raises(StoreError, match="accessed by other users"):
        assert database.one("restore_is_empty") == {"empty": False}
        restore(conninfo, planned)
    assert names(conninfo) == [conninfo_to_dict(conninfo)["dbname"]]


def test_an_empty_database_is_not_kept(conninfo: str, tmp_path: Path) -> None:
    backup(conninfo, tmp_path / "a.dump", NOW)
    planned = plan(conninfo, tmp_path / "a.dump", NOW)
    assert planned.aside is None
    restore(conninfo, planned)
    assert names(conninfo) == [conninfo_to_dict(conninfo)["dbname"]]


def test_a_backup_of_an_earlier_version_is_migrated(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    conninfo = new_database()
    migrate(conninfo, migrations()[:-1])
    backup(conninfo, tmp_path / "old.dump", NOW)
    planned = plan(conninfo, tmp_path / "old.dump", NOW)
    assert planned.missing == (f"{migrations()[-1].version:04d}_{migrations()[-1].name}",)
    restore(conninfo, planned)
    assert migrate(conninfo) == []


def test_a_backup_of_a_newer_version_is_refused(conninfo: str, tmp_path: Path) -> None:
    manifest = backup(conninfo, tmp_path / "a.dump", NOW)
    schema = manifest.schema | {manifest.schema_version + 1: "from_the_future"}
    newer = msgspec.structs.replace(manifest, schema=schema)
    (tmp_path / "a.dump.json").write_bytes(encode(newer))
    with pytest.raises(StoreError, match="install the fsroute that the database belongs to"):
        plan(conninfo, tmp_path / "a.dump", NOW)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-1]), "is not whole"),
        (lambda file: file.write_bytes(b"x" + file.read_bytes()[1:]), "checksum is another"),
        (lambda file: file.with_name("a.dump.json").unlink(), "is not a whole backup"),
        (lambda file: file.with_name("a.dump.json").write_bytes(b"{" * 100_000), "no manifest"),
    ],
)
def test_what_is_not_whole_is_not_restored(
    conninfo: str, tmp_path: Path, change: Callable[[Path], object], why: str
) -> None:
    file = tmp_path / "a.dump"
    backup(conninfo, file, NOW)
    change(file)
    with pytest.raises(StoreError, match=why):
        plan(conninfo, file, NOW)


def test_a_dump_without_its_manifest_is_restored_by_force(conninfo: str, tmp_path: Path) -> None:
    backup(conninfo, tmp_path / "a.dump", NOW)
    (tmp_path / "a.dump.json").unlink()
    planned = plan(conninfo, tmp_path / "a.dump", NOW, force=True)
    assert planned.manifest is None
    assert set(restore(conninfo, planned)) == {
        "contact", "proxy_call", "reservation", "contact_event", "agent_event", "system_event",
    }  # fmt: skip


def test_a_file_that_is_no_dump_leaves_everything_as_it_was(conninfo: str, tmp_path: Path) -> None:
    (tmp_path / "a.dump").write_bytes(b"no dump")
    planned = plan(conninfo, tmp_path / "a.dump", NOW, force=True)
    with pytest.raises(StoreError, match="pg_restore failed"):
        restore(conninfo, planned)
    assert names(conninfo) == [conninfo_to_dict(conninfo)["dbname"]]


def test_a_backup_replaces_nothing(conninfo: str, tmp_path: Path) -> None:
    file = tmp_path / "a.dump"
    file.write_text("somebody's")
    with pytest.raises(StoreError, match="there already"):
        backup(conninfo, file, NOW)
    assert file.read_text() == "somebody's"
    assert [each.name for each in tmp_path.iterdir()] == ["a.dump"]


def test_two_backups_of_one_name_leave_one_that_is_whole(conninfo: str, tmp_path: Path) -> None:
    file = tmp_path / "a.dump"
    first = backup(conninfo, file, NOW)
    with pytest.raises(StoreError, match="there already"):
        backup(conninfo, file, NOW + timedelta(seconds=1))
    assert read_manifest(file) == first
    backups.verify(file, first)


def test_a_backup_that_fails_leaves_nothing(
    conninfo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "client", lambda name, oldest: "/bin/false")
    with pytest.raises(StoreError, match="false failed"):
        backup(conninfo, tmp_path / "a.dump", NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_backup_that_is_killed_leaves_no_file_of_the_name(conninfo: str, tmp_path: Path) -> None:
    """pg_dump has written, and waits for a lock on the last table that it wants."""
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\necho begun\nexec sleep 60\n")
    slow.chmod(0o755)
    code = (
        "import fsroute.__main__, sys, datetime, pathlib\n"
        "from fsroute.store import backup\n"
        f"backup.client = lambda name, oldest: {str(slow)!r}\n"
        "backup.backup(sys.argv[1], pathlib.Path(sys.argv[2]), datetime.datetime.now(datetime.UTC))\n"
    )
    target = tmp_path / "out"
    target.mkdir()
    child = subprocess.Popen([sys.executable, "-c", code, conninfo, str(target / "a.dump")])
    try:
        until(lambda: list(target.glob("a.dump.*.part")), 30)
    finally:
        child.kill()
        child.wait()
    assert not (target / "a.dump").exists()
    assert not (target / "a.dump.json").exists()


def test_an_empty_server_has_nothing_to_back_up(new_database: Callable[[], str], tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing to back up"):
        backup(new_database(), tmp_path / "a.dump", NOW)
    assert list(tmp_path.iterdir()) == []


def test_the_newest_backups_of_a_folder_are_kept_and_nothing_of_anybody_elses(
    conninfo: str, tmp_path: Path
) -> None:
    made = [file_in(tmp_path, NOW + timedelta(hours=hour)) for hour in range(4)]
    manifest = Manifest(
        format=1, made_at=NOW, fsroute="1", postgresql=18, size=0, sha256="", schema={}, rows={}
    )
    for file in made:
        file.touch()
        file.with_name(file.name + ".json").write_bytes(encode(manifest))
    (tmp_path / "letters.dump").touch()
    partial = file_in(tmp_path, NOW - timedelta(days=9))
    partial.touch()
    assert prune(tmp_path, 2) == made[:2]
    assert {each.name for each in tmp_path.glob("*.dump")} == {
        "letters.dump", partial.name, made[2].name, made[3].name,
    }  # fmt: skip


def test_only_the_owner_may_read_a_backup(conninfo: str, tmp_path: Path) -> None:
    backup(conninfo, tmp_path / "a.dump", NOW)
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}
