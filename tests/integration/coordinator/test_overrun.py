"""Signals that come faster than they are decided on are dropped, and everything is read again."""

from __future__ import annotations

from fsroute.coordinator.loop import MOST_UNREAD, CoordinatorRole
from fsroute.store.database import Database
from fsroute.store.lease import Lease
from fsroute.store.signals import Signals
from fsroute.store.store import Store


def test_more_signals_than_may_wait_become_one_that_says_everything(database: Database) -> None:
    role = CoordinatorRole(Store(database, Signals(database)), Lease(database, "coordinator", "one"))
    role.epoch = 1
    for number in range(MOST_UNREAD + 50):
        role._signalled(f"p:{number}", None)
    assert role._inbox.qsize() == MOST_UNREAD
    waiting = [role._next(0.0) for _ in range(MOST_UNREAD)]
    assert waiting[-1] == (f"p:{MOST_UNREAD - 1}", None)
    assert role._next(0.0) is None
    role._signalled("p:1", None)
    assert role._next(0.0) == ("p:1", None)
