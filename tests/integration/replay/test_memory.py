"""The database in memory against the real one: the same statements, the same rows."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fsroute.acd.proxy_call import On
from fsroute.model.contact import Outcome
from fsroute.model.proxy_call import ProxyCall
from fsroute.replay.memory import Memory, Tables
from fsroute.store.contacts import Contact, Contacts
from fsroute.store.proxy_calls import Attempt, ProxyCalls
from tests.fix_center import EPOCH, Center

NO_MOVES = (On.REQUESTED, On.AGENT_RESERVED, On.AGENT_LEFT, On.TRANSFERRED, On.NOT_TAKEN)
MOVES = [on for on in On if on not in NO_MOVES]
ENDS = {
    On.AGENT_FAILED: "no_answer",
    On.JOIN_FAILED: "join_failed",
    On.NETWORK_LEG_GIVEN_UP: "network_leg_given_up",
    On.CONVERSATION_OVER: "wrap_up",
    On.CONVERSATION_LOST: "conversation_lost",
    On.CALLER_UNREACHED: "caller_unreached",
}
LOOSE = {"reserved_at", "available_from", "idle_since", "last_reserved_at", "queued_at", "accepted_at", "bridged_at",
         "held_until", "acd_since"}  # fmt: skip
"""Moments by the clock of whoever wrote them."""

doings = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.sampled_from(MOVES)),
        st.tuples(st.just("reserve"), st.sampled_from(["ann", "bob"])),
        st.tuples(st.just("leave"), st.just("")),
        st.tuples(st.just("route"), st.sampled_from(["orders", "late", "early"])),
        st.tuples(st.just("learn"), st.sampled_from(["1", "2"])),
        st.tuples(st.just("close"), st.sampled_from(list(Outcome))),
        st.tuples(st.just("progress"), st.integers(1, 9)),
    ),
    min_size=3,
    max_size=25,
)


def copy_of(center: Center, contact_id: str) -> Memory:
    """The same center in memory, as it is at the beginning."""
    tables = Tables(
        centers={"blue": "Blue Mail Order", "green": "Green Travel"},
        switches={
            "home": ("west", "10.0.0.1:5080"), "away": ("east", "10.0.0.2:5080"), "third": ("east", "10.0.0.3:5080"),
        },
        numbers={"8005550100": ("blue", "orders")},
    )  # fmt: skip
    for row in center.sql(
        "select contact_center_id as c, queue, queue_routing(contact_center_id, queue) as r from queue"
    ):
        tables.queues[row["c"], row["queue"]] = row["r"]
    for row in center.database.run("agents", agent_ids=None):
        held = row.pop("reservations")
        assert held == []
        tables.agents[row["agent_id"]] = {**row, "set_aside": 30.0}
    next_call = center.value("select coalesce(max(proxy_call_id), 0) from proxy_call") + 1
    memory = Memory(tables, time.time, numbers=iter(range(next_call, next_call + 1000)))
    contact = center.contacts.get(contact_id)
    caller = center.contacts.caller(contact_id)
    assert isinstance(contact, Contact)
    assert caller is not None
    Contacts(memory).open(contact, caller)
    return memory


def plain(row: Mapping[str, Any] | None) -> Any:
    """Without what two clocks cannot agree on, but with whether it is there."""
    if row is None:
        return None
    shown: dict[str, Any] = {
        name: (value is not None if name in LOOSE else value) for name, value in row.items()
    }
    shown.pop("ended_at", None)
    shown.pop(
        "proxy_call_id", None
    )  # the real ones have gaps: a request that meets a live one has taken a number
    shown["reservations"] = [held[1:] for held in shown.get("reservations") or ()]
    if "status" in row:  # an agent's: a number of all agents together
        shown.pop("version")
    return json.loads(json.dumps(shown, default=str, sort_keys=True))


def do(contacts: Contacts, calls: ProxyCalls, contact_id: str, call: ProxyCall | None, doing: tuple[str, Any],
       number: int) -> object:  # fmt: skip
    """One statement; what it answered."""
    what, how = doing
    if what == "route":
        return calls.request(contact_id, how)
    if what == "learn":
        contacts.learn(contact_id, {"order": how}, "de")
        contacts.know_customer(contact_id, {"segment": how})
        return None
    if what == "close":
        return contacts.close(contact_id, how, {"by": "test"})
    if call is None:
        return None
    if what == "reserve":
        return calls.reserve(EPOCH, call.proxy_call_id, how, f"leg-{contact_id}-{number}", {})
    if what == "leave":
        return calls.agent_left(call.agent_leg_uuid or "", "NORMAL_CLEARING")
    if what == "progress":
        return calls.write_progress([(call.proxy_call_id, how, 1.5 * how, "moderate", 0.25)])
    return move(calls, call, how, number)


def move(calls: ProxyCalls, call: ProxyCall, on: On, number: int) -> object:
    values: dict[str, Any] = {}
    if on is On.NETWORK_LEG_RAISED:
        values = {"token_digest": f"{call.proxy_call_id:04x}{number:04x}", "token_lifetime": 60.0,
                  "network_leg_uuid": f"net-{number}"}  # fmt: skip
    if on is On.NETWORK_LEG_WANTED:
        values = {"network_switch_id": "away"}
    if on is On.NETWORK_LEG_GIVEN_UP:
        values = {"held_for": 5.0}
    if on is On.CALLBACK_CHOSEN:
        values = {"callback_number": "+49301"}
    if on is On.CALLER_BACK:
        values = {"channel_uuid": f"back-{number}", "core_uuid": "core-2"}
    if on is On.TIME_LINE_STEP:
        values = {"time_line_done": call.time_line_done + 1, "priority": call.priority + 1, "teams": ["a"]}
    attempt = Attempt(agent_leg_uuid=call.agent_leg_uuid) if on is On.AGENT_FAILED else Attempt()
    return calls.move(call.proxy_call_id, on, attempt=attempt, end_reservation=ENDS.get(on), set=values)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(doings)
def test_the_same_statements_give_the_same_rows(center: Center, given_doings: list[tuple[str, Any]]) -> None:
    center.set_free()
    center.sql("update agent set contacts_served = 0, last_reserved_at = null")
    contact_id = center.contact()
    memory = copy_of(center, contact_id)
    contacts, calls = Contacts(memory), ProxyCalls(memory)
    for number, doing in enumerate([("route", "orders"), ("move", On.TAKEN), *given_doings]):
        theirs = center.proxy_calls.latest(contact_id)
        ours = calls.latest(contact_id)
        answers = [
            do(center.contacts, center.proxy_calls, contact_id, theirs, doing, number),
            do(contacts, calls, contact_id, ours, doing, number),
        ]
        assert (answers[0] is None) == (answers[1] is None), doing
        for name, values in (
            ("latest_proxy_call", {"contact_id": contact_id}),
            ("contact", {"contact_id": contact_id}),
            ("caller_of_contact", {"contact_id": contact_id}),
        ):
            real = center.database.one(name, **values)
            mine = memory.one(name, **values)
            assert plain(mine) == plain(real), (name, doing)
        mine_agents = [plain(row) for row in memory.run("agents", agent_ids=None)]
        assert mine_agents == [plain(row) for row in center.database.run("agents", agent_ids=None)], doing


def test_a_statement_that_is_not_performed_in_memory_is_told() -> None:
    with pytest.raises(Exception, match="'notify' is not performed in memory"):
        Memory(Tables(), lambda: datetime.now().timestamp()).run("notify")
