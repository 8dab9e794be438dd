"""Activity of sites in the database: for readers, what changed since they looked; for its processor, one write at a time.

Reader: subscribe to `ACTIVITY`; the key is a switch, or None (anything may have changed). Then
``Activities.changes(known)`` gives what is newer than the versions known, and `SiteActivity.after` takes it in.
Signs of life are no signals: look at `heads` now and then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
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
from fsroute.model.agent_state import Doing
from fsroute.store.database import Statements

ACTIVITY = "activity"
"""The topic of activity that has changed; the database publishes it with the write, the key is the switch."""

_HEAD = tuple(field.name for field in fields(Head))


class Activities:
    """What is stored of all switches."""

    def __init__(self, database: Statements) -> None:
        self._database = database

    def heads(self) -> list[Head]:
        """How old each switch's activity is, and which version it has."""
        return [_head(row) for row in self._database.run("activity_heads")]

    def changes(self, known: Mapping[str, int], switch_ids: Sequence[str] | None = None) -> list[Changes]:
        """What is newer than the versions `known` by switch, of all switches or of some; of others nothing."""
        rows = self._database.run(
            "activity_changes",
            known=json.dumps(dict(known)),
            switch_ids=None if switch_ids is None else list(switch_ids),
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
