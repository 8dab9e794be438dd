"""A whole call, each part in a process of its own that logs in as its own role; and all of them in one process."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsroute import app, resources
from fsroute.app import sample_folder
from fsroute.config import Config, Role
from fsroute.demo.centers import EAST, WEST, Center
from fsroute.ivr import load
from fsroute.store.embedded import administrator
from fsroute.store.migrate import migrate
from fsroute.switchsim import Answers, Network
from tests.integration.flow.conftest import FAST, World
from tests.integration.flow.processes import Apart, Site, open_store, start
from tests.waiting import until

LOGINS = (Role.CALLSERVER, Role.COORDINATOR, Role.ACD, Role.CTI)


def prepared(conninfo: str) -> None:
    migrate(administrator(conninfo), roles=True)
    sample = (resources.folder("sql") / "samples" / "two_sites.sql").read_text("utf-8")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sample.encode())
        connection.execute("update fsroute.agent set wrap_up = 0, set_aside = 5")


@pytest.fixture
def logins(conninfo: str) -> Iterator[dict[Role, str]]:
    """A connection string for each part, of a login that is a member of the part's role and of nothing else."""
    prepared(conninfo)
    found, names = {}, {}
    with psycopg.connect(administrator(conninfo), autocommit=True) as connection:
        for part in LOGINS:
            name, password = f"{part}_{secrets.token_hex(4)}", secrets.token_hex(16)
            connection.execute(
                f"create role {name} login password '{password}' in role fsroute_{part}".encode()
            )
            given: dict[str, Any] = conninfo_to_dict(conninfo) | {"user": name, "password": password}
            given.pop("passfile", None)
            found[part], names[part] = make_conninfo(**given), name
        yield found
        for name in names.values():
            connection.execute(f"drop role {name}".encode())


@pytest.fixture
def apart(conninfo: str, logins: dict[Role, str]) -> Iterator[Apart]:
    network = Network(speed=20.0, media_timeout=0.3)
    west, east = (Site(each, network) for each in (WEST, EAST))
    apart = Apart(conninfo, network, west, east, looker=open_store(conninfo))  # type: ignore[arg-type]
    try:
        yield apart
    finally:
        for site in (west, east):
            for process in site.processes:
                process.send(signal.SIGKILL)
                process.wait(30.0)
            site.switch.stop()
        apart.store.signals.stop()
        apart.store.database.close()


def talk_and_hang_up(world: World, agent: str) -> None:
    world.log_on(agent, Answers(after=0.1))
    call = world.call_for_an_agent()
    until(lambda: call.is_talking and world.states()[-1] == "bridged", 20)
    assert call.talked_with == agent
    call.hang_up()


def test_each_part_of_a_call_is_a_process_with_a_login_of_its_own(
    apart: Apart, logins: dict[Role, str], tmp_path: Path
) -> None:
    parts = [(apart.west_site, Role.CALLSERVER), (apart.west_site, Role.ACD), (apart.west_site, Role.CTI)]
    parts += [
        (apart.east_site, Role.COORDINATOR),
        (apart.east_site, Role.ACD),
        (apart.east_site, Role.CALLSERVER),
    ]
    processes = [site.add(tmp_path, logins[part], (part,)) for site, part in parts]
    apart.west_site.switch.reload()
    start(*processes)
    talk_and_hang_up(apart, "bob")
    talk_and_hang_up(apart, "dee")
    apart.wait_for_outcomes("served", "served", limit=20)
    apart.assert_nothing_left()
    for process in processes:
        assert "permission denied" not in process.log(), process.log()[-3000:]
    until(
        lambda: apart.query("select 1 from site_activity where link = 'up' and switch_id = 'west-1'") != [],
        10,
    )


def test_parts_of_one_process_act_each_as_its_role(conninfo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared(conninfo)
    roles = {part: f"fsroute_{part}" for part in Role}
    begin = app.App.__init__

    def with_roles(self: app.App, config: Config, conninfo: str, *others: object) -> None:
        database = msgspec.structs.replace(config.database, roles=roles)
        begin(self, msgspec.structs.replace(config, database=database), administrator(conninfo), *others)  # type: ignore[arg-type]

    monkeypatch.setattr(app.App, "__init__", with_roles)
    network = Network(speed=20.0)
    application = load(Path(sample_folder()) / "orders")
    west, east = (
        Center(each, conninfo, network, {application.name: application}, FAST) for each in (WEST, EAST)
    )
    world = World(conninfo, network, west, east)
    try:
        for center in (west, east):
            center.start()
        talk_and_hang_up(world, "bob")
        world.wait_for_outcomes("served")
        with psycopg.connect(administrator(conninfo)) as connection:
            seen = connection.execute(
                "select count(*) from pg_stat_activity"
                " where datname = current_database() and application_name ~ '^fsroute west'"
            ).fetchone()
        assert seen is not None
        assert seen[0] >= len(Role), "a pool for each"
        world.assert_nothing_left()
    finally:
        for center in (west, east):
            center.stop()
