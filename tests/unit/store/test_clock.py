from __future__ import annotations

import time

import pytest

from fsroute.store.database import Database
from fsroute.store.signals import Signals
from fsroute.store.store import Store


class Clocks:
    """This host's clock, and the database's, which is `ahead` of it and takes some time to answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ahead: float) -> None:
        self.now, self.ahead, self.there, self.back = 1_000.0, ahead, 0.0, 0.0
        monkeypatch.setattr(time, "time", lambda: self.now)
        self.database = Database("")
        monkeypatch.setattr(self.database, "value", self._value)

    def _value(self, name: str) -> float:
        self.now += self.there
        theirs = self.now + self.ahead
        self.now += self.back
        return theirs


@pytest.fixture
def same(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch, ahead=0.0)


def measured(clocks: Clocks, *answers: tuple[float, float]) -> float:
    """After answers that took so long on the way there and back, in seconds."""
    store = Store(clocks.database, Signals(clocks.database))
    for clocks.there, clocks.back in answers:
        store.measure_clock()
    return store.clock_offset


@pytest.mark.parametrize("answer", [(0.3, 0.0), (0.0, 0.3), (0.1, 0.9)], ids=str)
def test_a_slow_answer_of_a_clock_that_agrees_changes_nothing(
    same: Clocks, answer: tuple[float, float]
) -> None:
    assert measured(same, answer) == 0.0


def test_another_clock_is_known_to_within_the_time_of_the_fastest_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clocks = Clocks(monkeypatch, ahead=5.0)
    assert measured(clocks, (0.4, 0.4), (0.001, 0.001), (0.5, 0.2)) == pytest.approx(5.0, abs=0.002)


def test_a_clock_that_was_set_is_followed(same: Clocks) -> None:
    store = Store(same.database, Signals(same.database))
    store.measure_clock()
    same.ahead = -2.0
    assert store.measure_clock() == pytest.approx(-2.0)
