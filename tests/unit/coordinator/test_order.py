from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fsroute.coordinator.order import in_order
from fsroute.coordinator.strategies import BUILT_IN
from fsroute.model.agent import Agent, AgentStatus, Authorization, Held
from fsroute.model.contact import Demand
from tests.unit.rows import proxy_call

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CALL = replace(
    proxy_call(),
    demand=Demand("shop", "voice", (("sales", 1),)),
    caller_site_id="west",
    preferred_agent_id="cyd",
)
RATES = {("west", "east"): 0.5, ("west", "north"): 0.1}


def agent(
    name: str, level: int, idle: int, site: str, rate: float = 0.0, served: int = 0, **skills: int
) -> Agent:
    """An agent who has been idle for `idle` minutes."""
    return Agent(
        agent_id=name,
        name=name,
        site_id=site,
        switch_id=site,
        address=f"user/{name}",
        skills={"sales": level, **skills},
        authorizations=(Authorization("shop", "voice", datetime(2020, 1, 1, tzinfo=UTC)),),
        status=AgentStatus.AVAILABLE,
        available_from=NOON - timedelta(hours=1),
        idle_since=NOON - timedelta(minutes=idle),
        rate=rate,
        contacts_served=served,
        last_reserved_at=NOON - timedelta(hours=idle % 3),
    )


AGENTS = [
    agent("ann", 1, 5, "east", rate=1.0, served=4),
    agent("bob", 3, 9, "west", rate=1.05, served=9, billing=1),
    agent("cyd", 2, 7, "north", rate=1.0, served=1),
]


@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        ("longest_idle", "bob cyd ann"),
        ("highest_level", "bob cyd ann"),
        ("least_skilled", "ann cyd bob"),
        ("fewest_contacts", "cyd ann bob"),
        ("round_robin", "ann cyd bob"),
        ("cost", "bob cyd ann"),  # 1.05, 1.0 + 0.1, 1.0 + 0.5
        ("last_agent", "cyd bob ann"),
    ],
)
def test_agents_come_in_the_order_of_the_strategy(strategy: str, order: str) -> None:
    found = in_order(BUILT_IN[strategy], CALL, AGENTS, NOON.timestamp(), RATES)
    assert [each.agent_id for each in found] == order.split()


@pytest.mark.parametrize(
    "changes",
    [
        {"status": AgentStatus.ON_BREAK},
        {"available_from": NOON + timedelta(seconds=1)},
        {"skills": {"sales": 0}},
        {"authorizations": ()},
        {"reservations": (Held(1, "voice", 1, 100),)},
    ],
)
def test_who_is_not_idle_or_may_not_serve_is_not_in_the_order(changes: dict[str, Any]) -> None:
    agents = [replace(AGENTS[0], **changes), *AGENTS[1:]]
    found = in_order(BUILT_IN["longest_idle"], CALL, agents, NOON.timestamp(), {})
    assert [each.agent_id for each in found] == ["bob", "cyd"]


def test_a_larger_idle_crew_is_drawn_from_first_by_its_imbalance() -> None:
    many = [agent(f"m{n}", 1, n, "east") for n in range(3)]
    one = agent("solo", 2, 30, "west")
    busy = [replace(agent(f"b{n}", 2, 1, "west"), status=AgentStatus.ON_BREAK) for n in range(3)]
    found = in_order(BUILT_IN["queue_idleness_ratio"], CALL, [*many, one, *busy], NOON.timestamp(), {})
    assert found[0].agent_id == "m2"
