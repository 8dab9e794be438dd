"""What of the activity is to be written next: rows that changed, rows that are gone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fsroute.cti.lines import Visit
from fsroute.model.activity import AgentActivity, AgentKey, Counts, QueueActivity, QueueKey

CallKey = tuple[QueueKey, str]


@dataclass(frozen=True, slots=True)
class News:
    """One write. `whole`: the agents, queues and calls are all there are.

    `intervals` are counts as they are now, never how much they grew. `marks` is up to where sources were counted.
    `link` and `core_uuid` are given when they changed; `seen`: all of it is true at this moment.
    """

    whole: bool = False
    agents: tuple[AgentActivity, ...] = ()
    queues: tuple[QueueActivity, ...] = ()
    calls: tuple[tuple[CallKey, Visit], ...] = ()
    gone_agents: tuple[AgentKey, ...] = ()
    gone_queues: tuple[QueueKey, ...] = ()
    gone_calls: tuple[CallKey, ...] = ()
    intervals: tuple[tuple[QueueKey, float, Counts], ...] = ()
    marks: Mapping[str, object] | None = None
    link: str | None = None
    core_uuid: str | None = None
    given_up: int = 0
    seen: bool = False

    def __bool__(self) -> bool:
        """There is something to write beside a sign of life."""
        return bool(
            self.whole
            or self.agents
            or self.queues
            or self.calls
            or self.gone_agents
            or self.gone_queues
            or self.gone_calls
            or self.intervals
            or self.marks is not None
            or self.link
            or self.core_uuid
            or self.given_up
        )


@dataclass(frozen=True, slots=True)
class Before:
    """What a processor before this one has written: where this one goes on from.

    `windows` are those of the lines, `age` for how many seconds they have not been written.
    """

    calls: tuple[tuple[CallKey, Visit], ...] = ()
    intervals: tuple[tuple[QueueKey, float, Counts], ...] = ()
    windows: Mapping[QueueKey, Mapping[int, Counts]] = field(default_factory=dict)
    marks: Mapping[str, object] = field(default_factory=dict)
    age: float = 0.0
    core_uuid: str | None = None
