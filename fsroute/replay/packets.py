"""Packets out of pcap and pcapng files, and the TCP segments in them. Pure; every length is checked.

Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. Links: Ethernet with VLANs, Linux cooked 1 and 2, raw IP,
loopback of BSD and OpenBSD. Fragments of IP are told apart, not put together: nobody's event socket is fragmented.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import BinaryIO, Final

from fsroute.replay.faults import CaptureError

MAX_PACKET: Final = 1 << 20  # bytes
MAX_BLOCK: Final = 16 << 20  # bytes of a pcapng block
MAX_INTERFACES: Final = 1_000

FIN, SYN, RST = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Packet:
    """`at` is in seconds since the epoch; `length` is what it had on the wire, of which `data` may be a part."""

    at: float
    link: int
    data: bytes
    length: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment; `lost` bytes of its payload were not recorded. Ends are (address, port)."""

    at: float
    source: tuple[str, int]
    target: tuple[str, int]
    sequence: int
    flags: int
    payload: bytes
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of an IP packet that was sent in several; what TCP payload it holds is lost."""

    at: float


def packets(file: BinaryIO, name: str) -> Iterator[Packet]:
    """All packets of a file; one that was cut short ends where it was cut.

    Raises:
        CaptureError: the file is neither pcap nor pcapng, or damaged.
    """
    magic = file.read(4)
    for order, scale in _PCAP.get(magic, ()):
        yield from _pcap(file, name, order, scale)
        return
    if magic != _SECTION:
        raise CaptureError(name, 0, "neither pcap nor pcapng")
    yield from _pcapng(file, name)


_PCAP: Final[Mapping[bytes, tuple[tuple[str, float], ...]]] = {
    b"\xd4\xc3\xb2\xa1": (("<", 1e-6),),
    b"\xa1\xb2\xc3\xd4": ((">", 1e-6),),
    b"\x4d\x3c\xb2\xa1": (("<", 1e-9),),
    b"\xa1\xb2\x3c\x4d": ((">", 1e-9),),
}
_SECTION: Final = b"\x0a\x0d\x0d\x0a"


def _pcap(file: BinaryIO, name: str, order: str, scale: float) -> Iterator[Packet]:
    head = file.read(20)
    if len(head) < 20:
        raise CaptureError(name, 0, "cut off within its header")
    link = struct.unpack(order + "I", head[16:])[0] & 0x0FFFFFFF
    record = struct.Struct(order + "IIII")
    number = 0
    while len(head := file.read(16)) == 16:
        number += 1
        seconds, part, kept, length = record.unpack(head)
        if kept > MAX_PACKET:
            raise CaptureError(name, 0, f"packet {number} has {kept} bytes")
        data = file.read(kept)
        yield Packet(seconds + part * scale, link, data, max(length, kept))


def _pcapng(file: BinaryIO, name: str) -> Iterator[Packet]:
    order, interfaces, at = "<", list[tuple[int, float]](), 0.0
    kind_bytes = _SECTION
    while len(kind_bytes) == 4:
        size_bytes = file.read(4)
        if kind_bytes == _SECTION:
            magic = file.read(4)
            if magic not in (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d"):
                raise CaptureError(name, 0, "damaged: a section without its byte order")
            order, interfaces = "<" if magic[0] == 0x4D else ">", []
            _rest(file, name, order, size_bytes, 12)
        else:
            body = _rest(file, name, order, size_bytes, 8)
            kind = struct.unpack(order + "I", kind_bytes)[0]
            if kind == 1 and len(interfaces) < MAX_INTERFACES and len(body) >= 8:
                interfaces.append(_interface(body, order))
            elif kind in (2, 3, 6):
                packet = _block(kind, body, order, interfaces, at)
                if packet is not None:
                    at = packet.at
                    yield packet
        kind_bytes = file.read(4)


def _rest(file: BinaryIO, name: str, order: str, size_bytes: bytes, taken: int) -> bytes:
    """The rest of a block, without the length that is repeated at its end."""
    if len(size_bytes) < 4:
        return b""
    size = struct.unpack(order + "I", size_bytes)[0]
    if size < 12 or size % 4 or size > MAX_BLOCK:
        raise CaptureError(name, 0, f"damaged: a block of {size} bytes")
    return file.read(size - taken)[: size - taken - 4]


def _interface(body: bytes, order: str) -> tuple[int, float]:
    """(link, seconds of a tick)."""
    link, scale, at = struct.unpack(order + "H", body[:2])[0], 1e-6, 8
    while at + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        if code == 9 and length >= 1 and at + 4 < len(body):  # if_tsresol
            value = body[at + 4]
            scale = 2.0 ** -(value & 0x7F) if value & 0x80 else 10.0**-value
        if code == 0:
            break
        at += 4 + length + -length % 4
    return link, scale


def _block(
    kind: int, body: bytes, order: str, interfaces: list[tuple[int, float]], before: float
) -> Packet | None:
    """A packet of an enhanced, simple or obsolete packet block; None: of no known interface, or cut off."""
    if kind == 3:
        if not interfaces or len(body) < 4:
            return None
        length = struct.unpack_from(order + "I", body)[0]
        return Packet(before, interfaces[0][0], body[4 : 4 + min(length, MAX_PACKET)], length)
    if len(body) < 20:
        return None
    form = "HHIIII" if kind == 2 else "IIIII"
    fields = struct.unpack_from(order + form, body)
    high, low, kept, length = fields[-4:]
    if fields[0] >= len(interfaces) or kept > MAX_PACKET:
        return None
    link, scale = interfaces[fields[0]]
    return Packet(((high << 32) + low) * scale, link, body[20 : 20 + kept], max(length, kept))


# From the link to TCP --------------------------------------------------------------------------------

_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN: Final = frozenset({0x8100, 0x88A8, 0x9100})
_EXTENSIONS: Final = frozenset({0, 43, 60, 135})  # whose length counts eights
_TCP: Final = 6
_FRAGMENT: Final = 44  # the extension header of IPv6


def segment(packet: Packet) -> Segment | Fragment | None:
    """The TCP segment of a packet, or that it is a fragment of one; None: it has none that can be read."""
    peel = _LINKS.get(packet.link)
    if peel is None:
        return None
    try:
        inner = peel(packet.data)
        return None if inner is None else _ip(packet, inner)
    except (struct.error, IndexError, ValueError):
        return None


def _ethernet(data: bytes) -> bytes | None:
    at = 12
    while (kind := struct.unpack_from(">H", data, at)[0]) in _VLAN:
        at += 4
    return data[at + 2 :] if kind in (_IPV4, _IPV6) else None


def _cooked(data: bytes) -> bytes | None:
    at, kind = 16, struct.unpack_from(">H", data, 14)[0]
    while kind in _VLAN:
        kind, at = struct.unpack_from(">H", data, at + 2)[0], at + 4
    return data[at:] if kind in (_IPV4, _IPV6) else None


def _cooked_2(data: bytes) -> bytes | None:
    return data[20:] if struct.unpack_from(">H", data)[0] in (_IPV4, _IPV6) else None


_LINKS: Final[Mapping[int, Callable[[bytes], bytes | None]]] = {
    0: lambda data: data[4:],  # BSD loopback: the family in the host's order, which the IP version says again
    1: _ethernet,
    12: lambda data: data,
    14: lambda data: data,
    101: lambda data: data,
    108: lambda data: data[4:],
    113: _cooked,
    228: lambda data: data,
    229: lambda data: data,
    276: _cooked_2,
}


def _ip(packet: Packet, data: bytes) -> Segment | Fragment | None:
    version = data[0] >> 4
    if version == 4:
        head, total = (data[0] & 15) * 4, struct.unpack_from(">H", data, 2)[0]
        if head < 20 or data[9] != _TCP:
            return None
        if struct.unpack_from(">H", data, 6)[0] & 0x3FFF:  # more of it follows, or comes before
            return Fragment(packet.at)
        ends = (str(ip_address(data[12:16])), str(ip_address(data[16:20])))
        return _tcp(packet, data[head:], (total or len(data)) - head, ends)
    if version != 6:
        return None
    total, following, at = struct.unpack_from(">H", data, 4)[0], data[6], 40
    ends = (str(ip_address(data[8:24])), str(ip_address(data[24:40])))
    while following in _EXTENSIONS:
        following, at = data[at], at + 8 + data[at + 1] * 8
    if following == _FRAGMENT and data[at] == _TCP:
        return Fragment(packet.at)
    if following != _TCP:
        return None
    return _tcp(packet, data[at:], (total + 40 if total else len(data)) - at, ends)


def _tcp(packet: Packet, data: bytes, length: int, ends: tuple[str, str]) -> Segment | None:
    source, target, sequence = struct.unpack_from(">HHI", data)
    head, flags = (data[12] >> 4) * 4, data[13]
    if head < 20 or length < head:
        return None
    payload = data[head:length]
    return Segment(
        packet.at,
        (ends[0], source),
        (ends[1], target),
        sequence,
        flags,
        payload,
        length - head - len(payload),
    )
