"""What goes over loopback, with the kernel's timestamps: SIP messages and the frames of an event socket.

``python -m tests.benchmarks.sniffer FILE SIP_PORT,… EVENT_SOCKET_PORT`` writes one JSON list a line to FILE until it
is ended by SIGTERM. It needs CAP_NET_RAW. The kernel drops every packet of another port before it is copied.
"""

from __future__ import annotations

import ctypes
import json
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

ETH_P_IP = 0x0800
SO_ATTACH_FILTER = 26
SO_TIMESTAMPNS = 35
BUFFER = 64_000_000  # bytes of packets that may wait to be read
LARGEST = 70_000
PAUSE = 0.25  # seconds between two looks

_LOAD_BYTE, _LOAD_HALF, _LOAD_HALF_X, _IP_HEADER, _EQUALS, _RETURN = 0x30, 0x28, 0x48, 0xB1, 0x15, 0x06
_PACKET_TYPE = 0xFFFFF000 + 4  # SKF_AD_OFF + SKF_AD_PKTTYPE
_OUTGOING = 4  # on loopback every packet is seen twice


def port_filter(ports: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """A classic BPF program: incoming packets of UDP or TCP from or to one of `ports`."""
    tests = len(ports)
    drop = 6 + 2 * (tests + 1)  # index of the instruction that refuses
    program = [
        (_LOAD_HALF, 0, 0, _PACKET_TYPE),
        (_EQUALS, drop - 2, 0, _OUTGOING),
        (_LOAD_BYTE, 0, 0, 9),
        (_EQUALS, 1, 0, socket.IPPROTO_UDP),
        (_EQUALS, 0, drop - 5, socket.IPPROTO_TCP),
        (_IP_HEADER, 0, 0, 0),
    ]
    for offset in (0, 2):
        program.append((_LOAD_HALF_X, 0, 0, offset))
        for port in ports:
            program.append((_EQUALS, drop - len(program), 0, port))
    assert len(program) == drop
    return [*program, (_RETURN, 0, 0, 0), (_RETURN, 0, 0, LARGEST)]


def open_socket(ports: Sequence[int]) -> socket.socket:
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
    code = b"".join(struct.pack("HBBI", *line) for line in port_filter(ports))
    kept = ctypes.create_string_buffer(code)
    program = struct.pack("HL", len(code) // 8, ctypes.addressof(kept))
    sniffer.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
    sniffer.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sniffer.setsockopt(socket.SOL_SOCKET, 33, BUFFER)  # SO_RCVBUFFORCE
    sniffer.bind(("lo", ETH_P_IP))
    sniffer.setblocking(False)
    return sniffer


class Stream:
    """One direction of a connection to the event socket: bytes in, frames out."""

    def __init__(self) -> None:
        self._waiting = b""

    def frames(self, data: bytes) -> Iterator[bytes]:
        """Each frame that is complete: its header, and its body where it has one."""
        self._waiting += data
        while True:
            self._waiting = self._waiting.lstrip(b"\n")  # the pokes
            end = self._waiting.find(b"\n\n")
            if end < 0:
                return
            head = self._waiting[:end]
            end += 2
            for line in head.split(b"\n"):
                if line.lower().startswith(b"content-length:"):
                    end += int(line.split(b":")[1])
            if len(self._waiting) < end:
                return
            frame, self._waiting = self._waiting[:end], self._waiting[end:]
            yield frame


def of_sip(data: bytes) -> list[str] | None:
    """First line, CSeq method, Call-ID, user of From; None for what is no SIP."""
    lines = data.split(b"\r\n\r\n")[0].decode("utf-8", "replace").split("\r\n")
    if len(lines) < 3:
        return None
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
    }
    user = headers.get("from", "").partition("sip:")[2].partition("@")[0]
    return [lines[0], headers.get("cseq", " ").split()[-1], headers.get("call-id", ""), user]


def of_event_socket(frame: bytes) -> list[str] | None:
    """A hang-up as [name, channel], an originate as [name, command]."""
    if b"\nEvent-Name: CHANNEL_HANGUP\n" in frame:
        uuid = frame.partition(b"\nUnique-ID: ")[2].partition(b"\n")[0]
        return ["hangup", uuid.decode()]
    if frame.startswith(b"bgapi originate "):
        return ["originate", frame.split(b"\n")[0].decode()]
    return None


Packet = tuple[float, bytes]
"""(seconds since the epoch, an IP packet)"""


def record(sniffer: socket.socket, ended: Callable[[], bool]) -> Iterator[Packet]:
    """What arrives until `ended`. It sleeps in between: whoever is measured needs the processor."""
    while not ended():
        time.sleep(PAUSE)
        while True:
            try:
                data, ancillary, _, _ = sniffer.recvmsg(LARGEST, 64)
            except BlockingIOError:
                break
            seconds, nanoseconds = struct.unpack("ll", ancillary[0][2])
            yield seconds + nanoseconds / 1e9, data


def read(packets: Iterable[Packet]) -> Iterator[list[object]]:
    """[seconds since the epoch, source port, target port, what…] for all that is looked for in `packets`."""
    streams: dict[tuple[int, int], Stream] = {}
    for at, data in packets:
        header = 4 * (data[0] & 15)
        length = struct.unpack("!H", data[2:4])[0]
        source, target = struct.unpack("!HH", data[header : header + 4])
        if data[9] == socket.IPPROTO_UDP:
            found = [of_sip(data[header + 8 : length])]
        else:
            payload = data[header + 4 * (data[header + 12] >> 4) : length or None]
            stream = streams.setdefault((source, target), Stream())
            found = [of_event_socket(frame) for frame in stream.frames(payload)]
        for what in filter(None, found):
            yield [at, source, target, *what]


def main() -> None:
    """Packets are kept as they are until the end, and looked into then."""
    over: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: over.append(number))
    path, sip_ports, event_socket_port = sys.argv[1:]
    sniffer = open_socket([*map(int, sip_ports.split(",")), int(event_socket_port)])
    with Path(path).open("w") as file:  # that it is there says that packets are kept
        packets = list(record(sniffer, lambda: bool(over)))
        file.writelines(json.dumps(found) + "\n" for found in read(packets))


if __name__ == "__main__":
    main()
