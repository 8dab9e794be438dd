"""What an import leads to: fsroute's rows as values, before they are SQL. Pure. Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Step:
    """Of a time line: ``skill`` at a lower level, or ``announce`` a prompt, `after` the contact was queued."""

    after: int
    do: str
    skill: str | None = None
    level: int | None = None
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue, its demand, and the rule that gives it its time line."""

    contact_center: str
    name: str
    strategy: str
    hold_music: str
    offer_timeout: int
    longest_wait: int | None
    refuse_when: str
    skill: str
    level: int
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentRow:
    """An agent; `skills` by name with their levels, `contact_centers` that the agent is authorized for."""

    agent_id: str
    name: str
    address: str
    leg: str
    status: str
    wrap_up: int
    set_aside: int
    miss_limit: int | None
    miss_then: str
    skills: tuple[tuple[str, int], ...] = ()
    contact_centers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberRow:
    """A number that is called, and the queue that it leads to."""

    number: str
    contact_center: str
    queue: str
    application: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All rows of an import."""

    site: str
    switch: str
    link_address: str
    time_zone: str
    contact_centers: tuple[tuple[str, str], ...]  # identifier, name
    queues: tuple[QueueRow, ...] = ()
    agents: tuple[AgentRow, ...] = ()
    numbers: tuple[NumberRow, ...] = field(default=())
