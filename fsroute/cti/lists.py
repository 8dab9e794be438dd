"""What a switch says of itself when it is asked: mod_callcenter's lists, registrations, channels. Pure.

The lists of mod_callcenter are columns between bars, without any escape (``list_result_callback``): a row with more or
fewer cells than the heading is left out. No list is trusted to be short.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from fsroute.acd.rendezvous import is_token
from fsroute.cti.events import LONGEST_ADDRESS, OWN_CONTEXTS, clean

MOST_ROWS = 20_000
MEMBER_WAITS = ("Waiting", "Trying")
MEMBER_TALKS = "Answered"
_ANSWERED = ("ACTIVE", "HELD", "UNHELD")


@dataclass(frozen=True, slots=True)
class ListedAgent:
    """One row of ``agent list``. Moments in seconds since the epoch by the switch's host, durations in seconds."""

    name: str
    status: str
    state: str
    contact: str
    wrap_up: float = 0.0
    reject_delay: float = 0.0
    busy_delay: float = 0.0
    no_answer_delay: float = 0.0
    last_bridge_start: float = 0.0
    last_bridge_end: float = 0.0
    last_status_change: float = 0.0
    ready_at: float = 0.0


@dataclass(frozen=True, slots=True)
class ListedQueue:
    """One row of ``queue list``: how many calls it has answered and seen go since it was loaded."""

    name: str
    answered: int
    abandoned: int


@dataclass(frozen=True, slots=True)
class ListedMember:
    """One row of ``queue list members``."""

    queue: str
    member: str
    channel: str
    joined_at: float
    talks: bool
    answered_at: float
    agent: str


@dataclass(frozen=True, slots=True)
class CallcenterLists:
    """All of mod_callcenter at one moment. `tiers` are agent to queue to (level, position)."""

    agents: tuple[ListedAgent, ...] = ()
    queues: tuple[ListedQueue, ...] = ()
    members: tuple[ListedMember, ...] = ()
    tiers: Mapping[str, Mapping[str, tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListedPhone:
    """One row of ``show registrations``."""

    user: str
    token: str
    contact: str
    profile: str


@dataclass(frozen=True, slots=True)
class ListedChannel:
    """One row of ``show channels``."""

    uuid: str
    counts: bool
    number: str
    user: str
    created_at: float
    answered: bool
    bridged: bool


def callcenter(agents: str, tiers: str, queues: str, members: str) -> CallcenterLists:
    """From the texts of ``agent list``, ``tier list``, ``queue list`` and ``queue list members``."""
    of_agents: dict[str, dict[str, tuple[int, int]]] = {}
    for row in rows(tiers):
        tier = (_whole(row, "level"), _whole(row, "position"))
        of_agents.setdefault(clean(row.get("agent", "")), {})[clean(row.get("queue", ""))] = tier
    return CallcenterLists(
        agents=tuple(_agent(row) for row in rows(agents) if row.get("name")),
        queues=tuple(_queue(row) for row in rows(queues) if row.get("name")),
        members=tuple(
            _member(row) for row in rows(members) if row.get("state") in (*MEMBER_WAITS, MEMBER_TALKS)
        ),
        tiers=of_agents,
    )


def rows(text: str) -> Iterator[dict[str, str]]:
    """The rows of a list, by the names of its heading."""
    lines = text.split("\n")[: MOST_ROWS + 1]
    heading = lines[0].split("|")
    if len(heading) < 2:
        return
    for line in lines[1:]:
        cells = line.split("|")
        if len(cells) == len(heading):
            yield dict(zip(heading, cells, strict=True))


def _agent(row: Mapping[str, str]) -> ListedAgent:
    return ListedAgent(
        name=clean(row["name"]),
        status=clean(row.get("status", "")),
        state=clean(row.get("state", "")),
        contact=clean(row.get("contact", ""), LONGEST_ADDRESS),
        wrap_up=_number(row, "wrap_up_time"),
        reject_delay=_number(row, "reject_delay_time"),
        busy_delay=_number(row, "busy_delay_time"),
        no_answer_delay=_number(row, "no_answer_delay_time"),
        last_bridge_start=_number(row, "last_bridge_start"),
        last_bridge_end=_number(row, "last_bridge_end"),
        last_status_change=_number(row, "last_status_change"),
        ready_at=_number(row, "ready_time"),
    )


def _queue(row: Mapping[str, str]) -> ListedQueue:
    return ListedQueue(clean(row["name"]), _whole(row, "calls_answered"), _whole(row, "calls_abandoned"))


def _member(row: Mapping[str, str]) -> ListedMember:
    return ListedMember(
        queue=clean(row.get("queue", "")),
        member=clean(row.get("uuid", "")),
        channel=clean(row.get("session_uuid", "")),
        joined_at=max(_number(row, "joined_epoch"), _number(row, "rejoined_epoch")),
        talks=row.get("state") == MEMBER_TALKS,
        answered_at=_number(row, "bridge_epoch"),
        agent=clean(row.get("serving_agent", "")),
    )


def registrations(text: str) -> tuple[ListedPhone, ...]:
    """From ``show registrations as json``."""
    found = []
    for row in _json_rows(text):
        user, contact = row.get("reg_user", ""), row.get("url", "")
        if user:
            name = clean(f"{user}@{row.get('realm', '')}")
            profile = contact.split("/")[1] if contact.startswith("sofia/") and contact.count("/") > 1 else ""
            found.append(
                ListedPhone(
                    name, clean(row.get("token", "")), clean(contact, LONGEST_ADDRESS), clean(profile)
                )
            )
    return tuple(found)


def channels(text: str) -> tuple[ListedChannel, ...]:
    """From ``show channels as json``, which FreeSWITCH fills with some delay."""
    listed = _json_rows(text)
    legs = {row.get("call_uuid", "") for row in listed if row.get("callstate", "") in _ANSWERED}
    return tuple(_channel(row, legs) for row in listed)


def _channel(row: Mapping[str, str], legs: Set[str]) -> ListedChannel:
    """`legs` are the calls that have an answered leg: a call's own row does not tell of its bridge."""
    number = clean(row.get("dest", ""))
    own = row.get("context", "") in OWN_CONTEXTS or is_token(number)
    return ListedChannel(
        uuid=clean(row.get("uuid", "")),
        counts=row.get("direction") == "inbound" and not own,
        number=number,
        user=clean(row.get("presence_id", "")),
        created_at=_number(row, "created_epoch"),
        answered=row.get("callstate", "") in _ANSWERED,
        bridged=row.get("uuid", "") in legs,
    )


def _json_rows(text: str) -> list[dict[str, str]]:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        return []
    listed = table.get("rows", []) if isinstance(table, dict) else []
    if not isinstance(listed, list):
        return []
    found = [row for row in listed[:MOST_ROWS] if isinstance(row, dict)]
    return [{key: value for key, value in row.items() if isinstance(value, str)} for row in found]


def _number(row: Mapping[str, str], name: str) -> float:
    text = row.get(name, "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0.0


def _whole(row: Mapping[str, str], name: str) -> int:
    return int(_number(row, name))
