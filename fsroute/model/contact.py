"""A contact: one approach of one customer, and what is known of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from typing import Any

HEAD_PRIORITY = 1_000_000
"""Priority of a contact that lost its conversation through no fault of its own: served next."""


class Outcome(enum.StrEnum):
    """How a contact ended: exactly one for each."""

    SELF_SERVED = "self_served"  # the application alone served the caller
    SERVED = "served"  # an agent talked with the caller
    ABANDONED = "abandoned"  # the caller hung up before being served
    OVERFLOWED = "overflowed"  # the queue's limit passed; the caller went another way
    REFUSED = "refused"  # nobody could ever have served it
    TRANSFERRED = "transferred"  # the application sent the caller to a number
    LOST = "lost"  # the caller's switch died
    UNREACHED = "unreached"  # the caller asked to be called back and could not be reached
    FAILED = "failed"  # fsroute itself could not go on; the caller went to the fallback


class LeadKind(enum.StrEnum):
    """When the network leg is raised."""

    READY = "ready"  # when the agent has accepted
    OFFERED = "offered"  # together with the agent's leg (late answer; the default)
    POSITION = "position"  # when the contact reaches position N of its queue
    EXPECTED = "expected"  # when the expected wait falls to SECONDS


@dataclass(frozen=True, slots=True)
class Lead:
    """The lead of a queue: ``ready``, ``offered``, ``position:N`` or ``expected:SECONDS``."""

    kind: LeadKind = LeadKind.OFFERED
    limit: float = 0.0  # position, or seconds

    @classmethod
    def parse(cls, text: str) -> Lead:
        """Read a lead as a queue's row writes it.

        Raises:
            ValueError: `text` is none of the four forms; a number is finite and not negative.
        """
        word, colon, number = text.partition(":")
        kind = LeadKind(word)
        if (kind in (LeadKind.POSITION, LeadKind.EXPECTED)) != bool(colon):
            raise ValueError(f"lead {text!r}: write ready, offered, position:N or expected:SECONDS")
        limit = float(number) if colon else 0.0
        if not 0.0 <= limit < inf:
            raise ValueError(f"lead {text!r}: {number} is no number to wait for")
        return cls(kind, limit)

    def __str__(self) -> str:
        if self.kind in (LeadKind.POSITION, LeadKind.EXPECTED):
            return f"{self.kind}:{self.limit:g}"
        return str(self.kind)


@dataclass(frozen=True, slots=True)
class CallerInformation:
    """What is known of a caller; it goes with the contact everywhere.

    `facts` is what the application learned (name to text), `customer` the customer's record,
    `network` what the network said (codec, network address, SIP call id). All of it is written
    by others and never trusted.
    """

    number: str
    name: str
    number_called: str
    arrived_at: datetime
    medium: str = "voice"
    language: str = "en"
    facts: Mapping[str, str] = field(default_factory=dict)
    customer: Mapping[str, str] = field(default_factory=dict)
    network: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Demand:
    """What a contact asks of an agent; contacts with equal demands share a class.

    `skills` is a sorted tuple of (skill, lowest level); `sites` and `teams` are sorted, empty for any;
    `agent_id` names the only agent who may serve, as after a transfer to an agent.
    """

    contact_center_id: str
    medium: str
    skills: tuple[tuple[str, int], ...] = ()
    sites: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    agent_id: str | None = None

    def with_(self, **changes: Any) -> Demand:
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of a contact center: the rule that its contacts are served by. Times in seconds."""

    contact_center_id: str
    name: str
    demand: Demand
    priority: int
    strategy: str
    lead: Lead
    hold_music: str
    offer_timeout: float
    network_leg_timeout: float
    network_leg_tries: int
    longest_wait: float | None
    refuse_when: str
