"""A loaded interactive application: values that the interpreter walks."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fsroute.errors import ApplicationError
from fsroute.ivr.steps import Operator, Recordings, Sorry, Step

FILE_NAME = "application.toml"
PROMPTS = "prompts"
DIGITS = "0123456789"

Render = Callable[[str, Mapping[str, object]], str]
"""Renders one template (its source, the names it may use); raises `TemplateFault`."""


class TemplateFault(ApplicationError):
    """A template cannot be compiled, or cannot be rendered for this caller."""


class PositionRefused(ApplicationError):
    """A stored position does not fit the application: another one's, damaged, or an unknown step."""


class Severity(enum.StrEnum):
    """Whether an application with this fault is still run."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an application; `step` is empty where the fault is in no step."""

    file: str
    step: str
    fault: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        where = f"{self.file}: step {self.step}: " if self.step else f"{self.file}: "
        return f"{where}{'' if self.severity is Severity.ERROR else 'warning: '}{self.fault}"


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Application:
    """An application as it runs: checked, its steps complete with the defaults.

    `languages` begins with the fall-back language; `recordings` holds the names of the prompts
    that exist, by language. `folder` is where a `Play` item's path starts. `contact_center` is whose
    application it is; empty: that of whichever number was called. `numbers` are those that it is for; none: any.
    """

    name: str
    version: str
    start: str
    languages: tuple[str, ...]
    steps: Mapping[str, Step]
    sorry: Sorry
    operator: Operator | None
    facts: Mapping[str, str]
    recordings: Mapping[str, frozenset[str]]
    folder: Path
    render: Render = field(compare=False, repr=False)
    contact_center: str = ""
    numbers: tuple[str, ...] = ()

    def language_for(self, wanted: str) -> str:
        """`wanted` if the application speaks it (``es-MX`` finds ``es``), else the fall-back."""
        for language in (wanted, wanted.replace("_", "-").partition("-")[0]):
            if language in self.languages:
                return language
        return self.languages[0]

    def recording(self, language: str, prompt: str) -> str:
        """The path of a prompt in `language`, or in the fall-back language if it has none there."""
        spoken = language if prompt in self.recordings.get(language, ()) else self.languages[0]
        return f"{PROMPTS}/{spoken}/{prompt}.wav"

    def has_digits(self, language: str) -> bool:
        """Whether all ten digits were recorded in `language` (``digits/0`` … ``digits/9``)."""
        recorded = self.recordings.get(language, frozenset())
        return all(f"digits/{digit}" in recorded for digit in DIGITS)


def as_tuple(prompts: Recordings | None) -> tuple[str, ...]:
    """Prompts as a tuple, however the file wrote them."""
    if prompts is None:
        return ()
    return (prompts,) if isinstance(prompts, str) else prompts
