"""A network of this process's own: a loopback interface on which packets may be lost without harm to anybody else."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def network_of_its_own() -> Iterator[bool]:
    """For the block; processes started in it are there, too. Whether that was allowed."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        allowed = _libc.unshare(CLONE_NEWNET) == 0
        if allowed:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        yield allowed
    finally:
        _libc.setns(before, CLONE_NEWNET)
        os.close(before)


class Loopback:
    """Two ranges of ports on this loopback interface that may be parted: ``tc`` with netem, in a class of its own.

    `one` and `other` are lists of (port, mask): a packet from one to the other is lost, or late.
    """

    def __init__(self, one: tuple[tuple[int, int], ...], other: tuple[tuple[int, int], ...]) -> None:
        self._there = [(a, b) for a in one for b in other]
        self._back = [(b, a) for a in one for b in other]

    def worsen(self, *netem: str, one_way: bool = False) -> None:
        """What netem does to packets between the two: ``loss 100%``, ``delay 200ms 50ms``.

        `one_way`: only to those from the one to the other.
        """
        self.mend()
        _tc("qdisc", "add", "dev", "lo", "root", "handle", "1:", "prio", "bands", "4", "priomap", *["0"] * 16)
        _tc("qdisc", "add", "dev", "lo", "parent", "1:4", "handle", "40:", "netem", *netem)
        for (source, source_mask), (sink, sink_mask) in self._there if one_way else self._there + self._back:
            _tc(
                "filter", "add", "dev", "lo", "parent", "1:0", "protocol", "ip", "u32",
                "match", "ip", "protocol", "17", "0xff",
                "match", "ip", "sport", str(source), hex(source_mask),
                "match", "ip", "dport", str(sink), hex(sink_mask), "flowid", "1:4",
            )  # fmt: skip

    def mend(self) -> None:
        subprocess.run(["tc", "qdisc", "del", "dev", "lo", "root"], check=False, stderr=subprocess.DEVNULL)


def _tc(*words: str) -> None:
    subprocess.run(["tc", *words], check=True)
