"""Reading what the kernel tells of sockets, processes and its clock. Functions of texts, and one system call."""

from __future__ import annotations

import ctypes
import ipaddress
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

LISTEN = "0A"
NOT_SYNCHRONISED = 0x40  # STA_UNSYNC (adjtimex(2))
_MODES, _MAXERROR, _STATUS = 0, 24, 40  # offsets in struct timex, of 64-bit Linux
_TIMEX = 208  # bytes


@dataclass(frozen=True, slots=True)
class Clock:
    """What the kernel says of its clock; `error` is the most that it may be wrong, in seconds."""

    synchronised: bool
    error: float


def listening(table: str) -> Iterator[tuple[str, int, int]]:
    """Address, port and inode of each listening socket of ``/proc/net/tcp`` or ``tcp6``."""
    for line in table.splitlines()[1:]:
        words = line.split()
        if len(words) > 9 and words[3] == LISTEN:
            address, _, port = words[1].partition(":")
            yield _address(address), int(port, 16), int(words[9])


def _address(text: str) -> str:
    """The kernel writes each 32-bit word of an address in the order of the host."""
    raw = bytes.fromhex(text)
    words = struct.unpack(f"={len(raw) // 4}I", raw)
    return str(ipaddress.ip_address(struct.pack(f">{len(words)}I", *words)))


def ids(status: str) -> tuple[int, frozenset[int]]:
    """The effective user and all groups of ``/proc/PID/status``."""
    user, groups = 0, set()
    for line in status.splitlines():
        name, _, rest = line.partition(":")
        if name == "Uid":
            user = int(rest.split()[1])
        elif name == "Gid":
            groups.add(int(rest.split()[1]))
        elif name == "Groups":
            groups |= {int(word) for word in rest.split()}
    return user, frozenset(groups)


def limit(limits: str, name: str = "Max open files") -> int:
    """The soft limit of that name in ``/proc/PID/limits``; 0 where there is none."""
    for line in limits.splitlines():
        if line.startswith(name):
            word = line[len(name) :].split()[0]
            return int(word) if word.isdigit() else 1 << 30
    return 0


def nice(stat: str) -> tuple[int, bool]:
    """Of ``/proc/PID/stat``: the nice value, and whether the process has a real-time priority."""
    words = stat.rpartition(")")[2].split()
    if len(words) < 39:
        return 0, False
    return int(words[16]), int(words[37]) > 0


@dataclass(frozen=True, slots=True)
class Entry:
    """What ``stat`` says of one step of a path."""

    path: str
    mode: int
    user: int
    group: int


def blocked(steps: Iterable[Entry], user: int, groups: frozenset[int], wants: int) -> str:
    """The first step of a path that a user may not take: empty where all is well.

    `steps` go from the root to the end; folders on the way must be entered, of the end `wants` (4 read, 2 write,
    1 enter, added) is asked. Access lists beyond the mode are not looked at.
    """
    steps = tuple(steps)
    if user == 0:
        return ""
    for index, step in enumerate(steps):
        asked = wants if index == len(steps) - 1 else 1
        if not _may(step, user, groups, asked):
            return step.path
    return ""


def _may(step: Entry, user: int, groups: frozenset[int], asked: int) -> bool:
    shift = 6 if step.user == user else 3 if step.group in groups else 0
    return (step.mode >> shift) & asked == asked


def clock() -> Clock | None:
    """Ask the kernel (adjtimex(2), which changes nothing with no mode); None where it does not say."""
    buffer = ctypes.create_string_buffer(_TIMEX)
    struct.pack_into("=I", buffer, _MODES, 0)
    try:
        said = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    except (AttributeError, OSError):
        return None
    if said < 0 or struct.calcsize("P") != 8:
        return None
    status = struct.unpack_from("=i", buffer, _STATUS)[0]
    error = struct.unpack_from("=q", buffer, _MAXERROR)[0]
    return Clock(not status & NOT_SYNCHRONISED, error / 1e6)


def owners(links: Mapping[int, Iterable[str]]) -> dict[int, int]:
    """From what the descriptors of each process point at (``socket:[123]``) to the process of each inode."""
    found: dict[int, int] = {}
    for pid, targets in links.items():
        for target in targets:
            if target.startswith("socket:[") and target[8:-1].isdigit():
                found.setdefault(int(target[8:-1]), pid)
    return found
