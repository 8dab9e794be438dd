"""Time lines: what each step does to the demand, and steps that do nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fsroute.model.agent import Agent
from fsroute.model.contact import Demand
from fsroute.model.routing import Routing, TimeLineStep
from fsroute.routing.faults import Fault, Severity
from fsroute.routing.rules import Rule

LEAVING = frozenset({"voice_message", "number"})
"""Steps after which the contact waits no more."""

SPOKEN = frozenset({"offer_callback", "announce", "announce_wait", "voice_message", "number"})
"""Steps that a caller hears: of the telephone only."""


def stages(routing: Routing) -> list[Demand]:
    """The demand at the beginning, then after each step of the time line."""
    found = [routing.demand]
    for step in routing.time_line:
        found.append(step.changed(found[-1]))
    return found


def effects(rule: Rule, routing: Routing, sites: frozenset[str], agents: Sequence[Agent]) -> Iterator[Fault]:
    """Steps of a rule that name what there is not, never come, or change nothing."""
    teams = {agent.team for agent in agents}
    left = ""
    for number, (step, before) in enumerate(zip(routing.time_line, stages(routing), strict=False), 1):
        row = f"{rule.contact_center_id}/{rule.name} step {number} ({step.do} after {step.after:g} s)"
        unknown = sorted(set(step.names) - sites) if step.do == "sites" else []
        for site in unknown:
            yield Fault("rule_step", row, f"names: there is no site {site}")
        for team in sorted(set(step.names) - teams) if step.do == "teams" and agents else ():
            yield Fault("rule_step", row, f"names: no agent is of team {team}", Severity.WARNING)
        why = left or _without_effect(step, before) or _never(step, routing)
        if why:
            yield Fault("rule_step", row, f"without effect: {why}", Severity.WARNING)
        if step.do in LEAVING and not left:
            left = f"the contact has left by step {number}"


def _never(step: TimeLineStep, routing: Routing) -> str:
    if routing.longest_wait is not None and step.after >= routing.longest_wait:
        return f"the longest wait is {routing.longest_wait:g} s"
    if step.do in SPOKEN and routing.demand.medium != "voice":
        return f"medium {routing.demand.medium} has no caller who listens"
    return ""


def _without_effect(step: TimeLineStep, demand: Demand) -> str:
    if step.do == "skill":
        level = dict(demand.skills).get(step.skill)
        if level is None:
            return f"skill {step.skill} is not asked for then"
        if step.level is not None and step.level >= level:
            return f"level {level} of {step.skill} is asked for then, {step.level} is not lower"
    if step.do in ("teams", "sites"):
        present: tuple[str, ...] = getattr(demand, step.do)
        if not present:
            return f"any of the {step.do} will do already"
        if step.names and not set(step.names) > set(present):
            return f"it does not widen {', '.join(present)}"
    return ""
