"""Activity of sites in the database: what changed since a reader looked, and what its processor writes.

Reader: subscribe to `ACTIVITY`; the key is a switch, or None (anything may have changed). Then
``Activities.changes(known)`` gives what is newer than the versions known, and `SiteActivity.after` takes it in.
Signs of life are no signals: look at `heads` now and then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from fsroute.model.activity import (
    AgentActivity,
    AgentKey,
    Changes,
    Counts,
    Head,
    QueueActivity,
    QueueKey,
    Source,
)
from fsroute.model.agent import AgentStatus
from fsroute.model.agent_state import AgentMoment, Doing
from fsroute.model.proxy_call import ProxyCall
from fsroute.store.database import Statements
from fsroute.store.proxy_calls import from_row as call_from_row

ACTIVITY = "activity"
"""The topic of activity that has changed; the database publishes it with the write, the key is the switch."""

_HEAD = tuple(field.name for field in fields(Head))
_MOMENT = tuple(field.name for field in fields(AgentMoment))


class Activities:
    """What is stored of all switches."""

    def __init__(self, database: Statements) -> None:
        self._database = database

    def heads(self) -> list[Head]:
        """How old each switch's activity is, and which version it has."""
        return [_head(row) for row in self._database.run("activity_heads")]

    def changes(
        self, known: Mapping[str, int], switch_ids: Sequence[str] | None = None, *, to_select: bool = False
    ) -> list[Changes]:
        """What is newer than the versions `known` by switch, of all switches or of some; of others nothing.

        `to_select`: what a selection of agents and sites needs, without fsroute's own agents, numbers and counts.
        """
        rows = self._database.run(
            "activity_changes",
            known=json.dumps(dict(known)),
            switch_ids=None if switch_ids is None else list(switch_ids),
            select=to_select,
        )
        return [_changes(row) for row in rows]


def _head(row: Mapping[str, Any]) -> Head:
    return Head(**{name: row[name] for name in _HEAD})


def _changes(row: Mapping[str, Any]) -> Changes:
    agents = tuple(_agent(*cells) for cells in row["agents"])
    queues = tuple(_queue(*cells) for cells in row["queues"])
    return Changes(_head(row), bool(row["whole"]), agents, queues)


def _agent(
    source: str,
    agent: str,
    status: str,
    state: str,
    state_since: float,
    state_until: float | None,
    idle_since: float,
    address: str,
    reachable: bool | None,
    skills: Mapping[str, int],
    queues: Mapping[str, list[int]],
) -> AgentActivity:
    return AgentActivity(
        key=AgentKey(Source(source), agent),
        status=AgentStatus(status),
        state=Doing(state),
        state_since=state_since,
        state_until=state_until,
        idle_since=idle_since,
        address=address,
        reachable=reachable,
        skills=skills,
        queues={name: (tier[0], tier[1]) for name, tier in queues.items()},
    )


def _queue(
    source: str,
    queue: str,
    medium: str,
    waiting: int,
    talking: int,
    oldest_at: float | None,
    agents: int,
    idle: int,
    expected_wait: float | None,
    handling: float | None,
    service_level: float | None,
    threshold: float,
    windows: Mapping[str, Mapping[str, Any]],
) -> QueueActivity:
    return QueueActivity(
        key=QueueKey(Source(source), queue, medium),
        waiting=waiting,
        talking=talking,
        oldest_at=oldest_at,
        agents=agents,
        idle=idle,
        expected_wait=expected_wait,
        handling=handling,
        service_level=service_level,
        threshold=threshold,
        windows={int(seconds): Counts(**counts) for seconds, counts in windows.items()},
    )


class ActivityWriting:
    """The rows of one switch as its processor writes them, under the epoch of its lease.

    Every method raises `Fenced` once another processor has begun, save those that only read.
    """

    def __init__(self, database: Statements, switch_id: str, epoch: int) -> None:
        self._database = database
        self._switch_id = switch_id
        self._epoch = epoch
        self._sequence = 0

    def begin(self) -> None:
        """From now on the processor before this one is refused."""
        self._database.execute("begin_activity", switch_id=self._switch_id, epoch=self._epoch)

    def write(self, news: Mapping[str, object]) -> None:
        """One write: all of it or nothing, and once, even where its answer is lost. Nobody waits for the disk."""
        self._sequence += 1
        self._database.execute(
            "write_activity",
            switch_id=self._switch_id,
            epoch=self._epoch,
            sequence=self._sequence,
            news=json.dumps(news),
        )

    def before(self) -> Written:
        """What the processor before this one has left."""
        row = self._database.one("activity_marks", switch_id=self._switch_id)
        if row is None:
            return Written()
        return Written(
            calls=tuple(self._database.run("activity_calls", switch_id=self._switch_id)),
            windows=tuple(self._database.run("activity_windows", switch_id=self._switch_id)),
            marks=row["marks"],
            core_uuid=row["core_uuid"],
            age=max(0.0, row["age"]),
        )

    def intervals(self, since: float) -> list[dict[str, Any]]:
        """The counts of the intervals that began since then, in seconds since the epoch."""
        return self._database.run("activity_intervals", switch_id=self._switch_id, since=since)

    def roll_up(self, interval_days: int, days: int) -> None:
        """Sum up the days that are over; intervals and days older than that many days go."""
        self._database.execute(
            "roll_up_activity", switch_id=self._switch_id, interval_days=interval_days, days=days
        )


@dataclass(frozen=True, slots=True)
class Written:
    """Rows of ``site_call`` and ``site_queue``, and the marks of ``site_activity``; `age` in seconds."""

    calls: tuple[Mapping[str, Any], ...] = ()
    windows: tuple[Mapping[str, Any], ...] = ()
    marks: Mapping[str, Any] = field(default_factory=dict)
    core_uuid: str | None = None
    age: float = 0.0


class OwnActivity:
    """What the database itself knows of a switch's activity: fsroute's own agents and calls."""

    def __init__(self, database: Statements, switch_id: str) -> None:
        self._database = database
        self._switch_id = switch_id

    def agents(
        self, agent_ids: Sequence[str] | None = None
    ) -> list[tuple[AgentMoment, dict[str, int], dict[str, int]]]:
        """Agents of the switch, all or some: with the skills, and the queues that each may serve."""
        rows = self._database.run(
            "own_activity",
            switch_id=self._switch_id,
            agent_ids=None if agent_ids is None else list(agent_ids),
        )
        return [(_moment(row), row["skills"], row["queues"]) for row in rows]

    def states(self, agent_ids: Sequence[str]) -> list[AgentMoment]:
        """Those of these agents who are at the switch."""
        rows = self._database.run("own_states", switch_id=self._switch_id, agent_ids=list(agent_ids))
        return [_moment(row) for row in rows]

    def newest_call(self) -> int:
        """The newest call of all switches; 0: there was none yet."""
        return int(self._database.value("newest_proxy_call"))

    def calls_over_since(self, newest: int) -> list[ProxyCall]:
        """Calls of the switch that are over, newer than the one named."""
        rows = self._database.run("proxy_calls_unseen", switch_id=self._switch_id, newest=newest)
        return [call_from_row(row) for row in rows]


def _moment(row: Mapping[str, Any]) -> AgentMoment:
    values = {name: row[name] for name in _MOMENT}
    return AgentMoment(**{**values, "status": AgentStatus(row["status"]), "state": Doing(row["state"])})
