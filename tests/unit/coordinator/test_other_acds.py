"""Contacts that another ACD serves: they live in the queue, but nobody is reserved for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fsroute.acd.proxy_call import On
from fsroute.coordinator.actions import (
    Action,
    CallChanged,
    CenterChanged,
    Expire,
    Overflow,
    Refuse,
    Reserve,
    Step,
    Take,
    Tick,
)
from fsroute.coordinator.moves import move_of
from fsroute.coordinator.queues import OTHER_ACD_GRACE, UNREACHED
from fsroute.coordinator.state import Coordinator
from fsroute.model.other_acd import OtherAcd
from fsroute.model.proxy_call import CallerLeg, ProxyCall, State
from fsroute.model.routing import TimeLineStep
from tests.unit.coordinator.center import BEGIN, Database, moment

THEIRS = OtherAcd("theirs", "callcenter", "s2", {"queue": "support"})


def requested(number: int = 1, **changes: Any) -> ProxyCall:
    return replace(Database().request(number, refuse_when="no_agent_logged_on"), acd=THEIRS, **changes)


def queued(number: int = 1, **changes: Any) -> ProxyCall:
    known: dict[str, Any] = {"state": State.QUEUED, "queued_at": moment(0), "version": 2}
    return replace(requested(number), **known | changes)


def told(core: Coordinator, *calls: ProxyCall, at: float = 0.0) -> list[Action]:
    return [action for call in calls for action in core.apply(CallChanged(call), BEGIN + at)]


def core_with_an_idle_agent() -> Coordinator:
    database, core = Database(), Coordinator()
    core.begin([database.hire("anna")], [], BEGIN)
    return core


def test_it_is_taken_whoever_is_there_and_nobody_is_reserved() -> None:
    core = core_with_an_idle_agent()
    assert told(core, requested()) == [Take(1)]
    assert told(core, queued()) == []
    assert core.waiting() == 0, "it stands in the other ACD's queue"
    assert told(Coordinator(), requested()) == [Take(1)], "nobody of ours need be logged on"


def test_a_full_queue_overflows() -> None:
    core = Coordinator()
    told(core, requested(), queued())
    assert told(core, requested(2, longest_queue=1)) == [Overflow(2, "longest_queue")]


def test_a_closed_contact_center_refuses_it() -> None:
    core = Coordinator()
    told(core, requested(), queued())
    assert core.apply(CenterChanged("a", True), BEGIN) == [Refuse(1, "center_closed")]
    assert told(core, requested(2)) == [Refuse(2, "center_closed")]


def test_the_longest_wait_and_the_time_line_go_on() -> None:
    core = Coordinator()
    line = (TimeLineStep(10, "announce", prompt="hello"),)
    told(core, queued(longest_wait=30.0, time_line=line, acd_entry_uuid="e"))
    assert core.apply(Tick(), BEGIN + 11) == [Step(1, 0)]
    told(
        core,
        queued(longest_wait=30.0, time_line=line, time_line_done=1, acd_entry_uuid="e", version=3),
        at=11,
    )
    assert core.apply(Tick(), BEGIN + 31) == [Overflow(1, "longest_wait")]


def test_who_is_entered_nowhere_for_long_goes_another_way() -> None:
    core = Coordinator()
    told(core, queued())
    assert core.apply(Tick(), BEGIN + UNREACHED - 1) == []
    assert core.apply(Tick(), BEGIN + UNREACHED + 1) == [Overflow(1, "acd_unreachable")]


def test_who_has_left_a_moment_ago_or_is_held_back_has_time() -> None:
    core = Coordinator()
    told(
        core, queued(acd_since=moment(100)), queued(2, held_until=moment(150)), queued(3, acd_entry_uuid="e")
    )
    assert core.apply(Tick(), BEGIN + UNREACHED + 99) == []
    assert core.apply(Tick(), BEGIN + UNREACHED + 101) == [Overflow(1, "acd_unreachable")]
    assert core.apply(Tick(), BEGIN + UNREACHED + 151) == [Overflow(2, "acd_unreachable")]


def test_an_offer_of_a_process_that_died_ends() -> None:
    core = Coordinator()
    offered = queued(state=State.OFFERED, acd_entry_uuid="e", acd_since=moment(50), version=4)
    told(core, offered)
    limit = 50 + offered.offer_timeout + OTHER_ACD_GRACE
    assert core.apply(Tick(), BEGIN + limit - 1) == []
    (expire,) = core.apply(Tick(), BEGIN + limit + 1)
    assert expire == Expire(1, "e")
    move = move_of(expire, offered)
    assert move is not None
    assert (move.on, move.set, move.end_reservation) == (On.AGENT_FAILED, {"acd_entry_is": "e"}, None)


def test_a_transfer_to_and_from_another_acd_changes_who_serves() -> None:
    core = core_with_an_idle_agent()
    told(core, queued(acd_entry_uuid="e"))
    ours = queued(acd=None, version=3)
    (reserve,) = told(core, ours)
    assert isinstance(reserve, Reserve)
    core = Coordinator()
    told(core, queued(acd=None, refuse_when="never"))
    assert core.waiting() == 1
    told(core, queued(version=3))
    assert core.waiting() == 0


def test_who_is_to_be_called_back_is_not_given_up() -> None:
    core = Coordinator()
    gone = queued(state=State.CALLBACK, caller_leg=CallerLeg.ABSENT)
    told(core, gone)
    assert core.apply(Tick(), BEGIN + 2 * UNREACHED) == []
