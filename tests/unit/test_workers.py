from __future__ import annotations

import gevent
from gevent.event import Event

from fsroute.workers import Workers


def test_who_begins_more_than_there_are_workers_does_not_wait_and_all_is_done_in_order() -> None:
    workers, go, done = Workers(2), Event(), list[int]()

    def work(number: int) -> None:
        go.wait()
        done.append(number)

    with gevent.Timeout(5):
        for number in range(20):
            workers.spawn(work, number)
        gevent.idle()
        assert done == []
        go.set()
        workers.join(5)
    assert done == list(range(20))


def test_no_more_is_done_at_once_than_there_are_workers() -> None:
    workers, most, now = Workers(3), 0, 0

    def work() -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        gevent.sleep(0)
        now -= 1

    for _ in range(12):
        workers.spawn(work)
    workers.join(5)
    assert most == 3


def test_what_fails_does_not_keep_the_rest_from_being_done() -> None:
    workers, done = Workers(1), list[int]()
    workers.spawn(lambda: 1 / 0)
    workers.spawn(done.append, 1)
    workers.join(5)
    assert done == [1]


def test_after_a_pause_there_are_workers_again() -> None:
    workers, done = Workers(1), list[int]()
    for number in range(3):
        workers.spawn(done.append, number)
        workers.join(5)
    assert done == [0, 1, 2]


def test_who_is_not_done_in_time_is_not_waited_for() -> None:
    workers = Workers(1)
    workers.spawn(Event().wait)
    with gevent.Timeout(5):
        workers.join(0.01)


def test_more_than_may_wait_is_left_undone_and_counted() -> None:
    workers, go, done = Workers(1, most=3), Event(), list[int]()

    def work(number: int) -> None:
        go.wait()
        done.append(number)

    workers.spawn(work, 0)
    gevent.idle()
    for number in range(1, 10):
        workers.spawn(work, number)
    go.set()
    workers.join(5)
    assert (done, workers.dropped) == ([0, 1, 2, 3], 6)
