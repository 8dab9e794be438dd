"""A contact that is requested while agents are idle is reserved straight away; any other is taken into the queue."""

from __future__ import annotations

from fsroute.coordinator import actions as act
from fsroute.coordinator.state import Coordinator
from tests.unit.coordinator.center import BEGIN, Database, authorized


def told(database: Database, *, agents: tuple[str, ...], calls: int) -> tuple[Coordinator, list[act.Action]]:
    for agent_id in agents:
        database.hire(agent_id, authorized("a", None, None))
    rows = [database.request(number) for number in range(1, calls + 1)]
    core = Coordinator()
    return core, core.begin(database.agents.values(), rows, BEGIN, as_of=1)


def test_an_idle_agent_is_reserved_without_the_contact_being_taken_first() -> None:
    core, actions = told(Database(), agents=("anna",), calls=1)
    assert [(type(one), one.proxy_call_id) for one in actions] == [(act.Reserve, 1)]  # type: ignore[union-attr]
    assert core.waiting() == 0


def test_without_an_idle_agent_the_contact_is_taken() -> None:
    database = Database()
    database.hire("anna", authorized("a", None, None))
    core, _ = told(database, agents=(), calls=1)
    core.apply(act.CallChanged(database.request(2)), BEGIN)
    assert core.apply(act.CallChanged(database.request(3)), BEGIN) == [act.Take(3)]


def test_of_more_requests_than_idle_agents_the_later_are_taken() -> None:
    core, actions = told(Database(), agents=("anna", "boris"), calls=4)
    assert sorted((type(one).__name__, one.proxy_call_id) for one in actions) == [  # type: ignore[union-attr]
        ("Reserve", 1),
        ("Reserve", 2),
        ("Take", 3),
        ("Take", 4),
    ]
    assert core.waiting() == 0, "they stand in the queue when their rows say so"


def test_a_refused_claim_of_a_requested_contact_is_made_anew() -> None:
    database = Database()
    core, _ = told(database, agents=("anna",), calls=1)
    database.hire("boris", authorized("a", None, None))
    core.apply(act.AgentChanged(database.agents["boris"], 1), BEGIN)
    gone = act.ReservationLost(1, "anna", database.calls[1], None, 2)
    assert [
        (one.proxy_call_id, one.agent_id) for one in core.apply(gone, BEGIN) if isinstance(one, act.Reserve)
    ] == [(1, "boris")]
