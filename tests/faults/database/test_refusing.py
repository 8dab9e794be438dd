"""The database is there, but slow, full, or refuses: nobody is lost, nothing is doubled, and nobody else leads."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import gevent
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsroute.acd.proxy_call import On
from fsroute.errors import DatabaseUnavailable, Fenced
from fsroute.store.database import Database
from fsroute.store.lease import Lease
from fsroute.store.migrate import migrate
from fsroute.store.proxy_calls import ProxyCalls
from fsroute.switchsim import Answers
from tests.faults.database.nodes import LIMIT, primary
from tests.faults.database.test_away import Company
from tests.faults.database.ways import Way
from tests.fix_center import Center
from tests.integration.flow.conftest import World
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def way(request: pytest.FixtureRequest, migrated_template: str, new_database: object) -> Iterator[Way]:
    way = Way(new_database(migrated_template))  # type: ignore[operator]
    yield way
    way.stop()


class TestOnAWay:
    """What happens between fsroute and the server."""

    @pytest.fixture
    def conninfo(self, way: Way) -> str:
        return way.conninfo

    def test_statements_that_take_seconds_are_no_reason_to_change_the_leader(
        self, world: World, way: Way
    ) -> None:
        company = Company(world)
        company.gather()
        epoch = world.query("select epoch, holder from lease order by name")
        way.delay = 0.4  # one statement of several messages takes longer
        company.while_away()
        way.delay = 0.0
        company.afterwards()
        assert world.query("select epoch, holder from lease order by name") == epoch

    def test_an_answer_that_is_lost_is_found_out_and_not_guessed(self, world: World, way: Way) -> None:
        world.log_on("bob", Answers(after=0.05))
        for number in range(6):
            way.lose = 6  # of whatever roles of two sites say now
            call = world.call_for_an_agent(f"+1415556{number:04}")
            until(lambda call=call: call.is_talking and world.kinds_of(call).count("joined") == 1, LIMIT)  # type: ignore[misc]
            call.hang_up()
        way.lose = 0
        assert way.lost > 12, "the commits that were to be asked about were none"
        world.wait_for_outcomes(*["served"] * 6, limit=LIMIT)
        for call in world.calls:
            kinds = world.kinds_of(call)
            assert (kinds.count("arrived"), kinds.count("joined"), kinds.count("closed")) == (1, 1, 1), kinds
        world.assert_nothing_left(1.0)
        world.assert_nothing_violated()

    def test_statements_that_are_cancelled_are_asked_again(self, world: World) -> None:
        stop = gevent.event.Event()
        cancelled = gevent.spawn(cancel_now_and_then, world, stop)
        world.log_on("bob", Answers(after=0.05))
        for number in range(4):
            call = world.call_for_an_agent(f"+1415557{number:04}")
            until(lambda call=call: call.is_talking and world.kinds_of(call).count("joined") == 1, LIMIT)  # type: ignore[misc]
            call.hang_up()
        stop.set()
        assert cancelled.get(timeout=10) > 0
        world.wait_for_outcomes(*["served"] * 4, limit=LIMIT)
        world.assert_nothing_violated()

    def test_no_connection_is_to_be_had_for_a_while(self, world: World) -> None:
        company = Company(world)
        company.gather()
        name = str(conninfo_to_dict(world.conninfo)["dbname"])
        server = make_conninfo(world.conninfo, dbname="postgres")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"alter database {name} connection limit 0".encode())
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
            )
            company.while_away()
            connection.execute(f"alter database {name} connection limit -1".encode())
        company.afterwards()


def cancel_now_and_then(world: World, stop: gevent.event.Event) -> int:
    """How many statements of fsroute were cancelled."""
    count = 0
    statement = (
        "select count(pg_cancel_backend(pid)) from pg_stat_activity where datname = current_database()"
        " and state = 'active' and pid <> pg_backend_pid() and application_name like 'fsroute %%'"
    )
    while not stop.wait(0.003):
        with suppress(psycopg.Error):
            count += int(world.query(statement.replace("%%", "%"))[0][0])
    return count


@dataclass(frozen=True)
class Disk:
    """A folder on a disk of a few megabytes, and the connection string of the database that lies there."""

    folder: Path
    conninfo: str


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Skips where nothing may be mounted."""
    with ExitStack() as stack:
        node = stack.enter_context(primary())
        folder = node.folder / "disk"
        folder.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size=64m,uid={node.data.stat().st_uid}", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        )
        if mounted.returncode:
            pytest.skip(f"a small disk needs the right to mount one: {mounted.stderr.decode().strip()}")
        try:
            node.query(f"create tablespace small location '{folder}'")
            node.query("create database fsroute_small tablespace small")
            yield Disk(folder, make_conninfo(node.conninfo, dbname="fsroute_small"))
        finally:
            node.stop()
            subprocess.run(["umount", str(folder)], check=False)


class TestOnASmallDisk:
    @pytest.fixture
    def conninfo(self, disk: Disk) -> str:
        migrate(disk.conninfo)
        return disk.conninfo

    def test_callers_wait_until_there_is_room_again(self, world: World, disk: Disk) -> None:
        company = Company(world)
        company.gather()
        with (disk.folder / "full").open("wb") as filler, suppress(OSError):
            while True:
                filler.write(b"\0" * 8192)
                filler.flush()
        until(lambda: is_full(world), LIMIT)
        company.while_away()
        (disk.folder / "full").unlink()
        company.afterwards()


def is_full(world: World) -> bool:
    """Room that the tables had is used up."""
    try:
        world.query("insert into system_event (kind, data) select 'filler', jsonb_build_object('x', repeat('x', 1000))"
                    " from generate_series(1, 50) returning 1")  # fmt: skip
    except psycopg.errors.DiskFull:
        return True
    return False


def test_a_leader_who_was_cut_off_is_fenced(center: Center) -> None:
    center.sql("delete from lease")
    way = Way(center.database.conninfo)
    cut_off = Database(way.conninfo, min_size=1, max_size=2)
    with cut_off:
        first = Lease(cut_off, "coordinator", "first", duration=1.0)
        assert first.campaign(LIMIT) is not None
        call = center.request()
        way.cut()
        second = Lease(center.database, "coordinator", "second", duration=1.0)
        epoch = second.campaign(LIMIT)
        assert epoch is not None
        assert first.epoch is not None
        assert epoch > first.epoch
        assert first.held, "it does not know yet"
        stale = first.epoch
        way.heal()

        calls = ProxyCalls(cut_off)
        with pytest.raises(Fenced):
            until(lambda: refused(calls, stale, call.proxy_call_id), LIMIT)
        assert center.live_reservations() == []
        queued = center.proxy_calls.move(call.proxy_call_id, On.TAKEN, epoch=epoch)
        assert queued is not None
        assert center.proxy_calls.reserve(epoch, call.proxy_call_id, "ann", str(uuid4()), {}) is not None
        second.resign()
        first.resign()
    way.stop()


def refused(calls: ProxyCalls, epoch: int, proxy_call_id: int) -> bool:
    with suppress(DatabaseUnavailable):  # connections of before the cut
        calls.reserve(epoch, proxy_call_id, "ann", str(uuid4()), {})
    return False
