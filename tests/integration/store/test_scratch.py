"""A file of rules is tried in a database that is nobody's, upon what the live one holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from fsroute import resources
from fsroute.coordinator.strategies import BUILT_IN
from fsroute.errors import StoreError
from fsroute.model.agent import Agent
from fsroute.store.agents import Agents
from fsroute.store.database import Database
from fsroute.store.loading import Loader
from fsroute.store.rules import Rules
from fsroute.store.scratch import contents, fill, read_only
from fsroute.store.script import run_script

STRATEGIES = frozenset(BUILT_IN)


@pytest.fixture
def live(database: Database) -> Database:
    """Three companies and their rules, with the agents of two sites."""
    samples = resources.folder("sql") / "samples"
    run_script(database, (samples / "three_centers_agents.sql").read_text("utf-8"), "agents")
    text = (samples / "three_centers.sql").read_text("utf-8")
    loaded = Loader(database, STRATEGIES, {}).load(text, "three_centers.sql", "test")
    assert loaded.version == 1, [str(fault) for fault in loaded.faults]
    return database


@pytest.fixture
def scratch(live: Database, migrated_template: str, new_database: Callable[[str], str]) -> Database:
    database = Database(new_database(migrated_template), min_size=1)
    database.open()
    fill(database, contents(live))
    return database


def lasting(agent: Agent) -> Agent:
    """What rules look at: no addresses, no versions."""
    return replace(agent, address="", version=0, idle_since=agent.available_from, accept_key=None)


def test_a_scratch_database_holds_the_same_rules_and_agents(live: Database, scratch: Database) -> None:
    try:
        assert Rules(scratch).tables() == Rules(live).tables()
        assert [*map(lasting, Agents(scratch).all())] == [*map(lasting, Agents(live).all())]
        assert Agents(live).all(), "there are agents to compare"
    finally:
        scratch.close()


def test_a_file_is_found_faulty_in_the_same_words(live: Database, scratch: Database) -> None:
    text = """
    insert into fsroute.routing_rule (contact_center_id, rule, ordinal, queue, sites) values
        ('kiwi', 'lost', 1, 'gone', '{north,nowhere}'), ('alpina', 'fine', 1, null, null);
    """
    try:
        said = [str(fault) for fault in Loader(live, STRATEGIES, {}).check(text, "new.sql").faults]
        again = [str(fault) for fault in Loader(scratch, STRATEGIES, {}).check(text, "new.sql").faults]
        assert again == said
        assert any("kiwi has no queue gone" in fault for fault in again)
        (gone, *_) = Loader(scratch, STRATEGIES, {}).check("select 1", "new.sql").faults
        assert str(gone).startswith("contact_center alpina: warning: no rules any more: version 1 has 5;")
    finally:
        scratch.close()


def test_nothing_can_be_written_through_a_connection_for_reading(live: Database) -> None:
    with Database(read_only(live.conninfo), min_size=1) as database:
        assert Rules(database).newest() == 1
        with pytest.raises(StoreError, match="read-only"):
            Rules(database).close_center("kiwi", "", False, "test")


def test_a_malformed_connection_string_is_told() -> None:
    with pytest.raises(StoreError, match="malformed"):
        read_only("host=a b=c=d '")
