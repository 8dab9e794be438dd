"""The server goes away and comes back while everything is in use."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from fsroute.errors import DatabaseUnavailable
from fsroute.store.database import Database
from fsroute.store.embedded import EmbeddedPostgres
from fsroute.store.lease import Lease
from fsroute.store.migrate import migrate
from fsroute.store.payload import Key
from fsroute.store.scratch import new_folder
from fsroute.store.signals import Signals
from tests.waiting import until


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    folder = new_folder()
    each = EmbeddedPostgres(folder / "postgres", safe=False)
    yield each
    each.stop()
    shutil.rmtree(folder)


def answers(database: Database) -> bool:
    try:
        return bool(database.run("migration_versions"))
    except DatabaseUnavailable:
        return False


def renewed(lease: Lease) -> bool:
    try:
        return lease.renew()
    except DatabaseUnavailable:
        return False


def test_everything_goes_on_when_the_server_is_back(server: EmbeddedPostgres) -> None:
    conninfo = server.start()
    migrate(conninfo)
    here, there = Database(conninfo), Database(conninfo)
    sending, hearing = Signals(here), Signals(there)
    heard: list[Key] = []

    def hear(key: Key, row: Any) -> None:
        heard.append(key)

    hearing.subscribe("calls", hear)
    sending.start()
    hearing.start()
    lease = Lease(here, "coordinator", "only")
    assert lease.campaign() == 1
    until(lambda: heard == [None])

    server.stop()
    assert not answers(here)
    sending.publish("calls", "p:1")
    server.start()

    until(lambda: answers(here))
    until(lambda: heard.count(None) == 2)  # the signal of p:1 may have come before this or never
    sending.publish("calls", "p:2")
    until(lambda: heard[-1] == "p:2")
    until(lambda: renewed(lease))
    assert lease.epoch == 1
    lease.resign()
    sending.stop()
    hearing.stop()
    here.close()
    there.close()
