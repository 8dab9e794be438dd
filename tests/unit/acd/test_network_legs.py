"""Network legs that come in, before and after the database has said whose they are."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import gevent
import pytest

from fsroute.acd.network_legs import NetworkLegs
from fsroute.acd.rendezvous import new_token
from fsroute.errors import DatabaseUnavailable, StoreError
from fsroute.store.store import Store
from tests.unit.acd.test_handover import HandoverSwitch


def away(_digest: str) -> None:
    raise DatabaseUnavailable("the server is being restarted")


def arrive(of_token: Callable[[str], object], times: int = 1) -> tuple[list[str], list[int], list[str]]:
    """What the switch is told, the refusals that the ledger has, and what was missed, of legs that come in."""
    switch, entered, missed = HandoverSwitch(), list[int](), list[str]()
    store = SimpleNamespace(
        proxy_calls=SimpleNamespace(of_token=of_token),
        agents=SimpleNamespace(log_refused_legs=lambda _switch_id, count: entered.append(count)),
    )

    def note(what: str, _error: StoreError) -> None:
        missed.append(what)

    legs = NetworkLegs(cast(Store, store), switch, "east-1", lambda *_: None, note)
    for number in range(times):
        legs.arrived(f"leg-{number}", new_token())
    while legs.admitting:
        gevent.sleep(0)
    return switch.commands, entered, missed


def test_a_leg_with_an_unknown_token_is_refused_and_counted() -> None:
    told, entered, missed = arrive(lambda _digest: None)
    assert (told, entered, missed) == (["uuid_kill leg-0 CALL_REJECTED"], [1], [])


def test_nobody_has_guessed_a_token_that_cannot_be_read() -> None:
    told, entered, missed = arrive(away, times=3)
    assert told == [f"uuid_kill leg-{number} CALL_REJECTED" for number in range(3)]
    assert entered == []
    assert len(missed) == 3


@pytest.mark.parametrize("number", ["8005550100", "", "fsr123"])
def test_a_number_that_is_no_token_is_nobodys_leg(number: str) -> None:
    legs = NetworkLegs(
        cast(Store, SimpleNamespace()), HandoverSwitch(), "east-1", lambda *_: None, lambda *_: None
    )
    legs.arrived("leg", number)
    assert not legs.admitting
