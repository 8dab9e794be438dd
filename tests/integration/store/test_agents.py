from __future__ import annotations

from datetime import UTC, datetime

import gevent
import psycopg
import pytest

from fsroute.errors import FsrouteError, UnknownAgent
from fsroute.model.agent import AgentStatus, Authorization
from fsroute.routing.eligibility import is_idle
from fsroute.store.agents import ALWAYS, Agents
from tests.fix_center import Center


@pytest.fixture
def agents(center: Center) -> Agents:
    return Agents(center.database)


def test_an_agent_is_read_with_skills_and_authorizations(center: Center, agents: Agents) -> None:
    center.sql(
        "insert into agent_authorization"
        " values ('ann', 'green', 'chat', '2026-01-01 00:00+00', '2026-07-01 00:00+00')"
    )
    ann, bob = agents.all()
    assert (ann.agent_id, ann.site_id, ann.switch_id, ann.address) == ("ann", "east", "away", "user/ann")
    assert dict(ann.skills) == {"orders": 2, "english": 2}
    assert set(ann.authorizations) == {
        Authorization("blue", "voice", ALWAYS),
        Authorization("green", "chat", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)),
    }
    assert (ann.status, ann.wrap_up, ann.reserved) == (AgentStatus.AVAILABLE, 5.0, False)
    assert is_idle(ann, datetime.now(UTC).timestamp())
    assert agents.some(["bob", "nobody"]) == [bob]


def test_an_agent_without_skill_or_authorization_may_serve_nobody(center: Center, agents: Agents) -> None:
    center.sql("delete from agent_skill")
    center.sql("delete from agent_authorization")
    ann = agents.some(["ann"])[0]
    assert (dict(ann.skills), ann.authorizations) == ({}, ())


def test_a_reserved_agent_is_not_idle(center: Center, agents: Agents) -> None:
    center.offered("ann")
    ann, bob = agents.all()
    assert (ann.reserved, bob.reserved) == (True, False)


def test_an_agent_who_comes_back_is_available_now_and_last_in_line(center: Center, agents: Agents) -> None:
    before = center.agent()
    agents.set_status("ann", AgentStatus.ON_BREAK, "lunch")
    center.sql("update agent set available_from = '9999-01-01 00:00Z' where agent_id = 'ann'")
    agents.set_status("ann", AgentStatus.AVAILABLE)
    after = center.agent()
    assert after["idle_since"] > before["idle_since"]
    assert after["pause"] <= 0
    rows = center.sql("select data from agent_event where kind = 'status' order by event_id")
    assert [row["data"] for row in rows] == [
        {"status": "on_break", "reason": "lunch"},
        {"status": "available", "reason": None},
    ]


def test_a_status_that_is_declared_again_changes_nothing(center: Center, agents: Agents) -> None:
    before = center.agent()
    agents.set_status("ann", AgentStatus.AVAILABLE)
    after = center.agent()
    assert (after["idle_since"], after["available_from"]) == (before["idle_since"], before["available_from"])
    assert center.agent_kinds() == []


def test_another_reason_for_the_same_status_is_logged(center: Center, agents: Agents) -> None:
    agents.set_status("ann", AgentStatus.ON_BREAK, "lunch")
    agents.set_status("ann", AgentStatus.ON_BREAK, "training")
    assert center.agent_kinds() == ["status", "status"]
    assert center.agent()["status_reason"] == "training"


def test_an_unknown_agent_has_no_status(agents: Agents) -> None:
    with pytest.raises(UnknownAgent, match="nobody"):
        agents.set_status("nobody", AgentStatus.AVAILABLE)


def test_a_break_against_a_reservation_leaves_no_agent_reserved_unseen(
    center: Center, agents: Agents
) -> None:
    for _ in range(20):
        center.set_free()
        agents.set_status("ann", AgentStatus.AVAILABLE)
        call = center.queued()
        reserving = gevent.spawn(center.reserve, call)
        on_break = gevent.spawn(agents.set_status, "ann", AgentStatus.ON_BREAK)
        for greenlet in (reserving, on_break):
            greenlet.get(timeout=30)
        assert agents.some(["ann"])[0].reserved is (reserving.value is not None)
        assert ("ann", call.proxy_call_id) in center.live_reservations() or reserving.value is None


def test_a_switch_that_answers_is_noted(agents: Agents) -> None:
    assert agents.switches()["away"].core_uuid is None
    agents.see_switch("away", "core-2")
    seen = agents.switches()["away"]
    assert (seen.core_uuid, seen.site_id, seen.link_address) == ("core-2", "east", "10.0.0.2:5080")
    assert seen.seen_at is not None


def test_a_switch_that_nobody_entered_is_an_error(agents: Agents) -> None:
    with pytest.raises(FsrouteError, match="'moon' is not in the database"):
        agents.see_switch("moon", "core-3")


@pytest.mark.parametrize(
    "address", ["user/ann,user/bob", "{x=y}user/ann", "user/${caller}", "user/a\nb", "[a]user/b"]
)
def test_an_address_that_is_more_than_an_address_is_refused(center: Center, address: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        center.sql("update agent set address = %(address)s", address=address)
