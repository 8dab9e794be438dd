"""The file that says what to simulate: its keys, and how they become a scenario. No I/O of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from fsroute.config import Count, Name, Section
from fsroute.errors import ConfigurationError
from fsroute.model.agent import Agent, AgentStatus, Authorization, MediumSlots
from fsroute.model.contact import Demand, Lead, Queue
from fsroute.model.routing import TimeLineStep
from fsroute.simulation.durations import (
    Arrivals,
    Constant,
    Duration,
    Exponential,
    Listed,
    Lognormal,
    Poisson,
    Recorded,
)
from fsroute.simulation.scenario import Scenario, Traffic
from fsroute.simulation.tables import aware, cell, column, moment, not_negative, table

BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)

LONGEST = 1e8  # seconds: three years, so that no time is infinite
PerHour = Annotated[float, Meta(ge=0, le=1e7)]
Seconds = Annotated[float, Meta(gt=0, le=LONGEST)]
Share = Annotated[float, Meta(ge=0, lt=1)]
Whole = Annotated[float, Meta(ge=0, le=1)]
Pause = Annotated[float, Meta(ge=0, le=LONGEST)]
Level = Annotated[int, Meta(ge=0)]
Key = tuple[str, str, str]
Reader = Callable[[str], str]
"""Gives the text of a file that the document names."""


class ArrivalsEntry(Section, frozen=True):
    """One of the three: a steady `rate`, `rates` that take turns, or the moments in a file."""

    rate: PerHour | None = None
    rates: tuple[PerHour, ...] = ()
    every: Annotated[float, Meta(ge=1, le=LONGEST)] = 3600.0  # seconds that each of `rates` lasts
    file: str = ""

    def __post_init__(self) -> None:
        if (self.rate is not None) + bool(self.rates) + bool(self.file) != 1:
            raise ValueError("give one of rate, rates and file")


class DurationEntry(Section, frozen=True):
    """A distribution of times in seconds, or a file of measured ones."""

    mean: Seconds | None = None
    distribution: Literal["exponential", "lognormal", "constant"] = "exponential"
    deviation: Seconds | None = None
    file: str = ""

    def __post_init__(self) -> None:
        if (self.mean is not None) + bool(self.file) != 1:
            raise ValueError("give either mean or file")
        if (self.distribution == "lognormal") != (self.deviation is not None):
            raise ValueError("deviation goes with distribution lognormal, and with no other")


class StepEntry(Section, frozen=True):
    """A step of the time line, as in the table ``rule_step``: `after` so many seconds `do` this."""

    after: Pause
    do: Literal[
        "skill",
        "teams",
        "sites",
        "priority",
        "offer_callback",
        "announce",
        "announce_wait",
        "voice_message",
        "number",
    ]
    skill: str = ""
    level: Level | None = None
    names: tuple[Name, ...] = ()
    priority: int = 0

    def __post_init__(self) -> None:
        if (self.do == "skill") != bool(self.skill):
            raise ValueError("skill goes with do = skill, and with nothing else")
        if (self.do == "priority") != bool(self.priority):
            raise ValueError("priority goes with do = priority, and with nothing else")


class SlotsEntry(Section, frozen=True):
    """How many contacts of a medium an agent takes at a time; what the agent has may weigh 100 together."""

    slots: Count = 1
    weight: Annotated[int, Meta(ge=1, le=100)] = 100
    wrap_up: Pause | None = None


class QueueEntry(Section, frozen=True):
    """A queue; beside a database, what is given here counts instead of what is found there."""

    contact_center: Name
    name: Name
    medium: str | UnsetType = UNSET
    skills: dict[str, Level] | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    longest_wait: Seconds | UnsetType = UNSET
    offer_timeout: Seconds | UnsetType = UNSET
    refuse_when: Literal["never", "no_agent_authorized", "no_agent_logged_on"] | UnsetType = UNSET
    arrivals: PerHour | ArrivalsEntry | UnsetType = UNSET
    talk: Seconds | DurationEntry | UnsetType = UNSET
    patience: Seconds | DurationEntry | Literal["endless"] | UnsetType = UNSET
    setup: Pause | DurationEntry | UnsetType = UNSET
    no_answer: Share | UnsetType = UNSET
    rule: str = ""
    strategy: Name | UnsetType = UNSET
    sites: tuple[Name, ...] | UnsetType = UNSET
    teams: tuple[Name, ...] | UnsetType = UNSET
    longest_queue: Level | UnsetType = UNSET
    time_line: tuple[StepEntry, ...] | UnsetType = UNSET
    callback: Whole | UnsetType = UNSET


class AgentsEntry(Section, frozen=True):
    """`count` agents alike; without `serves` they are authorized for every contact center."""

    name: Name
    count: Count = 1
    skills: dict[str, Level] = {}
    serves: tuple[Name, ...] = ()
    media: tuple[str, ...] = ("voice",)
    wrap_up: Pause = 0.0
    switch: Name = "switch-1"
    site: Name = "simulated"
    team: Name | None = None
    rate: Pause = 0.0
    slots: dict[str, SlotsEntry] = {}


class Document(Section, frozen=True):
    """The whole file."""

    begin: datetime | None = None
    duration: Seconds | None = None
    warm_up: Pause | None = None
    answer_within: Pause | None = None
    set_aside: Pause | None = None
    agents_file: str = ""
    queue: tuple[QueueEntry, ...] = ()
    agents: tuple[AgentsEntry, ...] = ()

    def __post_init__(self) -> None:
        names = [f"{each.contact_center}/{each.name} {each.rule}".strip() for each in self.queue]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"queue {min(twice)} stands twice")


@dataclass(frozen=True, slots=True)
class Known:
    """What a document is laid over: queues by contact center and name, agents, and traffic that has a history.

    Traffic is by contact center, queue and rule ("": none).
    """

    queues: Mapping[tuple[str, str], Queue] = field(default_factory=dict)
    traffic: Mapping[Key, Traffic] = field(default_factory=dict)
    agents: tuple[Agent, ...] = ()


NOTHING = Known()


def scenario(
    document: Document,
    source: str,
    read: Reader,
    known: Known = NOTHING,
    begin: datetime = BEGIN,
) -> Scenario:
    """What a document says, over what is known already from a database.

    `source` names the document in errors, `read` gives the text of another file.

    Raises:
        ConfigurationError: something is missing or wrong; the text names the file, the key and the fault.
    """
    begin = aware(document.begin) if document.begin else begin
    found = dict(known.traffic)
    for number, entry in enumerate(document.queue):
        key = (entry.contact_center, entry.name, entry.rule)
        routed = found[key].queue if key in found else known.queues.get(key[:2])
        queue = _queue(entry, routed)
        found[key] = _traffic(entry, queue, found.get(key), f"{source}: queue[{number}]", read, begin)
    centers = sorted({key[0] for key in found})
    agents = [*known.agents, *_agents(document, source, read, centers, begin)]
    _check(source, found, agents)
    whole = Scenario(tuple(found[key] for key in sorted(found)), tuple(agents), begin)
    given = {
        name: value
        for name in ("duration", "warm_up", "answer_within", "set_aside")
        if (value := getattr(document, name)) is not None
    }
    return replace(whole, **given)


def _check(source: str, found: Mapping[Key, Traffic], agents: list[Agent]) -> None:
    if not found:
        raise ConfigurationError(f"{source}: there is no queue with contacts: add a [[queue]]")
    if not agents:
        raise ConfigurationError(f"{source}: there are no agents: add [[agents]]")
    ids = set()
    for agent in agents:
        if agent.agent_id in ids:
            raise ConfigurationError(f"{source}: there are two agents {agent.agent_id!r}")
        ids.add(agent.agent_id)


# Queues ---------------------------------------------------------------------------------------------


def _traffic(
    entry: QueueEntry, queue: Queue, known: Traffic | None, where: str, read: Reader, begin: datetime
) -> Traffic:
    arrivals, talk = entry.arrivals, entry.talk
    if known is None:
        for key, value in (("arrivals", arrivals), ("talk", talk)):
            if value is UNSET:
                raise ConfigurationError(f"{where}.{key}: is missing, and no history tells it")
    given: dict[str, Any] = {}
    if arrivals is not UNSET:
        given["arrivals"] = _arrivals(arrivals, f"{where}.arrivals", read, begin)
    if talk is not UNSET:
        given["talk"] = _duration(talk, f"{where}.talk", read)
    if entry.patience is not UNSET:
        endless = entry.patience == "endless"
        given["patience"] = None if endless else _duration(entry.patience, f"{where}.patience", read)
    if entry.setup is not UNSET:
        given["setup"] = _duration(entry.setup, f"{where}.setup", read, Constant)
    if entry.time_line is not UNSET:
        given["time_line"] = tuple(map(_step, sorted(entry.time_line, key=lambda step: step.after)))
    for name in ("no_answer", "longest_queue", "callback"):
        if (value := getattr(entry, name)) is not UNSET:
            given[name] = value
    given["rule"] = entry.rule
    return Traffic(queue=queue, **given) if known is None else replace(known, queue=queue, **given)


def _step(entry: StepEntry) -> TimeLineStep:
    return TimeLineStep(
        entry.after, entry.do, entry.skill, entry.level, tuple(sorted(entry.names)), entry.priority
    )


def _queue(entry: QueueEntry, known: Queue | None) -> Queue:
    if known is None:
        known = Queue(
            contact_center_id=entry.contact_center,
            name=entry.name,
            demand=Demand(entry.contact_center, "voice"),
            priority=0,
            strategy="longest_idle",
            lead=Lead(),
            hold_music="",
            offer_timeout=20.0,
            network_leg_timeout=10.0,
            network_leg_tries=3,
            longest_wait=None,
            refuse_when="no_agent_authorized",
        )
    demand = known.demand
    if entry.medium is not UNSET:
        demand = replace(demand, medium=entry.medium)
    if entry.skills is not UNSET:
        demand = replace(demand, skills=tuple(sorted(entry.skills.items())))
    if entry.sites is not UNSET:
        demand = replace(demand, sites=tuple(sorted(entry.sites)))
    if entry.teams is not UNSET:
        demand = replace(demand, teams=tuple(sorted(entry.teams)))
    given = {
        name: value
        for name in ("priority", "longest_wait", "offer_timeout", "refuse_when", "strategy")
        if (value := getattr(entry, name)) is not UNSET
    }
    return replace(known, demand=demand, **given)


def _arrivals(entry: float | ArrivalsEntry, where: str, read: Reader, begin: datetime) -> Arrivals:
    if not isinstance(entry, ArrivalsEntry):
        return Poisson((entry / 3600.0,))
    if entry.file:
        moments = column(read(entry.file), entry.file, "at", lambda text: moment(text, begin))
        return Listed(tuple(sorted(moments)))
    rates = entry.rates if entry.rate is None else (entry.rate,)
    return Poisson(tuple(rate / 3600.0 for rate in rates), entry.every)


def _duration(
    entry: float | DurationEntry | str,
    where: str,
    read: Reader,
    plain: Callable[[float], Duration] = Exponential,
) -> Duration:
    """A bare number is the mean of the `plain` distribution."""
    if not isinstance(entry, DurationEntry):
        return plain(float(entry))
    if entry.file:
        return Recorded(tuple(column(read(entry.file), entry.file, "seconds", not_negative)))
    assert entry.mean is not None, "checked by DurationEntry"
    if entry.deviation is not None:
        return Lognormal(entry.mean, entry.deviation)
    return Constant(entry.mean) if entry.distribution == "constant" else Exponential(entry.mean)


# Agents ---------------------------------------------------------------------------------------------


def _agents(
    document: Document, source: str, read: Reader, centers: list[str], begin: datetime
) -> Iterator[Agent]:
    for entry in document.agents:
        for number in range(1, entry.count + 1):
            yield agent(entry, f"{entry.name}-{number}" if entry.count > 1 else entry.name, centers, begin)
    if document.agents_file:
        yield from agents_of_table(read(document.agents_file), document.agents_file, centers, begin)


def agent(entry: AgentsEntry, agent_id: str, centers: list[str], begin: datetime) -> Agent:
    """One agent of an entry; `centers` are served where the entry names none."""
    return Agent(
        agent_id=agent_id,
        name=agent_id,
        site_id=entry.site,
        switch_id=entry.switch,
        address="",
        skills=entry.skills,
        authorizations=tuple(
            Authorization(center, medium, ALWAYS)
            for center in entry.serves or centers
            for medium in entry.media
        ),
        status=AgentStatus.AVAILABLE,
        available_from=begin,
        idle_since=begin,
        wrap_up=entry.wrap_up,
        team=entry.team,
        rate=entry.rate,
        media={
            medium: MediumSlots(each.slots, each.weight, each.wrap_up) for medium, each in entry.slots.items()
        },
    )


def agents_of_table(text: str, source: str, centers: list[str], begin: datetime) -> Iterator[Agent]:
    """Agents of a CSV table with the columns agent, skills, serves, wrap_up and switch; all but the first may
    be missing. Skills are ``skill:level`` with spaces between (level 1 need not be written), as are contact
    centers in serves.

    Raises:
        ConfigurationError: the text names the file, the line and the fault.
    """
    for line, row in table(text, source, ("agent",), ("skills", "serves", "wrap_up", "switch")):
        entry = AgentsEntry(
            name=row["agent"],
            skills=dict(cell(source, line, "skills", _skill, each) for each in row["skills"].split()),
            serves=tuple(row["serves"].split()),
            wrap_up=cell(source, line, "wrap_up", not_negative, row["wrap_up"] or "0"),
            switch=row["switch"] or "switch-1",
        )
        yield agent(entry, row["agent"], centers, begin)


def _skill(text: str) -> tuple[str, int]:
    skill, colon, level = text.partition(":")
    if not skill or (colon and not level.isdecimal()):
        raise ValueError(f"{text!r} is no skill:level")
    return skill, int(level or 1)
