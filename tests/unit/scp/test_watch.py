"""When the picture of the sites is read: the database is a table of answers that counts what it is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast

import gevent
import pytest

from fsroute.errors import DatabaseUnavailable
from fsroute.model.proxy_call import ProxyCall
from fsroute.scp import watch as watching
from fsroute.scp.selection import Limits
from fsroute.scp.watch import Watch
from fsroute.store.activity import ACTIVITY
from fsroute.store.agents import Agents
from fsroute.store.database import Row, Statements
from fsroute.store.direct import TAKEN
from fsroute.store.signals import Subscription
from fsroute.store.store import COORDINATOR, Store
from tests.waiting import until

READ = ("agents", "agents_concerned", "activity_changes", "agents_taken")


class Answers(Statements):
    """What each statement gives, nothing unless told; `asked` are those that were read, with their parameters."""

    def __init__(self) -> None:
        super().__init__({})
        self.rows: dict[str, list[Row]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.away: frozenset[str] = frozenset()

    def run(self, name: str, /, **parameters: Any) -> list[Row]:
        self.asked.append((name, parameters))
        gevent.sleep(0)
        if name in self.away:
            raise DatabaseUnavailable("the database is away")
        return self.rows.get(name, [])

    def execute(self, name: str, /, **parameters: Any) -> int:
        return 0

    def read(self) -> Counter[str]:
        return Counter(name for name, _ in self.asked if name in READ)


class Told:
    """Signals, in the hand of the test."""

    def __init__(self) -> None:
        self.heard: dict[str, Callable[[str | int | None, object], None]] = {}

    def subscribe(self, topic: str, heard: Callable[[str | int | None, object], None]) -> Subscription:
        self.heard[topic] = heard
        return cast(Subscription, topic)

    def unsubscribe(self, subscription: Subscription) -> None:
        del self.heard[cast(str, subscription)]


class House:
    """A store of the test's own, and the watch over it, begun; nobody looks again by himself."""

    def __init__(self) -> None:
        self.database, self.signals = Answers(), Told()
        self.agents = Agents(cast(Any, self.database))
        self.watch = Watch(cast(Store, self), Limits())
        self.watch.start()
        assert self.watch.ready.wait(10)
        self.database.asked.clear()

    def now(self) -> float:
        return 1000.0

    def tell(self, topic: str, *keys: str | None, row: ProxyCall | None = None) -> None:
        for key in keys:
            self.signals.heard[topic](key, row)
        for _ in range(5):
            gevent.sleep(0)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(watching, "LOOK", 3600.0)
    house = House()
    yield house
    house.watch.stop()


def away(version: int, link: str = "down") -> Row:
    """What has changed at the switch of that name."""
    head = {"core_uuid": None, "given_up": 0, "link_since": 1.0, "known_at": 999.0, "reported_at": 999.0}
    return head | {
        "switch_id": "away", "site_id": "east", "version": version, "whole_version": 1, "link": link, "whole": True,
        "agents": [], "queues": [],
    }  # fmt: skip


def test_signals_alone_read_nothing(house: House) -> None:
    house.tell(COORDINATOR, "a:ann", "p:17", "a:ann")
    house.tell(ACTIVITY, "away", "home", None)
    house.tell(TAKEN, "away user:1001")
    assert house.database.asked == []


def test_a_decision_reads_what_changed_by_one_statement_of_each_kind_and_the_next_reads_nothing(
    house: House,
) -> None:
    house.tell(COORDINATOR, "a:bob", "p:17", "a:ann", "a:ann")
    house.tell(ACTIVITY, "home", "away", "away")
    house.database.rows["activity_changes"] = [away(2)]
    house.watch.refresh()
    asked = dict(house.database.asked)
    assert house.database.read() == {"agents_concerned": 1, "activity_changes": 1}
    assert asked["agents_concerned"] == {"agent_ids": ["ann", "bob"], "proxy_call_ids": [17]}
    assert asked["activity_changes"]["switch_ids"] == ["away", "home"]
    assert not house.watch.picture.places["activity away"].linked
    house.watch.refresh()
    assert len(house.database.asked) == 2


def test_decisions_at_once_share_what_is_read(house: House) -> None:
    house.tell(COORDINATOR, "a:ann")
    house.tell(TAKEN, "away user:1001")
    gevent.joinall([gevent.spawn(house.watch.refresh) for _ in range(10)], 10, raise_error=True)
    assert house.database.read() == {"agents_concerned": 1, "agents_taken": 1}


def test_what_was_begun_when_the_call_came_is_not_begun_again(house: House) -> None:
    house.tell(COORDINATOR, "a:ann")
    house.watch.ask()
    house.watch.refresh()
    assert house.database.read() == {"agents_concerned": 1}


def test_what_cannot_be_read_leaves_what_is_known(house: House) -> None:
    house.database.rows["activity_changes"] = [away(2, "up")]
    house.tell(ACTIVITY, "away")
    house.watch.refresh()
    house.database.away = frozenset({"activity_changes", "agents_concerned"})
    house.tell(ACTIVITY, "away")
    house.tell(COORDINATOR, "a:ann")
    house.watch.refresh()
    house.watch.refresh()
    assert house.database.read() == {"activity_changes": 2, "agents_concerned": 1}, (
        "once, and not at once again"
    )
    place = house.watch.picture.places["activity away"]
    assert (place.linked, place.seen_at) == (True, 999.0), "too old by itself, when it is"


def test_who_asks_after_an_outage_has_everything(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsroute.scp.reading.READ_AGAIN", 0.0)
    house.database.away = frozenset({"activity_changes", "agents_concerned"})
    house.tell(ACTIVITY, "away")
    house.tell(COORDINATOR, "a:ann")
    house.watch.ask()
    until(lambda: house.database.read() == {"activity_changes": 1, "agents_concerned": 1})
    house.database.away = frozenset()
    house.database.asked.clear()
    house.watch.refresh()
    asked = dict(house.database.asked)
    assert house.database.read() == {"activity_changes": 1, "agents": 1}
    assert asked["activity_changes"]["switch_ids"] is None


def test_a_slow_database_holds_up_no_decision_for_long(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "REFRESH_LIMIT", 0.01)
    answers, done = house.database.run, gevent.event.Event()
    monkeypatch.setattr(house.database, "run", lambda name, **rest: done.wait() and answers(name, **rest))
    house.tell(COORDINATOR, "a:ann")
    house.watch.refresh()
    assert house.database.asked == []
    done.set()
    house.watch.refresh()
    assert house.database.read() == {"agents_concerned": 1}


def test_nobody_asks_and_a_look_reads_what_changed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK", 0.01)
    house = House()
    try:
        house.tell(COORDINATOR, "a:ann")
        house.database.rows["activity_changes"] = [away(2)]
        until(lambda: house.database.read()["agents_concerned"] == 1)
        until(lambda: "activity away" in house.watch.picture.places)
    finally:
        house.watch.stop()
