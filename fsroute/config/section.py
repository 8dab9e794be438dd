"""What all sections of the configuration share: their base, their types, and what they check."""

from __future__ import annotations

import re
from string import Formatter
from typing import Annotated

from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(gt=0)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=1)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,40}$")]  # as the database checks it


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all sections share."""


class Secret:
    """A text that no repr, str, log line or traceback shows; ``reveal()`` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')" if self._text else "Secret('')"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def require_fields(key: str, template: str, fields: set[str]) -> None:
    try:
        found = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise ValueError(f"{key} {template!r}: {error}") from error
    if found != fields:
        wanted = " and ".join("{" + name + "}" for name in sorted(fields))
        raise ValueError(f"{key} {template!r} must hold {wanted} and no other field")


def require_pattern(key: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{key}: no regular expression: {error}") from error


def require_once(key: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{key} names {name} twice")
