"""Activity as JSON for the database, and back: pure. The names are those of the columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from fsroute.cti.lines import Stage, Visit
from fsroute.cti.news import Before, CallKey, News
from fsroute.model.activity import AgentActivity, Counts, QueueActivity, QueueKey, Source


def dump(news: News) -> dict[str, object]:
    """What ``write_activity`` takes; what there is nothing of is left out."""
    document: dict[str, object] = {
        "agents": [_agent(agent) for agent in news.agents],
        "queues": [_queue(queue) for queue in news.queues],
        "calls": [_call(key, visit) for key, visit in news.calls],
        "gone_agents": [{"source": key.source, "agent": key.agent} for key in news.gone_agents],
        "gone_queues": [_key(key) for key in news.gone_queues],
        "gone_calls": [_key(key) | {"call_id": call_id} for key, call_id in news.gone_calls],
        "intervals": [
            _key(key) | {"begins_at": begin} | _interval(counts)
            for key, begin, counts in sorted(news.intervals, key=lambda each: each[1])
        ],
        "link": news.link,
        "core_uuid": news.core_uuid,
        "given_up": news.given_up,
        "whole": news.whole,
        "seen": news.seen,
    }
    if news.marks is not None:
        document["marks"] = dict(news.marks)
    return {name: value for name, value in document.items() if value}


def _key(key: QueueKey) -> dict[str, object]:
    return {"source": key.source, "queue": key.queue, "medium": key.medium}


def _agent(agent: AgentActivity) -> dict[str, object]:
    return {
        "source": agent.key.source,
        "agent": agent.key.agent,
        "status": agent.status,
        "state": agent.state,
        "state_since": agent.state_since,
        "state_until": agent.state_until,
        "idle_since": agent.idle_since,
        "address": agent.address,
        "reachable": agent.reachable,
        "skills": dict(agent.skills),
        "queues": dict(agent.queues),
    }


def _queue(queue: QueueActivity) -> dict[str, object]:
    return _key(queue.key) | {
        "waiting": queue.waiting,
        "talking": queue.talking,
        "oldest_at": queue.oldest_at,
        "agents": queue.agents,
        "idle": queue.idle,
        "expected_wait": queue.expected_wait,
        "handling": queue.handling,
        "service_level": queue.service_level,
        "threshold": queue.threshold,
        "windows": {str(seconds): _window(counts) for seconds, counts in queue.windows.items()},
    }


def _window(counts: Counts) -> dict[str, float]:
    """Without what is nothing: most of it is, most of the time."""
    return {name: value for name, value in asdict(counts).items() if value}


def _call(key: CallKey, visit: Visit) -> dict[str, object]:
    line, call_id = key
    return _key(line) | {
        "call_id": call_id,
        "state": visit.stage,
        "picked_up": visit.picked_up,
        "entered_at": visit.entered_at,
        "answered_at": visit.answered_at,
        "agent": visit.agent or None,
    }


_RENAMED = {"wait": "wait_s", "longest_wait": "longest_wait_s", "handling": "handling_s"}


def _interval(counts: Counts) -> dict[str, float]:
    return {_RENAMED.get(name, name): value for name, value in asdict(counts).items()}


def load(
    calls: Iterable[Mapping[str, Any]],
    windows: Iterable[Mapping[str, Any]],
    intervals: Iterable[Mapping[str, Any]],
    marks: Mapping[str, Any],
    core_uuid: str | None,
    age: float,
) -> Before:
    """What a processor before this one has written, from its rows."""
    return Before(
        calls=tuple(((_row_key(row), row["call_id"]), _visit(row)) for row in calls),
        windows={_row_key(row): _windows(row["windows"]) for row in windows},
        intervals=tuple((_row_key(row), row["begins_at"], _counts(row)) for row in intervals),
        marks=marks,
        core_uuid=core_uuid,
        age=age,
    )


def _row_key(row: Mapping[str, Any]) -> QueueKey:
    return QueueKey(Source(row["source"]), row["queue"], row["medium"])


def _visit(row: Mapping[str, Any]) -> Visit:
    return Visit(
        Stage(row["state"]), row["entered_at"], row["answered_at"], row["picked_up"], row["agent"] or ""
    )


def _windows(windows: Mapping[str, Mapping[str, Any]]) -> dict[int, Counts]:
    return {int(seconds): Counts(**counts) for seconds, counts in windows.items()}


def _counts(row: Mapping[str, Any]) -> Counts:
    names = {_RENAMED.get(name, name): name for name in asdict(Counts())}
    return Counts(**{name: row[column] for column, name in names.items()})
