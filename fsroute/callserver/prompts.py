"""What fsroute itself says to callers: recordings by name, in the caller's language.

An application's recording of the same name comes first; the package brings one of every name that is used
here, in English and Spanish. A name that begins with ``/`` is a file of the switch's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fsroute.ivr import Application

FOLDER = Path(__file__).parent / "prompts"
FALL_BACK = "en"


@dataclass(frozen=True, slots=True)
class Prompts:
    """The recordings for one caller. `application` None: the caller is in none."""

    application: Application | None
    language: str

    def file(self, name: str) -> str:
        """The path of a recording; a name that nobody recorded is given as it stands, and the switch says so."""
        if name.startswith("/") or "://" in name:
            return name
        return self._own(name) or self._packaged(name) or name

    def files(self, names: tuple[str, ...]) -> list[str]:
        return [self.file(name) for name in names]

    def _own(self, name: str) -> str:
        application = self.application
        if application is None:
            return ""
        for language in (self.language, application.languages[0]):
            if name in application.recordings.get(language, ()):
                return str(application.folder / application.recording(language, name))
        return ""

    def _packaged(self, name: str) -> str:
        spoken = self.language.replace("_", "-").partition("-")[0]
        for language in (spoken, FALL_BACK):
            if name in packaged(language):
                return str(FOLDER / language / f"{name}.wav")
        return ""


@lru_cache(maxsize=16)
def packaged(language: str) -> frozenset[str]:
    """The names of the package's recordings in a language; empty for one that it does not speak."""
    folder = FOLDER / language
    if not language.isalpha() or not folder.is_dir():
        return frozenset()
    return frozenset(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.wav"))


def digits(number: str) -> tuple[str, ...]:
    """The recordings that read a number digit by digit."""
    return tuple(f"digits/{digit}" for digit in number if digit in "0123456789")
