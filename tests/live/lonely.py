"""A network of this process's own: a loopback interface on which packets may be lost without harm to anybody else."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
LATE = "4"  # the mark of packets that are held back
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
    """Two ranges of UDP ports on this loopback interface that may be parted: the kernel drops what arrives, silently.

    `one` and `other` are lists of ``port`` or ``first-last``, as ``nft`` takes them.
    """

    def __init__(self, one: tuple[str, ...], other: tuple[str, ...]) -> None:
        self._there = [(a, b) for a in one for b in other]
        self._back = [(b, a) for a in one for b in other]
        self._is_late = False

    @staticmethod
    def is_there() -> bool:
        return shutil.which("nft") is not None

    @staticmethod
    def can_delay() -> bool:
        """Whether this kernel has netem; asked within a network of one's own."""
        if shutil.which("tc") is None:
            return False
        add = ["tc", "qdisc", "add", "dev", "lo", "root", "netem"]
        asked = subprocess.run(add, check=False, capture_output=True)
        subprocess.run(["tc", "qdisc", "del", "dev", "lo", "root"], check=False, capture_output=True)
        return asked.returncode == 0

    def lose(self, percent: int = 100, *, one_way: bool = False) -> None:
        """So many packets of a hundred between the two; `one_way`: only of those from the one to the other."""
        some = [] if percent >= 100 else ["numgen", "random", "mod", "100", "<", str(percent)]
        self._rules("input", *some, "drop", one_way=one_way)

    def delay(self, *netem: str) -> None:
        """What is between the two is late, as netem takes it: ``200ms``, ``200ms 50ms``."""
        self._rules("output", "meta", "mark", "set", LATE)
        self._is_late = True
        _tc("qdisc", "add", "dev", "lo", "root", "handle", "1:", "prio", "bands", "4", "priomap", *["0"] * 16)
        _tc("qdisc", "add", "dev", "lo", "parent", "1:4", "handle", "40:", "netem", "delay", *netem)
        _tc(
            "filter",
            "add",
            "dev",
            "lo",
            "parent",
            "1:0",
            "protocol",
            "ip",
            "handle",
            LATE,
            "fw",
            "flowid",
            "1:4",
        )

    def _rules(self, hook: str, *verdict: str, one_way: bool = False) -> None:
        self.mend()
        _nft("add", "table", "inet", "faults")
        _nft("add", "chain", "inet", "faults", "passes", f"{{ type filter hook {hook} priority 0; }}")
        for source, sink in self._there if one_way else self._there + self._back:
            ports = ("udp", "sport", source, "udp", "dport", sink)
            _nft("add", "rule", "inet", "faults", "passes", *ports, *verdict)

    def mend(self) -> None:
        if self.is_there():
            _nft("flush", "ruleset")
        if self._is_late:
            self._is_late = False
            _tc("qdisc", "del", "dev", "lo", "root")


def _nft(*words: str) -> None:
    subprocess.run(["nft", *words], check=True)


def _tc(*words: str) -> None:
    subprocess.run(["tc", *words], check=True)
