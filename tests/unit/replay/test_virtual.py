from __future__ import annotations

import time

import gevent
import pytest
from gevent.event import AsyncResult, Event
from gevent.queue import Empty, SimpleQueue

from fsroute.replay.virtual import Stuck, VirtualLoop, running
from fsroute.replay.wire import Wire, WiredLoop


def test_an_hour_passes_at_once_and_in_order() -> None:
    loop, said = VirtualLoop(1_000.0), list[tuple[float, str]]()

    def say(after: float, word: str) -> None:
        gevent.sleep(after)
        said.append((loop.time(), word))

    began = time.monotonic()
    with running(loop):
        gevent.joinall(
            [gevent.spawn(say, after, word) for after, word in ((3600, "c"), (1, "a"), (2.5, "b"))]
        )
    assert said == [(1_001.0, "a"), (1_002.5, "b"), (4_600.0, "c")]
    assert time.monotonic() - began < 5


def test_waiting_has_its_time_out() -> None:
    loop, queue = VirtualLoop(), SimpleQueue[int]()
    with running(loop):
        with pytest.raises(Empty):
            queue.get(timeout=4.0)
        assert loop.monotonic() == 4.0
        assert AsyncResult().wait(2.0) is None
        assert not Event().wait(1.5)
        assert loop.monotonic() == 7.5


def test_what_was_there_before_goes_on_afterwards() -> None:
    before = gevent.get_hub()
    with running(VirtualLoop()):
        assert gevent.get_hub() is not before
        left = gevent.spawn(gevent.sleep, 100)
        gevent.sleep(1)
    assert gevent.get_hub() is before
    assert not left.successful()
    gevent.sleep(0)


def test_a_loop_in_which_no_time_passes_is_ended() -> None:
    loop = VirtualLoop()

    def again() -> None:
        loop.run_callback(again)

    loop.run_callback(again)
    with pytest.raises(Stuck, match="no time has passed"):
        loop.run()


def test_a_wire_is_read_as_it_was_written_and_ends() -> None:
    loop, sent = WiredLoop(), list[bytes]()
    with running(loop):
        wire = Wire(loop, sent.append)
        watcher = loop.io(wire.fileno(), 1)
        read: list[bytes] = []
        watcher.start(lambda: read.append(wire.recv(3)))
        assert wire.send(b"command") == 7
        wire.deliver(b"abcde")
        wire.deliver(b"")
        gevent.sleep(1)
    assert (sent, read) == ([b"command"], [b"abc", b"de", b""])
