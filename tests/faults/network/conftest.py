"""Two centers as in the flows; what the east says to the database goes over a way that can be worsened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fsroute import resources
from fsroute.app import sample_folder
from fsroute.demo.centers import EAST, WEST, Center
from fsroute.ivr import load
from fsroute.switchsim import Network
from tests.faults.database.ways import Way
from tests.integration.flow.conftest import FAST, World, pytest_runtest_makereport
from tests.waiting import until

__all__ = ["pytest_runtest_makereport"]

OFFER = 4  # seconds


@pytest.fixture
def way(conninfo: str) -> Iterator[Way]:
    way = Way(conninfo)
    yield way
    way.stop()


@pytest.fixture
def world(conninfo: str, way: Way) -> Iterator[World]:
    sample = (resources.folder("sql") / "samples" / "two_sites.sql").read_text("utf-8")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sample.encode())
        connection.execute("update fsroute.agent set wrap_up = 0, set_aside = 1")
        connection.execute(f"update fsroute.queue set offer_timeout = {OFFER}".encode())
    network = Network(speed=20.0, media_timeout=0.5)
    application = load(Path(sample_folder()) / "orders")
    west, east = (
        Center(site, place, network, {application.name: application}, FAST)
        for site, place in ((WEST, conninfo), (EAST, way.conninfo))
    )
    world = World(conninfo, network, west, east)
    try:
        west.start()
        until(
            lambda: (
                west.app is not None and west.app.coordinator is not None and west.app.coordinator.is_leader
            ),
            20,
        )
        east.start()
        yield world
    finally:
        way.heal()
        east.stop()
        west.stop()
