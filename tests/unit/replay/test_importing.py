"""Recorded traffic becomes captures, whatever the network did to it, and whatever a file holds."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from fsroute.replay import format as captures
from fsroute.replay.faults import CaptureError
from fsroute.replay.format import Capture, Side
from fsroute.replay.importing import imported
from fsroute.replay.packets import FIN, RST, SYN, Fragment, Packet, Segment, packets, segment
from fsroute.replay.streams import conversations

FOLDER = Path(__file__).parents[2] / "captures"
PCAPS = Path(__file__).parent / "pcap"
ACK = 0x10
SWITCH, CLIENT = ("127.0.0.1", 40_000), ("127.0.0.1", 8084)


def tcp(one: Segment) -> bytes:
    source, target = one.source[1], one.target[1]
    head = struct.pack(">HHIIBBHHH", source, target, one.sequence, 0, 5 << 4, one.flags or ACK, 1024, 0, 0)
    return head + one.payload


def ipv4(one: Segment) -> bytes:
    inner = tcp(one)
    ends = b"".join(bytes(int(part) for part in end[0].split(".")) for end in (one.source, one.target))
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(inner), 0, 0, 64, 6, 0) + ends + inner


def ipv6(one: Segment) -> bytes:
    inner = b"\x06\x00" + bytes(6) + tcp(one)  # behind an empty header of hop-by-hop options
    return (
        struct.pack(">IHBB", 0x60000000, len(inner), 0, 64)
        + bytes(15)
        + b"\x01"
        + bytes(15)
        + b"\x02"
        + inner
    )


LINKS: dict[str, tuple[int, Callable[[Segment], bytes]]] = {
    "ethernet": (1, lambda one: bytes(12) + b"\x08\x00" + ipv4(one)),
    "ethernet with two VLANs": (
        1,
        lambda one: bytes(12) + b"\x88\xa8\x00\x01\x81\x00\x00\x02\x08\x00" + ipv4(one),
    ),
    "ethernet, IPv6": (1, lambda one: bytes(12) + b"\x86\xdd" + ipv6(one)),
    "cooked": (113, lambda one: bytes(14) + b"\x08\x00" + ipv4(one)),
    "cooked 2": (276, lambda one: b"\x08\x00" + bytes(18) + ipv4(one)),
    "raw": (101, ipv4),
    "raw IPv6": (229, ipv6),
    "loopback": (0, lambda one: b"\x02\x00\x00\x00" + ipv4(one)),
    "loopback of OpenBSD": (108, lambda one: b"\x00\x00\x00\x02" + ipv4(one)),
}


def pcap(segments: Iterable[Segment], link: str = "raw", order: str = "<", nano: bool = False) -> bytes:
    number, wrap = LINKS[link]
    magic, scale = (0xA1B23C4D, 1e9) if nano else (0xA1B2C3D4, 1e6)
    written = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, number)]
    for one in segments:
        data = wrap(one)
        seconds = int(one.at)
        stamp = (seconds, int((one.at - seconds) * scale), len(data), len(data))
        written.append(struct.pack(order + "IIII", *stamp) + data)
    return b"".join(written)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(segments: Iterable[Segment], order: str = "<") -> bytes:
    """Two interfaces, one of them counting nanoseconds, and a block that nobody knows."""
    section = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    plain = block(1, struct.pack(order + "HHI", 1, 0, 0), order)
    options = struct.pack(order + "HHB3xHH", 9, 1, 9, 0, 0)
    nano = block(1, struct.pack(order + "HHI", 101, 0, 0) + options, order)
    written = [section, plain, block(0xBAD, b"?", order), nano]
    for one in segments:
        data, ticks = ipv4(one), int(one.at * 1e9)
        head = struct.pack(order + "IIIII", 1, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
        written.append(block(6, head + data, order))
    return b"".join(written)


def said(capture: Capture, first: int = 1000, size: int = 700, at: float = 1_764_362_172.0) -> list[Segment]:
    """The packets of a session: `first` is the first sequence number of both sides."""
    outbound = capture.header.session == "outbound"
    client, server = (SWITCH, CLIENT) if outbound else (CLIENT, SWITCH)
    made = [
        Segment(at, client, server, first, SYN, b""),
        Segment(at, server, client, first, SYN, b""),
    ]
    made[1] = Segment(at, server, client, first, SYN | ACK, b"")
    sent = {SWITCH: first + 1, CLIENT: first + 1}
    for chunk in capture.chunks:
        sender, other = (SWITCH, CLIENT) if chunk.side is Side.FREESWITCH else (CLIENT, SWITCH)
        for start in range(0, len(chunk.data), size):
            piece = chunk.data[start : start + size]
            made.append(Segment(at + chunk.t, sender, other, sent[sender] & 0xFFFFFFFF, 0, piece))
            sent[sender] += len(piece)
    end = at + capture.duration
    made.append(Segment(end, SWITCH, CLIENT, sent[SWITCH] & 0xFFFFFFFF, FIN, b""))
    made.append(Segment(end, CLIENT, SWITCH, sent[CLIENT] & 0xFFFFFFFF, FIN, b""))
    return made


def read(data: bytes, folder: Path) -> list[Capture]:
    path = folder / "traffic.pcap"
    path.write_bytes(data)
    return list(imported(path))


def recording(name: str = "caller_hangs_up_while_bridged") -> Capture:
    return captures.load(FOLDER / f"{name}.jsonl")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.jsonl")), ids=lambda path: path.stem)
def test_every_recording_comes_back_from_its_packets(path: Path, tmp_path: Path) -> None:
    capture = captures.load(path)
    (found,) = read(pcap(said(capture)), tmp_path)
    assert found.header.session == capture.header.session
    assert not found.header.joined
    assert found.is_whole
    assert found.said_by(Side.FREESWITCH) == capture.said_by(Side.FREESWITCH)
    sent = capture.said_by(Side.FSROUTE).replace(b"auth ClueCon", b"auth ***")
    assert found.said_by(Side.FSROUTE) == sent
    assert found.facts["end"] == "closed"


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize(("order", "nano"), [("<", False), (">", True)])
def test_links_of_all_kinds_are_read(link: str, order: str, nano: bool, tmp_path: Path) -> None:
    capture = recording()
    (found,) = read(pcap(said(capture), link, order, nano), tmp_path)
    assert found.said_by(Side.FREESWITCH) == capture.said_by(Side.FREESWITCH)


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_with_several_interfaces_is_read(order: str, tmp_path: Path) -> None:
    capture = recording()
    (found,) = read(pcapng(said(capture), order), tmp_path)
    assert found.said_by(Side.FREESWITCH) == capture.said_by(Side.FREESWITCH)
    assert found.header.at == pytest.approx(1_764_362_172.0, abs=0.01)
    assert found.duration == pytest.approx(capture.duration, abs=0.01)


@given(some.integers(0, 1 << 32), some.integers(100, 3000), some.integers(0, 1 << 32))
@settings(max_examples=40, deadline=None)
def test_order_repetition_overlap_and_wrap_change_nothing(first: int, size: int, seed: int) -> None:
    chance = random.Random(seed)
    capture = recording()
    begin, *rest = said(capture, first, size)
    hurt: list[Segment] = []
    for one in rest:
        hurt.append(one)
        if one.payload and chance.random() < 0.3:
            hurt.append(one)
        if len(one.payload) > 4 and chance.random() < 0.3:
            cut = chance.randrange(1, len(one.payload))
            again = (one.sequence + cut) & 0xFFFFFFFF
            hurt.append(Segment(one.at, one.source, one.target, again, 0, one.payload[cut:]))
    opening, closing, middle = hurt[0], hurt[-2:], hurt[1:-2]
    for start in range(0, len(middle), 8):  # the network mixes packets that are near to each other
        part = middle[start : start + 8]
        chance.shuffle(part)
        middle[start : start + 8] = part
    (found,) = conversations([begin, opening, *middle, *closing])
    for end, side in ((SWITCH, Side.FREESWITCH), (CLIENT, Side.FSROUTE)):
        assert b"".join(piece.data for piece in found.pieces if piece.sender == end) == capture.said_by(side)
    assert sum(piece.lost for piece in found.pieces) == 0


def test_a_lost_segment_is_said(tmp_path: Path) -> None:
    segments = said(recording())
    gone = next(one for one in segments[10:] if one.source == SWITCH and len(one.payload) > 600)
    (found,) = read(pcap(one for one in segments if one is not gone), tmp_path)
    assert found.header.missing == len(gone.payload)
    assert [note.facts for note in found.notes if "missing" in note.facts] == [
        {"missing": len(gone.payload), "of": "freeswitch"}
    ]
    assert not found.is_whole


def test_a_segment_that_was_recorded_in_part_is_said(tmp_path: Path) -> None:
    data = bytearray(pcap(said(recording(), size=700)))
    path = tmp_path / "short.pcap"
    written, at = data[:24], 24
    while at < len(data):
        kept = min(struct.unpack_from("<I", data, at + 8)[0], 400)
        whole = struct.unpack_from("<I", data, at + 8)[0]
        written += data[at : at + 8] + struct.pack("<II", kept, whole) + data[at + 16 : at + 16 + kept]
        at += 16 + whole
    path.write_bytes(written)
    (found,) = imported(path)
    assert found.header.missing > 0


@pytest.mark.parametrize("name", ["caller_hangs_up_while_bridged", "three_way_conference"])
def test_a_session_that_was_joined_in_the_middle_says_so(name: str, tmp_path: Path) -> None:
    capture = recording(name)
    segments = said(capture)
    (found,) = read(pcap(segments[len(segments) // 2 :]), tmp_path)
    assert found.header.joined
    assert found.header.session == capture.header.session
    first = next(chunk for chunk in found.chunks if chunk.side is Side.FREESWITCH)
    assert first.data.startswith((b"Content-Length: ", b"Content-Type: "))
    assert capture.said_by(Side.FREESWITCH).endswith(found.said_by(Side.FREESWITCH))


def test_several_sessions_are_told_apart_and_other_traffic_is_left_out(tmp_path: Path) -> None:
    one, other = said(recording()), said(recording("network_leg_is_busy"))
    ends = {SWITCH: ("127.0.0.1", 41_000), CLIENT: CLIENT}
    moved = [replace(each, source=ends[each.source], target=ends[each.target]) for each in other]
    web = [Segment(1_764_362_172.5, ("10.0.0.1", 5), ("10.0.0.2", 80), 1, 0, b"GET / HTTP/1.1\r\n\r\n")]
    mixed = sorted([*one, *moved, *web], key=lambda each: each.at)
    found = read(pcap(mixed), tmp_path)
    assert sorted(len(each.said_by(Side.FREESWITCH)) for each in found) == sorted(
        len(recording(name).said_by(Side.FREESWITCH))
        for name in ("caller_hangs_up_while_bridged", "network_leg_is_busy")
    )


def test_a_port_that_is_used_again_is_another_session(tmp_path: Path) -> None:
    again = said(recording("network_leg_is_busy"), first=77_000, at=1_764_363_000.0)
    found = read(pcap([*said(recording()), *again]), tmp_path)
    assert len(found) == 2
    cut = read(pcap([*said(recording())[:-2], *again]), tmp_path)
    assert [each.facts["end"] for each in cut] == ["a new connection began", "closed"]
    assert not cut[0].is_whole


def test_a_recording_that_ends_early_and_a_reset_are_told(tmp_path: Path) -> None:
    segments = said(recording())
    (found,) = read(pcap(segments[:-2]), tmp_path)
    assert found.facts["truncated"] == "the recording ended"
    last = segments[-3]
    reset = Segment(last.at, last.source, last.target, last.sequence, RST, b"")
    (found,) = read(pcap([*segments[:-2], reset]), tmp_path)
    assert found.facts["end"] == "reset"


def test_the_password_is_not_imported_wherever_the_packets_cut_it(tmp_path: Path) -> None:
    (found,) = read(pcap(said(recording("three_way_conference"), size=7)), tmp_path)
    assert b"ClueCon" not in found.said_by(Side.FSROUTE)
    assert b"auth ***" in found.said_by(Side.FSROUTE)


@pytest.mark.parametrize("data", [b"", b"abc", b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a\x1c\x00\x00\x00what"])
def test_what_is_no_recording_says_so(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"traffic\.pcap"):
        read(data, tmp_path)


WHOLE = (pcap(said(recording())[:40], "ethernet"), pcapng(said(recording())[:40]))


@given(
    some.sampled_from(WHOLE),
    some.lists(some.tuples(some.integers(0, 40_000), some.integers(0, 255)), max_size=30),
)
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_read_or_refused(data: bytes, changes: Sequence[tuple[int, int]]) -> None:
    hurt = bytearray(data)
    for place, value in changes:
        hurt[place % len(hurt)] = value
    segments = (segment(packet) for packet in packets(io.BytesIO(bytes(hurt)), "it"))
    try:
        for _ in conversations(one for one in segments if isinstance(one, Segment)):
            pass
    except CaptureError:
        pass


IPV4_HEAD = bytes.fromhex("4500003c00010000400600007f0000017f000001")
IPV6_FRAGMENT = (
    bytes.fromhex("6000000000102c40") + bytes(15) + b"\x01" + bytes(15) + b"\x01" + b"\x06" + bytes(15)
)


@pytest.mark.parametrize("at_and_flags", [0x2000, 0x0010, 0x2010])
def test_a_fragment_of_ip_is_told_apart(at_and_flags: int) -> None:
    data = IPV4_HEAD[:6] + at_and_flags.to_bytes(2, "big") + IPV4_HEAD[8:] + bytes(40)
    assert segment(Packet(7.0, 101, data, len(data))) == Fragment(7.0)


def test_a_fragment_of_ip_6_is_told_apart() -> None:
    assert segment(Packet(7.0, 101, IPV6_FRAGMENT, len(IPV6_FRAGMENT))) == Fragment(7.0)


def test_a_fragment_of_something_else_is_nothing() -> None:
    data = IPV4_HEAD[:6] + b"\x20\x00\x40\x11" + IPV4_HEAD[10:] + bytes(40)  # UDP
    assert segment(Packet(7.0, 101, data, len(data))) is None


@pytest.mark.parametrize("path", sorted(PCAPS.glob("*.pcap*")), ids=lambda path: path.name)
def test_real_traffic_is_imported(path: Path) -> None:
    found = list(imported(path))
    assert {each.header.session for each in found} == {"outbound", "inbound"}
    for each in found:
        assert each.header.joined == ("middle" in path.name)
        assert each.header.missing == 0
        assert b"ClueCon" not in each.said_by(Side.FSROUTE)
