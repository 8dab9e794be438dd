"""An agent's contact, a dial string of FreeSWITCH, as fsroute's address: one endpoint, without variables. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MOST_GROUPS = 8
TIMEOUTS = ("leg_timeout", "originate_timeout", "call_timeout")
"""Variables that say how long a leg rings, the one that counts most first."""

_GROUP = re.compile(r"\s*(\[[^\]]*\]|\{[^}]*\}|<[^>]*>)")
_CONTACT = re.compile(r"\$\{sofia_contact\((?:\*/|[^/)@]*/)?([A-Za-z0-9_.+-]+@[A-Za-z0-9_.-]+)\)\}")
_ENDPOINT = re.compile(r"(user|sofia|loopback|verto\.rtc|error)/\S+")
_FORBIDDEN = re.compile(r"[\x00-\x1f${}\[\],]")
_SEPARATOR = re.compile(r":_:|[|,]")


@dataclass(frozen=True, slots=True)
class Address:
    """What is dialled; empty where fsroute could not. `variables` were set for the leg, `others` are further ones."""

    text: str
    variables: dict[str, str] = field(default_factory=dict)
    others: int = 0

    @property
    def rings(self) -> int | None:
        """How long the leg rings, in seconds, where the dial string says so."""
        for name in TIMEOUTS:
            if self.variables.get(name, "").isdecimal():
                return min(int(self.variables[name][:6]), 86_400) or None
        return None


def address(contact: str) -> Address:
    """The first of the endpoints that a contact names."""
    variables: dict[str, str] = {}
    rest = contact.strip()
    for _ in range(MOST_GROUPS):
        group = _GROUP.match(rest)
        if group is None:
            break
        variables |= _variables(group[1][1:-1])
        rest = rest[group.end() :]
    rest = _CONTACT.sub(r"user/\1", rest)
    first, *others = _SEPARATOR.split(rest)
    first = first.strip()
    usable = _ENDPOINT.fullmatch(first) is not None and _FORBIDDEN.search(first) is None and len(first) <= 200
    return Address(first if usable else "", variables, len([each for each in others if each.strip()]))


def _variables(text: str) -> dict[str, str]:
    found = {}
    if text.startswith("^^") and len(text) > 2:  # another separator than the comma
        text = text[3:].replace(text[2], ",")
    for pair in text.split(","):
        name, equals, value = pair.partition("=")
        if equals and name.strip():
            found[name.strip()] = value.strip().strip("'")
    return found
