"""Audio and digits over RTP: a tone goes out, what comes in is kept with the kernel's time of arrival."""

from __future__ import annotations

import itertools
import math
import random
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

import gevent

PCMU, EVENTS = 0, 101  # payload types
LOUD = 200  # of a sample of 16 bits
FRAME = 160  # samples, 20 ms at 8 kHz
STAMP = 35  # SO_TIMESTAMPNS
DIGITS = "0123456789*#ABCD"


@dataclass(frozen=True, slots=True)
class Packet:
    """One that came in; `at` in seconds since the epoch."""

    at: float
    kind: int
    sequence: int
    timestamp: int
    payload: bytes


class Media:
    """One end of an audio stream: sends the tone `frequency` (Hz; 0: silence) once it knows where to."""

    def __init__(self, frequency: int = 0, echo: bool = False) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, STAMP, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.packets: list[Packet] = []
        self.remote: tuple[str, int] | None = None
        self._frames = tone(frequency)
        self._digits: list[str] = []
        self._sequence = random.randrange(1 << 15)
        self._timestamp = random.randrange(1 << 30)
        self._ssrc = random.getrandbits(32)
        self._greenlets = [gevent.spawn(self._receive), gevent.spawn(self._send)]

    def close(self) -> None:
        gevent.killall(self._greenlets)
        self._socket.close()

    def sound(self, frequency: int) -> None:
        """Send this tone from now on."""
        self._frames = tone(frequency)

    def press(self, digits: str) -> None:
        """Send `digits` as RFC 4733 events, 100 ms each, in the place of audio."""
        self._digits += digits

    # What came in --------------------------------------------------------------------------------------

    def digits(self) -> str:
        """The RFC 4733 events that ended, in order."""
        ended = {
            packet.timestamp: DIGITS[packet.payload[0]]
            for packet in list(self.packets)
            if packet.kind == EVENTS and packet.payload[1] & 0x80
        }
        return "".join(ended[key] for key in sorted(ended))

    def largest_gap(self, since: float, until: float) -> float:
        """The longest time without a packet between two moments, in seconds."""
        moments = [since, *(p.at for p in list(self.packets) if since <= p.at <= until), until]
        return max(b - a for a, b in itertools.pairwise(moments))

    def gaps(self, since: float, until: float, longest: float) -> list[tuple[float, float]]:
        """(begin after `since`, length) of the gaps longer than `longest`, in seconds."""
        moments = [since, *(p.at for p in list(self.packets) if since <= p.at <= until), until]
        return [(a - since, b - a) for a, b in itertools.pairwise(moments) if b - a > longest]

    def longest_silence(self, since: float, until: float) -> float:
        """The longest time in which nothing came, or nothing but silence, in seconds."""
        return max(length for _, length in self.silences(since, until))

    def silences(self, since: float, until: float, longest: float = -1.0) -> list[tuple[float, float]]:
        """(begin after `since`, length) of the times without sound that are longer than `longest` seconds."""
        heard = (p.at for p in list(self.packets) if since <= p.at <= until and _is_loud(p))
        moments = [since, *heard, until]
        return [(a - since, b - a) for a, b in itertools.pairwise(moments) if b - a > longest]

    def hears(self, frequency: int, last: float = 0.2) -> bool:
        """Whether most of what came in the last `last` seconds is the tone `frequency`."""
        samples = self._samples(time.time() - last)
        return len(samples) > 8000 * last / 2 and strength(samples, frequency) > 0.5

    def first_heard(self, frequency: int, since: float) -> float | None:
        """When the tone was first there for 40 ms, in seconds since the epoch; None: not yet."""
        audio = [p for p in list(self.packets) if p.kind == PCMU and p.at >= since]
        for a, b in itertools.pairwise(audio):
            if strength([LINEAR[byte] for byte in a.payload + b.payload], frequency) > 0.5:
                return a.at
        return None

    def is_silent(self, last: float = 0.2) -> bool:
        """Nothing came, or only silence, in the last `last` seconds."""
        return not any(abs(sample) > LOUD for sample in self._samples(time.time() - last))

    def _samples(self, since: float) -> list[int]:
        recent = itertools.takewhile(lambda packet: packet.at >= since, reversed(self.packets[-100:]))
        audio = [packet.payload for packet in recent if packet.kind == PCMU]
        return [LINEAR[octet] for payload in reversed(audio) for octet in payload]

    # In and out ----------------------------------------------------------------------------------------

    def _receive(self) -> None:
        while True:
            data, ancillary, _, _ = self._socket.recvmsg(2048, 64)
            at = time.time()
            for level, kind, stamp in ancillary:
                if level == socket.SOL_SOCKET and kind == STAMP:
                    seconds, nanoseconds = struct.unpack("qq", stamp)
                    at = seconds + nanoseconds / 1e9
            if len(data) > 12:
                sequence, timestamp = struct.unpack_from("!HI", data, 2)
                self.packets.append(Packet(at, data[1] & 0x7F, sequence, timestamp, data[12:]))

    def _send(self) -> None:
        due = time.monotonic()
        count = 0
        while True:
            due += FRAME / 8000
            gevent.sleep(max(0.0, due - time.monotonic()))
            if self.remote is None:
                continue
            if self._digits:
                due = self._send_digit(self._digits.pop(0), due)
            else:
                self._packet(PCMU, self._timestamp, self._frames[count % len(self._frames)])
                self._timestamp += FRAME
                count += 1

    def _send_digit(self, digit: str, due: float) -> float:
        for step, payload in enumerate(digit_payloads(digit)):
            self._packet(EVENTS, self._timestamp, payload, marker=step == 0)
            due += FRAME / 8000
            gevent.sleep(max(0.0, due - time.monotonic()))
        self._timestamp += 10 * FRAME
        return due

    def _packet(self, kind: int, timestamp: int, payload: bytes, marker: bool = False) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        header = struct.pack(
            "!BBHII", 0x80, (0x80 if marker else 0) | kind, self._sequence, timestamp & 0xFFFFFFFF, self._ssrc
        )
        if self.remote is None:  # the call ended in the midst of a digit
            return
        try:
            self._socket.sendto(header + payload, self.remote)
        except OSError:  # the other end has closed its port
            return


