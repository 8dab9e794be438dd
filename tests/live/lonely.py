"""A network of this process's own: a loopback interface on which packets may be lost without harm to anybody else."""

from __future__ import annotations

import ctypes
import os
import shutil
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
    """Two ranges of UDP ports on this loopback interface that may be parted: the kernel drops what arrives, silently.

    `one` and `other` are lists of ``port`` or ``first-last``, as ``nft`` takes them.
    """

    def __init__(self, one: tuple[str, ...], other: tuple[str, ...]) -> None:
        self._pairs = [*((a, b) for a in one for b in other), *((b, a) for a in one for b in other)]

    @staticmethod
    def is_there() -> bool:
        return shutil.which("nft") is not None

    def lose(self, percent: int = 100) -> None:
        """So many packets of a hundred between the two."""
        self.mend()
        _nft("add", "table", "inet", "faults")
        _nft("add", "chain", "inet", "faults", "arrives", "{ type filter hook input priority 0; }")
        some = [] if percent >= 100 else ["numgen", "random", "mod", "100", "<", str(percent)]
        for source, sink in self._pairs:
            _nft(
                "add",
                "rule",
                "inet",
                "faults",
                "arrives",
                "udp",
                "sport",
                source,
                "udp",
                "dport",
                sink,
                *some,
                "drop",
            )

    def mend(self) -> None:
        if self.is_there():
            _nft("flush", "ruleset")


def _nft(*words: str) -> None:
    subprocess.run(["nft", *words], check=True)
