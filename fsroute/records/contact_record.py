"""One contact's record, from its events: pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fsroute.acd.proxy_call import On

LEG_ENDS = frozenset(
    {On.AGENT_LEFT, On.CONVERSATION_OVER, On.CONVERSATION_LOST, On.CALLER_GONE, On.SWITCH_DIED}
)


@dataclass(frozen=True, slots=True)
class ContactEvent:
    """A row of contact_event."""

    at: datetime
    contact_id: str
    contact_center_id: str
    kind: str
    state: str | None = None
    agent_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class ContactRecord:
    """What a contact was. Durations in seconds, but `agent_waits` in milliseconds.

    `waited` runs from the first request for an agent to the talk, or to the end without one; `agent_waits` from an
    agent's accepting to the talk; `network_leg` is what the wide-area connection was answered for;
    `sent_at_once` what it would have been, had the call been sent to the agent's site when it asked for one.
    `outcome_code` is what the agent said of it last, maybe after its end. `retries` counts network legs that failed
    and offers that agents did not take.
    """

    contact_id: str
    contact_center_id: str
    outcome: str | None = None
    outcome_code: str | None = None
    abandoned_in: str | None = None
    agent_id: str | None = None
    waited: float = 0.0
    agent_waits: list[float] = field(default_factory=list)
    network_leg: float = 0.0
    sent_at_once: float = 0.0
    retries: int = 0
    kinds: list[str] = field(default_factory=list)


def records(events: Iterable[ContactEvent]) -> Iterator[ContactRecord]:
    """The record of each contact, by arrival; `events` are in the order in which they were written."""
    by_contact: dict[str, list[ContactEvent]] = defaultdict(list)
    for event in events:
        by_contact[event.contact_id].append(event)
    for contact_id, own in by_contact.items():
        yield _record(contact_id, own)


def _record(contact_id: str, events: list[ContactEvent]) -> ContactRecord:
    record = ContactRecord(contact_id, events[0].contact_center_id, kinds=[event.kind for event in events])
    requested = joined = accepted = None
    network = remote = False
    end = events[-1].at
    for event in events:
        kind = event.kind
        if kind == On.REQUESTED:
            requested = requested or event.at
        elif kind == On.AGENT_RESERVED:
            remote = remote or event.data.get("network_leg") != "not_needed"
        elif kind == On.AGENT_ACCEPTED:
            accepted = event.at
        elif kind == On.ACD_OFFERED:
            remote = remote or event.data.get("network_leg") != "not_needed"
        elif kind == On.JOINED:
            joined, record.agent_id = event.at, event.agent_id or event.data.get("acd_agent")
            network = event.data.get("network_leg") == "joined"
            if requested is not None and not record.agent_waits:
                record.waited = _seconds(requested, event.at)
            if accepted is not None:
                record.agent_waits.append(1000 * _seconds(accepted, event.at))
        elif kind == "consultation_completed":
            record.agent_id = event.agent_id
        elif kind in (On.AGENT_FAILED, On.NETWORK_LEG_FAILED, On.NETWORK_LEG_GIVEN_UP, On.NOT_TAKEN):
            record.retries += 1
        elif kind == "closed":
            record.outcome, end = event.data.get("outcome"), _ended(event)
        elif kind == "outcome_code":
            record.outcome_code = event.data.get("code")
        if kind in LEG_ENDS and joined is not None:
            record.network_leg += _seconds(joined, event.at) if network else 0.0
            joined = None
        if kind == On.CALLER_GONE and event.state == "abandoned":
            record.abandoned_in = event.data.get("from")
    if record.outcome == "abandoned" and record.abandoned_in is None:
        record.abandoned_in = "application"
    if requested is not None:
        record.waited = record.waited or _seconds(requested, end)
        record.sent_at_once = _seconds(requested, end) if remote else 0.0
    return record


def _ended(event: ContactEvent) -> datetime:
    """When a contact ended, which may have been written later."""
    return datetime.fromisoformat(event.data["ended_at"]) if "ended_at" in event.data else event.at


def _seconds(begin: datetime, end: datetime) -> float:
    return (end - begin).total_seconds()
