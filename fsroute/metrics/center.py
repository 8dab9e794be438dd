"""Figures of the whole center, as the database has them: read now and then by the process that leads, shown when asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from fsroute.metrics.measures import LEG_ENDS, Measures
from fsroute.store.database import Row, Statements

MOST = 1_000  # rows of a kind: queues, sites with their states. More are not shown
WAITING = ("requested", "queued", "callback")


@dataclass(frozen=True, slots=True)
class Figures:
    """Rows of the statements in ``sql/queries/metrics.sql``."""

    calls: list[Row] = field(default_factory=list)
    agents: list[Row] = field(default_factory=list)
    levels: list[Row] = field(default_factory=list)
    sites: list[Row] = field(default_factory=list)


def read(database: Statements) -> Figures:
    """Raises StoreError."""
    return Figures(
        calls=database.run("metrics_calls", most=MOST),
        agents=database.run("metrics_agents", most=MOST),
        levels=database.run("metrics_service_levels", most=MOST),
        sites=database.run("metrics_sites", most=MOST),
    )


class LedgerTail:
    """Counts what is written to the ledger from now on, each event once."""

    def __init__(self, database: Statements, measures: Measures) -> None:
        self._database = database
        self._measures = measures
        self._since = str(database.value("metrics_reach"))

    def follow(self) -> None:
        """Raises StoreError; what was not read is read the next time."""
        rows = self._database.run("metrics_ledger", since=self._since, leg_ends=[str(end) for end in LEG_ENDS])
        self._measures.ledger(row for row in rows if row["kind"] is not None)
        self._since = rows[0]["upto"]


def families(figures: Figures) -> Iterator[GaugeMetricFamily]:
    """What is shown of figures."""
    yield from _calls(figures.calls)
    agents = _gauge("fsroute_agents", "Agents, by what they declare and do.", "site", "status", "state")
    for row in figures.agents:
        agents.add_metric((row["site_id"], row["status"], row["state"]), row["agents"])
    level = _gauge(
        "fsroute_service_level_ratio",
        "Part of the calls of the last quarter of an hour that an agent answered in time.",
        "contact_center",
        "queue",
    )
    for row in figures.levels:
        if row["service_level"] is not None:
            level.add_metric((row["contact_center_id"], row["queue"]), row["service_level"])
    yield from (agents, level)
    yield from _sites(figures.sites)


def _calls(rows: list[Row]) -> Iterator[GaugeMetricFamily]:
    calls = _gauge("fsroute_calls", "Proxy calls, by state.", "contact_center", "queue", "state")
    oldest = _gauge(
        "fsroute_oldest_wait_seconds",
        "How long ago the first of those who wait arrived; 0: nobody waits.",
        "contact_center",
        "queue",
    )
    longest: dict[tuple[str, str], float] = {}
    for row in rows:
        queue = (row["contact_center_id"], row["queue"])
        calls.add_metric((*queue, row["state"]), row["calls"])
        wait = row["oldest"] if row["state"] in WAITING else 0.0
        longest[queue] = max(longest.get(queue, 0.0), wait)
    for queue, seconds in longest.items():
        oldest.add_metric(queue, seconds)
    return iter((calls, oldest))


def _sites(rows: list[Row]) -> Iterator[GaugeMetricFamily]:
    labels = ("site", "switch")
    link = _gauge("fsroute_site_link_up", "Whether a switch is watched: 1 or 0.", *labels)
    age = _gauge("fsroute_site_activity_age_seconds", "Since a switch's last sign of life.", *labels)
    calls = _gauge("fsroute_site_calls", "Calls at a switch, by state.", *labels, "state")
    for row in rows:
        names = (row["site_id"], row["switch_id"])
        link.add_metric(names, float(row["link_up"]))
        age.add_metric(names, max(0.0, row["age"]))
        calls.add_metric((*names, "waiting"), row["waiting"])
        calls.add_metric((*names, "talking"), row["talking"])
    return iter((link, age, calls))


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)


class CenterCollector(Collector):
    """Shows the last figures; none where there are none, as at a process that does not lead."""

    def __init__(self) -> None:
        self.figures: Figures | None = None

    def collect(self) -> Iterator[Any]:
        if self.figures is not None:
            yield from families(self.figures)
