"""A captured call with the part of the journal that it needs, to be kept by themselves.

The journal of a whole day becomes one of a single call: what was known when the call began, and what was taken in until
it ended, of its own contact center and of the agents who might have served it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from fsroute.coordinator.actions import (
    AgentChanged,
    AgentLeaves,
    AgentRemoved,
    CallChanged,
    CenterChanged,
    ReservationLost,
)
from fsroute.model.agent import Agent
from fsroute.model.proxy_call import ProxyCall
from fsroute.replay import journal as journals
from fsroute.replay.beside import Journals
from fsroute.replay.faults import CaptureError
from fsroute.replay.format import Capture, Note
from fsroute.replay.journal import (
    EXCERPT,
    CallRemoved,
    CallSeen,
    ClosedChanged,
    Entry,
    Event,
    Journal,
    NumbersChanged,
    Pointer,
    RulesChanged,
)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A call, and the journal of its own that it points to; None: it points to none."""

    capture: Capture
    journal: Journal | None


def excerpt(capture: Capture, beside: Journals, situation: str | None = None) -> Excerpt:
    """Cut a call out of what was captured with it. `situation` is its new name, where there is one.

    Raises:
        CaptureError: its journal is not there, is damaged, or does not hold what the call points to.
    """
    header = capture.header if situation is None else replace(capture.header, situation=situation)
    capture = replace(capture, header=header)
    begin, end = (Pointer.load(capture.facts.get(key)) for key in ("journal", "journal_end"))
    if begin is None:
        return Excerpt(capture, None)
    center = str(capture.facts.get("contact_center", ""))
    whole = _whole(capture.name, begin, end, beside)
    name = f"journal-{_run(begin.file)}-{_number(capture)}.jsonl"
    journal, numbers = _of_center(whole, name, center)
    lines = tuple(
        replace(line, facts=_pointed_to(line.facts, name, numbers)) if isinstance(line, Note) else line
        for line in capture.lines
    )
    return Excerpt(replace(capture, lines=lines), journal)


def _whole(name: str, begin: Pointer, end: Pointer | None, beside: Journals) -> Journal:
    """From where the call began until its end, in one."""
    first = beside.get(begin.file)
    if first is None:
        raise CaptureError(name, 0, f"its journal {begin.file} is not there")
    world = first.world_at(begin.n)
    snapshot = [Entry(world.n, world.at, event) for event in journals.events_of(world)]
    header = replace(first.header, at=world.at, snapshot=len(snapshot))
    return Journal(header, (*snapshot, *beside.between(begin, end)), first.name, EXCERPT)


def _of_center(whole: Journal, name: str, center: str) -> tuple[Journal, Callable[[int], int]]:
    """What does not concern a contact center, left out, and the rest numbered anew without a gap.

    With what makes of a number of then the one of now.
    """
    concerns, known = _Concerns(center, whole), whole.header.snapshot
    narrowed = [
        replace(entry, event=event) for entry in whole.entries[:known] if (event := concerns.of(entry.event))
    ]
    header = replace(whole.header, snapshot=len(narrowed))
    first, kept = whole.entries[0].n, list[int]()
    for entry in whole.entries[known:]:
        if (event := concerns.of(entry.event)) is not None:
            kept.append(entry.n)
            narrowed.append(Entry(first + len(kept), entry.at, event))
    return Journal(header, tuple(narrowed), name, whole.end), lambda n: first + bisect_right(kept, n)


class _Concerns:
    """Tells what concerns a contact center: its calls, and agents who ever may serve it or have one of its calls."""

    def __init__(self, center: str, whole: Journal) -> None:
        self._center = center
        events = [entry.event for entry in whole.entries]
        self._agents = {agent.agent_id for agent in _agents(events) if _may_serve(agent, center)}
        self._agents |= {
            call.agent_id for call in _calls(events) if call.contact_center_id == center and call.agent_id
        }
        self._calls = {call.proxy_call_id for call in _calls(events) if self._is_ours(call)}

    def _is_ours(self, call: ProxyCall) -> bool:
        return call.contact_center_id == self._center or call.agent_id in self._agents

    def of(self, event: Event) -> Event | None:
        """The event, or what of it concerns the contact center; None: nothing."""
        match event:
            case CallChanged(call) | CallSeen(call):
                return event if call.proxy_call_id in self._calls else None
            case CallRemoved():
                return event if event.proxy_call_id in self._calls else None
            case AgentChanged(agent):
                return event if agent.agent_id in self._agents else None
            case AgentLeaves() | AgentRemoved():
                return event if event.agent_id in self._agents else None
            case ReservationLost():
                return event if event.proxy_call_id in self._calls else None
            case CenterChanged():
                return event if event.contact_center_id == self._center else None
            case RulesChanged():
                return replace(event, document=self._rules(event.document))
            case ClosedChanged():
                return replace(event, closed={k: v for k, v in event.closed.items() if k == self._center})
            case NumbersChanged():
                return replace(
                    event, numbers={k: v for k, v in event.numbers.items() if v[0] == self._center}
                )
            case _:
                return event

    def _rules(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Rows of other contact centers are left out of each table."""
        return {
            table: [row for row in rows if not _is_anothers(row, self._center)]
            if isinstance(rows, list)
            else rows
            for table, rows in document.items()
        }


def _is_anothers(row: object, center: str) -> bool:
    return isinstance(row, Mapping) and row.get("contact_center_id", center) not in (center, None)


def _may_serve(agent: Agent, center: str) -> bool:
    return any(each.contact_center_id == center for each in agent.authorizations)


def _agents(events: Iterable[Event]) -> Iterator[Agent]:
    return (event.agent for event in events if isinstance(event, AgentChanged))


def _calls(events: Iterable[Event]) -> Iterator[ProxyCall]:
    return (event.call for event in events if isinstance(event, CallChanged | CallSeen))


def _pointed_to(facts: Mapping[str, Any], name: str, numbers: Callable[[int], int]) -> dict[str, Any]:
    """Facts whose pointers name the call's own journal."""
    changed = {}
    for key, value in facts.items():
        pointer = Pointer.load(value) if isinstance(value, Mapping) and set(value) == {"file", "n"} else None
        if pointer is not None:
            changed[key] = Pointer(name, numbers(pointer.n)).dump()
        else:
            changed[key] = _pointed_to(value, name, numbers) if isinstance(value, Mapping) else value
    return changed


def _run(file: str) -> str:
    found = journals.NAME.fullmatch(file)
    assert found is not None, "a pointer that was read has such a name"
    return found["run"]


def _number(capture: Capture) -> int:
    """What tells this session from others: a contact may have several."""
    what = f"{capture.facts.get('contact', '')} {capture.header.at}"
    return int.from_bytes(sha256(what.encode("utf-8", "replace")).digest()[:4], "big")


def slug(situation: str) -> str:
    """A situation as the name of a file."""
    return re.sub(r"[^a-z0-9]+", "_", situation.lower()).strip("_")[:100] or "call"
