"""Waiting for the database where a process has more descriptors than ``select`` takes."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator

import gevent
import pytest

from fsroute.store.database import Database
from fsroute.store.lease import Lease
from fsroute.store.payload import Key
from fsroute.store.signals import Signals
from fsroute.store.waiting import readable
from tests.waiting import until

MOST = 1024  # descriptors that select takes


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """All numbers that ``select`` takes are in use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * MOST), hard))
    held = [os.open(os.devnull, os.O_RDONLY)]
    while held[-1] < MOST:
        held.append(os.dup(held[0]))
    yield
    for descriptor in held:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_sockets_are_readable_with_data_and_when_the_other_end_has_gone(many_descriptors: None) -> None:
    here, there = socket.socketpair()
    assert here.fileno() > MOST
    assert readable([here.fileno()], 0.01) == set()
    there.send(b"x")
    assert readable([here.fileno()], 5) == {here.fileno()}
    here.recv(1)
    gevent.spawn_later(0.01, there.close)
    assert readable([here.fileno()], 5) == {here.fileno()}
    here.close()


def test_signals_and_the_lease_go_on_in_a_process_with_many_calls(
    many_descriptors: None, database: Database
) -> None:
    heard: list[Key] = []
    hearing, sending = Signals(database), Signals(database)
    hearing.subscribe("calls", lambda key, row: heard.append(key))
    lease = Lease(database, "coordinator", "only", 0.5)
    try:
        hearing.start()
        sending.start()
        assert lease.campaign() is not None
        until(lambda: heard == [None])
        sending.publish("calls", "p:1")
        until(lambda: heard == [None, "p:1"])
        assert not lease.lost.wait(1.0), "it is renewed"
    finally:
        lease.resign()
        hearing.stop()
        sending.stop()
