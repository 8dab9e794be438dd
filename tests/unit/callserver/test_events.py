"""What the switch reports is taken in without waiting, whatever the database does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gevent
from gevent.event import Event as Gate

from fsroute.callserver.desk import Settings
from fsroute.callserver.library import Library
from fsroute.callserver.role import CallServerRole
from fsroute.esl.messages import Event

HANGUPS = 40


def hangup(number: int) -> Event:
    headers = {"Event-Name": "CHANNEL_HANGUP", "Unique-ID": f"channel-{number}", "Call-Direction": "inbound",
               "variable_fsroute_contact": f"contact-{number}", "Hangup-Cause": "NORMAL_CLEARING"}  # fmt: skip
    head = "".join(f"{name}: {value}\n" for name, value in headers.items())
    return Event.plain(f"{head}\n".encode())


def test_more_hang_ups_than_are_seen_to_at_once_hold_the_events_of_the_switch_up_for_nobody() -> None:
    there, closed = Gate(), list[str]()

    def get(contact_id: str) -> Any:
        there.wait()
        return SimpleNamespace(channel_uuid=contact_id.replace("contact", "channel"))

    store: Any = SimpleNamespace(
        contacts=SimpleNamespace(get=get),
        now=lambda: 0.0,
        close_contact=lambda contact_id, *_arguments, **_named: closed.append(contact_id),
    )
    nothing: Any = SimpleNamespace()
    settings = Settings("west", "", "", "")
    role = CallServerRole(store, nothing, nothing, settings, Library({}), ("127.0.0.1", 0))
    with gevent.Timeout(5):
        for number in range(HANGUPS):
            role._event(hangup(number))
        gevent.idle()
        assert closed == [], "the database does not answer"
        there.set()
        role._closers.join(5)
    assert sorted(closed) == sorted(f"contact-{number}" for number in range(HANGUPS))
