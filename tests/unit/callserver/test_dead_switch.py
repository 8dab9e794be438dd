"""The calls of a switch that does not run any more are closed, each as what it was."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from fsroute.callserver import role as callserver
from fsroute.callserver.desk import Settings
from fsroute.callserver.library import Library
from fsroute.callserver.role import CallServerRole
from fsroute.errors import DatabaseUnavailable
from fsroute.model.contact import Outcome


class Contacts:
    """Those of two callers, in a database that is away for as many writes as it is told."""

    def __init__(self, away_for: int = 0) -> None:
        self.live = ["one", "two"]
        self.outcomes: dict[str, str] = {}
        self.contacts = self
        self._away_for = away_for

    def live_of_switch(self, _switch_id: str) -> list[tuple[str, str, str, bool]]:
        return [(contact_id, f"channel-{contact_id}", "core", False) for contact_id in self.live]

    def close_contact(self, contact_id: str, outcome: Outcome, *_data: object, **_named: object) -> None:
        if self._away_for:
            self._away_for -= 1
            raise DatabaseUnavailable("no answer")
        self.live.remove(contact_id)
        self.outcomes[contact_id] = outcome


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callserver, "LOOK_AGAIN", 0.001)


def role_of(contacts: Contacts) -> CallServerRole:
    """A call server whose switch refuses connections."""
    store: Any = contacts
    link: Any = SimpleNamespace(client=SimpleNamespace(connected=False, refused=True))
    nothing: Any = SimpleNamespace()
    settings = Settings("west", "", "", "")
    return CallServerRole(store, link, nothing, settings, Library({}), ("127.0.0.1", 0))


def test_a_database_that_goes_away_amid_it_leaves_no_contact_open() -> None:
    contacts = Contacts(away_for=3)
    with gevent.Timeout(5):
        role_of(contacts)._await_switch()
    assert contacts.outcomes == {"one": "lost", "two": "lost"}


def test_an_end_that_is_owed_to_the_database_is_not_overtaken() -> None:
    """The second caller was served, and had hung up before the switch died."""
    contacts = Contacts()
    role = role_of(contacts)

    def owed() -> None:
        if "one" not in contacts.outcomes:
            raise DatabaseUnavailable("not yet")
        contacts.close_contact("two", Outcome.SERVED)

    with gevent.Timeout(5):
        role._desk.arrears.write("two", owed)
        role._await_switch()
    assert contacts.outcomes == {"one": "lost", "two": "served"}
