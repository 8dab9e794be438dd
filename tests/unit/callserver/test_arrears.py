"""What is owed to the database is written in its order, once it takes it, and never more than is stated."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest

from fsroute.callserver.arrears import Arrears, late
from fsroute.callserver.numbers_called import NumbersCalled, Owner
from fsroute.errors import DatabaseUnavailable, StoreError
from tests.waiting import until


class Ledger:
    """What was written, while it is there."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.is_away = False
        self.slow = 0.0

    def write(self, what: str) -> Callable[[], None]:
        def do() -> None:
            if self.slow:
                gevent.sleep(self.slow)
            if self.is_away:
                raise DatabaseUnavailable("away")
            if what == "refused":
                raise StoreError("refused")
            self.written.append(what)

        return do


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def test_what_the_database_takes_is_written_before_the_call_goes_on(ledger: Ledger) -> None:
    arrears = Arrears()
    arrears.write("a", ledger.write("arrived"))
    assert ledger.written == ["arrived"]
    assert len(arrears) == 0


def test_what_it_does_not_take_is_written_in_its_order_when_it_is_back(ledger: Ledger) -> None:
    arrears = Arrears(again=0.01)
    ledger.is_away = True
    for what in ("a arrived", "b arrived", "a closed"):
        arrears.write(what[0], ledger.write(what))
    assert ledger.written == []
    assert arrears.owes("a")
    ledger.is_away = False
    until(lambda: len(arrears) == 0)
    assert sorted(ledger.written) == ["a arrived", "a closed", "b arrived"]
    assert ledger.written.index("a arrived") < ledger.written.index("a closed")


def test_a_slow_database_holds_no_call_up_and_is_asked_once(ledger: Ledger) -> None:
    arrears = Arrears(patience=0.01, again=0.01)
    ledger.slow = 0.1
    arrears.write("a", ledger.write("arrived"))
    assert ledger.written == []
    with pytest.raises(DatabaseUnavailable, match="takes longer"):
        arrears.pay("a")
    until(lambda: len(arrears) == 0)
    assert ledger.written == ["arrived"]


def test_what_is_refused_is_owed_no_more_and_holds_up_nothing(ledger: Ledger) -> None:
    arrears = Arrears(again=0.01)
    with pytest.raises(StoreError, match="refused"):
        arrears.write("a", ledger.write("refused"))
    assert not arrears.owes("a")
    ledger.is_away = True
    arrears.write("b", ledger.write("refused"))
    arrears.write("b", ledger.write("closed"))
    ledger.is_away = False
    until(lambda: len(arrears) == 0)
    assert ledger.written == ["closed"]


def test_there_is_a_limit_to_what_may_be_owed(ledger: Ledger) -> None:
    arrears = Arrears(most=2)
    ledger.is_away = True
    arrears.write("a", ledger.write("arrived"))
    arrears.write("b", ledger.write("arrived"))
    with pytest.raises(DatabaseUnavailable, match="2 contacts"):
        arrears.write("c", ledger.write("arrived"))
    arrears.write("a", ledger.write("closed"))
    assert len(arrears) == 2


def test_a_process_that_ends_waits_for_the_database_no_longer_than_it_may(ledger: Ledger) -> None:
    arrears = Arrears(again=0.01)
    ledger.is_away = True
    arrears.write("a", ledger.write("arrived"))
    arrears.settle(0.05)
    assert arrears.owes("a")
    ledger.is_away = False
    arrears.settle(5.0)
    assert ledger.written == ["arrived"]


def test_only_an_end_that_is_written_late_says_when_it_was() -> None:
    assert late(1000.0, 1000.5) == {}
    assert late(1000.0, 1010.0) == {"ended_at": "1970-01-01T00:16:40+00:00"}


def test_a_number_is_known_by_heart_while_the_database_is_away() -> None:
    owners: dict[str, Owner] = {"1": ("blue", "orders"), "2": ("green", "travel")}
    away: list[bool] = []

    def ask(number: str) -> Owner | None:
        if away:
            raise DatabaseUnavailable("away")
        return owners.get(number)

    numbers = NumbersCalled(ask, most=2)
    numbers.learn({"3": ("red", "late")})
    assert (numbers.owner("1"), numbers.owner("2"), numbers.owner("9")) == (owners["1"], owners["2"], None)
    away.append(True)
    assert numbers.owner("2") == ("green", "travel")
    for unknown in ("9", "3"):  # the third was forgotten for the two that were called
        with pytest.raises(DatabaseUnavailable):
            numbers.owner(unknown)


def test_a_number_that_belongs_to_nobody_any_more_is_not_remembered() -> None:
    owners: dict[str, Owner] = {"1": ("blue", "orders")}
    numbers = NumbersCalled(owners.get)
    assert numbers.owner("1") == ("blue", "orders")
    del owners["1"]
    assert numbers.owner("1") is None
