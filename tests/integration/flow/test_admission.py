"""Calls above a limit are not answered: they are refused, sent on, or told so."""

from __future__ import annotations

from fsroute.callserver.admitting import Admission
from fsroute.callserver.role import CallServerRole
from fsroute.model.admission import Limit, Treatment, center_scope
from fsroute.store.admission import Admissions
from fsroute.switchsim import Caller, CallerCall, Press, WaitFor
from tests.integration.flow.conftest import World
from tests.waiting import until


def limit(world: World, calls: int | None, treatment: Treatment, per_second: float | None = None) -> None:
    """Set it for acme, and wait until the call server knows."""
    admissions = Admissions(world.store.database)
    admissions.set_limit("acme", Limit(calls, per_second, treatment))
    gate = admission(world).gate
    there = len(gate.channels())
    until(lambda: center_scope("acme") in gate._scopes and gate.present(center_scope("acme")) == there, 30)


def call_server(world: World) -> CallServerRole:
    assert world.west.app is not None
    assert world.west.app.callserver is not None
    return world.west.app.callserver


def admission(world: World) -> Admission:
    found = call_server(world)._admission
    assert found is not None
    return found


def call(
    world: World, *steps: object, number: str = "+14155550123", called: str = "8005550100"
) -> CallerCall:
    return world.place(Caller(number, "Ada", called, steps))  # type: ignore[arg-type]


def contacts(world: World) -> int:
    return int(world.query("select count(*) from contact")[0][0])


def test_a_call_above_the_limit_is_refused_with_its_cause_and_was_never_answered(world: World) -> None:
    first = call(world)
    until(lambda: first.is_answered, 30)
    limit(world, 1, Treatment("busy", "USER_BUSY"))
    second = call(world)
    until(second.over.is_set, 30)
    assert (second.cause, second.is_answered) == ("USER_BUSY", False)
    first.hang_up()
    world.wait_for_outcomes("abandoned", limit=30)
    world.assert_nothing_left()
    until(lambda: world.query("select sum(calls), min(reason) from admission_refusal") == [(1, "calls")])


def test_a_call_above_the_limit_hears_the_message_as_early_media(world: World) -> None:
    limit(world, 0, Treatment("message", "NORMAL_TEMPORARY_FAILURE", prompt="closed"))
    refused = call(world)
    until(refused.over.is_set, 30)
    assert refused.timeline.heard("closed"), str(refused.timeline)
    assert (refused.cause, refused.is_answered, contacts(world)) == ("NORMAL_TEMPORARY_FAILURE", False, 0)
    world.assert_nothing_left()


def test_a_call_above_the_limit_is_sent_to_the_fallback_number(world: World) -> None:
    limit(world, 0, Treatment("number", "USER_BUSY", number="1000"))
    refused = call(world)
    until(lambda: refused.timeline.heard("tone_stream"), 30)
    until(refused.over.is_set, 30)
    assert contacts(world) == 0
    world.assert_nothing_left()


def test_a_fallback_number_that_leads_back_here_ends_in_a_refusal_not_in_a_circle(world: World) -> None:
    limit(world, 0, Treatment("number", "USER_BUSY", number="8005550100"))
    call_server(world)._turning_away.transfer_to = "XML public"
    refused = call(world)
    until(refused.over.is_set, 30)
    assert (refused.cause, contacts(world)) == ("USER_BUSY", 0)


def test_a_caller_whose_talk_the_switch_bridges_itself_counts_until_the_hang_up(world: World) -> None:
    world.log_on("dee")  # at the callers' own site
    first = call(world, WaitFor("main_menu"), Press("2"))
    until(lambda: first.is_talking, 30)
    limit(world, 1, Treatment())
    second = call(world)
    until(second.over.is_set, 30)
    assert second.cause == "USER_BUSY"
    first.hang_up()
    until(lambda: admission(world).gate.present(center_scope("acme")) == 0, 30)
    world.wait_for_outcomes("served", limit=30)
    world.assert_nothing_left()


def test_other_contact_centers_are_not_concerned(world: World) -> None:
    limit(world, 0, Treatment())
    other = call(world, called="8005550200")
    until(lambda: other.is_answered, 30)
    other.hang_up()
    world.wait_for_outcomes("abandoned", limit=30)
    world.assert_nothing_left()
