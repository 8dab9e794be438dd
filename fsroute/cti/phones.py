"""Registered telephones of a switch, and the channels that they have: pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fsroute.model.activity import AgentActivity, AgentKey, Source
from fsroute.model.agent import AgentStatus
from fsroute.model.agent_state import Doing

MOST_PHONES = 20_000
MOST_REGISTRATIONS = 50  # of one user

_VARIABLES = re.compile(r"^(?:\[[^\]]*\]|\{[^}]*\}|<[^>]*>)+")
_USER = re.compile(r"user/([^@,|:]+)(?:@([^,|]+))?")


@dataclass(slots=True)
class Phone:
    """What is known of one user@domain. `legs` are its channels, and whether each is answered."""

    registrations: dict[str, str] = field(default_factory=dict)  # token to contact
    legs: dict[str, bool] = field(default_factory=dict)
    state: Doing = Doing.IDLE
    state_since: float = 0.0
    idle_since: float = 0.0

    @property
    def doing(self) -> Doing:
        """By its channels alone."""
        if any(self.legs.values()):
            return Doing.TALKING
        return Doing.RINGING if self.legs else Doing.IDLE


class Phones:
    """All telephones of a switch that are registered or have a channel. Methods return the users that changed."""

    def __init__(self) -> None:
        self._phones: dict[str, Phone] = {}
        self._of_channel: dict[str, str] = {}
        self._of_name: dict[str, set[str]] = {}  # name without the domain to the users of that name
        self.known = False
        """The registrations have been listed: who is not among them is not registered."""

    def registered(self, user: str, token: str, contact: str, now: float) -> bool:
        """Whether anything changed by a registration, which is renewed every few minutes."""
        phone = self._phone(user, now)
        if phone is None or phone.registrations.get(token) == contact:
            return False
        phone.registrations[token] = contact
        if len(phone.registrations) > MOST_REGISTRATIONS:
            del phone.registrations[next(iter(phone.registrations))]
        return True

    def gone(self, user: str, token: str) -> bool:
        phone = self._phones.get(user)
        if phone is None or phone.registrations.pop(token, None) is None:
            return False
        self._forget(user)
        return True

    def listed(self, listed: dict[str, dict[str, str]], now: float) -> set[str]:
        """All registrations there are, by user and token."""
        changed = set()
        for user in [name for name, phone in self._phones.items() if phone.registrations.keys()]:
            if self._phones[user].registrations != listed.get(user, {}):
                changed.add(user)
                self._phones[user].registrations = {}
        for user, tokens in listed.items():
            for token, contact in tokens.items():
                if self.registered(user, token, contact, now):
                    changed.add(user)
        for user in changed:
            self._forget(user)
        if not self.known:
            changed |= self._phones.keys()
        self.known = True
        return changed

    def leg(self, uuid: str, user: str, answered: bool, now: float) -> str | None:
        """A channel of a telephone's began or was answered; the user whose state changed."""
        user = user or self._of_channel.get(uuid, "")
        phone = self._phone(user, now) if user else None
        if phone is None:
            return None
        self._of_channel[uuid] = user
        phone.legs[uuid] = answered or phone.legs.get(uuid, False)
        return user if self._changes(phone, now) else None

    def leg_gone(self, uuid: str, now: float) -> str | None:
        user = self._of_channel.pop(uuid, None)
        phone = self._phones.get(user) if user is not None else None
        if phone is None or user is None:
            return None
        phone.legs.pop(uuid, None)
        changes = self._changes(phone, now)
        self._forget(user)
        return user if changes else None

    def legs(self) -> list[str]:
        return list(self._of_channel)

    def _changes(self, phone: Phone, now: float) -> bool:
        doing = phone.doing
        if doing is phone.state:
            return False
        if doing is Doing.IDLE:
            phone.idle_since = now
        phone.state, phone.state_since = doing, now
        return True

    def _phone(self, user: str, now: float) -> Phone | None:
        phone = self._phones.get(user)
        if phone is None and len(self._phones) < MOST_PHONES:
            phone = self._phones[user] = Phone(state_since=now, idle_since=now)
            self._of_name.setdefault(user.partition("@")[0], set()).add(user)
        return phone

    def _forget(self, user: str) -> None:
        phone = self._phones.get(user)
        if phone is not None and not phone.registrations and not phone.legs:
            del self._phones[user]
            name = user.partition("@")[0]
            self._of_name[name].discard(user)
            if not self._of_name[name]:
                del self._of_name[name]

    def is_registered(self, user: str) -> bool | None:
        """None: the registrations are not known. A user without a domain is any of that name."""
        if not self.known:
            return None
        return any(self._phones[name].registrations for name in self.named(user))

    def doing(self, user: str) -> Doing:
        """What the telephones of a user are seen to do."""
        states = {self._phones[name].state for name in self.named(user)}
        return next((state for state in (Doing.TALKING, Doing.RINGING) if state in states), Doing.IDLE)

    def named(self, user: str) -> list[str]:
        """The telephones that a user's name means: one, or without a domain all of that name."""
        if "@" in user:
            return [user] if user in self._phones else []
        return list(self._of_name.get(user, ()))

    def activity(self, user: str) -> AgentActivity | None:
        """A telephone as an agent; None: it is not registered."""
        phone = self._phones.get(user)
        if phone is None or not phone.registrations:
            return None
        return AgentActivity(
            key=AgentKey(Source.USER, user),
            status=AgentStatus.AVAILABLE,
            state=phone.state,
            state_since=phone.state_since,
            idle_since=phone.idle_since,
            address=f"user/{user}",
            reachable=True,
        )


def plain(contact: str) -> str:
    """A dial string without the variables before it."""
    return _VARIABLES.sub("", contact)


def user_of(address: str) -> str:
    """The registered user that a dial string leads to, with the domain if it names one; empty: none."""
    found = _USER.match(plain(address))
    if found is None:
        return ""
    return f"{found[1]}@{found[2]}" if found[2] else found[1]
