"""Snapshots of the rule tables, written row by row as an operator would."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fsroute.model.agent import Agent, AgentStatus, Authorization
from fsroute.model.contact import CallerInformation
from fsroute.routing.check import House, check
from fsroute.routing.document import rule_set
from fsroute.routing.match import Routed, route
from fsroute.routing.rules import Inquiry, RuleSet

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Snapshot:
    """One contact center ``shop`` with the queues ``sales`` (skill sales 2) and ``help``, called by 800."""

    def __init__(self) -> None:
        self.tables: dict[str, Any] = {"format": 1}
        self.add("contact_center", name="Shop", time_zone="UTC")
        self.tables["number_called"] = [
            {"number": "800", "contact_center_id": "shop", "application": "orders"}
        ]
        self.queue("sales", priority=3, strategy="longest_idle", longest_wait=600)
        self.add("queue_skill", queue="sales", skill="sales", level=2)
        self.queue("help")

    def add(self, table: str, **values: Any) -> Snapshot:
        self.tables.setdefault(table, []).append({"contact_center_id": "shop", **values})
        return self

    def queue(self, queue: str, **values: Any) -> Snapshot:
        return self.add("queue", queue=queue, **values)

    def rule(self, rule: str, ordinal: int = 1, **values: Any) -> Snapshot:
        return self.add("routing_rule", rule=rule, ordinal=ordinal, **values)

    def step(self, rule: str, ordinal: int, after_s: float, step: str, **values: Any) -> Snapshot:
        return self.add("rule_step", rule=rule, ordinal=ordinal, after_s=after_s, step=step, **values)

    def open(self, calendar: str, opens: str, closes: str, weekdays: str = "1234567") -> Snapshot:
        if calendar not in [row["calendar"] for row in self.tables.get("calendar", ())]:
            self.add("calendar", calendar=calendar)
        for weekday in weekdays:
            self.add("opening_hours", calendar=calendar, weekday=int(weekday), opens=opens, closes=closes)
        return self

    def region(self, region: str, *prefixes: str) -> Snapshot:
        rows = self.tables.setdefault("region", [])
        rows += [{"region": region, "prefix": prefix} for prefix in prefixes]
        return self

    def rules(self, version: int | None = 7) -> RuleSet:
        return rule_set(self.tables, version)

    def route(self, queue: str = "sales", now: datetime = NOON, **caller: Any) -> Routed:
        return route(self.rules(), inquiry(queue, **caller), now)

    def faults(self, *agents: Agent, **house: Any) -> list[str]:
        """What the checker says; without agents of the test's own there is one who can do everything here."""
        people = agents or (agent("all", sales=9),)
        given: dict[str, Any] = {"agents": people, "sites": frozenset({"west", "east"}), **house}
        return [str(fault) for fault in check(self.tables, House(**given), NOON)[1]]


def inquiry(queue: str = "sales", **caller: Any) -> Inquiry:
    known: dict[str, Any] = {"number": "", "name": "", "number_called": "800", "arrived_at": NOON, **caller}
    return Inquiry("shop", queue, CallerInformation(**known))


def agent(
    name: str,
    site: str = "west",
    team: str | None = None,
    center: str = "shop",
    medium: str = "voice",
    **skills: int,
) -> Agent:
    """An agent who is idle, and authorized for `center`."""
    return Agent(
        agent_id=name,
        name=name.title(),
        site_id=site,
        switch_id=f"{site}-1",
        address=f"user/{name}",
        skills=skills,
        authorizations=(Authorization(center, medium, LONG_AGO),),
        status=AgentStatus.AVAILABLE,
        available_from=LONG_AGO,
        idle_since=LONG_AGO,
        team=team,
    )