def digit_payloads(digit: str) -> list[bytes]:
    """An RFC 4733 event of 100 ms: five packets while it lasts, three ends."""
    code = DIGITS.index(digit)
    return [
        struct.pack("!BBH", code, (0x80 if step > 5 else 0) | 10, min(step, 5) * FRAME)
        for step in range(1, 9)
    ]


def digit_packets(digit: str) -> list[bytes]:
    """The RTP packets of :func:`digit_payloads`."""
    return [
        struct.pack("!BBHII", 0x80, (0 if step else 0x80) | EVENTS, 1 + step, 8000, 0x5150) + payload
        for step, payload in enumerate(digit_payloads(digit))
    ]


def capture(packets: Sequence[bytes]) -> bytes:
    """A capture file with these packets in UDP, 20 ms apart, as SIPp plays it; addresses are SIPp's to set."""
    written = [struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for number, packet in enumerate(packets):
        udp = struct.pack("!HHHH", 6000, 6000, 8 + len(packet), 0) + packet
        address = bytes((127, 0, 0, 1))
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0) + address * 2
        frame = bytes(12) + b"\x08\x00" + ip + udp
        written.append(struct.pack("=IIII", 1, 20_000 * number, len(frame), len(frame)) + frame)
    return b"".join(written)


def _is_loud(packet: Packet) -> bool:
    return packet.kind == PCMU and any(abs(LINEAR[octet]) > LOUD for octet in packet.payload)


def strength(samples: Sequence[int], frequency: int) -> float:
    """The share of the energy that is at `frequency` (Hz), from 0 to about 1 (Goertzel)."""
    energy = sum(sample * sample for sample in samples)
    if not samples or energy < 100 * len(samples):
        return 0.0
    factor = 2 * math.cos(2 * math.pi * frequency / 8000)
    before, last = 0.0, 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    power = last * last + before * before - factor * last * before
    return 2 * power / (energy * len(samples))


def tone(frequency: int) -> list[bytes]:
    """One second of a tone as fifty frames of PCMU."""
    samples = [round(8000 * math.sin(2 * math.pi * frequency * n / 8000)) for n in range(8000)]
    octets = bytes(encode(sample) for sample in samples)
    return [octets[start : start + FRAME] for start in range(0, 8000, FRAME)]


def encode(sample: int) -> int:
    """G.711 µ-law."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> (exponent + 3) & 0x0F) & 0xFF


def _decode(octet: int) -> int:
    octet = ~octet & 0xFF
    magnitude = (((octet & 0x0F) << 3) + 132 << (octet >> 4 & 7)) - 132
    return -magnitude if octet & 0x80 else magnitude


LINEAR = [_decode(octet) for octet in range(256)]
