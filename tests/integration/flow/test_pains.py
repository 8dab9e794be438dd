"""What users of other systems suffer from, each as a scene that must go well here.

`peers.md` of the design lists twenty such pains; those that concern coordination are here, between two stand-in
switches over real sockets and a real database. Every scene ends with the audit's word that nothing was violated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest

from fsroute.model import AgentStatus
from fsroute.switchsim import Answers, Busy, CallerCall, Dead, NoAnswer, Rejects
from tests.integration.flow.callers import HOME, at_home, chose
from tests.integration.flow.conftest import World
from tests.integration.flow.test_rules import rules
from tests.starving import starved
from tests.waiting import until


@pytest.fixture(autouse=True)
def nothing_violated(world: World) -> Iterator[None]:
    yield
    world.assert_nothing_left(silence=2.0)  # how it sounds is for other tests
    world.assert_nothing_violated()


def queued(world: World, count: int, first: int = 0, **values: float) -> list[CallerCall]:
    """Callers who wait, one after the other in the order of their numbers."""
    calls = []
    before = world.states().count("queued")
    for number in range(first, first + count):
        calls.append(world.call_for_an_agent(f"+1415555{number:04}", **values))
        until(lambda: world.states().count("queued") == before + len(calls), 10)
    return calls


def all_over(world: World, limit: float = 30.0) -> None:
    until(lambda: len(world.outcomes()) == len(world.calls), limit)


def served_in_order(world: World) -> list[str]:
    """The callers' numbers in the order of their joins."""
    rows = world.query(
        "select caller_number from contact_event join contact_personal using (contact_id)"
        " where kind = 'joined' order by event_id"
    )
    return [row[0] for row in rows]


def soon(world: World) -> float:
    """Seconds for a decision, a commit and a command, and for what else has the processor meanwhile."""
    return 0.35 + max(0.0, starved() - world.starved_before)


def gaps_between(world: World, agent_id: str) -> list[float]:
    """Seconds from each release of an agent to the next reservation."""
    rows = world.query(
        "select kind, extract(epoch from at)::float8 from agent_event"
        f" where agent_id = '{agent_id}' and kind in ('reserved', 'released') order by event_id"
    )
    return [
        at - released
        for (before, released), (kind, at) in pairwise(rows)
        if (before, kind) == ("released", "reserved")
    ]


# Agents stuck in a state; dispatcher freezes -------------------------------------------------------------


def test_an_agent_whose_site_stops_while_the_phone_rings_is_not_stuck(world: World) -> None:
    world.query("update queue set offer_timeout = 1 returning 1")
    world.log_on("ann", NoAnswer())
    call = world.call_for_an_agent()
    until(lambda: "agent_ringing" in world.kinds(), 10)
    assert world.east.app is not None
    world.east.app.stop()
    until(lambda: world.query("select 1 from reservation where ended_at is null") == [], 20)
    world.log_on("dee", Answers(after=0.2, talk=4))
    until(lambda: call.talked_with == "dee", 10)
    all_over(world)


def test_phones_that_do_not_answer_hold_up_nobody_else(world: World) -> None:
    world.query("update queue set offer_timeout = 3 returning 1")
    world.log_on("ann", Dead())
    world.log_on("dee", NoAnswer())
    stuck = [world.call_for_an_agent(f"+1415555{number:04}") for number in range(2)]
    until(lambda: world.states().count("offered") == 2, 10)
    world.log_on("bob", Answers(after=0.2, talk=2))
    others = [world.call_for_an_agent(f"+1415556{number:04}") for number in range(4)]
    until(lambda: all(call.talked_with == "bob" for call in others), 10)
    assert not any(call.talked_with for call in stuck), "they are offered to the silent phones still"
    all_over(world)


# Served out of order; no skills --------------------------------------------------------------------------


def test_callers_are_served_in_order_though_agents_fail(world: World) -> None:
    """Whoever comes back to the queue after a failed offer stands where he stood."""
    world.query("update agent set set_aside = 0.2 returning 1")
    calls = queued(world, 6)
    world.log_on("ann", Busy(), Rejects(after=1), Answers(after=0.2, talk=2))
    all_over(world)
    assert served_in_order(world) == [call.caller.number for call in calls]


def test_an_urgent_caller_goes_first_and_nobody_else_moves(world: World) -> None:
    calls = queued(world, 3)
    world.query("update queue set priority = 10 returning 1")
    urgent = world.call_for_an_agent("+14155559999")
    until(lambda: world.states().count("queued") == 4, 10)
    world.log_on("ann", Answers(after=0.2, talk=2))
    all_over(world)
    assert served_in_order(world) == [call.caller.number for call in (urgent, *calls)]


def test_an_agent_serves_only_what_the_skills_allow(world: World) -> None:
    world.query(
        "insert into queue_skill (contact_center_id, queue, skill, level)"
        " select contact_center_id, queue, 'surgery', 2 from queue returning 1"
    )
    world.query("insert into agent_skill (agent_id, skill, level) values ('bob', 'surgery', 2) returning 1")
    for agent_id in ("ann", "bob"):
        world.log_on(agent_id, Answers(after=0.2, talk=2))
    calls = [world.call_for_an_agent(f"+1415555{number:04}") for number in range(3)]
    all_over(world)
    assert {call.talked_with for call in calls} == {"bob"}


