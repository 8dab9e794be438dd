"""A first application for an author to start from: it passes the checks, and its prompts are tones."""

from __future__ import annotations

import array
import math
import re
import sys
import tomllib
import wave
from importlib.resources import files
from pathlib import Path

from fsroute.errors import ApplicationError
from fsroute.ivr.application import FILE_NAME, PROMPTS
from fsroute.ivr.manifest import NAME
from fsroute.ivr.transcripts import WORDS

RATE = 8000  # samples per second, what a telephone line carries
TONE = 0.3  # seconds
LANGUAGE = "en"


def create(folder: Path, name: str) -> list[str]:
    """Write an application called `name` to `folder`; the paths of its files in it.

    Raises:
        ApplicationError: `name` is none for an application, or the folder is there or cannot be made.
    """
    if re.fullmatch(NAME.pattern, name) is None:
        raise ApplicationError(f"{name!r} {NAME.words}")
    source = files("fsroute.ivr") / "skeleton"
    text = (source / FILE_NAME).read_text(encoding="utf-8")
    words = (source / PROMPTS / LANGUAGE / WORDS).read_text(encoding="utf-8")
    content = {
        FILE_NAME: text.replace('name = "new"', f'name = "{name}"', 1).encode(),
        f"{PROMPTS}/{LANGUAGE}/{WORDS}": words.encode(),
    }
    try:
        folder.mkdir(parents=True)
        for path, data in content.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        for count, prompt in enumerate(tomllib.loads(words)["words"]):
            path = f"{PROMPTS}/{LANGUAGE}/{prompt}.wav"
            _write_tone(folder / path, 440.0 * math.pow(2.0, count / 12))
            content[path] = b""
    except FileExistsError as error:
        raise ApplicationError(f"{folder} is there already") from error
    except OSError as error:
        raise ApplicationError(f"{folder} cannot be written: {error.strerror}") from error
    return list(content)


def _write_tone(path: Path, frequency: float) -> None:
    """A soft tone that swells and fades; each prompt has another one, so that they can be told apart."""
    count = int(RATE * TONE)
    samples = array.array(
        "h",
        (
            round(6000 * math.sin(math.pi * n / count) * math.sin(2 * math.pi * frequency * n / RATE))
            for n in range(count)
        ),
    )
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
