"""Hold music made of sums of sines, so that fsroute plays something where no sounds are installed.

Four soft chords of two seconds each, 16-bit mono: made, not recorded, so nobody holds rights in it.
"""

from __future__ import annotations

import array
import math
import sys
import wave
from pathlib import Path

CHORD_S = 2.0
CHORDS = (  # Hz: C, A minor, F, G; each tone fits its chord's time with whole periods
    (130.5, 261.5, 329.5, 392.0),
    (110.0, 261.5, 329.5, 440.0),
    (87.5, 261.5, 349.0, 440.0),
    (98.0, 247.0, 293.5, 392.0),
)
PEAK = 6000  # of 32767: about -15 dBFS


def write(path: Path, rate: int) -> None:
    """Write the music as a WAV file of `rate` samples a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = array.array("h", (sample for chord in CHORDS for sample in _chord(chord, rate)))
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


def _chord(tones: tuple[float, ...], rate: int) -> list[int]:
    length = int(CHORD_S * rate)
    steps = [2 * math.pi * tone / rate for tone in tones]
    return [
        round(PEAK / len(tones) * _swell(i / length) * sum(math.sin(i * step) for step in steps))
        for i in range(length)
    ]


def _swell(part: float) -> float:
    """Loudness at `part` (0..1) of a chord: in and out softly, never quite silent."""
    return 0.35 + 0.65 * math.sin(math.pi * part)
