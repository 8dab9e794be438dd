"""A standby's rows: read once, then only what has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest

from fsroute.acd.proxy_call import On
from fsroute.coordinator.actions import Action, AgentChanged, CallChanged, Event, Take
from fsroute.coordinator.beginning import Following, news
from fsroute.coordinator.loop import CoordinatorRole
from fsroute.coordinator.state import Coordinator
from fsroute.errors import Fenced, StoreError
from fsroute.model.agent import Agent
from fsroute.model.contact import Outcome
from fsroute.model.proxy_call import ProxyCall, State
from fsroute.store.lease import Lease
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


def test_what_a_database_lost_is_unlearned(center: Center, following: Following) -> None:
    """Commits that did not wait for the disk are gone after a crash: rows are older than they were."""
    call = center.offered("ann")
    following.catch_up()
    known, ann = following.calls[call.proxy_call_id], following.agents["ann"]
    following.calls[call.proxy_call_id] = replace(known, version=known.version + 3)
    following.agents["ann"] = replace(ann, version=ann.version + 1000)
    assert following.catch_up() == 2
    assert (following.calls[call.proxy_call_id], following.agents["ann"]) == (known, ann)


def test_a_version_that_was_given_twice_is_read_when_everything_is_read_anew(
    center: Center, following: Following
) -> None:
    call = center.queued()
    following.catch_up()
    known = following.calls[call.proxy_call_id]
    following.calls[call.proxy_call_id] = replace(known, priority=99)
    assert following.catch_up() == 0
    following.catch_up(anew=True)
    assert following.calls[call.proxy_call_id] == known


@pytest.mark.parametrize("lost", ["a call's note", "an agent's row", "a call's end"])
def test_a_leader_whose_database_lost_something_begins_anew(
    center: Center, following: Following, lost: str
) -> None:
    call = center.queued()
    role = CoordinatorRole(following._store, Lease(center.database, "coordinator", "leader", 10.0))
    role._following.catch_up()
    role._following.begin(role._core, following._store.now())
    role._load()
    row, ann = role._core.call(call.proxy_call_id), role._core.agent("ann")
    assert row is not None
    assert ann is not None
    ahead: dict[str, CallChanged | AgentChanged] = {
        "a call's note": CallChanged(replace(row, version=row.version + 1)),
        "an agent's row": AgentChanged(replace(ann, version=ann.version + 1000), ann.version + 1000),
        "a call's end": CallChanged(replace(row, state=State.ABANDONED, version=row.version + 1)),
    }
    role._core.apply(ahead[lost], following._store.now())
    with pytest.raises(StoreError, match="begins anew"):
        role._load()


def test_who_leads_no_longer_writes_nothing(center: Center, following: Following) -> None:
    call = center.request()
    role = CoordinatorRole(following._store, Lease(center.database, "coordinator", "leader", 10.0))
    role._core.apply(CallChanged(call), following._store.now())
    with pytest.raises(Fenced):
        role._move(Take(call.proxy_call_id))
    assert center.proxy_calls.get(call.proxy_call_id) == call


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
    of: list[ProxyCall] = []

    def take(agent: Agent, call: ProxyCall) -> None:
        handed.append(agent)
        of.append(call)

    center.proxy_calls.on_let_go = center.contacts.on_let_go = take
    call = center.bridged()
    center.proxy_calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING")
    failed = center.offered("bob")
    center.move(failed, On.AGENT_FAILED, end_reservation="no_answer")
    gone = center.queued()
    center.sql("update agent set available_from = 'epoch'")
    center.proxy_calls.reserve(7, gone.proxy_call_id, "bob", str(uuid4()), {})
    center.contacts.close(gone.contact_id, Outcome.ABANDONED, {})
    assert [agent.agent_id for agent in handed] == ["ann", "bob", "bob"]
    assert of == [center.proxy_calls.get(each.proxy_call_id) for each in (call, failed, gone)]
    store = Store(center.database, Signals(center.database))
    assert handed[-1] == store.agents.some(["bob"])[0]


def test_nobody_is_handed_over_who_is_still_reserved(center: Center) -> None:
    handed: list[object] = []
    center.proxy_calls.on_let_go = lambda *both: handed.append(both)
    call = center.offered("bob")
    center.move(call, On.AGENT_ACCEPTED)
    assert handed == []


class Broken(Coordinator):
    """A core with a fault."""

    def apply(self, event: Event, now: float) -> list[Action]:
        raise AssertionError("a fault of ours")


def test_a_fault_of_the_core_is_no_concern_of_who_freed_the_agent(center: Center) -> None:
    store = Store(center.database, Signals(center.database))
    role = CoordinatorRole(store, Lease(center.database, "coordinator", "leader", 10.0))
    role._core = Broken()
    store.hand_over_agents(role._let_go)
    call = center.bridged()
    left = store.proxy_calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING")
    assert left is not None
    assert left.agent_id is None
    assert role._fenced, "who leads with such a core begins anew"


def test_what_was_told_of_an_agent_long_ago_is_not_taken_for_what_is(center: Center) -> None:
    store = Store(center.database, Signals(center.database))
    role = CoordinatorRole(store, Lease(center.database, "coordinator", "leader", 10.0))
    (old,) = store.agents.some(["bob"])
    call = center.offered("bob")
    (reserved,) = store.agents.some(["bob"])
    role._feed(AgentChanged(reserved, reserved.version))
    role._feed(CallChanged(call))
    role._freed["bob"] = old
    center.move(call, On.AGENT_FAILED, end_reservation="no_answer")
    (over,) = store.proxy_calls.some([call.proxy_call_id])
    role._feed(CallChanged(over))
    heard = role._inbox.get(timeout=10)
    assert isinstance(heard, AgentChanged)
    assert (heard.agent.version > reserved.version, heard.agent.reserved) == (True, False)
