"""Where scenarios come from: files and the database. The only module of this room that does input."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fsroute.config import convert, read
from fsroute.model.agent import Agent, AgentStatus
from fsroute.model.contact import Demand, Lead, Queue
from fsroute.simulation import document
from fsroute.simulation.document import Document
from fsroute.simulation.durations import Poisson
from fsroute.simulation.history import Event, History, Hours, QueueHistory
from fsroute.simulation.scenario import AT_ONCE, Scenario, Traffic
from fsroute.store.agents import Agents
from fsroute.store.database import Database, Row, Statements

BATCH = 20_000  # events
MOST_NOT_TAKEN = 0.99  # share of offers: somebody takes one at last

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
        rows = [_queue(row) for row in snapshot.run("simulation_queues")]
        history, seconds = _history(snapshot, since, now, hours)
        agents = tuple(agent for agent in Agents(snapshot).all() if _is_wanted(agent, only_available))
    queues = {(queue.contact_center_id, queue.name): queue for queue in rows}
    found = {key: _traffic(queue, history.queues.get(key), seconds) for key, queue in queues.items()}
    traffic = {key: each for key, each in found.items() if each is not None}
    known = document.Known(queues, traffic, agents)
    reader = _reader(path.parent if path else Path())
    scenario = document.scenario(given, source, reader, known, datetime.fromtimestamp(int(now), UTC))
    left_out = queues.keys() - {(each.queue.contact_center_id, each.queue.name) for each in scenario.traffic}
    return Found(scenario, tuple(LEFT_OUT.format("/".join(key)) for key in sorted(left_out)))


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


def _queue(row: Row) -> Queue:
    skills = tuple(sorted((str(skill), int(level)) for skill, level in row["skills"]))
    return Queue(
        contact_center_id=row["contact_center_id"],
        name=row["queue"],
        demand=Demand(row["contact_center_id"], row["medium"], skills),
        priority=row["priority"],
        strategy=row["strategy"],
        lead=Lead.parse(row["lead"]),
        hold_music=row["hold_music"],
        offer_timeout=row["offer_timeout"],
        network_leg_timeout=row["network_leg_timeout"],
        network_leg_tries=row["network_leg_tries"],
        longest_wait=row["longest_wait"],
        refuse_when=row["refuse_when"],
    )


def _traffic(queue: Queue, seen: QueueHistory | None, seconds: float) -> Traffic | None:
    talk = seen.talk() if seen is not None else None
    if seen is None or talk is None or seconds <= 0.0:
        return None
    return Traffic(
        queue=queue,
        arrivals=Poisson((len(seen.arrivals) / seconds,)),
        talk=talk,
        patience=seen.patience(),
        setup=seen.setup() or AT_ONCE,
        no_answer=min(seen.no_answer(), MOST_NOT_TAKEN),
    )