# Double answers and zombies ------------------------------------------------------------------------------


def test_no_caller_is_answered_twice_and_no_phone_rings_for_nobody(world: World) -> None:
    for agent_id in ("ann", "bob", "dee"):
        world.log_on(agent_id, Answers(after=0.3, talk=2))
    calls = [world.call_for_an_agent(f"+1415555{number:04}") for number in range(12)]
    all_over(world)
    for call in calls:
        talks = [heard for heard in call.timeline.stretches() if heard.what.startswith("talking")]
        assert len(talks) == 1, str(call.timeline)
    assert len(world.network.agent_calls) == len(calls), "one ringing phone for each caller"


# A callback that jumps the line, or loses its place -----------------------------------------------------------


def test_a_callback_is_served_between_those_before_and_behind(world: World) -> None:
    (before,) = queued(world, 1)
    at_home(world, Answers(after=0.2))
    chose(world)
    behind = world.call_for_an_agent("+14155550009")
    until(lambda: sorted(world.states()) == ["callback", "queued", "queued"], 10)
    world.log_on("ann", Answers(after=0.2, talk=2))
    all_over(world)
    assert served_in_order(world) == [before.caller.number, HOME, behind.caller.number]


# Reload that loses or keeps too much ---------------------------------------------------------------------


def test_a_reload_counts_for_who_comes_and_changes_nothing_for_who_waits(world: World) -> None:
    text = (
        "insert into routing_rule (contact_center_id, rule, ordinal, priority) values ('acme', 'all', 1, {})"
    )
    first = rules(world, text.format(3))
    queued(world, 2)
    second = rules(world, text.format(0))
    queued(world, 1, first=2)
    found = world.query("select rules_version, priority from proxy_call order by proxy_call_id")
    assert found == [(first, 3), (first, 3), (second, 0)]
    world.log_on("ann", Answers(after=0.2, talk=2))
    all_over(world)
    assert served_in_order(world) == [f"+1415555{number:04}" for number in range(3)]


# Wrong position ------------------------------------------------------------------------------------------


def test_positions_are_those_of_the_queue_and_move_up(world: World) -> None:
    calls = queued(world, 4)
    text = "select position from proxy_call where state = 'queued' order by proxy_call_id"

    def positions() -> list[int]:
        return [row[0] for row in world.query(text)]

    until(lambda: positions() == [1, 2, 3, 4], 5)
    calls[1].hang_up()
    until(lambda: positions() == [1, 2, 3], 5)
    world.log_on("ann", Answers(after=0.2, talk=2))
    all_over(world)


# Unfair spread -------------------------------------------------------------------------------------------


def test_equal_agents_get_equally_many_contacts(world: World) -> None:
    for agent_id in ("ann", "bob", "dee"):
        world.log_on(agent_id, Answers(after=0.2, talk=2))
    for number in range(9):
        world.call_for_an_agent(f"+1415555{number:04}")
        until(lambda: len(world.outcomes()) == len(world.calls), 15)
    assert Counter(call.talked_with for call in world.calls) == {"ann": 3, "bob": 3, "dee": 3}


# Backlog not drained when somebody frees up; wrap-up wrong -------------------------------------------------


def test_a_backlog_is_drained_by_whoever_frees_up(world: World) -> None:
    queued(world, 6)
    world.log_on("ann", Answers(after=0.2, talk=2))
    all_over(world)
    gaps = gaps_between(world, "ann")
    assert len(gaps) == 5
    assert sorted(gaps)[len(gaps) // 2] < soon(world)


@pytest.mark.parametrize("wrap_up", [0.25, 0.6])
def test_wrap_up_lasts_as_long_as_it_says(world: World, wrap_up: float) -> None:
    world.query(f"update agent set wrap_up = {wrap_up} returning 1")
    queued(world, 4)
    world.log_on("ann", Answers(after=0.2, talk=2))
    all_over(world)
    gaps = gaps_between(world, "ann")
    assert len(gaps) == 3
    assert min(gaps) >= wrap_up
    assert sorted(gaps)[1] < wrap_up + soon(world)


# Dead phones offered again and again ---------------------------------------------------------------------


def test_a_dead_phone_is_not_offered_again_before_its_time(world: World) -> None:
    world.query("update queue set offer_timeout = 0.5 returning 1")
    world.query("update agent set set_aside = 60 returning 1")
    world.log_on("ann", Dead())
    world.log_on("bob", Answers(after=0.2, talk=2))
    for number in range(6):
        world.call_for_an_agent(f"+1415555{number:04}")
    all_over(world)
    offers = world.query("select 1 from agent_event where agent_id = 'ann' and kind = 'reserved'")
    assert len(offers) == 1
    assert {call.talked_with for call in world.calls} == {"bob"}


def test_an_agent_who_was_set_aside_by_mistake_is_ready_again_at_once(world: World) -> None:
    """To declare oneself available is to say: I am here."""
    world.query("update agent set set_aside = 60 returning 1")
    world.log_on("ann", Rejects(after=0.2), Answers(after=0.2, talk=2))
    call = world.call_for_an_agent()
    until(lambda: "agent_failed" in world.kinds(), 10)
    world.declare("ann", AgentStatus.ON_BREAK)
    world.declare("ann", AgentStatus.AVAILABLE)
    until(lambda: call.talked_with == "ann", 10)
    all_over(world)
