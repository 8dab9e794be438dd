"""What is simulated: queues with their traffic, agents, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from fsroute.model.agent import Agent, AgentStatus, Authorization
from fsroute.model.contact import Demand, Queue
from fsroute.model.routing import TimeLineStep
from fsroute.simulation.durations import Arrivals, Constant, Duration, Exponential, Listed, Poisson
from fsroute.simulation.erlang import SteadyState, steady_state

AT_ONCE = Constant(0.0)


@dataclass(frozen=True, slots=True)
class Traffic:
    """A queue and who comes to it.

    `patience` None: they wait as long as it takes. `setup` runs from the reservation of an agent to the join;
    `no_answer` is the share of offers that the agent does not take, `callback` the share of callers who choose to
    be called back when the time line offers it. `rule` is the name of the rule that sends them here, if any.
    """

    queue: Queue
    arrivals: Arrivals
    talk: Duration
    patience: Duration | None = None
    setup: Duration = AT_ONCE
    no_answer: float = 0.0
    time_line: tuple[TimeLineStep, ...] = ()
    longest_queue: int | None = None
    callback: float = 0.0
    rule: str = ""

    @property
    def name(self) -> str:
        queue = f"{self.queue.contact_center_id}/{self.queue.name}"
        return f"{queue} ({self.rule})" if self.rule else queue


@dataclass(frozen=True, slots=True)
class Scenario:
    """The whole of it; times in seconds. What arrives in the first `warm_up` is not counted."""

    traffic: tuple[Traffic, ...]
    agents: tuple[Agent, ...]
    begin: datetime
    duration: float = 28_800.0
    warm_up: float = 3_600.0
    answer_within: float = 20.0  # what the service level counts as in time
    set_aside: float = 30.0  # pause of an agent who did not answer

    @property
    def end(self) -> float:
        """When the last contact may arrive, in seconds from the beginning."""
        return self.warm_up + self.duration

    def rate(self, traffic: Traffic) -> float:
        """Contacts per second, on average over the time that counts."""
        arrivals = traffic.arrivals
        if isinstance(arrivals, Poisson):
            return arrivals.rate
        return sum(self.warm_up <= moment < self.end for moment in arrivals.moments) / self.duration


def logged_on(agent: Agent, begin: datetime) -> Agent:
    """The agent at the beginning: available and idle, whatever the row says."""
    return replace(
        agent,
        status=AgentStatus.AVAILABLE,
        available_from=begin,
        idle_since=begin,
        reservations=(),
        contacts_served=0,
        last_reserved_at=None,
        leg="dialled",
    )


def group_names(scenario: Scenario) -> Mapping[str, str]:
    """Agent to group: those with the same skills and authorizations at one switch.

    Switches are named where there are several.
    """
    several = len({agent.switch_id for agent in scenario.agents}) > 1
    return {agent.agent_id: _group_name(agent, several) for agent in scenario.agents}


def _group_name(agent: Agent, with_switch: bool) -> str:
    skills = " ".join(f"{skill}:{level}" for skill, level in sorted(agent.skills.items())) or "no skills"
    centers = " ".join(sorted({one.contact_center_id for one in agent.authorizations})) or "nobody"
    return f"{skills} for {centers}" + (f" at {agent.switch_id}" if with_switch else "")


def with_strategy(scenario: Scenario, name: str) -> Scenario:
    """The same, with this strategy in every queue."""
    traffic = tuple(replace(each, queue=replace(each.queue, strategy=name)) for each in scenario.traffic)
    return replace(scenario, traffic=traffic)


# The pooled optimum -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bound:
    """What one pool of all agents, each able to serve everybody, would reach: Erlang C or A.

    `setup` is the mean time in seconds from the reservation to the join, which waits go on for.
    `approximations` say where the scenario is not Erlang's.
    """

    state: SteadyState
    setup: float = 0.0
    approximations: tuple[str, ...] = ()

    @property
    def mean_wait(self) -> float:
        """Until the join, or until the contact gives up, in seconds."""
        return self.state.mean_wait + self.setup * (1.0 - self.state.abandoned)

    def answered_within(self, seconds: float) -> float:
        """Share of contacts joined within `seconds`."""
        return self.state.answered_within(seconds - self.setup) if seconds >= self.setup else 0.0


def pooled_bound(scenario: Scenario) -> Bound | None:
    """The bound of a scenario; None without agents or without contacts."""
    rates = [scenario.rate(traffic) for traffic in scenario.traffic]
    rate = sum(rates)
    if rate <= 0.0 or not scenario.agents:
        return None
    shares = [each / rate for each in rates]
    wrap_up = sum(agent.wrap_up for agent in scenario.agents) / len(scenario.agents)
    setup, talk = (
        sum(share * mean for share, mean in zip(shares, means, strict=True))
        for means in (
            [traffic.setup.mean for traffic in scenario.traffic],
            [traffic.talk.mean for traffic in scenario.traffic],
        )
    )
    giving_up = sum(
        share / traffic.patience.mean
        for share, traffic in zip(shares, scenario.traffic, strict=True)
        if traffic.patience is not None
    )
    patience = 1.0 / giving_up if giving_up > 0.0 else None
    state = steady_state(len(scenario.agents), rate, max(setup + talk + wrap_up, 1e-9), patience)
    return Bound(state, setup, tuple(_approximations(scenario, wrap_up)))


def _approximations(scenario: Scenario, wrap_up: float) -> list[str]:
    traffic = scenario.traffic
    patiences = {each.patience for each in traffic}
    faults = {
        "handling times are not exponential": wrap_up > 0.0
        or any(not isinstance(each.talk, Exponential) or each.setup.mean > 0.0 for each in traffic)
        or len({each.talk.mean for each in traffic}) > 1,
        "arrivals are not steady": any(
            isinstance(each.arrivals, Listed) or not each.arrivals.is_steady for each in traffic
        ),
        "patience is not one exponential time": len(patiences) > 1
        or any(not isinstance(each, Exponential | None) for each in patiences),
        "priorities differ": len({each.queue.priority for each in traffic}) > 1,
        "contacts leave the queue at its longest wait": any(
            each.queue.longest_wait or each.longest_queue is not None for each in traffic
        ),
        "the time line raises priorities or ends waits": any(
            step.do not in ("skill", "teams", "sites", "announce")
            for each in traffic
            for step in each.time_line
        ),
        "agents have several contacts at a time": any(
            medium.slots > 1 for agent in scenario.agents for medium in agent.media.values()
        ),
        "agents do not take every offer": any(each.no_answer for each in traffic),
    }
    return [fault for fault, holds in faults.items() if holds]


def pooled(scenario: Scenario) -> Scenario:
    """The same contacts and agents, but every agent may serve every contact."""
    demand = Demand("all", "voice")
    serves = (Authorization("all", "voice", scenario.begin),)
    traffic = tuple(
        replace(
            each, queue=replace(each.queue, demand=demand, priority=0, strategy="longest_idle"), time_line=()
        )
        for each in scenario.traffic
    )
    agents = tuple(replace(agent, skills={}, media={}, authorizations=serves) for agent in scenario.agents)
    return replace(scenario, traffic=traffic, agents=agents)
