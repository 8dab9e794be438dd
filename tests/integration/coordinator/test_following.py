"""A standby's rows: read once, then only what has changed."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from fsroute.acd.proxy_call import On
from fsroute.coordinator.beginning import Following, news
from fsroute.coordinator.state import Coordinator
from fsroute.model.agent import Agent
from fsroute.model.contact import Outcome
from fsroute.store.signals import Signals
from fsroute.store.store import Store
from tests.fix_center import Center


@pytest.fixture
def following(center: Center) -> Following:
    return Following(Store(center.database, Signals(center.database)))


def test_what_is_known_is_not_read_again(center: Center, following: Following) -> None:
    waiting, offered = center.queued(), center.offered("bob")
    assert following.catch_up() == 4
    assert following.catch_up() == 0
    assert following.calls == {call.proxy_call_id: call for call in (waiting, offered)}
    assert following.agents["bob"].reserved


CHANGES: dict[str, Callable[[Center], object]] = {
    "status": lambda center: center.sql("update agent set status = 'on_break' where agent_id = 'ann'"),
    "training": lambda center: center.sql("update agent_skill set level = 3 where agent_id = 'ann'"),
    "training lost": lambda center: center.sql("delete from agent_skill where agent_id = 'ann'"),
    "authorization": lambda center: center.sql(
        "insert into agent_authorization (agent_id, contact_center_id) values ('ann', 'green')"
    ),
    "slots": lambda center: center.sql("insert into agent_medium (agent_id, medium) values ('ann', 'chat')"),
    "reservation": lambda center: center.offered("ann"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_whatever_a_decision_depends_on_makes_an_agents_row_a_new_one(
    center: Center, following: Following, change: Callable[[Center], object]
) -> None:
    following.catch_up()
    before = dict(following.agents)
    change(center)
    following.catch_up()
    assert following.agents["ann"].version > before["ann"].version
    assert following.agents["bob"] is before["bob"]


def test_the_end_of_a_reservation_makes_an_agents_row_a_new_one(center: Center, following: Following) -> None:
    call = center.offered("ann")
    following.catch_up()
    before = following.agents["ann"]
    center.move(call, On.AGENT_FAILED, end_reservation="no_answer")
    following.catch_up()
    assert (before.reserved, following.agents["ann"].reserved) == (True, False)


def test_what_is_over_or_gone_is_forgotten(center: Center, following: Following) -> None:
    call = center.queued()
    following.catch_up()
    center.contacts.close(call.contact_id, Outcome.ABANDONED, {})
    center.sql("delete from agent where agent_id = 'ann'")
    following.catch_up()
    assert (following.calls, set(following.agents)) == ({}, {"bob"})


def test_rows_that_signals_name_are_read(center: Center, following: Following) -> None:
    call = center.queued()
    following.read([call.proxy_call_id], ["ann", "nobody"])
    assert (list(following.calls), list(following.agents)) == ([call.proxy_call_id], ["ann"])
    center.contacts.close(call.contact_id, Outcome.ABANDONED, {})
    following.read([call.proxy_call_id], [])
    assert following.calls == {}


def test_an_older_row_does_not_replace_a_newer_one(center: Center, following: Following) -> None:
    call = center.queued()
    following.catch_up()
    newer = center.reserve(call, "bob")
    assert newer is not None
    following.calls[call.proxy_call_id] = newer
    following._adopt_calls([call])
    assert following.calls[call.proxy_call_id] == newer


def test_a_core_begins_with_all_of_it(center: Center, following: Following) -> None:
    call = center.queued()
    following.catch_up()
    core = Coordinator()
    actions = following.begin(core, following.calls[call.proxy_call_id].arrived_at.timestamp())
    assert (core.agents(), core.calls()) == ({"ann", "bob"}, {call.proxy_call_id})
    assert actions


def test_the_difference_to_known_versions_is_what_is_new_and_what_is_gone(center: Center) -> None:
    store = Store(center.database, Signals(center.database))
    old, new = center.queued(), center.queued()
    found = news(store, {old.proxy_call_id: old.version, 4711: 1}, {"nobody": 1, **store.agents.versions()})
    assert [call.proxy_call_id for call in found.calls] == [new.proxy_call_id]
    assert not found.agents
    assert (set(found.calls_gone), set(found.agents_gone)) == ({4711}, {"nobody"})


def test_who_is_freed_is_handed_over_as_the_row_is_then(center: Center) -> None:
    handed: list[Agent] = []
    center.proxy_calls.on_let_go = center.contacts.on_let_go = handed.append
    call = center.bridged()
    center.proxy_calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING")
    failed = center.offered("bob")
    center.move(failed, On.AGENT_FAILED, end_reservation="no_answer")
    gone = center.queued()
    center.sql("update agent set available_from = 'epoch'")
    center.proxy_calls.reserve(7, gone.proxy_call_id, "bob", str(uuid4()), {})
    center.contacts.close(gone.contact_id, Outcome.ABANDONED, {})
    assert [agent.agent_id for agent in handed] == ["ann", "bob", "bob"]
    store = Store(center.database, Signals(center.database))
    assert handed[-1] == store.agents.some(["bob"])[0]


def test_nobody_is_handed_over_who_is_still_reserved(center: Center) -> None:
    handed: list[object] = []
    center.proxy_calls.on_let_go = handed.append
    call = center.offered("bob")
    center.move(call, On.AGENT_ACCEPTED)
    assert handed == []
