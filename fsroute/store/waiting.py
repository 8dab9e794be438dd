"""Waiting for descriptors to become readable, whatever their numbers.

``select`` refuses numbers above 1023 (gevent's asks the original one first), and a process with a thousand calls has
such: whoever waited by it would fail for good at the first reconnection.
"""

from __future__ import annotations

import select
from collections.abc import Iterable

import gevent.select


def readable(descriptors: Iterable[int], timeout: float) -> set[int]:
    """Those sockets and eventfds that can be read, or whose other end is gone; none after `timeout` seconds.

    Other greenlets go on meanwhile.
    """
    poll = gevent.select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(1000 * timeout)}
