"""The program that is the wire of `lonely.Link`: packets come in, are held back or lost, and go on.

The kernel's own netem is not everywhere, and cannot be told of one direction on loopback. Two TUN devices can: routing
rules (ip-rule(8)) lead what one end says to the one, what the other end says to the other device, whatever addresses
the two have. What is written back to a device comes in by it, and finds its socket as from any network. Nothing of a
packet is looked at, so that each is held back by itself and may overtake another.

``python wire.py PROTOCOL PORTS PORTS`` makes the devices in its network namespace, leads there what goes between the
ports (``5090`` or ``20000-21999``, several by commas), and says ``up``. Then each line of the input is six numbers:
delay and jitter (seconds) and loss (0 to 1) of the way there, and of the way back. They hold once they are answered.
"""

from __future__ import annotations

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time
from pathlib import Path

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
LARGEST = 65536  # bytes of a packet
SETTINGS = (
    ("ipv4/conf/{}/route_localnet", "1"),
    ("ipv4/conf/{}/accept_local", "1"),
    ("ipv4/conf/{}/rp_filter", "0"),
    (
        "ipv6/conf/{}/disable_ipv6",
        "1",
    ),  # where IPv6 alone has an address beside loopback's, FreeSWITCH finds no IPv4
)
LOCAL = 100  # the priority of the kernel's rule for local addresses, which is 0 until ours come before it


class Way:
    """One direction: the device `name` of this process's own."""

    def __init__(self, name: str, number: int) -> None:
        self.delay = self.jitter = self.loss = 0.0
        self.device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
        for setting, value in SETTINGS:
            file = Path("/proc/sys/net", setting.format(name))
            if file.exists():  # a kernel may do without IPv6
                file.write_text(value)
        self._name, self._table = name, str(number)
        _ip("link", "set", name, "up")
        _ip("route", "add", "default", "dev", name, "table", self._table)

    def lead(self, protocol: str, source: str, sink: str) -> None:
        """What this machine sends from and to these ports goes this way."""
        ports = ("ipproto", protocol, "sport", source, "dport", sink)
        _ip("rule", "add", "priority", self._table, "iif", "lo", *ports, "lookup", self._table)

    def due(self, now: float) -> float | None:
        """When a packet that comes in now goes on; None: never."""
        if random.random() < self.loss:
            return None
        return now + max(0.0, self.delay + random.uniform(-self.jitter, self.jitter))


def carry(there: Way, back: Way) -> None:
    """Until the input ends."""
    held: list[tuple[float, int, int, bytes]] = []  # when it goes on, which packet, to which device
    ways = {there.device: there, back.device: back}
    count = 0
    while True:
        patience = max(0.0, held[0][0] - time.monotonic()) if held else None
        ready, _, _ = select.select([0, *ways], [], [], patience)
        now = time.monotonic()
        for device in ready:
            if device in ways:
                packet, due = os.read(device, LARGEST), ways[device].due(now)
                if due is not None:
                    heapq.heappush(held, (due, count := count + 1, device, packet))
            elif not _told(there, back):
                return
        while held and held[0][0] <= now:
            _, _, device, packet = heapq.heappop(held)
            os.write(device, packet)


def _told(there: Way, back: Way) -> bool:
    line = os.read(0, 200)  # each is waited for: never two at once
    if line:
        numbers = [float(word) for word in line.split()]
        there.delay, there.jitter, there.loss, back.delay, back.jitter, back.loss = numbers
        os.write(1, b"so\n")
    return bool(line)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL)


def main(protocol: str, one: str, other: str) -> None:
    there, back = Way("there", 10), Way("back", 11)
    for a in one.split(","):
        for b in other.split(","):
            there.lead(protocol, a, b)
            back.lead(protocol, b, a)
    _ip("rule", "add", "priority", str(LOCAL), "lookup", "local")
    _ip("rule", "del", "priority", "0")
    os.write(1, b"up\n")
    carry(there, back)


if __name__ == "__main__":
    main(*sys.argv[1:])
