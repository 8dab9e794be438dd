"""From rows to what a selection sees: agents' seats, places, sites and doors. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from math import inf

from fsroute.model.activity import AgentActivity, Head, SiteActivity, Source
from fsroute.model.agent import Agent, AgentStatus
from fsroute.model.agent_state import Doing
from fsroute.model.direct import DoorRow, SwitchSeen
from fsroute.routing.eligibility import Qualification
from fsroute.scp.picture import Door, Place, Seat, Site

MEDIUM = "voice"
_USER = re.compile(r"(?:^|/)(?:sips?:)?([A-Za-z0-9_.+-]{1,40})(?:@[^/]*)?$")


def seat_of(agent: Agent, now: float) -> Seat:
    """One of fsroute's own agents. A standing leg that is not up is as good as a pause without an end."""
    idle = agent.status is AgentStatus.AVAILABLE and agent.has_room(MEDIUM)
    idle_from = agent.available_from.timestamp() if idle else inf
    return Seat(
        agent.agent_id,
        Qualification.of(agent, now),
        idle_from,
        agent.idle_since.timestamp(),
        agent.rate,
        version=agent.version,
    )


def activity_place(switch_id: str) -> str:
    """What is known of a switch by its activity alone is as old as that, whatever else is heard of the switch."""
    return f"activity {switch_id}"


def place_of(head: Head | None, switch: SwitchSeen | None = None, activity: bool = False) -> Place:
    """A switch with its last sign of life, of its CTI processor's or of `switch`; one of them must be given."""
    if switch is None:
        assert head is not None
        return Place(activity_place(head.switch_id), head.site_id, head.known_at, head.link == "up")
    seen = max(switch.seen_at or 0.0, head.known_at if head is not None else 0.0)
    name = activity_place(switch.switch_id) if activity else switch.switch_id
    return Place(name, switch.site_id, seen, head is None or head.link == "up")


def taken_name(switch_id: str, agent: str) -> str:
    """An agent known by activity alone, by switch, source and name: no agent of fsroute's has a blank in it."""
    return f"{switch_id} {agent}"


def seats_of_activity(activity: SiteActivity, doors: Iterable[DoorRow]) -> Iterator[Seat]:
    """Agents who are known by activity alone, and may be selected since a door of their switch says how.

    They may serve the contact centers of those doors. Their skills are what activity says, and the names of their
    queues.
    """
    switch_id, site_id = activity.head.switch_id, activity.head.site_id
    here = [door for door in doors if door.switch_id == switch_id and door.agent_address]
    if not here:
        return
    trades = frozenset((door.contact_center_id, MEDIUM) for door in here)
    for agent in activity.agents.values():
        if agent.key.source is Source.FSROUTE:
            continue
        user = _USER.search(re.sub(r"^[\[{<][^\]}>]*[\]}>]", "", agent.address))
        if user is None:
            continue
        levels = {**{queue.partition("@")[0]: 1 for queue in agent.queues}, **agent.skills}
        who = Qualification(
            frozenset(levels.items()), trades, frozenset(), activity_place(switch_id), site_id, None, None, levels
        )  # fmt: skip
        address = (here[0].agent_address or "").replace("{user}", user[1])
        name = taken_name(switch_id, f"{agent.key.source}:{agent.key.agent}")
        yield Seat(name, who, _idle_from(agent), _idle_since(agent), 0.0, False, address)


def _idle_from(agent: AgentActivity) -> float:
    if agent.status is not AgentStatus.AVAILABLE or agent.reachable is False:
        return inf
    if agent.state in (Doing.WRAP_UP, Doing.SET_ASIDE):
        return inf if agent.state_until is None else agent.state_until
    return agent.state_since if agent.state is Doing.IDLE else inf


def _idle_since(agent: AgentActivity) -> float:
    if agent.state in (Doing.WRAP_UP, Doing.SET_ASIDE) and agent.state_until is not None:
        return agent.state_until
    return max(agent.idle_since, agent.state_since)


def site_of(
    site_id: str, switches: Sequence[SiteActivity], capacity: int | None, doors: Iterable[DoorRow]
) -> Site:
    """A site by the activity of all its switches."""
    calls = 0
    waits: dict[str, float] = {}
    reported = max((activity.head.reported_at for activity in switches), default=0.0)
    centers = [door.contact_center_id for door in doors if door.site_id == site_id]
    for activity in switches:
        for key, queue in activity.queues.items():
            if key.source is Source.SITE:
                calls += queue.in_progress
            elif key.source in (Source.FSROUTE, Source.CALLCENTER) and queue.expected_wait is not None:
                center, slash, _ = key.queue.partition("/")
                for name in [center] if slash else centers:
                    waits[name] = min(waits.get(name, inf), queue.expected_wait)
    return Site(site_id, capacity, calls, waits, reported)


def door_of(row: DoorRow) -> Door:
    return Door(row.site_id, row.contact_center_id, activity_place(row.switch_id), row.address)
