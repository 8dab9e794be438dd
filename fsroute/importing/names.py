"""Names of another system as fsroute's identifiers: each its own, whatever stands in them. Pure."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 40  # characters


def slug(text: str, otherwise: str = "x") -> str:
    """`text` in lower case letters, digits, - and _; `otherwise` where nothing is left of it."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")[:LONGEST].strip("-") or otherwise


class Names:
    """Identifiers given so far; one that is taken gets a number."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, original: str, *wishes: str) -> str:
        """The identifier of `original`: the first of the wishes that is free, always the same one."""
        if original not in self._given:
            self._given[original] = self._free(wishes)
            self._taken.add(self._given[original])
        return self._given[original]

    def _free(self, wishes: tuple[str, ...]) -> str:
        for wish in wishes:
            if wish not in self._taken:
                return wish
        number = 2
        while True:
            end = f"-{number}"
            wish = wishes[-1][: LONGEST - len(end)] + end
            if wish not in self._taken:
                return wish
            number += 1


def parted(name: str) -> tuple[str, str]:
    """(user, domain) of ``user@domain``; the domain may be empty."""
    user, _, domain = name.rpartition("@")
    return (user, domain) if user else (name, "")
