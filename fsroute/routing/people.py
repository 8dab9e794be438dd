"""Whether there are agents for a rule: trained AND authorized, at a site and in a team that it allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from fsroute.model.agent import Agent
from fsroute.model.contact import Demand
from fsroute.model.routing import Routing
from fsroute.routing.faults import Fault, Severity
from fsroute.routing.rules import Rule
from fsroute.routing.timeline import stages


def hindrance(agent: Agent, demand: Demand, now: datetime) -> str | None:
    """Why an agent could not serve a demand, now or later, were it free; None: it could."""
    if demand.agent_id is not None and agent.agent_id != demand.agent_id:
        return "not the agent asked for"
    authorized = [
        each
        for each in agent.authorizations
        if (each.contact_center_id, each.medium) == (demand.contact_center_id, demand.medium)
        and (each.valid_until is None or now < each.valid_until)
    ]
    if not authorized:
        return f"not authorized for {demand.contact_center_id}, {demand.medium}"
    for skill, level in demand.skills:
        if skill not in agent.skills:
            return f"without the skill {skill}"
        if agent.skills[skill] < level:
            return f"with too low a level of {skill}"
    if demand.sites and agent.site_id not in demand.sites:
        return "at another site"
    if demand.teams and agent.team not in demand.teams:
        return "of another team"
    return None


def able(agents: Sequence[Agent], demand: Demand, now: datetime) -> list[Agent]:
    return [agent for agent in agents if hindrance(agent, demand, now) is None]


def queue_faults(row: str, routing: Routing, agents: Sequence[Agent], now: datetime) -> Iterator[Fault]:
    if routing.acd is not None:  # another ACD serves it, with agents who are not known here
        return
    yield from _skills("queue", row, routing, agents)
    if not able(agents, routing.demand, now):
        yield Fault(
            "queue", row, f"nobody could serve it: {_why(agents, routing.demand, now)}", Severity.WARNING
        )


def rule_faults(rule: Rule, routing: Routing, agents: Sequence[Agent], now: datetime) -> Iterator[Fault]:
    """Of a rule that queues: what its own skills lack, and from when on anybody could serve."""
    row = f"{rule.contact_center_id}/{rule.name}"
    if routing.acd is not None:
        return
    if rule.result.skills is not None:
        yield from _skills("routing_rule_skill", row, routing, agents)
    first = next((n for n, demand in enumerate(stages(routing)) if able(agents, demand, now)), None)
    if first == 0:
        return
    text = f"nobody could serve it: {_why(agents, routing.demand, now)}"
    if first is not None:
        step = routing.time_line[first - 1]
        text = f"nobody could serve it before step {first}, after {step.after:g} s: {_why(agents, routing.demand, now)}"
    yield Fault("routing_rule", row, text, Severity.WARNING)


def _skills(table: str, row: str, routing: Routing, agents: Sequence[Agent]) -> Iterator[Fault]:
    """Skills that no agent has, and levels that nobody reaches, unless the time line lowers them."""
    last = dict(stages(routing)[-1].skills)
    for skill, level in routing.demand.skills:
        highest = max((agent.skills[skill] for agent in agents if skill in agent.skills), default=None)
        if highest is None:
            yield Fault(table, f"{row} {skill}", "unknown skill: no agent has it", Severity.WARNING)
        elif highest < level:
            later = f"; {last.get(skill, 0)} from the time line on" if last.get(skill, 0) < level else ""
            text = f"nobody reaches level {level}; the highest is {highest}{later}"
            yield Fault(table, f"{row} {skill}", text, Severity.WARNING)


def _why(agents: Sequence[Agent], demand: Demand, now: datetime) -> str:
    """How many agents fail by what, the most frequent first."""
    counts: dict[str, int] = {}
    for agent in agents:
        why = hindrance(agent, demand, now)
        if why is not None:
            counts[why] = counts.get(why, 0) + 1
    parts = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {why}" for why, count in parts[:4])
