"""What is read, when, and for whom: the rows are a set of names, the clock is told."""

from __future__ import annotations

import gevent
from gevent.event import Event as Flag

from fsroute.errors import DatabaseUnavailable
from fsroute.scp.reading import READ_AGAIN, Reading


class Rows:
    """Names that have changed, and what was read of them; a read lasts while `open` is not set."""

    def __init__(self, most: int = 50) -> None:
        self.changed: set[str] = set()
        self.reads: list[set[str]] = []
        self.known: set[str] = set()
        self.open = Flag()
        self.open.set()
        self.away = False
        self.now = 100.0
        self.reading = Reading(self._read, most, lambda: self.now)

    def _read(self) -> None:
        names, self.changed = self.changed, set()
        self.reads.append(names)
        self.open.wait()
        if self.away:
            self.changed |= names
            raise DatabaseUnavailable("the database is away")
        self.known |= names

    def change(self, name: str) -> None:
        self.changed.add(name)
        self.reading.mark()

    def ask(self) -> set[str]:
        """As a decision does it; what it knows then."""
        assert self.reading.wait(self.reading.ask())
        return set(self.known)


def turns() -> None:
    """Whoever can go on does."""
    for _ in range(5):
        gevent.sleep(0)


def test_a_change_alone_is_not_read() -> None:
    rows = Rows()
    for name in ("ann", "bob"):
        rows.change(name)
    turns()
    assert rows.reads == []


def test_who_asks_has_all_that_changed_by_one_read_and_the_next_by_none() -> None:
    rows = Rows()
    for name in ("ann", "bob"):
        rows.change(name)
    assert rows.ask() == {"ann", "bob"}
    assert rows.ask() == {"ann", "bob"}
    assert rows.reads == [{"ann", "bob"}]


def test_many_who_ask_at_once_share_a_read() -> None:
    rows = Rows()
    rows.change("ann")
    asking = [gevent.spawn(rows.ask) for _ in range(10)]
    gevent.joinall(asking, 10)
    assert [each.value for each in asking] == [{"ann"}] * 10
    assert len(rows.reads) == 1


def test_what_changed_during_a_read_is_in_the_next_for_all_who_asked_after_that() -> None:
    rows = Rows()
    rows.open.clear()
    rows.change("ann")
    early = gevent.spawn(rows.ask)
    turns()
    rows.change("bob")
    late = [gevent.spawn(rows.ask) for _ in range(10)]
    turns()
    rows.open.set()
    gevent.joinall([early, *late], 10)
    assert early.value in ({"ann"}, {"ann", "bob"})
    assert [each.value for each in late] == [{"ann", "bob"}] * 10
    assert rows.reads == [{"ann"}, {"bob"}]


def test_a_read_that_has_begun_is_not_begun_again_where_nothing_changed_since() -> None:
    rows = Rows()
    rows.open.clear()
    rows.change("ann")
    rows.reading.ask()
    turns()
    asking = gevent.spawn(rows.ask)
    turns()
    assert not asking.ready()
    rows.open.set()
    asking.join(10)
    assert (asking.value, rows.reads) == ({"ann"}, [{"ann"}])


def test_while_the_database_is_away_what_is_known_is_used_and_nobody_waits() -> None:
    rows = Rows()
    rows.change("ann")
    rows.ask()
    rows.away = True
    rows.change("bob")
    assert rows.ask() == {"ann"}
    assert rows.ask() == {"ann"}
    assert len(rows.reads) == 2, "nobody asks again at once"
    rows.away, rows.now = False, rows.now + READ_AGAIN
    assert rows.ask() == {"ann", "bob"}


def test_many_who_ask_share_a_failure() -> None:
    rows = Rows()
    rows.away = True
    rows.open.clear()
    rows.change("ann")
    asking = [gevent.spawn(rows.ask) for _ in range(3)]
    turns()
    rows.change("bob")
    asking += [gevent.spawn(rows.ask) for _ in range(3)]
    turns()
    rows.open.set()
    gevent.joinall(asking, 10)
    assert [each.value for each in asking] == [set()] * 6
    assert rows.reads == [{"ann"}]


def test_a_fault_of_ours_is_tried_again_as_well() -> None:
    now, reads = 100.0, []

    def read() -> None:
        reads.append(now)
        raise ValueError("a row that nobody foresaw")

    reading = Reading(read, clock=lambda: now)
    reading.mark()
    assert reading.wait(reading.ask())
    now += READ_AGAIN
    assert reading.wait(reading.ask())
    assert reads == [100.0, 100.0 + READ_AGAIN]


def test_a_slow_database_holds_nobody_for_longer_than_was_allowed() -> None:
    rows = Rows()
    rows.open.clear()
    rows.change("ann")
    assert not rows.reading.wait(rows.reading.ask(), until=rows.now)
    rows.open.set()
    assert rows.ask() == {"ann"}
    assert len(rows.reads) == 1


def test_so_many_changes_that_asking_would_take_long_are_read_unasked() -> None:
    rows = Rows(most=3)
    rows.change("ann")
    rows.change("bob")
    turns()
    assert rows.reads == []
    rows.change("cid")
    turns()
    assert rows.reads == [{"ann", "bob", "cid"}]


def test_what_is_stopped_reads_no_more() -> None:
    rows = Rows()
    assert rows.reading.stop() == []
    rows.change("ann")
    assert rows.ask() == set()
    assert rows.reads == []
