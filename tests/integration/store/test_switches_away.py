"""A switch that does not answer: its agents are offered nothing, whatever they declare, until it is back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fsroute.acd.proxy_call import On
from fsroute.routing.eligibility import is_idle
from fsroute.store.agents import Agents
from fsroute.store.lease import Lease
from fsroute.store.proxy_calls import Attempt
from tests.fix_center import Center


@pytest.fixture
def agents(center: Center) -> Agents:
    return Agents(center.database)


def idle(agents: Agents) -> list[str]:
    now = datetime.now(UTC).timestamp()
    return [agent.agent_id for agent in agents.all() if is_idle(agent, now)]


def test_agents_of_a_switch_that_is_away_are_not_idle_until_it_is_back(
    center: Center, agents: Agents
) -> None:
    before = {agent.agent_id: agent.version for agent in agents.all()}
    assert agents.switch_away("away", "it does not answer")
    assert idle(agents) == ["bob"]
    assert agents.all()[0].version > before["ann"], "whoever knows her row reads it again"
    assert center.value("select state || ' ' || state_reason from agent_state where agent_id = 'ann'") == (
        "away switch_away"
    )
    assert agents.switch_back("away")
    assert idle(agents) == ["ann", "bob"]
    assert center.agent_kinds("ann") == ["switch_away", "switch_back"]
    assert center.agent_kinds("bob") == []


def test_what_is_known_already_is_no_news(center: Center, agents: Agents) -> None:
    assert not agents.switch_back("away")
    assert agents.switch_away("away", "it does not answer")
    assert not agents.switch_away("away", "nobody drives it")
    assert agents.switch_back("away")
    assert center.agent_kinds("ann") == ["switch_away", "switch_back"]


def test_nobody_there_can_be_claimed(center: Center, agents: Agents) -> None:
    agents.switch_away("away", "it does not answer")
    call = center.queued()
    assert center.reserve(call, "ann") is None
    assert center.reserve(call, "bob") is not None


def test_a_wrap_up_ends_when_it_was_to_end(center: Center, agents: Agents) -> None:
    center.sql(
        "update agent set available_from = clock_timestamp() + interval '1 minute' where agent_id = 'ann'"
    )
    agents.switch_away("away", "it does not answer")
    agents.switch_back("away")
    assert 50 < center.agent("ann")["pause"] < 61


def test_an_offer_that_died_with_the_switch_sets_nobody_aside(center: Center) -> None:
    call = center.offered("ann")
    moved = center.proxy_calls.move(
        call.proxy_call_id,
        On.AGENT_FAILED,
        attempt=Attempt(agent_leg_uuid=call.agent_leg_uuid),
        end_reservation="switch_away",
        data={"reason": "switch_away"},
    )
    assert moved is not None
    assert center.agent("ann")["pause"] <= 0
    assert center.agent("ann")["missed"] == 0


def test_a_switch_is_attended_by_whoever_has_its_lease(center: Center, agents: Agents) -> None:
    assert agents.unattended_switches() == [], "no acd has ever driven one"
    lease = Lease(center.database, "switch:away", "acd")
    assert lease.campaign(5.0) is not None
    assert agents.unattended_switches() == []
    lease.resign()
    assert agents.unattended_switches() == ["away"]
    agents.switch_away("away", "nobody drives it")
    assert agents.unattended_switches() == []


def test_who_logs_on_elsewhere_goes_by_the_switch_there(center: Center, agents: Agents) -> None:
    center.sql("update agent set hot_desk = true where agent_id = 'bob'")
    agents.switch_away("away", "it does not answer")
    center.sql("select agent_log_on('bob', 'user/bob', 'away')")
    assert idle(agents) == []
    center.sql("select agent_log_on('bob', 'user/bob', 'home')")
    assert idle(agents) == ["bob"]
    kinds = [kind for kind in center.agent_kinds("bob") if kind.startswith("switch")]
    assert kinds == ["switch_away", "switch_back"]


def test_who_is_entered_at_a_switch_that_is_away_is_away(center: Center, agents: Agents) -> None:
    agents.switch_away("away", "it does not answer")
    center.sql(
        "insert into agent (agent_id, name, site_id, switch_id, address)"
        " values ('cyd', 'Cyd', 'east', 'away', 'user/cyd')"
    )
    assert center.agent_kinds("cyd") == ["switch_away"]
