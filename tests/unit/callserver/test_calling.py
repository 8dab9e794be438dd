"""Calling back: the row, what this process has under way, the one step."""

from __future__ import annotations

from typing import Any

import pytest

from fsroute.acd.proxy_call import On
from fsroute.callserver.calling import Cancel, CloseContact, Dial, after_failure, decide, originate
from fsroute.model.proxy_call import FINAL, CallerLeg, ProxyCall, State
from fsroute.model.routing import CallbackTerms
from tests.unit.rows import proxy_call

ABSENT, WANTED, DIALLING, PRESENT = (
    CallerLeg.ABSENT,
    CallerLeg.WANTED,
    CallerLeg.DIALLING,
    CallerLeg.PRESENT,
)
AWAY = [State.CALLBACK, State.OFFERED, State.READY]


def away(state: State, leg: CallerLeg, **changes: Any) -> ProxyCall:
    return proxy_call(state, caller_leg=leg, callback_number="+14155550123", **changes)


@pytest.mark.parametrize("state", AWAY)
def test_a_caller_who_is_wanted_is_dialled_once(state: State) -> None:
    assert decide(away(state, WANTED), None) == Dial()
    assert decide(away(state, DIALLING, channel_uuid="new"), "new") is None


@pytest.mark.parametrize("state", AWAY)
@pytest.mark.parametrize("leg", [ABSENT, DIALLING])
def test_a_caller_who_is_not_wanted_or_whom_somebody_else_dials_is_left_alone(
    state: State, leg: CallerLeg
) -> None:
    assert decide(away(state, leg), None) is None


@pytest.mark.parametrize(
    ("state", "leg", "channel_uuid"),
    [
        (State.CALLBACK, ABSENT, "new"),  # the agent did not answer
        (State.OFFERED, DIALLING, "another"),  # somebody else dials
        (State.QUEUED, PRESENT, "another"),  # the caller has called in again
        (State.REFUSED, DIALLING, "new"),  # the contact center was closed
        (State.UNREACHED, ABSENT, "new"),
    ],
)
def test_an_attempt_that_is_not_wanted_any_more_is_cancelled(
    state: State, leg: CallerLeg, channel_uuid: str
) -> None:
    assert decide(away(state, leg, channel_uuid=channel_uuid), "new") == Cancel("new")


@pytest.mark.parametrize("state", [State.QUEUED, State.OFFERED, State.READY, State.BRIDGED])
def test_a_caller_who_is_back_is_not_cancelled(state: State) -> None:
    assert decide(away(state, PRESENT, channel_uuid="new"), "new") is None


@pytest.mark.parametrize("state", sorted(FINAL))
@pytest.mark.parametrize("leg", [ABSENT, WANTED, DIALLING])
def test_the_contact_ends_with_its_proxy_call_when_nobody_is_on_the_line(
    state: State, leg: CallerLeg
) -> None:
    assert decide(away(state, leg), None) == CloseContact()
    assert decide(away(state, PRESENT), None) is None


def test_a_caller_who_was_not_reached_is_tried_again_after_a_while() -> None:
    failure = after_failure(away(State.OFFERED, DIALLING, callback=CallbackTerms(3, 120.0, 25.0)))
    assert (failure.on, failure.values) == (On.CALLER_UNREACHED, {"held_for": 120.0})


@pytest.mark.parametrize(("failures", "given_up"), [(0, False), (1, False), (2, True), (3, True)])
def test_after_the_last_try_a_caller_is_given_up(failures: int, given_up: bool) -> None:
    failure = after_failure(away(State.CALLBACK, DIALLING, callback_failures=failures))
    assert (failure.on is On.CALLBACK_GIVEN_UP) is given_up


def test_the_caller_is_shown_the_number_that_was_called() -> None:
    call = away(State.OFFERED, WANTED, contact_center_name="Bob's, Inc.")
    command = originate(call, "new", "sofia/gateway/carrier/{number}", "8005550100", "127.0.0.1:8084")
    assert command == (
        "originate {origination_uuid=new,origination_caller_id_number=8005550100,"
        "origination_caller_id_name='Bobs Inc.',originate_timeout=25,ignore_early_media=true,"
        "fsroute_contact=contact,fsroute_callback=7,fsroute_callserver=127.0.0.1:8084}"
        "sofia/gateway/carrier/+14155550123 8005550100 XML fsroute"
    )
