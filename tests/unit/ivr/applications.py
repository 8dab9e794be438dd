"""Applications for the tests: written into a folder as an operator would, and callers."""

from __future__ import annotations

import datetime
import wave
from collections.abc import Iterable, Mapping
from pathlib import Path

from fsroute.ivr import Application, Do, Happening, Position, advance, load, start
from fsroute.model import CallerInformation

ARRIVAL = datetime.datetime(2024, 5, 1, 9, 30, tzinfo=datetime.UTC)

HEAD = """
name = "test"
version = "1"
start = "{start}"
languages = {languages}
sorry = {{ prompt = "sorry" }}
"""


def caller(
    *,
    name: str = "Ada",
    number: str = "+15550100",
    language: str = "en",
    facts: Mapping[str, str] | None = None,
) -> CallerInformation:
    return CallerInformation(number, name, "8005550199", ARRIVAL, language=language, facts=facts or {})


def write(
    folder: Path,
    steps: str,
    *,
    head: str | None = None,
    first: str = "a",
    languages: Iterable[str] = ("en",),
    prompts: Iterable[str] = ("sorry", "hello", "ask", "bye", "wrong", "silent"),
    lasting: float = 0.01,
) -> Path:
    """A folder with these steps; every prompt exists in every language and lasts so many seconds."""
    names = list(languages)
    text = HEAD.format(start=first, languages=names) if head is None else head
    (folder / "application.toml").write_text(text + steps, encoding="utf-8")
    for language in names:
        for prompt in prompts:
            recording(folder / "prompts" / language / f"{prompt}.wav", lasting)
    return folder


def recording(path: Path, lasting: float = 0.01) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * round(8000 * lasting)))


def part(folder: Path, name: str, steps: str, *, languages: Iterable[str] = ("en",)) -> Application:
    """An application of this name in a folder of its own."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    head = HEAD.format(start="a", languages=list(languages)).replace('"test"', f'"{name}"')
    return load(write(folder / name, steps, head=head, languages=languages))


def loaded(folder: Path, steps: str, *, languages: Iterable[str] = ("en",), first: str = "a") -> Application:
    return load(write(folder, steps, languages=languages, first=first))


def walk(
    application: Application,
    *happenings: Happening,
    who: CallerInformation | None = None,
    parts: Iterable[Application] = (),
) -> tuple[Position, Do]:
    """Where a caller stands after these happenings, stored and read again after each of them."""
    library = {part.name: part for part in parts}
    position, do = start(application, who or caller()), None
    for happening in happenings:
        position, do = advance(application, position, happening, library)
        stored = Position.load(application, position.dump(), position.caller, library)
        assert stored == position
        position = stored
    assert do is not None
    return position, do
