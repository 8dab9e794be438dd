"""What is said in each prompt, for people who read an application instead of hearing it.

``prompts/<language>/texts.toml`` gives the text of each prompt by its name. Where there is none, the
words that a speech synthesiser spoke are taken (``words.toml``, see `sounds`). Callers never come
near it: it is not part of a bundle, and what is wrong with it is only a warning.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from fsroute.ivr.application import PROMPTS, Fault, Severity
from fsroute.ivr.steps import PROMPT_NAME
from fsroute.ivr.texts import clean

TEXTS = "texts.toml"
WORDS = "words.toml"
LONGEST_FILE = 1_000_000  # bytes
LONGEST_TEXT = 1000  # characters

Texts = Mapping[str, Mapping[str, str]]
"""The text of a prompt, by language and name."""


def read(folder: Path, languages: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """The texts of the application in `folder`; what cannot be read is left out."""
    found: dict[str, dict[str, str]] = {}
    for language in languages:
        texts = {}
        for name, text in _texts(folder / PROMPTS / language):
            if not _wrong(name, text):
                texts[name] = clean(str(text))
        found[language] = texts
    return found


def faults(folder: Path, recordings: Mapping[str, frozenset[str]]) -> Iterator[Fault]:
    """What is wrong with the texts: `recordings` are the prompts that there are, by language."""
    for language, recorded in recordings.items():
        place = folder / PROMPTS / language
        path = _path(place)
        try:
            texts = list(_texts(place, strict=True))
        except ValueError as error:
            yield _fault(folder, path, str(error))
            continue
        for name, text in texts:
            wrong = _wrong(name, text)
            if not wrong and name not in recorded:
                wrong = f"there is no recording {name}.wav"
            if wrong:
                yield _fault(folder, path, wrong)


def _path(place: Path) -> Path:
    """The file that holds the texts of one language."""
    return place / (TEXTS if (place / TEXTS).exists() else WORDS)


def _texts(place: Path, *, strict: bool = False) -> list[tuple[str, object]]:
    path = _path(place)
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise ValueError(f"larger than {LONGEST_FILE} bytes")
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        if path.name == WORDS:
            table = table.get("words", {})
        if not isinstance(table, dict):
            raise ValueError("[words] is no table")
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError) as error:
        if strict:
            raise ValueError(_said(error)) from error
        return []
    return list(table.items())


def _said(error: BaseException) -> str:
    match error:
        case OSError():
            return f"cannot be read: {error.strerror}"
        case tomllib.TOMLDecodeError():
            return f"is not TOML: {error}"
        case UnicodeDecodeError() | RecursionError():
            return "is not a text in UTF-8"
    return str(error)


def _wrong(name: str, text: object) -> str:
    if re.fullmatch(PROMPT_NAME.pattern, name) is None:
        return f"{name[:80]!r}: {PROMPT_NAME.words}"
    if not isinstance(text, str):
        return f"{name}: the text is no text"
    return f"{name}: the text is longer than {LONGEST_TEXT} characters" if len(text) > LONGEST_TEXT else ""


def _fault(folder: Path, path: Path, text: str) -> Fault:
    return Fault(path.relative_to(folder).as_posix(), "", text, Severity.WARNING)
