"""Addresses in dial strings, and what they stand for. Pure.

``sofia/<profile>/<user>@<host:port>``, ``sofia/gateway/<name>/<number>``, ``sip:user@host``,
``user/<user>[@domain]``, ``error/<cause>``, ``null/<anything>``, ``loopback/<number>[/<context>[/<dialplan>]]``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """Where a leg goes: the user part, the host with its port, and the profile or gateway that sends it."""

    kind: str  # sofia, gateway, user, error, null or loopback
    profile: str
    user: str
    host: str = ""

    @property
    def key(self) -> str:
        """The name under which an agent at that address is registered."""
        if self.kind == "user":
            return f"user/{self.user}"
        return f"{self.user}@{self.host}" if self.host else self.user

    def __str__(self) -> str:
        if self.kind == "user":
            return f"sofia/internal/{self.user}"
        if self.kind == "null":
            return f"null/{self.user}"
        if self.kind == "loopback":
            return f"loopback/{self.user}-a"
        return f"sofia/{self.profile}/{self.user}" + (f"@{self.host}" if self.host else "")


def parse_address(text: str) -> Address:
    """Read one address.

    Raises:
        ValueError: it has none of the forms that the stand-in knows.
    """
    kind, _, rest = text.partition("/")
    if text.startswith("sip:"):
        return _sofia("internal", text)
    if kind == "user" and rest:
        return Address("user", "internal", rest.partition("@")[0])
    if kind in ("error", "null") and rest:
        return Address(kind, "", rest)
    if kind == "loopback" and rest:
        number, _, context = rest.partition("/")
        return Address("loopback", context.partition("/")[0] or "default", number)
    if kind == "sofia":
        profile, _, target = rest.partition("/")
        if profile == "gateway":
            gateway, _, number = target.partition("/")
            return Address("gateway", gateway, number)
        if profile and target:
            return _sofia(profile, target)
    raise ValueError(f"address {text!r}")


def _sofia(profile: str, target: str) -> Address:
    target = target.removeprefix("sips:").removeprefix("sip:").partition(";")[0]
    user, _, host = target.rpartition("@") if "@" in target else (target, "", "")
    return Address("sofia", profile, user.removeprefix("sip:"), host)
