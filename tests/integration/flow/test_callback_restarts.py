"""Processes die while callers keep their place or are called back: found again, never called twice at once."""

from __future__ import annotations

from fsroute.switchsim import Answers, NoAnswer
from tests.integration.flow.callers import (
    SLOWLY_CHOOSES,
    at_home,
    call_and,
    calls_to,
    chose,
    offer_callback,
    row,
    want_caller,
)
from tests.integration.flow.processes import Apart, start
from tests.integration.flow.test_restarts import apart
from tests.waiting import until

__all__ = ["apart"]


def sites(apart: Apart, tmp_path: object, west: int = 1) -> None:
    """The processes of the east, and `west` of them at the callers' switch."""
    places = [apart.west_site] * west + [apart.east_site]
    start(*(place.add(tmp_path, apart.conninfo) for place in places))  # type: ignore[arg-type]


def test_who_answers_after_the_process_died_finds_the_place(apart: Apart, tmp_path: object) -> None:
    sites(apart, tmp_path)
    (process,) = apart.west_site.processes
    chose(apart)
    at_home(apart, Answers(after=20))
    want_caller(apart)
    until(lambda: [call.timeline.now for call in calls_to(apart)] == ["ringing"], 10)
    process.kill()
    start(process)
    until(lambda: row(apart).state == "queued", 15)
    apart.log_on("ann", Answers(after=0.1, talk=4))
    until(lambda: apart.outcomes() == ["served"], 15)
    assert len(calls_to(apart)) == 1
    assert row(apart).callback_failures == 0


def test_an_attempt_that_ended_while_the_process_was_dead_is_made_again(
    apart: Apart, tmp_path: object
) -> None:
    sites(apart, tmp_path)
    (process,) = apart.west_site.processes
    chose(apart)
    apart.query('update proxy_call set callback = \'{"ring": 1, "retry_after": 0.1}\' returning 1')
    at_home(apart, NoAnswer(), Answers(after=1))
    want_caller(apart)
    until(lambda: [call.timeline.now for call in calls_to(apart)] == ["ringing"], 10)
    process.kill()
    until(lambda: not apart.west_site.switch.channels, 10)
    start(process)
    until(lambda: row(apart).callback_failures == 1, 15)
    apart.log_on("ann", Answers(after=0.1, talk=4))
    until(lambda: apart.outcomes() == ["served"], 15)
    assert len(calls_to(apart)) >= 2


def test_of_two_processes_of_a_switch_one_calls(apart: Apart, tmp_path: object) -> None:
    sites(apart, tmp_path, west=2)
    chose(apart)
    at_home(apart, Answers(after=20))
    want_caller(apart)
    until(lambda: row(apart).state == "queued", 15)
    assert len(calls_to(apart)) == 1
    assert apart.kinds().count("caller_dialled") == 1


def test_who_was_not_told_yet_when_the_process_died_is_told_by_the_next(
    apart: Apart, tmp_path: object
) -> None:
    sites(apart, tmp_path)
    (process,) = apart.west_site.processes
    call = call_and(apart, *SLOWLY_CHOOSES)
    offer_callback(apart)
    until(lambda: call.timeline.heard("callback_confirm"), 10)
    apart.network.speed = apart.west_site.switch.sounds.speed = 1.0
    until(lambda: "callback_thanks" in call.timeline.now, 10)
    process.kill()
    apart.network.speed = apart.west_site.switch.sounds.speed = 20.0
    start(process)
    until(lambda: call.over.is_set(), 15)
    told = [heard for heard in call.timeline.stretches() if "callback_thanks" in heard.what]
    assert len(told) == 2, str(call.timeline)
    assert (row(apart).state, row(apart).caller_leg) == ("callback", "absent")
    assert apart.outcomes() == []
