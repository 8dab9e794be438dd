"""Sounds for a first version of an application: prompts by a speech synthesiser, and hold music.

``python -m fsroute.ivr.sounds prompts FOLDER`` speaks each ``prompts/<language>/words.toml`` of an
application with espeak-ng and writes the recordings beside it (sox cuts and resamples them).
``python -m fsroute.ivr.sounds music FILE`` writes a quiet loop of 20 seconds. Both programs are
needed only here, never to run an application.
"""

from __future__ import annotations

import argparse
import array
import logging
import math
import re
import subprocess
import sys
import tempfile
import tomllib
import wave
from pathlib import Path

import msgspec

from fsroute.errors import ApplicationError
from fsroute.ivr.steps import PROMPT_NAME

logger = logging.getLogger(__name__)

RATE = 8000  # samples per second, what a telephone line carries

BARS = (
    ("C4", "E4", "G4", "B4"),
    ("A3", "C4", "E4", "G4"),
    ("F3", "A3", "C4", "E4"),
    ("G3", "B3", "D4", "F4"),
)
BAR = 5.0  # seconds
PLUCK = BAR / 8
LOUDNESS = 0.16  # of full scale, so that voices stand out from it


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    voice: str
    words: dict[str, str]


def make_prompts(folder: Path) -> int:
    """Write the recordings of all languages; the number of them.

    Raises:
        ApplicationError: a program is missing, or the words cannot be read.
    """
    count = 0
    for path in sorted(folder.glob("prompts/*/words.toml")):
        voice, words = _words(path)
        for name, text in words.items():
            _speak(voice, text, path.parent / f"{name}.wav")
            count += 1
    return count


def _words(path: Path) -> tuple[str, dict[str, str]]:
    try:
        table = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Words)
    except (OSError, ValueError) as error:
        raise ApplicationError(f"{path}: {error}") from error
    for name in table.words:
        if re.fullmatch(PROMPT_NAME.pattern, name) is None:
            raise ApplicationError(f"{path}: {name!r}: {PROMPT_NAME.words}")
    return table.voice, table.words


def _speak(voice: str, text: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(suffix=".wav") as spoken:
        _run("espeak-ng", "-v", voice, "-s", "165", "-w", spoken.name, "--", text)
        cut = ("silence", "1", "0.01", "0.3%", "reverse")
        form = ("-r", str(RATE), "-b", "16", "-c", "1", "-e", "signed-integer")
        _run("sox", "-D", spoken.name, *form, str(target), "norm", "-5", *cut, *cut, "pad", "0.02", "0.08")


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError as error:
        raise ApplicationError(f"{command[0]} is needed to make prompts; install it") from error
    except subprocess.CalledProcessError as error:
        raise ApplicationError(f"{command[0]}: {error.stderr.decode(errors='replace').strip()}") from error


def make_music(target: Path) -> None:
    """Write the hold music: broken chords over a soft bass, so made that its end meets its beginning."""
    length = int(len(BARS) * BAR * RATE)
    sound = [0.0] * length
    for bar, chord in enumerate(BARS):
        begin = bar * BAR
        _add(sound, _pitch(chord[0]) / 2, begin, decay=2.2, loudness=0.9)
        for beat, note in enumerate((0, 1, 2, 3, 2, 1, 2, 1)):
            _add(sound, _pitch(chord[note]), begin + beat * PLUCK, decay=0.9, loudness=0.6)
    _write(target, sound)


def _pitch(note: str) -> float:
    """Frequency of a note such as ``A4`` (440 Hz), equal temperament."""
    steps = {"C": -9, "D": -7, "E": -5, "F": -4, "G": -2, "A": 0, "B": 2}[note[0]]
    return 440.0 * math.pow(2.0, int(note[1]) - 4 + steps / 12)


def _add(sound: list[float], frequency: float, begin: float, *, decay: float, loudness: float) -> None:
    """Add a plucked tone; what rings past the end goes on at the beginning, as the loop does."""
    first = int(begin * RATE)
    for index in range(int(decay * 4 * RATE)):
        time = index / RATE
        envelope = min(1.0, time / 0.012) * math.exp(-time / decay) * loudness
        angle = 2.0 * math.pi * frequency * time
        tone = math.sin(angle) + 0.35 * math.sin(2 * angle) * math.exp(-3 * time) + 0.1 * math.sin(3 * angle)
        sound[(first + index) % len(sound)] += envelope * tone


def _write(target: Path, sound: list[float]) -> None:
    scale = LOUDNESS * 32767 / max(map(abs, sound))
    samples = array.array("h", (round(value * scale) for value in sound))
    if sys.byteorder == "big":
        samples.byteswap()
    target.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def main(arguments: list[str] | None = None) -> int:
    """The command; 0 when it could do what was asked."""
    parser = argparse.ArgumentParser(prog="python -m fsroute.ivr.sounds", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prompts").add_argument("folder", type=Path)
    commands.add_parser("music").add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        if options.command == "music":
            make_music(options.file)
        else:
            logger.info("%d prompts made", make_prompts(options.folder))
    except ApplicationError as error:
        logger.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
