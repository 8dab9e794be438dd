"""While the database is away each part says so once, and once when it is back; what it missed is looked at then."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import NoReturn

import gevent
import pytest
from gevent.queue import Queue

from fsroute.acd.rendezvous import new_token
from fsroute.acd.role import MOST_UNREAD
from fsroute.callserver import role as callserver_role
from fsroute.errors import DatabaseUnavailable
from fsroute.esl.messages import Event
from tests.integration.flow.conftest import World
from tests.waiting import until

MANY = 20  # events


def away(*_: object, **__: object) -> NoReturn:
    raise DatabaseUnavailable("the server is being restarted")


def said(caplog: pytest.LogCaptureFixture, *rooms: str) -> list[str]:
    names = tuple(f"fsroute.{room}" for room in rooms)
    told = [each.getMessage() for each in caplog.records
            if each.levelno >= logging.WARNING and each.name.startswith(names)]  # fmt: skip
    return [
        each for each in told if not each.endswith("is away: its agents are offered nothing")
    ]  # at the start


def test_an_acd_says_once_that_the_database_is_away_and_holds_all_against_it_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert world.east.app is not None
    acd = world.east.app.acd
    assert acd is not None
    until(lambda: acd.leads and acd._link.client.connected)
    caplog.clear()
    with monkeypatch.context() as patch:
        for statement in ("of_token", "live_of_agent_switch"):
            patch.setattr(acd._store.proxy_calls, statement, away)
        patch.setattr(acd._store, "close_contact", away)
        for number in range(MANY):
            acd._network_legs.arrived(f"leg-{number}", new_token())
            acd._network_legs.close_contact(f"contact-{number}", "NORMAL_CLEARING")
        until(lambda: not acd._network_legs.admitting)
        first, *others = said(caplog, "acd", "store")
        assert first.startswith("switch east-1 cannot be held against the database: ")
        assert others == []
    until(lambda: len(said(caplog, "acd")) == 2)
    assert said(caplog, "acd")[1].endswith("switch east-1 cannot be held against the database")
    world.assert_nothing_left()


def test_a_switch_that_does_not_answer_is_noted_as_soon_as_the_database_is_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switch and database went together, and the database is back first."""
    assert world.east.app is not None
    acd = world.east.app.acd
    assert acd is not None
    until(lambda: acd.leads and acd._link.client.connected)
    noted: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(acd, "_answers", lambda: False)
        patch.setattr(acd._store.agents, "switch_away", away)
        gevent.spawn(acd._switch_is_away)
        until(lambda: acd._outage.lasts)
        patch.setattr(acd._store.agents, "switch_away", lambda switch_id, why: noted.append(switch_id))
        until(lambda: noted == ["east-1"])


def test_callers_to_be_called_back_are_found_when_the_database_is(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert world.west.app is not None
    role = world.west.app.callserver
    assert role is not None
    callbacks = role._callbacks
    with monkeypatch.context() as patch:
        patch.setattr(callbacks._store.proxy_calls, "get", away)
        patch.setattr(callbacks._store.proxy_calls, "live_of_caller_switch", away)
        for number in range(MANY):
            callbacks._guarded(callbacks._read, number)
    assert said(caplog, "callserver.callback") == [
        "callers who are called back wait for the database: _read: the server is being restarted"
    ]
    callbacks.reconcile()
    assert len(said(caplog, "callserver.callback")) == 2
    assert not callbacks._outage.lasts


def test_a_call_server_says_once_that_it_looks_after_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert world.west.app is not None
    role = world.west.app.callserver
    assert role is not None
    until(lambda: role._link.client.connected)
    with monkeypatch.context() as patch:
        patch.setattr(role._store, "close_contact", away)
        patch.setattr(callserver_role, "MOST_UNSEEN", MANY)
        for number in range(MANY + 5):
            role._look_after(f"00000000-0000-4000-8000-{number:012}", f"channel-{number}")
    assert len(said(caplog, "callserver.role")) == 1
    assert len(role._unseen) == MANY, "the others are found by the next look at all contacts"
    role.reconcile()
    until(lambda: len(said(caplog, "callserver.role")) == 2)
    assert role._unseen == {}


def test_what_a_telephone_repeats_is_not_kept_without_end(world: World) -> None:
    """The database is slow, the offer waits for it, and the agent's telephone holds and resumes all the while."""
    assert world.east.app is not None
    acd = world.east.app.acd
    assert acd is not None
    until(lambda: acd.leads)
    offer = SimpleNamespace(inbox=Queue())
    acd._on_channel["leg"] = [offer]  # type: ignore[list-item]
    for _ in range(MOST_UNREAD):
        for name in ("CHANNEL_HOLD", "CHANNEL_UNHOLD", "DTMF"):
            acd._event(leg_event(name))
    acd._event(leg_event("CHANNEL_HANGUP"))
    del acd._on_channel["leg"]
    heard = [offer.inbox.get_nowait().name for _ in range(offer.inbox.qsize())]
    assert len(heard) == MOST_UNREAD + 1
    assert heard[-1] == "CHANNEL_HANGUP"


def leg_event(name: str) -> Event:
    return Event.plain(f"Event-Name: {name}\nUnique-ID: leg\n\n".encode())
