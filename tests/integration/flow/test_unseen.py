"""A call whose connection was lost while the database was away is looked after when that is back."""

from __future__ import annotations

import logging
from typing import NoReturn

import pytest

from fsroute.errors import DatabaseUnavailable
from tests.integration.flow.conftest import World
from tests.waiting import until


def away(*_: object) -> NoReturn:
    raise DatabaseUnavailable("the server is being restarted")


def test_a_caller_left_with_music_is_fetched_when_the_database_is_back(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caller = world.call_for_an_agent()
    until(lambda: world.states() == ["queued"], 10)
    until(lambda: "fsroute" in caller.timeline.now)
    assert world.west.app is not None
    role, channel = world.west.app.callserver, caller.channel
    assert role is not None
    assert channel is not None
    [(contact_id,)] = world.query("select contact_id::text from contact")
    call = role._calls.pop(channel.uuid)  # as when its socket is lost
    with monkeypatch.context() as patch:
        patch.setattr(role._store.proxy_calls, "latest", away)
        role._look_after(contact_id, channel.uuid)
    assert role._unseen == {channel.uuid: contact_id}
    with caplog.at_level(logging.INFO):
        role.reconcile()
        until(lambda: f"call fetched contact={contact_id}" in caplog.text)
    assert role._unseen == {}
    role._calls[channel.uuid] = call
    caller.hang_up()
    world.wait_for_outcomes("abandoned")
    world.assert_nothing_left()
