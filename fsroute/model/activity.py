"""Activity of a site as it is stored: what a CTI processor sees at its switch, for whoever selects by it.

Moments are seconds since the epoch by the database's clock, durations seconds. What is written is described by
``site_activity``, ``site_agent`` and ``site_queue`` in ``sql/schema.sql``, and in ``docs/activity.md``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from fsroute.model.agent import AgentStatus
from fsroute.model.agent_state import Doing

WINDOWS = (60, 300, 900)
"""The windows that counts are kept for, in seconds: 1, 5 and 15 minutes."""

INTERVAL = 900
"""The length of an interval of the history, in seconds."""


class Source(enum.StrEnum):
    """Where a queue or an agent is known from."""

    FSROUTE = "fsroute"  # fsroute's own
    CALLCENTER = "callcenter"  # mod_callcenter's
    USER = "user"  # a registered telephone; agents only
    NUMBER = "number"  # a number that was called; queues only
    SITE = "site"  # the whole switch; queues only


@dataclass(frozen=True, slots=True, order=True)
class AgentKey:
    """`agent` is the agent_id, the name in mod_callcenter, or user@domain."""

    source: Source
    agent: str


@dataclass(frozen=True, slots=True, order=True)
class QueueKey:
    """`queue` is contact center/queue, the name in mod_callcenter, the number called, or empty for the whole switch."""

    source: Source
    queue: str
    medium: str = "voice"


@dataclass(frozen=True, slots=True)
class Counts:
    """What happened on a line in a stretch of time; two of them can be added.

    Of those offered some have been answered by an agent, some have gone without (`abandoned`; `abandoned_early`
    within the threshold), some were served by the switch alone or sent on (`automatic`). `in_time` counts those
    answered within the threshold. `wait` is what those answered have waited together, `handling` how long the
    `handled` conversations that ended took, with their wrap-up.
    """

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    abandoned_early: int = 0
    automatic: int = 0
    in_time: int = 0
    wait: float = 0.0
    longest_wait: float = 0.0
    handled: int = 0
    handling: float = 0.0

    def __add__(self, other: Self) -> Self:
        return replace(
            self,
            offered=self.offered + other.offered,
            answered=self.answered + other.answered,
            abandoned=self.abandoned + other.abandoned,
            abandoned_early=self.abandoned_early + other.abandoned_early,
            automatic=self.automatic + other.automatic,
            in_time=self.in_time + other.in_time,
            wait=self.wait + other.wait,
            longest_wait=max(self.longest_wait, other.longest_wait),
            handled=self.handled + other.handled,
            handling=self.handling + other.handling,
        )

    @property
    def service_level(self) -> float | None:
        """The part answered within the threshold; who went earlier than that does not count. None: nobody counts."""
        counted = self.answered + self.abandoned - self.abandoned_early
        return self.in_time / counted if counted > 0 else None

    @property
    def mean_wait(self) -> float | None:
        return self.wait / self.answered if self.answered else None

    @property
    def mean_handling(self) -> float | None:
        return self.handling / self.handled if self.handled else None


NOTHING = Counts()


@dataclass(frozen=True, slots=True)
class AgentActivity:
    """One agent as seen at a switch.

    `status` is declared, `state` observed. `state_until` is when wrap-up or a set-aside ends: from then on the
    agent is idle without another word. `idle_since` is the end of the last contact. `address` is what the switch
    dials; `reachable` whether that telephone is registered (None: not known). `queues` are mod_callcenter's tiers
    (queue to level and position); `skills` skill to level.
    """

    key: AgentKey
    status: AgentStatus
    state: Doing
    state_since: float
    idle_since: float
    address: str
    state_until: float | None = None
    reachable: bool | None = None
    skills: Mapping[str, int] = field(default_factory=dict)
    queues: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def is_idle(self, now: float) -> bool:
        """Would take a contact now."""
        if self.status is not AgentStatus.AVAILABLE or self.reachable is False:
            return False
        if self.state in (Doing.WRAP_UP, Doing.SET_ASIDE):
            return self.state_until is not None and self.state_until <= now
        return self.state is Doing.IDLE


@dataclass(frozen=True, slots=True)
class QueueActivity:
    """One line as seen at a switch: who waits and talks now, who is there to serve, and what was lately.

    `oldest_at` is since when the first of those who wait does. `agents` of this switch are on duty for it, `idle`
    of them idle. `expected_wait` is for who comes now; `handling` and `service_level` are those of the
    longest window that has one; None: not known. `windows` are `Counts` by seconds (`WINDOWS`).
    """

    key: QueueKey
    waiting: int
    talking: int
    oldest_at: float | None
    threshold: float
    agents: int = 0
    idle: int = 0
    expected_wait: float | None = None
    handling: float | None = None
    service_level: float | None = None
    windows: Mapping[int, Counts] = field(default_factory=dict)

    @property
    def in_progress(self) -> int:
        return self.waiting + self.talking


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a switch's activity as a whole.

    `known_at` is up to when it is true: it stands still when the processor is gone or its link to the switch is
    lost. `version` grows with each write that changed something; who knows less than `whole_version` reads the
    switch whole.
    """

    switch_id: str
    site_id: str
    version: int
    whole_version: int
    known_at: float
    reported_at: float
    link: str  # up or down
    link_since: float
    core_uuid: str | None = None
    given_up: int = 0

    def age(self, now: float) -> float:
        """For how many seconds nothing is known, by the database's clock."""
        return max(0.0, now - self.known_at)

    def is_stale(self, now: float, limit: float) -> bool:
        """Not to be selected by: the processor, its link or its host has been silent for `limit` seconds."""
        return self.age(now) > limit


@dataclass(frozen=True, slots=True)
class Changes:
    """What a reader has missed: rows of a switch newer than the version that it knew, or all of them."""

    head: Head
    whole: bool
    agents: tuple[AgentActivity, ...] = ()
    queues: tuple[QueueActivity, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteActivity:
    """All that is stored of one switch."""

    head: Head
    agents: Mapping[AgentKey, AgentActivity] = field(default_factory=dict)
    queues: Mapping[QueueKey, QueueActivity] = field(default_factory=dict)

    def after(self, changes: Changes) -> SiteActivity:
        """With what changed; of two the greater version is the newer, and an older one changes nothing."""
        if changes.head.version < self.head.version:
            return self
        agents = {} if changes.whole else dict(self.agents)
        queues = {} if changes.whole else dict(self.queues)
        agents.update((agent.key, agent) for agent in changes.agents)
        queues.update((queue.key, queue) for queue in changes.queues)
        return SiteActivity(changes.head, agents, queues)
