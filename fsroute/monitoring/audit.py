"""`fsroute audit`: the ledger is read in batches, in one snapshot of the database, and checked.

One snapshot holds whole transactions only, and a contact's or an agent's events are written under a lock on
its row: no event can be missing before one that is seen, and the tables are of the same moment. (A reader who
goes on from an event's id later has no such snapshot and must stay below ``pg_snapshot_xmin``.)
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from operator import attrgetter

from fsroute.monitoring.events import Event, Ledger, Present
from fsroute.monitoring.gaps import Gap, Leadership, gaps
from fsroute.monitoring.invariants import Known, Report, check
from fsroute.monitoring.waiting import LIMIT
from fsroute.store.agents import Agents
from fsroute.store.database import Database, Row, Statements

BATCH = 5_000  # events


def audit(
    database: Database,
    since: datetime | None = None,
    contact_center: str | None = None,
    limit: float = LIMIT,
) -> Report:
    """Check the whole ledger, or what happened since a moment, or one contact center's contacts.

    With `since`, contacts that arrived before it are left out. `limit` is how long a contact may wait beside an
    idle agent, in seconds.

    Raises:
        StoreError: the database could not be read.
    """
    with database.transaction() as snapshot:
        snapshot.execute("audit_snapshot")
        now = float(snapshot.value("audit_now"))
        known = replace(_known(snapshot, _gaps(snapshot, now), since, contact_center), limit=limit)
        return check(known, _events(snapshot, since, contact_center), _present(snapshot, now, contact_center))


def _events(snapshot: Statements, since: datetime | None, contact_center: str | None) -> Iterator[Event]:
    """Both ledgers, each in its own order, merged by time."""
    first = {} if since is None else snapshot.one("audit_first_events", since=since) or {}
    of_contacts = _batches(
        snapshot,
        "audit_contact_events",
        Ledger.CONTACT,
        first.get("contact_event", 1),
        since=since,
        contact_center_id=contact_center,
    )
    of_agents = _batches(
        snapshot, "audit_agent_events", Ledger.AGENT, first.get("agent_event", 1), since=since
    )
    return heapq.merge(of_contacts, of_agents, key=attrgetter("at"))


def _batches(
    snapshot: Statements, name: str, ledger: Ledger, first: int, **parameters: object
) -> Iterator[Event]:
    after = first - 1
    while rows := snapshot.run(name, after=after, limit=BATCH, **parameters):
        for row in rows:
            yield Event(ledger, **row)
        after = rows[-1]["event_id"]


def _known(
    snapshot: Statements, found: list[Gap], since: datetime | None, contact_center: str | None
) -> Known:
    before: list[Row] = []
    outside: list[Row] = []
    if since is not None:
        before = [
            *snapshot.run("audit_agent_events_before", since=since),
            *snapshot.run("audit_reservations_before", since=since),
        ]
        outside = snapshot.run("audit_contacts_before", since=since)
        found = [gap for gap in found if gap.end >= since.timestamp()]
    return Known(
        agents={agent.agent_id: agent for agent in Agents(snapshot).all()},
        undeclared=frozenset(row["agent_id"] for row in snapshot.run("audit_undeclared_agents")),
        qualified=[Event(Ledger.AGENT, **row) for row in snapshot.run("audit_qualified", since=since)],
        outside=frozenset(row["contact_id"] for row in outside),
        before=[Event(Ledger.AGENT, **row) for row in before],
        gaps=found,
        contact_center=contact_center,
    )


def _gaps(snapshot: Statements, now: float) -> list[Gap]:
    events = [Event(Ledger.SYSTEM, **row) for row in snapshot.run("audit_system_events")]
    row = snapshot.one("audit_leadership")
    lease = Leadership(**row) if row is not None and row["duration"] is not None else None
    return gaps(events, lease, now)


def _present(snapshot: Statements, now: float, contact_center: str | None) -> Present:
    contacts = snapshot.run("audit_open_contacts", contact_center_id=contact_center)
    calls = snapshot.run("audit_live_proxy_calls", contact_center_id=contact_center)
    reservations = snapshot.run("audit_live_reservations")
    return Present(
        now=now,
        contacts=frozenset(row["contact_id"] for row in contacts),
        calls={row["contact_id"]: (row["proxy_call_id"], row["state"]) for row in calls},
        reservations={row["proxy_call_id"]: row["agent_id"] for row in reservations},
    )
