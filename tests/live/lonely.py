"""A network of this process's own, and a link in it that may be slow, lossy or away without harm to anybody else."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CLONE_NEWNET = 0x40000000
TUN = Path("/dev/net/tun")
WIRE = Path(__file__).with_name("wire.py")
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


@dataclass(frozen=True, slots=True)
class Way:
    """What befalls packets that go one way: late by `delay`, give or take `jitter` (seconds); `loss` (0 to 1) get lost.

    Each is late by itself: they overtake one another.
    """

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0


class Link:
    """What goes over UDP between two sets of ports of this loopback interface.

    One namespace with one address for all, so that fsroute, PostgreSQL, the event sockets and the telephones are
    where they always are: the ports tell what goes between the two switches, and only that takes the way through
    `wire.py`, also while it is as good as loopback. `one` and `other` are lists of ``port`` or ``first-last``.
    """

    def __init__(self, one: Sequence[str], other: Sequence[str]) -> None:
        self._command = [sys.executable, "-I", str(WIRE), "udp", ",".join(one), ",".join(other)]
        self._wire: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """In a network of one's own."""
        self._wire = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self._hear("up")

    def stop(self) -> None:
        if self._wire is not None:
            self._wire.communicate()
            self._wire = None

    def become(self, there: Way, back: Way | None = None) -> None:
        """From now on, and the way back like the way there; what is under way keeps its time."""
        assert self._wire is not None
        assert self._wire.stdin is not None
        ways = (there, back or there)
        print(
            *(n for way in ways for n in (way.delay, way.jitter, way.loss)), file=self._wire.stdin, flush=True
        )
        self._hear("so")

    def _hear(self, answer: str) -> None:
        assert self._wire is not None
        assert self._wire.stdout is not None
        heard = self._wire.stdout.readline().strip()
        assert heard == answer, f"the wire says {heard!r}"
