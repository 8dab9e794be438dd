"""Patroni gives the database to another server under callers at every stage; skipped where it is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from fsroute.store.migrate import migrate
from tests.faults.database.patroni import CHOOSE_LIMIT, Cluster, cluster, lacking
from tests.faults.database.test_away import play
from tests.faults.soak import Plan, soak
from tests.integration.flow.conftest import World
from tests.waiting import until

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def patroni() -> Iterator[Cluster]:
    if missing := lacking():
        pytest.skip(missing)
    with cluster() as made:
        yield made


@pytest.fixture
def conninfo(patroni: Cluster) -> str:
    until(lambda: patroni.is_whole, CHOOSE_LIMIT)
    place = patroni.new_database()
    migrate(place)
    return place


def test_a_switchover_costs_nobody_anything(world: World, patroni: Cluster) -> None:
    before = patroni.primary
    strikes: list[gevent.Greenlet[[], None]] = []
    play(world, lambda: strikes.append(gevent.spawn(patroni.switch_over)), lambda: strikes[0].get())
    assert patroni.primary is not before


def test_a_primary_that_is_killed_with_its_patroni_costs_nobody_anything(
    world: World, patroni: Cluster
) -> None:
    killed = patroni.primary
    assert killed is not None
    play(world, killed.kill, lambda: until(lambda: patroni.primary not in (None, killed), CHOOSE_LIMIT))
    patroni.start_server(killed)
    until(lambda: patroni.standby is killed, CHOOSE_LIMIT)


def test_a_switchover_and_a_failover_lose_nobody_among_three_hundred_calls(tmp_path: Path) -> None:
    if missing := lacking():
        pytest.skip(missing)
    victims = ("database: switchover", "database: failover")
    result = soak(Plan(300, at_once=20, victims=victims), tmp_path, patroni=True)
    assert result.is_good, (result.faults, result.violations)
    assert result.kills == dict.fromkeys(victims, 1)
    assert result.causes["an agent"] > 300 / 4
