"""Where scenarios come from: files and the database. The only module of this room that does input."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fsroute.config import convert, read
from fsroute.model.agent import Agent, AgentStatus
from fsroute.model.contact import Queue
from fsroute.model.routing import Routing
from fsroute.routing.document import rule_set
from fsroute.routing.rules import RuleSet
from fsroute.simulation import document
from fsroute.simulation.document import Document
from fsroute.simulation.durations import Poisson
from fsroute.simulation.history import Event, History, Hours, QueueHistory, QueueKey
from fsroute.simulation.scenario import AT_ONCE, Scenario, Traffic
from fsroute.store.agents import Agents
from fsroute.store.database import Database, Statements
from fsroute.store.rules import Rules

BATCH = 20_000  # events
MOST_NOT_TAKEN = 0.99  # share of offers: somebody takes one at last

NO_RULE = "contacts that the rule {} sent to queue {} are left out: it sends nobody there any more"
LEFT_OUT = "queue {} is left out: nobody has talked in it, and no file tells of it"


@dataclass(frozen=True, slots=True)
class Found:
    """A scenario, and what of the database could not go into it, in sentences."""

    scenario: Scenario
    notes: tuple[str, ...] = ()


def from_file(path: Path) -> Found:
    """The scenario of a TOML file; the files it names lie beside it.

    Raises:
        ConfigurationError: a file cannot be read or says what cannot be; the text names file, key and fault.
    """
    return Found(document.scenario(_document(path), str(path), _reader(path.parent)))


def from_database(
    database: Database,
    since: datetime,
    hours: Hours,
    path: Path | None = None,
    only_available: bool = False,
) -> Found:
    """The scenario of a database: its agents and queues, with the traffic that its ledger tells of.

    The ledger is read back to `since`, and only the `hours` of the day count. The TOML file at `path` changes
    queues, and adds queues and agents. With `only_available`, agents who are logged out or on a break are left
    out.

    Raises:
        ConfigurationError: as `from_file`; or there is neither history nor a file that tells of any queue.
        StoreError: the database could not be read.
    """
    source = str(path) if path else "the database"
    given = _document(path) if path else Document()
    with database.transaction() as snapshot:
        now = float(snapshot.value("clock"))
        history, seconds = _history(snapshot, since, now, hours)
        agents = tuple(agent for agent in Agents(snapshot).all() if _is_wanted(agent, only_available))
    rules = _rules(database)
    queues = {key: _queue(routing) for key, routing in rules.queues.items()}
    routed = {key: _routed(rules, key) for key in history.queues}
    found = {
        key: _traffic(routing, history.queues[key], seconds)
        for key, routing in routed.items()
        if routing is not None
    }
    traffic = {key: each for key, each in found.items() if each is not None}
    known = document.Known(queues, traffic, agents)
    reader = _reader(path.parent if path else Path())
    scenario = document.scenario(given, source, reader, known, datetime.fromtimestamp(int(now), UTC))
    left_out = queues.keys() - {(each.queue.contact_center_id, each.queue.name) for each in scenario.traffic}
    gone = [NO_RULE.format(key[2], "/".join(key[:2])) for key, routing in routed.items() if routing is None]
    return Found(scenario, (*(LEFT_OUT.format("/".join(key)) for key in sorted(left_out)), *sorted(gone)))


def _is_wanted(agent: Agent, only_available: bool) -> bool:
    return agent.status is AgentStatus.AVAILABLE or not only_available


def _document(path: Path) -> Document:
    return convert(read(path), Document, str(path))


def _reader(folder: Path) -> document.Reader:
    return lambda name: read(folder / name)


def _history(snapshot: Statements, since: datetime, now: float, hours: Hours) -> tuple[History, float]:
    """What the ledger teaches, and how many seconds of the hours looked at it covers."""
    history = History(hours)
    first = None
    after = snapshot.value("simulation_first_event", since=since)
    if after is None:
        return history, 0.0
    after -= 1
    while rows := snapshot.run("simulation_events", after=after, since=since, limit=BATCH):
        for row in rows:
            after = row.pop("event_id")
            first = row["at"] if first is None else first
            history.take(Event(**row))
    return history, 0.0 if first is None else history.open_seconds(first, now)


def _rules(database: Database) -> RuleSet:
    """The version in force; without one the queues' rows alone."""
    rules = Rules(database)
    version = rules.newest()
    text = rules.queues() if version is None else rules.document(version)
    return rule_set(text, version, lenient=True)


def _routed(rules: RuleSet, key: QueueKey) -> Routing | None:
    """What contacts get that a rule sent to a queue, by the rule of this name as it is now; None: it is gone."""
    center, queue, name = key
    base = rules.queues.get((center, queue))
    if base is None or not name:
        return base
    for rule in rules.rules.get(center, ()):
        if rule.name == name and rule.enabled and rule.result.way is None:
            return rule.result.routing(base, base.demand.medium, name, rules.version)
    return None


def _queue(routing: Routing) -> Queue:
    return Queue(
        contact_center_id=routing.demand.contact_center_id,
        name=routing.queue,
        demand=routing.demand,
        priority=routing.priority,
        strategy=routing.strategy,
        lead=routing.lead,
        hold_music=routing.hold_music,
        offer_timeout=routing.offer_timeout,
        network_leg_timeout=routing.network_leg_timeout,
        network_leg_tries=routing.network_leg_tries,
        longest_wait=routing.longest_wait,
        refuse_when=routing.refuse_when,
    )


def _traffic(routing: Routing, seen: QueueHistory, seconds: float) -> Traffic | None:
    talk = seen.talk()
    if talk is None or seconds <= 0.0:
        return None
    return Traffic(
        queue=_queue(routing),
        arrivals=Poisson((len(seen.arrivals) / seconds,)),
        talk=talk,
        patience=seen.patience(),
        setup=seen.setup() or AT_ONCE,
        no_answer=min(seen.no_answer(), MOST_NOT_TAKEN),
        time_line=routing.time_line,
        longest_queue=routing.longest_queue,
        callback=seen.callback(),
        rule=routing.rule or "",
    )
