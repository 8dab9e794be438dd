"""Why a contact is routed as it is: the rule, the rules before it, the time line, and who could serve. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fsroute.model.agent import Agent, AgentStatus
from fsroute.model.routing import Routing
from fsroute.routing.match import NoRoute, Routed, route
from fsroute.routing.people import able, hindrance
from fsroute.routing.rules import Inquiry, RuleSet
from fsroute.routing.timeline import stages

Order = Callable[[Routing], Sequence[Agent]]
"""The idle agents who may serve a contact of this routing, in the order of its strategy."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent who may serve; `busy` says why not at once, None: idle."""

    agent: Agent
    busy: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that there is to say of one contact.

    `routed` is None where nothing says what to do, `fault` says why. `agents` are those who may serve, in the
    strategy's order, then those who are busy; `others` counts the rest by what they lack. `reach` counts those
    who may serve at the beginning and after each step of the time line.
    """

    inquiry: Inquiry
    at: datetime
    version: int | None
    routed: Routed | None
    fault: str = ""
    region: str | None = None
    calendars: tuple[tuple[str, bool, datetime | None, str | None], ...] = ()
    agents: tuple[Candidate, ...] = ()
    others: tuple[tuple[str, int], ...] = ()
    reach: tuple[int, ...] = ()
    closed: str = ""
    source: str = ""


def explain(
    rules: RuleSet,
    inquiry: Inquiry,
    at: datetime,
    agents: Sequence[Agent],
    order: Order,
    *,
    closed: str = "",
    source: str = "",
) -> Explanation:
    """`at` is aware of its time zone; `closed` tells how the contact center is closed by command, if it is; `source`
    where the rules are from.
    """
    calendars = tuple(
        (name, calendar.is_open(at), calendar.next_change(at), calendar.holiday(at))
        for (center, name), calendar in sorted(rules.calendars.items())
        if center == inquiry.contact_center_id
    )
    region = rules.regions.region(inquiry.caller.number)
    known = Explanation(
        inquiry, at, rules.version, None, region=region, calendars=calendars, closed=closed, source=source
    )
    try:
        routed = route(rules, inquiry, at)
    except NoRoute as error:
        return replace(known, fault=str(error))
    if routed.routing is None:
        return replace(known, routed=routed)
    candidates, others, reach = _people(routed.routing, agents, at, order)
    return replace(known, routed=routed, agents=candidates, others=others, reach=reach)


def _people(
    routing: Routing, agents: Sequence[Agent], at: datetime, order: Order
) -> tuple[tuple[Candidate, ...], tuple[tuple[str, int], ...], tuple[int, ...]]:
    demand = routing.demand
    counts: dict[str, int] = {}
    may = []
    for agent in agents:
        why = hindrance(agent, demand, at) or (
            None if agent.is_authorized(demand, at) else "not authorized yet"
        )
        if why is None:
            may.append(agent)
        else:
            counts[why] = counts.get(why, 0) + 1
    busy = {agent.agent_id: busyness(agent, demand.medium, at) for agent in may}
    first = [Candidate(agent, None) for agent in order(routing)]
    rest = [Candidate(agent, busy[agent.agent_id]) for agent in may if busy[agent.agent_id] is not None]
    reach = tuple(len(able(agents, stage, at)) for stage in stages(routing))
    others = tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return (*first, *rest), others, reach


def busyness(agent: Agent, medium: str, now: datetime) -> str | None:
    """Why an agent gets nothing at this moment; None: idle."""
    if agent.status is AgentStatus.LOGGED_OUT:
        return "is logged out"
    if agent.status is AgentStatus.ON_BREAK:
        return "is on a break"
    if not agent.has_room(medium):
        return "has as many contacts as the slots allow"
    if agent.available_from > now:
        return f"is set aside for {(agent.available_from - now).total_seconds():.0f} s"
    return None
