"""What is counted and timed as it happens. The names are an interface: dashboards and alerts know them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from fsroute.acd.proxy_call import On
from fsroute.errors import DatabaseUnavailable, Fenced, StoreConflict, StoreError

QUICK = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds: statements, turns
WAITS = (1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)  # seconds: callers
RESERVING = frozenset({"reserve_agent", "agent_goes_on", "reserve_before_answer"})
QUEUE = ("contact_center", "queue")
LEG_ENDS = (On.AGENT_LEFT, On.CONVERSATION_OVER, On.CONVERSATION_LOST, On.CALLER_GONE, On.SWITCH_DIED)
"""What ends the talk for which a network leg was answered; as `fsroute.records` counts it."""


class Measures:
    """Counters and histograms of one process. Those of the ledger are fed by the process that leads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.statements = Histogram(
            "fsroute_database_statement_seconds",
            "Time that statements took, waiting for a connection included.",
            buckets=QUICK,
            registry=registry,
        )
        self.reservations = Histogram(
            "fsroute_reservation_seconds",
            "Time in which an agent was reserved, or the claim was refused: one committed statement.",
            buckets=QUICK,
            registry=registry,
        )
        self.failures = Counter(
            "fsroute_database_failures",
            "Statements that failed, by what that means.",
            ("kind",),
            registry=registry,
        )
        self.turns = Histogram(
            "fsroute_event_loop_delay_seconds",
            "How much later than wanted a greenlet of this process got its turn.",
            buckets=QUICK,
            registry=registry,
        )
        self.requests = Counter(
            "fsroute_requests", "Callers for whom an agent was asked.", QUEUE, registry=registry
        )
        self.decisions = Counter(
            "fsroute_decisions", "Agents reserved for contacts.", QUEUE, registry=registry
        )
        self.offers_failed = Counter(
            "fsroute_offers_failed",
            "Offers that an agent did not take; the contact kept its place.",
            QUEUE,
            registry=registry,
        )
        self.legs_failed = Counter(
            "fsroute_network_legs_failed", "Network legs that did not come about.", QUEUE, registry=registry
        )
        self.leg_seconds = Counter(
            "fsroute_network_leg_seconds", "Time that answered network legs have stood.", QUEUE, registry=registry
        )
        self.contacts = Counter(
            "fsroute_contacts",
            "Contacts that ended, by outcome.",
            ("contact_center", "outcome"),
            registry=registry,
        )
        self.waits = Histogram(
            "fsroute_wait_seconds",
            "What callers waited from their request until an agent was joined.",
            QUEUE,
            buckets=WAITS,
            registry=registry,
        )
        for kind in ("unavailable", "fenced", "conflict", "other"):
            self.failures.labels(kind)

    def statement(self, name: str, seconds: float, error: StoreError | None) -> None:
        """Is told of each statement (`fsroute.store.database.Observe`)."""
        self.statements.observe(seconds)
        if name in RESERVING:
            self.reservations.observe(seconds)
        if error is not None:
            self.failures.labels(kind_of(error)).inc()

    def ledger(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Count what was written to the ledger: rows of the statement `metrics_ledger`."""
        counters = {
            On.REQUESTED: self.requests,
            On.AGENT_RESERVED: self.decisions,
            On.AGENT_FAILED: self.offers_failed,
            On.NETWORK_LEG_FAILED: self.legs_failed,
        }
        for row in rows:
            center, kind = row["contact_center_id"], row["kind"]
            if kind == "closed":
                self.contacts.labels(center, row["outcome"] or "unknown").inc(row["events"])
                continue
            labels = (center, row["queue"])
            if kind in counters:
                counters[kind].labels(*labels).inc(row["events"])
            for wait in row["waits"] or ():
                self.waits.labels(*labels).observe(max(0.0, wait))
            if row["network_leg"] > 0:
                self.leg_seconds.labels(*labels).inc(row["network_leg"])


def kind_of(error: StoreError) -> str:
    if isinstance(error, DatabaseUnavailable):
        return "unavailable"
    if isinstance(error, Fenced):
        return "fenced"
    return "conflict" if isinstance(error, StoreConflict) else "other"
