"""Registered telephones of one switch, and the events that tell of them. Source: sofia_reg.c."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsroute.switchsim.events import Headers

if TYPE_CHECKING:
    from fsroute.switchsim.switch import Switch


@dataclass(frozen=True, slots=True)
class Registration:
    """One binding of user@host to a contact; `call_id` names it. `expires` in seconds since the epoch."""

    user: str
    host: str
    contact: str
    call_id: str
    profile: str = "internal"
    expires: int = 0


class Registrations:
    """All bindings of a switch."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self.bindings: dict[str, Registration] = {}  # by Call-ID

    def register(
        self, user: str, host: str, contact: str = "", call_id: str = "", profile: str = "internal", seconds: int = 3600
    ) -> Registration:  # fmt: skip
        """A telephone registers, or renews its registration."""
        call_id = call_id or f"{user}-registers@{host}"
        contact = contact or f"<sip:{user}@127.0.0.1:5062>"
        binding = Registration(user, host, contact, call_id, profile, int(time.time()) + seconds)
        self.bindings[call_id] = binding
        self._fire(
            "sofia::register", binding, (("from-user", user), ("from-host", host), ("presence-hosts", "n/a")),
            (("rpid", "unknown"), ("status", "Registered(UDP)"), ("expires", str(seconds)), ("to-user", user),
             ("to-host", host), ("network-ip", "127.0.0.1"), ("network-port", "5062"), ("username", user),
             ("realm", host), ("user-agent", "switchsim")),
        )  # fmt: skip
        return binding

    def unregister(self, call_id: str) -> None:
        binding = self.bindings.pop(call_id)
        names = (("username", binding.user), ("from-user", binding.user), ("from-host", binding.host))
        rest = (("rpid", "unknown"), ("realm", binding.host), ("expires", "0"))
        self._fire("sofia::unregister", binding, names, rest)

    def expire(self, call_id: str) -> None:
        """Nothing was heard of the telephone in time."""
        binding = self.bindings.pop(call_id)
        names = (("user", binding.user), ("username", binding.user), ("host", binding.host))
        self._fire(
            "sofia::expire", binding, names, (("expires", str(binding.expires)), ("realm", binding.host))
        )

    def _fire(self, subclass: str, binding: Registration, names: Headers, rest: Headers) -> None:
        head = (("Event-Subclass", subclass), ("profile-name", binding.profile))
        self._switch.fire(
            "CUSTOM", (*head, *names, ("contact", binding.contact), ("call-id", binding.call_id), *rest)
        )

    def rows(self) -> list[dict[str, str]]:
        """What ``show registrations`` has."""
        return [
            {
                "reg_user": one.user,
                "realm": one.host,
                "token": one.call_id,
                "url": f"sofia/{one.profile}/sip:{one.contact.strip('<>').removeprefix('sip:')}",
                "expires": str(one.expires),
                "network_ip": "127.0.0.1",
                "network_port": "5062",
                "network_proto": "udp",
                "hostname": self._switch.name,
                "metadata": "",
            }
            for one in self.bindings.values()
        ]
