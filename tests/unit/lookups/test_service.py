"""One service, many who ask."""

from __future__ import annotations

import gevent
import pytest

from fsroute.lookups.answers import Answer, Empty, Failed, Found, Slow
from fsroute.lookups.service import Result, Service


class Asked:
    """Gives the answers one after another, the last for ever; notes the seconds that it was given."""

    def __init__(self, *results: Result) -> None:
        self._results = list(results)
        self.given: list[float] = []

    def __call__(self, left: float) -> Result:
        self.given.append(left)
        return self._results.pop(0) if len(self._results) > 1 else self._results[0]


FOUND: Answer = Found({"a": "1"})


def test_an_answer_that_may_be_kept_is_asked_for_once() -> None:
    service, asked = Service("crm", 1), Asked(Result(FOUND, cache=60.0))
    assert [service.ask("customer", "key", 1.0, asked) for _ in range(3)] == [FOUND] * 3
    assert len(asked.given) == 1
    service.ask("customer", "other key", 1.0, asked)
    assert len(asked.given) == 2


def test_who_asks_is_given_what_is_left_of_the_time() -> None:
    asked = Asked(Result(Empty()))
    Service("crm", 1).ask("customer", "key", 0.5, asked)
    assert 0.4 < asked.given[0] <= 0.5


@pytest.mark.parametrize("failing", [Result(Failed("down")), Result(Slow())])
def test_what_fails_in_a_row_is_left_alone_and_its_neighbours_are_not(failing: Result) -> None:
    service, asked = Service("crm", 1), Asked(failing)
    for _ in range(8):
        answer = service.ask("customer", "key", 1.0, asked)
    assert len(asked.given) == 5
    assert answer == Failed("look-up customer of crm fails: it is left alone for a while")
    assert service.ask("order", "key", 1.0, Asked(Result(FOUND))) == FOUND


def test_a_refusal_that_tells_nothing_of_the_service_counts_for_nothing() -> None:
    service, asked = Service("crm", 1), Asked(Result(Failed("refused"), tells=False))
    for _ in range(20):
        service.ask("customer", "key", 1.0, asked)
    assert len(asked.given) == 20


def test_who_finds_no_room_in_time_is_late_and_who_is_killed_leaves_it() -> None:
    service, go = Service("crm", 1), gevent.event.Event()

    def hangs(left: float) -> Result:
        go.wait(5)
        return Result(FOUND)

    first = gevent.spawn(service.ask, "customer", "key", 1.0, hangs)
    gevent.sleep(0)
    assert service.ask("customer", "other", 0.01, Asked(Result(FOUND))) == Slow()
    first.kill()
    assert service.ask("customer", "other", 0.01, Asked(Result(FOUND))) == FOUND
