"""An agent who hangs up has the next caller at once, in the commit that says that the agent has left."""

from __future__ import annotations

from fsroute.switchsim import Answers
from tests.integration.flow.conftest import World
from tests.waiting import until

PAIRS = """
select e.kind, e.written_by = lag(e.written_by) over (order by e.event_id)
  from contact_event e where e.kind in ('agent_left', 'agent_reserved') order by e.event_id
"""


def leading_agent(world: World) -> str:
    """One at the switch of the leader's process."""
    apps = {"dee": world.west.app, "ann": world.east.app}
    leaders: list[str] = []

    def found() -> bool:
        leaders[:] = [
            name for name, app in apps.items() if app and app.coordinator and app.coordinator.is_leader
        ]
        return bool(leaders)

    until(found, 10)
    return leaders[0]


def test_an_agent_who_hangs_up_has_the_next_caller_in_the_same_commit(world: World) -> None:
    agent = leading_agent(world)
    calls = [world.call_for_an_agent(f"+1415555010{number}", patience=60) for number in range(5)]
    until(lambda: world.states() == ["queued"] * 5, 10)
    world.log_on(agent, *[Answers(after=0.1, talk=2)] * 5)
    world.wait_for_outcomes(*["served"] * 5, limit=20)
    kinds = world.query(PAIRS)
    assert [kind for kind, _ in kinds] == [
        "agent_reserved",
        *["agent_left", "agent_reserved"] * 4,
        "agent_left",
    ]
    together = [same for kind, same in kinds[1:] if kind == "agent_reserved"]
    assert any(together), "save where other news came at that moment"
    for call in calls:
        assert call.timeline.heard(f"talking with {agent}")
    world.assert_nothing_violated()
    world.assert_nothing_left()
