"""From what an application wants heard to what FreeSWITCH executes: pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fsroute.ivr import Collect, Play, Say

Execution = tuple[str, str]
"""An application of FreeSWITCH and its argument."""

NO_KEYS = "none"  # no DTMF digit is one of these letters
SILENCE = "silence_stream://1"
KEY_PRESSED = "DIGIT:"
"""How ``play_and_detect_speech`` begins its result when a key ended it (switch_ivr_async.c)."""
SAYS_BY_THE_CLOCK = frozenset({"current_date", "current_time"})
"""What ``say`` tells in the time zone of the channel variable ``timezone``; we give it in UTC."""


def play(do: Play, folder: Path) -> Iterator[Execution]:
    """The executions of a `Play`, one after the other; neighbouring files become one."""
    files: list[str] = []
    for item in do.items:
        if isinstance(item, Say):
            yield from _playback(files)
            files = []
            yield "say", f"{item.language} {item.kind} {item.method} {_one_word(item.text)}"
        else:
            files.append(str(folder / item))
    yield from _playback(files)


def _playback(files: list[str]) -> Iterator[Execution]:
    if files:
        yield "playback", one_file(files)


def one_file(files: list[str]) -> str:
    """Several files as one (mod_dptools' ``file_string``)."""
    return files[0] if len(files) == 1 else "file_string://" + "!".join(files)


def _one_word(text: str) -> str:
    """``say`` would take the first of two words for a gender (mod_dptools, say_function)."""
    return "".join(text.split())


def one_argument(text: str) -> str:
    """One of several arguments of an application, which are parted at blanks (switch_separate_string)."""
    return f"'{text}'" if " " in text else text


def needs_utc(do: Play) -> bool:
    """Whether something in it is said by the clock."""
    return any(isinstance(item, Say) and item.kind in SAYS_BY_THE_CLOCK for item in do.items)


def detect(do: Collect, folder: Path, engine: str) -> Execution:
    """``play_and_detect_speech`` (mod_dptools): a key ends it too, where playback_terminators say so."""
    prompt = one_file([str(folder / name) for name in do.files]) if do.files else SILENCE
    return "play_and_detect_speech", f"{prompt} detect:{engine} {do.grammar}"


def collect(do: Collect, folder: Path, variable: str) -> Execution:
    """``play_and_get_digits`` (mod_dptools): what is keyed comes in `variable`."""
    prompt = one_file([str(folder / name) for name in do.files]) if do.files else SILENCE
    invalid = one_file([str(folder / name) for name in do.invalid_files]) if do.invalid_files else SILENCE
    argument = (
        f"{do.min} {do.max} {do.tries} {do.timeout_ms} {do.terminators or NO_KEYS} "
        f"{one_argument(prompt)} {one_argument(invalid)} {variable} {do.pattern} {do.digit_timeout_ms}"
    )
    return "play_and_get_digits", argument
