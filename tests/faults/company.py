"""A client company for one cell: its number, its agents, and what the database says of its contacts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.faults.people import Caller, Telephone
from tests.waiting import until

LIMIT = 30.0  # seconds for what takes one: the machine may be busy with other tests
BETWEEN_QUERIES = 0.05  # seconds: the database has other work to do
SKILL = "orders"


class World(Protocol):
    """Where companies are: two sites over one database."""

    def query(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """The rows of a statement; none if it returns none."""

    def place(self, number_called: str, digits: str) -> Caller:
        """Somebody calls a number of the west, and presses keys when the menu is heard."""

    def telephone(self, answers: bool) -> Telephone:
        """A telephone that rings until the test answers it, or answers by itself."""


@dataclass(frozen=True)
class Visit:
    """A caller, and the contact that came of the call."""

    caller: Caller
    contact_id: str


@dataclass
class Company:
    """One contact center with one queue."""

    world: World
    name: str
    number: str
    telephones: dict[str, Telephone] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)

    def found(self, application: str, **queue: object) -> None:
        """Enter it; `queue` are columns of its queue."""
        self._insert("contact_center", {"contact_center_id": self.name, "name": self.name})
        columns = {"contact_center_id": self.name, "queue": "support", "hold_music": "local_stream://fsroute"}
        self._insert("queue", columns | {"refuse_when": "never"} | queue)
        self.world.query("insert into queue_skill values (%s, 'support', %s, 1)", self.name, SKILL)
        self.world.query("insert into number_called values (%s, %s, %s)", self.number, self.name, application)

    def agent(self, name: str, site: str = "east", answers: bool = False, **columns: object) -> Telephone:
        """An agent of this company, available."""
        telephone = self.telephones[name] = self.world.telephone(answers)
        agent_id = self.agent_id(name)
        place = {"agent_id": agent_id, "name": name, "site_id": site, "switch_id": f"{site}-1"}
        self._insert(
            "agent", place | {"address": telephone.address, "wrap_up": 0, "set_aside": 120} | columns
        )
        self.world.query("insert into agent_skill values (%s, %s, 1)", agent_id, SKILL)
        self.world.query("insert into agent_authorization values (%s, %s, 'voice')", agent_id, self.name)
        self.world.query("select agent_id from agent_log_on(%s)", agent_id)
        return telephone

    def agent_id(self, name: str) -> str:
        return f"{self.name}-{name}"

    def log_out(self) -> None:
        """All its agents: nothing of it is in the way of the cells to come."""
        for name in self.telephones:
            self.world.query("select agent_id from agent_log_off(%s)", self.agent_id(name))

    def call(self, digits: str) -> Visit:
        """Somebody calls; returns when the contact is known."""
        known = {row["id"] for row in self._contacts()}
        caller = self.world.place(self.number, digits)
        self.until(lambda: len(self._contacts()) > len(known), "the contact is opened")
        (new,) = {row["id"] for row in self._contacts()} - known
        visit = Visit(caller, new)
        self.visits.append(visit)
        return visit

    # What the database says ------------------------------------------------------------------------------

    def _contacts(self) -> list[dict[str, Any]]:
        return self.world.query(
            "select contact_id::text as id, outcome from contact where contact_center_id = %s", self.name
        )

    def outcome(self, visit: Visit) -> str | None:
        rows = self.world.query("select outcome from contact where contact_id = %s", visit.contact_id)
        return rows[0]["outcome"] if rows else None

    def row(self, visit: Visit) -> dict[str, Any]:
        """The last proxy call of a contact; empty before there is one."""
        rows = self.world.query(
            "select * from proxy_call where contact_id = %s order by proxy_call_id desc limit 1",
            visit.contact_id,
        )
        return rows[0] if rows else {}

    def state(self, visit: Visit) -> str:
        return str(self.row(visit).get("state", ""))

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """The company's, of these kinds, in their order."""
        return self.world.query(
            "select contact_id::text as contact_id, kind, state, agent_id, at, data from contact_event"
            " where contact_center_id = %s and (%s or kind = any(%s)) order by event_id",
            self.name, not kinds, list(kinds),
        )  # fmt: skip

    def count(self, visit: Visit, kind: str) -> int:
        return sum(event["contact_id"] == visit.contact_id for event in self.events(kind))

    def order_served(self) -> list[str]:
        """The contacts in the order in which they were first joined with an agent."""
        return list(dict.fromkeys(event["contact_id"] for event in self.events("joined")))

    def reservations(self) -> list[dict[str, Any]]:
        return self.world.query(
            "select agent_id, proxy_call_id from reservation where contact_center_id = %s and ended_at is null",
            self.name,
        )

    def telephone_for(self, visit: Visit) -> Telephone:
        """Of the agent who is reserved for a caller."""
        (row,) = self.world.query(
            "select agent_id from reservation join proxy_call using (proxy_call_id)"
            " where reservation.contact_id = %s and reservation.ended_at is null and state <> 'queued'",
            visit.contact_id,
        )
        return self.telephones[row["agent_id"].removeprefix(f"{self.name}-")]

    def agent_row(self, name: str) -> dict[str, Any]:
        (row,) = self.world.query("select * from agent where agent_id = %s", self.agent_id(name))
        return row

    # Waiting ---------------------------------------------------------------------------------------------

    def until(self, condition: Callable[[], object], what: str, limit: float = LIMIT) -> float:
        """Wait for a condition; what happened to the company's contacts goes with a failure."""

        def unhurried() -> object:
            time.sleep(BETWEEN_QUERIES)
            return condition()

        try:
            return until(unhurried, limit)
        except AssertionError as error:
            raise AssertionError(f"{self.name}: {what}: {error}\n{self.story()}") from None

    def until_over(self, outcomes: Sequence[tuple[Visit, str]]) -> None:
        for visit, _ in outcomes:
            self.until(
                lambda visit=visit: self.outcome(visit) is not None,  # type: ignore[misc]
                f"the contact of {visit.caller.number} is closed",
            )
        found = [(visit.caller.number, self.outcome(visit)) for visit, _ in outcomes]
        assert found == [(visit.caller.number, outcome) for visit, outcome in outcomes], self.story()

    def story(self) -> str:
        """Every event, one a line."""
        return "\n".join(
            f"{event['at']:%H:%M:%S.%f} {event['contact_id'][:8]} {event['kind']:20} {event['state'] or '':9}"
            f" {event['agent_id'] or '':22} {json.dumps(event['data'], default=str)[:160]}"
            for event in self.events()
        )

    def _insert(self, table: str, columns: dict[str, object]) -> None:
        names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
        self.world.query(f"insert into {table} ({names}) values ({places})", *columns.values())
