"""Which recordings a phone hears, one after the other, where each recording is a tone of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.live.rtp import LINEAR, PCMU, Media, Packet

NEAR = 15.0  # Hz
PURE = 0.02  # of the energy that is no tone
QUIET = 1_000_000.0  # energy of a packet
APART = 480  # samples without it, after which the same recording is another one


@dataclass
class Heard:
    """A recording, from the arrival of its first packet to that of its last, in seconds since the epoch."""

    name: str
    since: float
    until: float


class Ear:
    """What comes in at `media`, told by `tones` (name to Hz)."""

    def __init__(self, media: Media, tones: Mapping[str, int]) -> None:
        self._media = media
        self._tones = tones
        self._taken = 0
        self._stamp = (
            0  # of the last packet with a tone: the sender's time, which a busy machine does not stretch
        )
        self._heard: list[Heard] = []

    def heard(self, since: float = 0.0) -> list[Heard]:
        """The recordings that began after `since`, those of two packets at least."""
        for packet in self._media.packets[self._taken :]:
            self._take(packet)
            self._taken += 1
        return [each for each in self._heard if each.since >= since and each.until > each.since]

    def names(self, since: float = 0.0) -> list[str]:
        return [each.name for each in self.heard(since)]

    def last(self) -> str:
        heard = self.heard()
        return heard[-1].name if heard else ""

    def _take(self, packet: Packet) -> None:
        name = self._name(packet)
        if not name:
            return
        before = self._heard[-1] if self._heard else None
        passed = (packet.timestamp - self._stamp) % (1 << 32)
        self._stamp = packet.timestamp
        if before is not None and before.name == name and passed <= APART:
            before.until = packet.at
        else:
            self._heard.append(Heard(name, packet.at, packet.at))

    def _name(self, packet: Packet) -> str:
        if packet.kind != PCMU:
            return ""
        pitch = frequency([LINEAR[octet] for octet in packet.payload])
        near = min(self._tones, key=lambda name: abs(self._tones[name] - pitch))
        return near if abs(self._tones[near] - pitch) < NEAR else ""


def frequency(samples: Sequence[int]) -> float:
    """Of a pure tone, in Hz; 0 for anything else.

    x[n+1] + x[n-1] = 2 cos(w) x[n] holds for a tone alone; what is left over tells whether it is one.
    """
    middle = samples[1:-1]
    sums = [before + after for before, after in zip(samples, samples[2:], strict=False)]
    energy = sum(sample * sample for sample in middle)
    if energy < QUIET:
        return 0.0
    factor = sum(a * b for a, b in zip(middle, sums, strict=True)) / energy
    rest = sum((b - factor * a) ** 2 for a, b in zip(middle, sums, strict=True))
    if abs(factor) >= 2 or rest > PURE * energy:
        return 0.0
    return math.acos(factor / 2) * 8000 / (2 * math.pi)
