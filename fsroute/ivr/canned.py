"""Answers to look-ups that an author gives, to try an application without its application server.

A file of them, in TOML; of one look-up the first counts whose `parameters` (those it names) are the same::

    [[order_status]]
    parameters = { order = "12345" }
    facts = { status = "shipped" }

    [[order_status]]
    result = "empty"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import msgspec
from msgspec import Struct

from fsroute.errors import ConfigurationError
from fsroute.ivr.actions import LookedUp, LookUpResult
from fsroute.ivr.steps import FACT_NAME

LONGEST_FILE = 1_000_000  # bytes


class Canned(Struct, frozen=True, forbid_unknown_fields=True):
    """One answer, and to what; without `parameters` to whatever is asked."""

    result: LookUpResult = "found"
    facts: dict[str, str] = {}
    parameters: dict[str, str] = {}

    @property
    def answer(self) -> LookedUp:
        return LookedUp(self.result, self.facts)


Answers = Mapping[str, Sequence[Canned]]


def read(path: Path) -> dict[str, tuple[Canned, ...]]:
    """The answers in a file, by look-up.

    Raises:
        ConfigurationError: it cannot be read, or holds something else.
    """
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise ConfigurationError(f"{path}: larger than {LONGEST_FILE} bytes")
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(raw, dict[str, tuple[Canned, ...]])
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise ConfigurationError(f"{path}: {error}") from error


def find(answers: Answers, name: str, parameters: Mapping[str, str]) -> Canned | None:
    """The answer to a look-up, None if there is none for it."""
    for each in answers.get(name, ()):
        if each.parameters.items() <= parameters.items():
            return each
    return None


def typed(line: str) -> LookedUp | None:
    """The answer that a person typed: ``empty``, ``slow``, ``failed``, or ``name=value; name=value``."""
    word = line.strip()
    for result in get_args(LookUpResult):
        if word == result:
            return LookedUp(result)
    facts = {}
    for piece in filter(None, map(str.strip, word.split(";"))):
        name, equals, value = (part.strip() for part in piece.partition("="))
        if not equals or re.fullmatch(FACT_NAME.pattern, name) is None:
            return None
        facts[name] = value
    return LookedUp("found", facts) if facts else None
