"""How long a file plays: prompts are measured, never read out. Pure but for looking at wave headers."""

from __future__ import annotations

import math
import re
import wave
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

ENDLESS = math.inf
_TIMEOUT = re.compile(r"\{[^}]*\btimeout=(\d+)")
_SAY_PER_CHARACTER = 0.35  # seconds that one digit or letter takes to say


class Sounds:
    """The sound files of one switch.

    `durations` (seconds by name) stands for files that need not exist; every other name is a
    wave file under `prefix` or an absolute path, and one that is missing is "FILE NOT FOUND".
    `speed` above 1 makes everything that plays shorter; silence and tones of a given length too,
    but not a ``{timeout=…}``.
    """

    def __init__(
        self, durations: Mapping[str, float] | None = None, prefix: str = "", speed: float = 1.0
    ) -> None:
        self.durations = dict(durations or {})
        self.prefix = Path(prefix)
        self.speed = speed

    def length(self, name: str) -> float | None:
        """Return how long `name` plays, in seconds; `ENDLESS`, or None when there is no such file."""
        limit = _TIMEOUT.match(name)
        seconds = self._length(_without_parameters(name))
        if seconds is None:
            return None
        seconds /= self.speed
        return seconds if limit is None else min(seconds, int(limit[1]) / 1000)

    def say_length(self, text: str) -> float:
        """Return how long the ``say`` of `text` takes, in seconds."""
        return max(1, len(text)) * _SAY_PER_CHARACTER / self.speed

    def _length(self, name: str) -> float | None:
        if name in self.durations:
            return self.durations[name]
        scheme, separator, rest = name.partition("://")
        if separator:
            return self._stream_length(scheme, rest)
        path = Path(name)
        return _wave_length(str(path if path.is_absolute() else self.prefix / path))

    def _stream_length(self, scheme: str, rest: str) -> float | None:
        if scheme == "local_stream":
            return ENDLESS
        if scheme == "silence_stream":
            return _milliseconds(rest.partition(",")[0])
        if scheme == "tone_stream":
            return _tone_length(rest)
        if scheme == "file_string":
            lengths = [self._length(part) for part in rest.split("!")]
            return sum(length for length in lengths if length is not None)
        return None


def _without_parameters(name: str) -> str:
    """Drop ``{…}`` before and ``@@samples`` after a name."""
    if name.startswith("{"):
        name = name.partition("}")[2]
    return name.partition("@@")[0]


def _milliseconds(text: str) -> float:
    number = int(text or 0)
    return ENDLESS if number <= 0 else number / 1000


def _tone_length(spec: str) -> float:
    loops = re.search(r"loops=(-?\d+)", spec)
    count = int(loops[1]) if loops else 1
    if count < 0:
        return ENDLESS
    tones = re.findall(r"%\((\d+),(\d+)", spec)
    once = sum(int(on) + int(off) for on, off in tones) / 1000
    return count * (once or 1.0)


@lru_cache(maxsize=4096)
def _wave_length(path: str) -> float | None:
    try:
        with wave.open(path) as file:
            frames, rate = int(file.getnframes()), int(file.getframerate())
        return frames / rate
    except FileNotFoundError:
        return None
    except (OSError, EOFError, wave.Error):
        return 1.0 if Path(path).is_file() else None
