"""How a call is routed before anybody has answered it, as a rule says it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Policy(enum.StrEnum):
    """By what one of several destinations is preferred."""

    LEAST_EXPECTED_WAIT = "least_expected_wait"  # where the caller would wait least; an idle agent is no wait
    LONGEST_IDLE = "longest_idle"  # the agent of all sites who has been idle longest
    SKILL_MATCH = "skill_match"  # the highest levels of what is asked for, then the fewest other skills
    SHARE = "share"  # sites in percent
    COST = "cost"  # the network's rate to the site and the agent's rate


class Manner(enum.StrEnum):
    """How a call gets to its destination."""

    REDIRECT = "redirect"  # 302: the caller's side calls there itself
    BRIDGE = "bridge"  # this switch calls there, and stays in the call


@dataclass(frozen=True, slots=True)
class Otherwise:
    """Where a call goes that no destination is found for, or none takes.

    `do` is ``queue`` (answered, it goes the ordinary way of a call and may be queued), ``number`` (this switch's
    dialplan takes it at `number`), ``site`` (the entry of `site`, whatever is known of it), ``busy`` (refused with
    `cause`, FreeSWITCH's name of a hang-up cause).
    """

    do: str = "queue"
    number: str = ""
    site: str = ""
    cause: str = "USER_BUSY"

    def __str__(self) -> str:
        return " ".join(word for word in (self.do, self._to()) if word)

    def _to(self) -> str:
        return {"number": self.number, "site": self.site, "busy": self.cause}.get(self.do, "")


_QUEUED = Otherwise()


@dataclass(frozen=True, slots=True)
class Direct:
    """A rule's terms for calls that are routed before the answer.

    `tries` counts destinations; `shares` are percents by site, of the policy ``share``. `demand`, limits and the rest
    are those of the rule's routing.
    """

    policy: Policy = Policy.LONGEST_IDLE
    manner: Manner = Manner.BRIDGE
    tries: int = 3
    shares: Mapping[str, float] = field(default_factory=dict)
    otherwise: Otherwise = _QUEUED

    def dump(self) -> dict[str, Any]:
        return {
            "policy": str(self.policy),
            "manner": str(self.manner),
            "tries": self.tries,
            "shares": dict(self.shares),
            "otherwise": str(self.otherwise),
        }


@dataclass(frozen=True, slots=True)
class DoorRow:
    """Where a site takes calls of a contact center; with an `agent_address` its agents may be selected, too."""

    site_id: str
    contact_center_id: str
    switch_id: str
    address: str
    agent_address: str | None


@dataclass(frozen=True, slots=True)
class SwitchSeen:
    """A switch's last sign of life from fsroute's own roles, in seconds since the epoch; None: never."""

    switch_id: str
    site_id: str
    link_address: str
    seen_at: float | None


@dataclass(frozen=True, slots=True)
class TakenRow:
    """An agent to whom a call is on its way. Moments in seconds since the epoch."""

    switch_id: str
    agent: str
    taken_at: float
    taken_until: float
